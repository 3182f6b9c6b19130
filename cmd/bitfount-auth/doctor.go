package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/localapi"
	"github.com/bitfount/bitfount-tray/authcore/vault"
)

func (p *program) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Check everything that a session needs",
		Long: `Check everything that a session needs: Bitfount Tray, the keyring, the saved
sessions, the network, and the clock. Nothing is changed and nobody is told.

The report holds no token and no key, so it can be sent to support; it does name
accounts and servers. The exit code is 0 if nothing is wrong.`,
		Example: "  bitfount-auth doctor",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return p.doctor(c.Context()) },
	}
}

// doctorLimit is how long each server may take: the longest that reading a
// keyring was seen to take is longer, but a person is waiting.
const doctorLimit = 10 * time.Second

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
		fmt.Fprintf(p.stdout, "%s%-16s %s\n", mark, f.what, oneLine(f.text))
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
	say(p.checkVault(ctx, paths))
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
	environment, network, err := p.checkNetwork(ctx, paths)
	if err != nil {
		say(finding{false, "environment", describe(err)})
	} else {
		say(finding{true, "environment", environment.Name})
	}
	for _, f := range network {
		say(f)
	}
	if bad {
		return exitError(exitFailed)
	}
	return ctx.Err()
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

// checkNetwork asks each server of the environment for one page, and compares
// its clock with ours.
func (p *program) checkNetwork(ctx context.Context, paths authcore.Paths) (authcore.Environment, []finding, error) {
	settings, _ := authcore.ReadSettings(paths.SettingsPath(), nil) // mistakes were told before
	environment, _, err := p.environment(paths, settings)
	if err != nil {
		return environment, nil, err
	}
	transport, err := authcore.NewTransport(authcore.NetworkOptions{Proxy: settings.Proxy, CABundle: settings.CABundle})
	if err != nil {
		return environment, nil, err
	}
	client := &http.Client{
		Transport: transport, Timeout: doctorLimit,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	servers := []struct{ what, url string }{
		{"sign-in server", strings.TrimSuffix(environment.Issuer, "/") + "/.well-known/openid-configuration"},
		{"Hub", environment.HubURL}, {"Access Manager", environment.AccessManagerURL},
	}
	found := make([]finding, len(servers))
	offsets := make([]time.Duration, len(servers))
	var all sync.WaitGroup
	for i, server := range servers {
		all.Go(func() { found[i], offsets[i] = visit(ctx, client, server.what, server.url) })
	}
	all.Wait()
	if found[0].ok {
		offset := offsets[0]
		found = append(found, finding{offset.Abs() < clockTolerance, "clock", fmt.Sprintf("%v away from the sign-in server's", offset.Abs().Round(time.Second))})
	}
	return environment, found, nil
}

// clockTolerance is where Kerberos, and with it most hospital networks, begins
// to refuse a computer. The Date header has whole seconds.
const clockTolerance = 5 * time.Minute

// visit says whether a server answers, whatever it answers: no credentials are
// sent, so a refusal is a good sign.
func visit(ctx context.Context, client *http.Client, what, url string) (finding, time.Duration) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return finding{false, what, err.Error()}, 0
	}
	r.Header.Set("User-Agent", userAgent())
	began := time.Now()
	answer, err := client.Do(r)
	if err != nil {
		return finding{false, what, err.Error()}, 0
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<16))
	took := time.Since(began)
	var offset time.Duration
	if date, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		offset = date.Sub(began.Add(took / 2))
	}
	via := ""
	if t, ok := client.Transport.(*http.Transport); ok && t.Proxy != nil {
		if proxy, err := t.Proxy(r); err == nil && proxy != nil {
			via = " through the proxy " + proxy.Redacted()
		}
	}
	return finding{answer.StatusCode < 500, what, fmt.Sprintf("%s answers %s in %v%s", cmp.Or(r.URL.Host, url), answer.Status, took.Round(time.Millisecond), via)}, offset
}
