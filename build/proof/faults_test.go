package proof

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/vault"
	"github.com/bitfount/bitfount-tray/build/provider"
)

// local is an agent in the test's own process, with a keyring in memory, since
// these proofs are about the network.
type local struct {
	t     *testing.T
	idp   *provider.Provider
	vault *vault.Vault
	agent *authcore.Agent
	stop  func()
	// dial, if set, is where connections go instead.
	dial atomic.Pointer[string]
}

func newLocal(t *testing.T) *local {
	l := &local{t: t, idp: quick(t)}
	l.vault = vault.New(vault.Options{Dir: filepath.Join(t.TempDir(), "data"), Keyring: &vault.Memory{}})
	l.start()
	return l
}

// start begins an agent on the vault, as a restart does.
func (l *local) start() {
	l.t.Helper()
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	transport := &http.Transport{
		// Short, so that a server that hangs is met in a second.
		ResponseHeaderTimeout: time.Second,
		// Every request has a connection of its own, and meets the fault.
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if other := l.dial.Load(); other != nil {
				address = *other
			}
			return dialer.DialContext(ctx, network, address)
		},
	}
	a, err := authcore.NewAgent(authcore.AgentOptions{Environment: environment(l.idp), Vault: l.vault, Transport: transport})
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	l.agent = a
	l.stop = func() {
		if cancel == nil {
			return
		}
		cancel()
		cancel = nil
		if err := <-ended; err != nil {
			l.t.Errorf("Run: %v", err)
		}
	}
	l.t.Cleanup(func() { l.stop() })
}

func (l *local) account() authcore.Account { return l.agent.Snapshot().ActiveAccount() }

// until waits for a snapshot.
func (l *local) until(what string, ok func(*authcore.Snapshot) bool) {
	l.t.Helper()
	updates, cancel := l.agent.Subscribe()
	defer cancel()
	end := time.After(patience)
	for {
		select {
		case s := <-updates:
			if ok(s) {
				return
			}
		case <-end:
			l.t.Fatalf("waited %v for: %s; account %+v", patience, what, l.account())
		}
	}
}

func (l *local) state(want authcore.State) {
	l.t.Helper()
	l.until(string(want), func(s *authcore.Snapshot) bool { return s.ActiveAccount().State == want })
}

func (l *local) do(name authcore.CommandName) {
	l.t.Helper()
	if err := l.agent.Do(l.t.Context(), authcore.Command{Name: name}); err != nil {
		l.t.Fatal(err)
	}
}

func (l *local) signIn() {
	l.t.Helper()
	l.do(authcore.CommandSignIn)
	l.until("a code", func(s *authcore.Snapshot) bool { return s.ActiveAccount().Prompt != nil })
	l.idp.Approve(l.account().Prompt.UserCode, person)
	l.state(authcore.SignedIn)
}

func (l *local) token() string { return fingerprint(l.t.Context(), l.agent) }

// untilOutcome waits until the provider has counted an outcome.
func (l *local) untilOutcome(name string, want int) {
	l.t.Helper()
	for end := time.Now().Add(patience); l.idp.Stats().Outcomes[name] != want; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			l.t.Fatalf("waited %v for %d × %s: %v", patience, want, name, l.idp.Stats().Outcomes)
		}
	}
}

// Every fault that heals by itself leaves the session as it is: the old token
// is handed out, the account says what is wrong, and once the fault is over the
// renewal works without anybody's help.
func TestFaultsOfTheNetworkCostNothing(t *testing.T) {
	t.Parallel()
	l := newLocal(t)
	l.signIn()
	token := func(f provider.Fault) func() {
		f.Server, f.Path = "issuer", "/oauth/token"
		return func() { l.idp.Fault(f) }
	}
	// A port on which nobody listens.
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.Addr().String()
	closed.Close()
	unknown := "auth.bitfount.invalid:443"

	for _, c := range []struct {
		name  string
		begin func()
		want  authcore.ProblemCode
	}{
		{"refused", func() { l.dial.Store(&nobody) }, authcore.ProblemUnreachable},
		{"DNS", func() { l.dial.Store(&unknown) }, authcore.ProblemUnreachable},
		{"reset, all", func() { l.idp.Fault(provider.Fault{Kind: provider.Down, Server: "issuer"}) }, authcore.ProblemUnreachable},
		{"reset", token(provider.Fault{Kind: provider.Drop}), authcore.ProblemUnreachable},
		{"timeout", func() {
			token(provider.Fault{Kind: provider.Delay, DelayMillis: 5000})()
			token(provider.Fault{Kind: provider.Drop})() // it is not processed either
		}, authcore.ProblemUnreachable},
		{"500", token(provider.Fault{Kind: provider.Status, Status: 500}), authcore.ProblemServerBusy},
		{"503 with Retry-After", token(provider.Fault{Kind: provider.Status, Status: 503, RetryAfter: "120"}), authcore.ProblemServerBusy},
		{"429 with Retry-After", token(provider.Fault{Kind: provider.Status, Status: 429, RetryAfter: "60"}), authcore.ProblemServerBusy},
		{"captive portal", token(provider.Fault{Kind: provider.CaptivePortal}), authcore.ProblemCaptivePortal},
		{"redirect", token(provider.Fault{Kind: provider.Redirect, Location: l.idp.HubURL + "/login"}), authcore.ProblemCaptivePortal},
		{"captive portal, all", func() { l.idp.Fault(provider.Fault{Kind: provider.CaptivePortal, Server: "issuer"}) }, authcore.ProblemCaptivePortal},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, hub := l.token(), l.idp.Stats().Requests["hub"]
			began := time.Now()
			c.begin()
			l.do(authcore.CommandRenew)
			l.state(authcore.Offline)
			a := l.account()
			if a.Problem == nil || a.Problem.Code != c.want {
				t.Errorf("problem = %v, want %s", a.Problem, c.want)
			}
			if wait := a.RenewAt.Sub(began); a.Problem != nil && c.name == "429 with Retry-After" && (wait < 55*time.Second || wait > 70*time.Second) {
				t.Errorf("tried again after %v, not the 60 s that were asked for", wait)
			}
			if l.token() != before || before == "" || !a.HasHeaders {
				t.Error("the living token is not handed out")
			}
			if got := l.idp.Stats().Requests["hub"]; len(got) != len(hub) {
				t.Errorf("the refresh token was sent elsewhere: %v", got)
			}
			l.idp.Reset()
			l.dial.Store(nil)
			l.agent.Nudge("the network is back")
			if strings.Contains(c.name, "Retry-After") {
				// The server's wish still holds; a person can do without it.
				if again := l.account(); again.State != authcore.Offline || again.RenewAt.Sub(began) < 55*time.Second {
					t.Errorf("after a wake-up: %+v", again)
				}
				l.do(authcore.CommandRenew)
			}
			l.state(authcore.SignedIn)
			if a := l.account(); a.Problem != nil || l.token() == before {
				t.Errorf("afterwards: %+v", a)
			}
		})
	}

	// Without a nudge too, after the first wait of 2 s or so.
	before := l.token()
	l.idp.Fault(provider.Fault{Kind: provider.Drop, Server: "issuer", Path: "/oauth/token", Times: 1})
	l.do(authcore.CommandRenew)
	l.state(authcore.Offline)
	l.state(authcore.SignedIn)
	if l.token() == before {
		t.Error("not renewed")
	}
	if o := l.idp.Stats().Outcomes; o["reuse_detected"]+o["invalid_grant"] != 0 {
		t.Errorf("outcomes = %v", o)
	}
}

// An answer whose ID token is wrong is refused, but the refresh token in it is
// the one that the server now expects.
func TestAWrongAnswerToARenewalDoesNotCostTheSession(t *testing.T) {
	t.Parallel()
	l := newLocal(t)
	l.signIn()
	for _, f := range []provider.Fault{
		{Kind: provider.IDToken, IDToken: "wrong_key"},
		{Kind: provider.IDToken, IDToken: "alg_none"},
		{Kind: provider.IDToken, IDToken: "wrong_issuer"},
		{Kind: provider.Overlay, Fields: map[string]any{"access_token": nil}},
		{Kind: provider.Overlay, Fields: map[string]any{"expires_in": -1}},
	} {
		before := l.token()
		f.Server, f.Grant, f.Times = "issuer", "refresh_token", 1
		l.idp.Fault(f)
		l.do(authcore.CommandRenew)
		l.state(authcore.Offline)
		if l.token() != before {
			t.Errorf("%+v: the token of a wrong answer was taken", f)
		}
		l.agent.Nudge("test")
		l.state(authcore.SignedIn)
		if l.token() == before {
			t.Errorf("%+v: not renewed afterwards", f)
		}
	}
	if o := l.idp.Stats().Outcomes; o["reuse_detected"]+o["invalid_grant"] != 0 {
		t.Errorf("outcomes = %v", o)
	}
}

func TestWithoutDiscoveryEverythingWorks(t *testing.T) {
	t.Parallel()
	l := newLocal(t)
	l.idp.Fault(provider.Fault{Kind: provider.NoDiscovery, Server: "issuer"})
	l.signIn()
	before := l.token()
	l.do(authcore.CommandRenew)
	l.until("a new token", func(*authcore.Snapshot) bool { return l.token() != before })
	l.do(authcore.CommandSignOut)
	l.untilOutcome("revoked", 1)
}

// A clock that is wrong by hours is judged by the server's Date, and told.
func TestAClockThatIsWrongByHours(t *testing.T) {
	for name, offset := range map[string]time.Duration{"behind": 7 * time.Hour, "ahead": -7 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLocal(t)
			l.idp.Clock(offset)
			l.signIn()
			s := l.agent.Snapshot()
			if s.Clock.Problem == nil || s.Clock.Problem.Code != authcore.ProblemClockWrong || (s.Clock.Offset-offset).Abs() > time.Minute {
				t.Errorf("clock = %+v", s.Clock)
			}
			if left := s.ActiveAccount().Left(s.Now(time.Now())); left < 23*time.Hour || left > 24*time.Hour {
				t.Errorf("%v left", left)
			}
			before := l.token()
			l.do(authcore.CommandRenew)
			l.until("a new token", func(*authcore.Snapshot) bool { return l.token() != before && l.token() != "" })

			// Somebody sets the clock: the next answer says that all is well.
			l.idp.Clock(0)
			before = l.token()
			l.do(authcore.CommandRenew)
			l.until("the clock to be right", func(s *authcore.Snapshot) bool {
				return s.Clock.Problem == nil && s.ActiveAccount().State == authcore.SignedIn
			})
			if l.token() == before || l.token() == "" {
				t.Error("not renewed")
			}
		})
	}
}

func TestASignOutOfflineIsRevokedWhenTheNetworkIsBack(t *testing.T) {
	t.Parallel()
	l := newLocal(t)
	l.signIn()
	l.idp.Fault(provider.Fault{Kind: provider.Down, Server: "issuer"})
	l.do(authcore.CommandSignOut)
	l.state(authcore.SignedOut)
	if l.token() != "" {
		t.Error("a header after the sign-out")
	}
	for end := time.Now().Add(patience); l.idp.Stats().Requests["issuer"]["/oauth/revoke"] == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no try to revoke")
		}
	}
	l.stop()

	// Another day, with the network back.
	l.idp.Reset()
	l.start()
	l.untilOutcome("revoked", 1)
	l.state(authcore.SignedOut)
	if err := l.agent.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.stop()
	l.start()
	if err := l.agent.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := l.agent.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := l.idp.Stats().Outcomes["revoked"]; n != 1 {
		t.Errorf("revoked %d times", n)
	}
}
