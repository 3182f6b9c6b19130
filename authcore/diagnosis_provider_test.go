package authcore_test

import (
	"context"
	"testing"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/build/provider"
)

// TestDiagnoseAgainstARealProvider runs the whole of it: signed out, signed in,
// with a wrong clock, and with the issuer down.
func TestDiagnoseAgainstARealProvider(t *testing.T) {
	p := provider.Start(t, provider.Options{Interval: time.Second})
	a, err := authcore.NewAgent(authcore.AgentOptions{Environment: authcore.Environment{
		Name: "demo", Issuer: p.Issuer, ClientID: p.ClientID, Scopes: authcore.DefaultScopes, Audience: p.Audience,
		HubURL: p.HubURL, AccessManagerURL: p.AccessManagerURL,
	}})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- a.Run(t.Context()) }()
	t.Cleanup(func() { <-ended })

	diagnose := func() *authcore.Diagnosis {
		t.Helper()
		seen := -1
		d, err := authcore.Diagnose(t.Context(), a, authcore.NetworkOptions{}, func(d *authcore.Diagnosis) {
			if len(d.Checks) < seen {
				t.Errorf("progress went back from %d checks to %d", seen, len(d.Checks))
			}
			seen = len(d.Checks)
		})
		if err != nil {
			t.Fatal(err)
		}
		if d.Running() || seen != len(d.Checks) || len(d.Checks) != 7 {
			t.Fatalf("%d checks, the last progress had %d: %+v", len(d.Checks), seen, d)
		}
		return d
	}
	// outcome is the problem's code or the finding of the nth check of a name.
	outcome := func(d *authcore.Diagnosis, name authcore.CheckName) string {
		for _, c := range d.Checks {
			if c.Name == name {
				if c.Problem != nil {
					return string(c.Problem.Code)
				}
				return string(c.Finding)
			}
		}
		return "none"
	}
	want := func(when string, d *authcore.Diagnosis, offer bool, outcomes map[authcore.CheckName]string) {
		t.Helper()
		for name, want := range outcomes {
			if got := outcome(d, name); got != want {
				t.Errorf("%s: %s is %q, want %q", when, name, got, want)
			}
		}
		if d.OfferSignIn != offer {
			t.Errorf("%s: signing in is offered: %v", when, d.OfferSignIn)
		}
	}

	want("signed out", diagnose(), true, map[authcore.CheckName]string{
		authcore.CheckProxy: "no-proxy", authcore.CheckHost: "answers-plain", authcore.CheckClock: "clock-right",
		authcore.CheckStorage: "memory", authcore.CheckSession: "not-signed-in",
	})

	if err := a.Do(t.Context(), authcore.Command{Name: authcore.CommandSignIn}); err != nil {
		t.Fatal(err)
	}
	prompt := await(t, a, func(x authcore.Account) bool { return x.Prompt != nil }).Prompt
	p.Approve(prompt.UserCode, "dr.amelia")
	await(t, a, func(x authcore.Account) bool { return x.State == authcore.SignedIn })
	want("signed in", diagnose(), false, map[authcore.CheckName]string{authcore.CheckSession: "renewed"})

	p.Fault(provider.Fault{Kind: provider.Down, Server: "issuer"})
	want("issuer down", diagnose(), false, map[authcore.CheckName]string{
		authcore.CheckHost: "unreachable", authcore.CheckClock: "clock-right", authcore.CheckSession: "signed-in",
	})
	p.Reset()
	p.Clock(3 * time.Hour)
	want("clock wrong", diagnose(), false, map[authcore.CheckName]string{authcore.CheckClock: "clock-wrong"})

	// Only what the server has really ended is to be signed in to again.
	p.Clock(0)
	p.EndSessions("dr.amelia")
	want("session ended", diagnose(), true, map[authcore.CheckName]string{
		authcore.CheckHost: "answers-plain", authcore.CheckSession: "session-ended",
	})
}

func await(t *testing.T, a *authcore.Agent, holds func(authcore.Account) bool) authcore.Account {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	updates, stop := a.Subscribe()
	defer stop()
	for {
		select {
		case s := <-updates:
			if x := s.ActiveAccount(); holds(x) {
				return x
			}
		case <-ctx.Done():
			t.Fatalf("it never came; the last state: %+v", a.Snapshot().ActiveAccount())
		}
	}
}
