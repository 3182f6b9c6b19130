package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/localapi"
	"github.com/bitfount/bitfount-tray/authcore/vault"
)

func (p *program) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Check everything that a session needs, and print a report for support",
		Long: `Check everything that a session needs: Bitfount Tray and its icon, the keyring,
the saved sessions, the policy, the proxy, each server and its certificate, and
the clock. Below follows what support needs to know: versions, accounts and their
states, settings, and the last day. Nothing is changed and nobody is told.

The report holds no token, key or password, so it can be sent to support; it does
name accounts, servers and files. The exit code is 0 if nothing is wrong.`,
		Example: `  bitfount-auth doctor
  bitfount-auth doctor >report.txt`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return p.doctor(c.Context()) },
	}
}

// finding is one line of the report.
type finding struct {
	ok         bool
	what, text string
}

func (p *program) doctor(ctx context.Context) error {
	paths, err := authcore.DefaultPaths()
	if err != nil {
		return err
	}
	bad := false
	say := func(f finding) {
		mark := "ok  "
		if !f.ok {
			mark, bad = "BAD ", true
		}
		// The last net: what comes from elsewhere could hold anything.
		fmt.Fprint(p.stdout, authcore.Redact(fmt.Sprintf("%s%-16s %s\n", mark, f.what, oneLine(f.text))))
	}
	say(finding{true, "bitfount-auth", fmt.Sprintf("version %s, %s, %s/%s", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)})

	snapshot, err := localapi.NewClient(paths.Socket()).Snapshot(ctx)
	switch {
	case err == nil:
		say(finding{true, "Bitfount Tray", "running, version " + snapshot.Version})
	case errors.Is(err, localapi.ErrNotRunning):
		say(finding{true, "Bitfount Tray", "not running; bitfount-auth opens the saved sessions itself"})
	default:
		say(finding{false, "Bitfount Tray", describe(err)})
	}
	say(checkTray(ctx, snapshot))
	say(p.checkVault(ctx, paths))
	fixed, problem := readPolicy()
	say(checkPolicy(fixed, problem))
	if snapshot == nil {
		err := p.withAgent(ctx, paths, func(ctx context.Context, s sessions) (err error) {
			snapshot, err = s.snapshot(ctx)
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, f := range accountFindings(snapshot) {
		say(f)
	}
	settings, mistakes := authcore.ReadSettings(paths.SettingsPath(), fixed)
	if mistakes != nil && problem == nil {
		say(finding{false, "settings", mistakes.Error()})
	}
	environment, _, err := p.environment(paths, settings)
	if err != nil {
		say(finding{false, "environment", describe(err)})
	} else {
		say(finding{true, "environment", environment.Name})
		for _, c := range authcore.CheckNetwork(ctx, environment, authcore.NetworkOptions{Proxy: settings.Proxy, CABundle: settings.CABundle}) {
			say(networkFinding(c))
		}
	}
	fmt.Fprint(p.stdout, "\n"+authcore.Report(snapshot, snapshot.Desktop.Diagnosis, time.Now()))
	if bad {
		return exitError(exitFailed)
	}
	return ctx.Err()
}

// checkTray says whether people can see the icon: as Bitfount Tray says, and
// where it does not run, whether this desktop has a place for icons.
func checkTray(ctx context.Context, s *authcore.Snapshot) finding {
	const what = "tray icon"
	switch {
	case s == nil:
		return finding{true, what, trayHost(ctx)}
	case s.Desktop.Tray != nil:
		return finding{false, what, describe(s.Desktop.Tray)}
	}
	return finding{true, what, "a panel shows it"}
}

// checkVault opens the saved sessions, which asks the keyring for their key.
func (p *program) checkVault(ctx context.Context, paths authcore.Paths) finding {
	v := vault.New(vault.Options{Dir: paths.Data})
	began := time.Now()
	_, err := v.Read(ctx)
	took := time.Since(began).Round(time.Millisecond)
	switch {
	case err == nil:
		return finding{true, "saved sessions", fmt.Sprintf("%s opened with the keyring's key in %v", v.Path(), took)}
	case errors.Is(err, vault.ErrNoVault):
		return finding{true, "saved sessions", "none yet"}
	}
	return finding{false, "saved sessions", err.Error()}
}

func checkPolicy(fixed map[string]string, problem *authcore.Problem) finding {
	var names []string
	for _, name := range authcore.SettingNames() {
		if _, ok := fixed[name]; ok {
			names = append(names, name)
		}
	}
	switch {
	case problem != nil:
		return finding{false, "policy", describe(problem)}
	case names == nil:
		return finding{true, "policy", "none"}
	}
	return finding{true, "policy", "fixes " + strings.Join(names, ", ")}
}

func accountFindings(s *authcore.Snapshot) (all []finding) {
	for _, a := range s.Accounts {
		text := fmt.Sprintf("%s (%s, %s): %s", title(a), a.Environment, a.Method, a.State)
		if a.Problem != nil {
			text += ". " + describe(a.Problem)
		}
		all = append(all, finding{a.Problem == nil, "account", text})
	}
	for _, f := range s.LiveFiles {
		if f.Problem != nil {
			all = append(all, finding{false, "live file", describe(f.Problem)})
		}
	}
	if s.Storage.Problem != nil {
		all = append(all, finding{false, "storage", describe(s.Storage.Problem)})
	}
	return all
}

func networkFinding(c authcore.Check) finding {
	what, text := string(c.Name), c.Words().Found
	if c.Name == authcore.CheckHost {
		what, text = "server", c.Params["Host"]+": "+text
	}
	if c.Problem != nil {
		text = describe(c.Problem)
	}
	return finding{c.OK(), what, text}
}
