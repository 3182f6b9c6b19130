package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
)

// importDanger is what somebody must know who takes a session over.
const importDanger = `A session can have one owner only. With each renewal the server gives a new
refresh token, and the old one is dead from then on; if a program sends a dead
one, the server takes it for stolen and ends the session for everybody. The
import uses the SDK's refresh token at once, so what the SDK still holds is dead.
Stop your Pods first, and start them again afterwards. Delete copies of the file
(a backup, another computer), and start no SDK with them.`

func (p *program) importCommand() *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "import [file]",
		Short: "Take over the session of the Bitfount SDK's token file, once",
		Long: `Take over the session in the token file of the Bitfount SDK, so that nobody has
to sign in again. From then on the file has no refresh token and is kept fresh,
as by export add --format sdk-token. Without a name it is the file in the SDK's
own place. It is asked first, unless --yes is given.

` + importDanger,
		Example: `  bitfount-auth import
  bitfount-auth import --yes ~/.bitfount/dr.amelia.stone/.token`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			path, err := tokenFilePath(args)
			if err != nil {
				return usageError{err}
			}
			if !yes {
				if err := p.agreeToImport(path); err != nil {
					return err
				}
			}
			return p.withSessions(c.Context(), func(ctx context.Context, s sessions) error { return p.importFile(ctx, s, path) })
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask: the Pods are stopped")
	return c
}

// tokenFilePath is the file that was named, or the SDK's own.
func tokenFilePath(args []string) (string, error) {
	if len(args) == 1 {
		return filepath.Abs(args[0])
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return export.TokenFilePath(os.Getenv, home, "")
}

// agreeToImport explains the danger and asks at the terminal.
func (p *program) agreeToImport(path string) error {
	if !term.IsTerminal(int(p.stdin.Fd())) {
		return usageError{errors.New("Taking a session over cannot be undone: stop your Pods, then add --yes.")}
	}
	fmt.Fprintf(p.stderr, "%s\n\nTake over the session in %s? [y/N] ", importDanger, oneLine(path))
	answer, _ := bufio.NewReader(p.stdin).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return codeError{errors.New("Nothing was changed."), exitFailed}
}

func (p *program) importFile(ctx context.Context, s sessions, path string) error {
	if err := s.do(ctx, authcore.Command{Name: authcore.CommandImportTokenFile, Path: path}); err != nil {
		return err
	}
	snapshot, err := s.snapshot(ctx)
	if err != nil {
		return err
	}
	a := snapshot.ActiveAccount()
	_, err = fmt.Fprintf(p.stdout, "Took over the session of %s (%s). The file %s has no refresh token any more and is kept fresh.\n",
		oneLine(title(a)), a.Environment, oneLine(path))
	return err
}
