package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
)

func (p *program) exportCommand() *cobra.Command {
	var service, format string
	add := &cobra.Command{
		Use:   "add file",
		Short: "Write headers to a file, and again after every renewal",
		Long: `Write headers to a file now, again after every renewal, and remove it at
sign-out. Bitfount Tray does so for as long as it runs; without it, the file is
written each time that bitfount-auth renews the session.

The file's folder must belong to you and be closed to others. The format
sdk-token is the token file of the Bitfount SDK; its usual place needs no name.`,
		Example: `  bitfount-auth export add ~/.config/pod/hub.env --format env
  bitfount-auth export add ~/pod/am.headers --service am
  bitfount-auth export add --format sdk-token`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			file, err := exportCommand(args, service, format)
			if err != nil {
				return usageError{err}
			}
			return p.withSessions(c.Context(), func(ctx context.Context, s sessions) error { return p.addFile(ctx, s, file) })
		},
	}
	add.Flags().StringVar(&service, "service", string(export.Hub), "hub, am or message-service")
	add.Flags().StringVar(&format, "format", string(export.FormatHeaders), "write the headers in this `format`, or sdk-token")
	completeFlag(add, "service", serviceNames())
	completeFlag(add, "format", append(formatNames(), string(export.FormatSDKToken)))

	list := &cobra.Command{
		Use: "list", Short: "List the files that are kept fresh", Example: "  bitfount-auth export list", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return p.withSessions(c.Context(), p.listFiles) },
	}
	remove := &cobra.Command{
		Use: "remove file", Short: "Remove a file, and keep it fresh no more",
		Example: "  bitfount-auth export remove ~/.config/pod/hub.env", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			path, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			return p.withSessions(c.Context(), func(ctx context.Context, s sessions) error { return p.removeFile(ctx, s, path) })
		},
	}
	return group("export", "Keep files with headers fresh", `  bitfount-auth export add ~/.config/pod/hub.env --format env
  bitfount-auth export list`, add, list, remove)
}

func exportCommand(args []string, service, format string) (authcore.Command, error) {
	c := authcore.Command{Name: authcore.CommandAddLiveFile, Format: format}
	var err error
	if c.Service, err = export.ParseService(service); err != nil {
		return c, err
	}
	if format != string(export.FormatSDKToken) {
		if _, err := export.ParseFormat(format); err != nil {
			return c, err
		}
		if len(args) == 0 {
			return c, errors.New("name the file; see bitfount-auth export add --help")
		}
	}
	if len(args) > 0 {
		c.Path, err = filepath.Abs(args[0])
	}
	return c, err
}

func (p *program) addFile(ctx context.Context, s sessions, c authcore.Command) error {
	snapshot, err := s.snapshot(ctx)
	if err != nil {
		return err
	}
	a, err := p.find(snapshot)
	if err != nil {
		return err
	}
	c.Account = a.ID
	known := map[string]bool{}
	for _, f := range snapshot.LiveFiles {
		known[f.Path] = true
	}
	if err := s.do(ctx, c); err != nil {
		return err
	}
	if !s.resident() {
		p.say("Bitfount Tray is not running: the file is written now, and again when bitfount-auth renews the session.")
	}
	if snapshot, err = s.snapshot(ctx); err != nil {
		return err
	}
	for _, f := range snapshot.LiveFiles {
		if f.Path == c.Path || c.Path == "" && !known[f.Path] {
			if !a.HasHeaders {
				p.say("Nobody is signed in: the file is written at the next sign-in.")
			}
			_, err = fmt.Fprintln(p.stdout, f.Path)
		}
	}
	return err
}

func (p *program) removeFile(ctx context.Context, s sessions, path string) error {
	snapshot, err := s.snapshot(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(snapshot.LiveFiles, func(f authcore.LiveFile) bool { return f.Path == path }) {
		return usageError{fmt.Errorf("No live file has the path %s. Run bitfount-auth export list to see them.", path)}
	}
	return s.do(ctx, authcore.Command{Name: authcore.CommandRemoveFile, Path: path})
}

func (p *program) listFiles(ctx context.Context, s sessions) error {
	// An agent that has just begun looks at its files first.
	var problem *authcore.Problem
	if err := s.settle(ctx); err != nil && !errors.As(err, &problem) {
		return err
	}
	snapshot, err := s.snapshot(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, f := range snapshot.LiveFiles {
		a, _ := snapshot.Account(f.Account)
		state := "not written: nobody is signed in"
		switch {
		case problem != nil:
			state = "not looked at: the saved sessions cannot be opened"
		case f.Problem != nil:
			state = "not written: " + cmp.Or(f.Problem.Cause, f.Problem.Words().What)
		case !f.WrittenAt.IsZero():
			state = "written " + f.WrittenAt.Local().Format(time.DateTime)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", oneLine(f.Path), f.Service, f.Format, oneLine(title(a)), oneLine(state))
	}
	if err := w.Flush(); err != nil || problem == nil {
		return err
	}
	return problem
}
