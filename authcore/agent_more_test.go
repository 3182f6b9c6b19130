package authcore

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/export"
)

// beside starts a second agent on the same vault, as another process is one.
func (b *bench) beside() *bench {
	b.t.Helper()
	other := &bench{t: b.t, issuer: b.issuer, vault: b.vault}
	other.start()
	return other
}

// settle lets everything come to rest that needs less than a second.
func (b *bench) settle() {
	time.Sleep(time.Second)
	synctest.Wait()
}

func (b *bench) command(c Command) {
	b.t.Helper()
	if err := b.agent.Do(b.t.Context(), c); err != nil {
		b.t.Fatalf("%+v: %v", c, err)
	}
	synctest.Wait()
}

// blockSaves makes every write of the vault fail until it is called again.
func (b *bench) blockSaves() (unblock func()) {
	b.t.Helper()
	inTheWay := filepath.Join(filepath.Dir(b.vault.Path()), "vault.new", "in the way")
	if err := os.MkdirAll(inTheWay, 0o700); err != nil {
		b.t.Fatal(err)
	}
	return func() {
		if err := os.RemoveAll(filepath.Dir(inTheWay)); err != nil {
			b.t.Fatal(err)
		}
	}
}

func TestARenameKeepsWhatAnotherProcessRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		other := b.beside()
		time.Sleep(time.Minute)
		b.do(CommandRenew)
		want := b.hubHeader()
		other.command(Command{Name: CommandRename, Text: "Ward 7"})
		other.settle()
		if got := other.hubHeader(); got != want {
			t.Error("the newer token was not taken over")
		}
		other.stop()
		b.stop()
		b.start()
		if got := b.account(); b.hubHeader() != want || got.Label != "Ward 7" {
			t.Errorf("after a restart: %+v", got)
		}
		b.do(CommandRenew)
		b.wantState(SignedIn)
		if n := b.issuer.count("invalid_grant"); n != 0 {
			t.Errorf("%d refresh tokens used twice", n)
		}
	})
}

func TestARenameDuringARenewalIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		hang := make(chan struct{})
		b.issuer.set(func(f *fakeIssuer) { f.hang = hang })
		b.do(CommandRenew)
		b.command(Command{Name: CommandRename, Text: "Ward 7"})
		close(hang)
		b.settle()
		if got := b.account(); got.Label != "Ward 7" || got.State != SignedIn {
			t.Errorf("account = %+v", got)
		}
		b.stop()
		b.start()
		if got := b.account().Label; got != "Ward 7" {
			t.Errorf("label after a restart = %q", got)
		}
	})
}

func TestAVaultThatVanishedIsNoSignOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		if err := os.Remove(b.vault.Path()); err != nil {
			t.Fatal(err)
		}
		b.do(CommandRenew)
		b.settle()
		b.wantState(SignedIn)
		want := b.hubHeader()
		b.stop()
		b.start()
		if b.hubHeader() != want {
			t.Error("the session was not saved again")
		}
	})
}

func TestWithoutAVaultALostRotationIsSaidPlainlyToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, issuer: newFakeIssuer()}
		b.start()
		b.signIn()
		b.issuer.set(func(f *fakeIssuer) { f.lost = 1 })
		b.do(CommandRenew)
		b.wantState(Offline)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		b.wantState(NeedsSignIn)
		if p := b.account().Problem; p == nil || p.Code != ProblemRenewalInterrupted {
			t.Errorf("problem = %v", p)
		}
	})
}

func TestASignOutThatCouldNotBeSavedIsNotUndone(t *testing.T) {
	for _, name := range []CommandName{CommandSignOut, CommandRemove} {
		t.Run(string(name), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				b.signIn()
				unblock := b.blockSaves()
				b.do(name)
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				b.wantState(SignedOut)
				if n := len(b.agent.Snapshot().Accounts); n != 1 {
					t.Errorf("%d accounts", n)
				}
				if p := b.agent.Snapshot().Storage.Problem; p == nil || p.Code != ProblemVaultUnwritable {
					t.Errorf("storage problem = %v", p)
				}
				unblock()
				b.agent.Nudge("test")
				b.settle()
				if s := b.agent.Snapshot().Storage; !s.Saved || s.Problem != nil {
					t.Errorf("storage = %+v", s)
				}
				b.stop()
				b.start()
				b.wantState(SignedOut)
				if n := len(b.issuer.revoked); n == 0 {
					t.Error("the token was not revoked")
				}
			})
		})
	}
}

// What another change was carrying to the disk must not bring back a session
// that is on its way off it.
func TestASignOutBesideASaveIsNotUndone(t *testing.T) {
	for _, name := range []CommandName{CommandSignOut, CommandRemove} {
		for range 8 { // who gets the lock first is chance
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				b.signIn()
				lock, err := b.vault.Lock(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				b.command(Command{Name: CommandRename, Text: "Ward 7"})
				time.Sleep(50 * time.Millisecond)
				b.do(name)
				time.Sleep(50 * time.Millisecond)
				if err := lock.Unlock(); err != nil {
					t.Fatal(err)
				}
				b.settle()
				b.wantState(SignedOut)
				if b.account().HasHeaders {
					t.Error("the session came back")
				}
				b.stop()
				b.start()
				b.wantState(SignedOut)
			})
		}
	}
}

// The same, where the other change was done first and is heard of last.
func TestADocumentFromBeforeASignOutIsNotTakenIn(t *testing.T) {
	for _, name := range []CommandName{CommandSignOut, CommandRemove} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t)
			b.signIn()
			before, err := b.agent.store.load(t.Context())
			if err != nil || len(before.Accounts) != 1 {
				t.Fatal(before, err)
			}
			b.do(name)
			b.settle()
			b.agent.post(func() {
				b.agent.writing++
				b.agent.synced(before, synced{}, nil)
			})
			b.settle()
			b.wantState(SignedOut)
			if n := len(b.agent.Snapshot().Accounts); n != 1 || b.account().HasHeaders {
				t.Errorf("%s: the session came back; %d accounts", name, n)
			}
		})
	}
}

func TestASignOutWhileTheSignInIsBeingSavedWins(t *testing.T) {
	for _, name := range []CommandName{CommandSignOut, CommandRemove} {
		for range 4 {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				b.do(CommandSignIn)
				lock, err := b.vault.Lock(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				b.issuer.set(func(f *fakeIssuer) { f.decision = "approved" })
				time.Sleep(8 * time.Second) // granted, and waiting for the lock
				b.do(name)
				if err := lock.Unlock(); err != nil {
					t.Fatal(err)
				}
				b.settle()
				b.wantState(SignedOut)
				if n := len(b.issuer.revoked); n == 0 {
					t.Error("the granted token was not revoked")
				}
				b.stop()
				b.start()
				b.wantState(SignedOut)
			})
		}
	}
}

// panicking is a transport with a bug.
type panicking struct {
	http.RoundTripper
	on atomic.Bool
}

func (p *panicking) RoundTrip(r *http.Request) (*http.Response, error) {
	if p.on.Load() {
		panic("a bug")
	}
	return p.RoundTripper.RoundTrip(r)
}

func TestAPanicInARenewalDoesNotEndRenewing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.stop()
		transport := &panicking{RoundTripper: b.issuer}
		a, err := NewAgent(AgentOptions{Environment: b.issuer.environment(), Vault: b.vault, Transport: transport})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go a.Run(ctx)
		b.agent = a
		synctest.Wait()
		b.signIn()
		before := b.hubHeader()
		transport.on.Store(true)
		b.do(CommandRenew)
		b.wantState(Offline)
		if b.hubHeader() != before {
			t.Error("the token was lost")
		}
		transport.on.Store(false)
		b.agent.Nudge("test")
		b.settle()
		b.wantState(SignedIn)
		if b.hubHeader() == before {
			t.Error("not renewed after the panic")
		}
		cancel()
		synctest.Wait()
	})
}

func TestEachAccountKeepsItselfAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		first := b.account().ID
		b.do(CommandAddAccount)
		b.wantState(SignedOut)
		b.issuer.set(func(f *fakeIssuer) { f.user = "nurse.ben" })
		b.signIn()
		second := b.account().ID
		if first == second {
			t.Fatal("there is one account only")
		}
		for range 5 * 24 {
			time.Sleep(time.Hour)
			for _, a := range b.agent.Snapshot().Accounts {
				if a.State != SignedIn || a.Left(time.Now()) < 14*time.Minute {
					t.Fatalf("%s: %s, %v left", a.Username, a.State, a.Left(time.Now()))
				}
			}
		}
		if n := b.issuer.count("/oauth/token refresh_token"); n < 10 || n > 16 {
			t.Errorf("%d renewals of two accounts in 5 days", n)
		}

		b.command(Command{Name: CommandSetActive, Account: first})
		if got := b.account().Username; got != "dr.amelia" {
			t.Errorf("active: %s", got)
		}
		if _, err := b.agent.Headers(t.Context(), second, export.AccessManager, time.Hour); err != nil {
			t.Error(err)
		}
		b.settle()
		b.stop()
		b.start()
		if got := b.account().ID; got != first {
			t.Error("the active account was not remembered")
		}
		b.command(Command{Name: CommandRemove, Account: first})
		b.settle()
		if s := b.agent.Snapshot(); len(s.Accounts) != 1 || s.Active != second || len(b.issuer.revoked) != 1 {
			t.Errorf("after the removal: %d accounts, %d revoked", len(s.Accounts), len(b.issuer.revoked))
		}
	})
}

func TestASecondSignInOfTheSameUserReplacesTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		b.do(CommandAddAccount)
		b.signIn()
		if n := len(b.agent.Snapshot().Accounts); n != 1 {
			t.Errorf("%d accounts of one user", n)
		}
		want := b.hubHeader()
		b.stop()
		b.start()
		if n := len(b.agent.Snapshot().Accounts); n != 1 || b.hubHeader() != want {
			t.Errorf("after a restart: %d accounts", n)
		}
	})
}

// startWith begins another agent on the vault, with options of its own.
func (b *bench) startWith(change func(*AgentOptions)) {
	b.t.Helper()
	o := AgentOptions{Environment: b.issuer.environment(), Vault: b.vault, Transport: b.issuer}
	change(&o)
	a, err := NewAgent(o)
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	b.agent = a
	b.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			b.t.Errorf("Run: %v", err)
		}
	}
	synctest.Wait()
}

func TestTheEnvironmentAndUserThatWereAskedForAreActive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		amelia := b.account().ID
		b.stop()

		other := b.issuer.environment()
		other.Name, other.ClientID = "other", "other-client"
		b.startWith(func(o *AgentOptions) { o.Environment = other })
		if got := b.account(); got.ID != amelia {
			t.Errorf("without a choice the saved account is not active: %+v", got)
		}
		b.stop()
		b.startWith(func(o *AgentOptions) { o.Environment, o.EnvironmentChosen = other, true })
		if got := b.account(); got.Environment != "other" || got.State != SignedOut {
			t.Errorf("chosen: %+v", got)
		}
		if n := len(b.agent.Snapshot().Accounts); n != 2 {
			t.Errorf("%d accounts", n)
		}
		b.stop()
		b.startWith(func(o *AgentOptions) { o.Username = "dr.amelia" })
		if got := b.account(); got.ID != amelia {
			t.Errorf("the user's account is not active: %+v", got)
		}
		b.stop()
		b.startWith(func(o *AgentOptions) { o.Username = "nurse.ben" })
		if got := b.account(); got.Username != "" || got.State != SignedOut {
			t.Errorf("another user: %+v", got)
		}
		// Only that user can sign in now.
		b.do(CommandSignIn)
		b.issuer.set(func(f *fakeIssuer) { f.decision = "approved" })
		time.Sleep(12 * time.Second)
		synctest.Wait()
		if p := b.account().Problem; p == nil || p.Code != ProblemWrongUser {
			t.Errorf("problem = %v", p)
		}
		b.stop()
	})
}

func TestARenewalWaitsForADiskThatCannotKeepIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		before := b.hubHeader()
		unblock := b.blockSaves()
		time.Sleep(23 * time.Hour)
		synctest.Wait()
		b.wantState(SignedIn)
		if n := b.issuer.count("/oauth/token refresh_token"); n != 0 || b.hubHeader() != before {
			t.Errorf("%d requests whose answers could not be kept", n)
		}
		if p := b.agent.Snapshot().Storage.Problem; p == nil || p.Code != ProblemVaultUnwritable {
			t.Errorf("storage problem = %v", p)
		}
		// In the last quarter of an hour it goes on in memory.
		time.Sleep(50 * time.Minute)
		synctest.Wait()
		b.wantState(SignedIn)
		want := b.hubHeader()
		if want == before || b.agent.Snapshot().Storage.Saved {
			t.Error("not renewed in memory before the end")
		}
		unblock()
		b.agent.Nudge("test")
		b.settle()
		if s := b.agent.Snapshot().Storage; !s.Saved {
			t.Errorf("storage = %+v", s)
		}
		b.stop()
		b.start()
		if b.hubHeader() != want {
			t.Error("the session was not saved by itself")
		}
	})
}

func TestARejectedTokenIsReplacedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		rejected, _, err := b.agent.Token(t.Context(), "", 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.agent.replaceRejected(t.Context(), "", rejected); err != nil || b.issuer.count("/oauth/token refresh_token") != 0 {
			t.Errorf("a token that was just issued is renewed: %v", err)
		}
		time.Sleep(2 * time.Minute)
		for range 3 {
			if err := b.agent.replaceRejected(t.Context(), "", rejected); err != nil {
				t.Fatal(err)
			}
		}
		if n := b.issuer.count("/oauth/token refresh_token"); n != 1 {
			t.Errorf("%d renewals for one rejected token", n)
		}
		current, _, err := b.agent.Token(t.Context(), "", 0)
		if err != nil {
			t.Fatal(err)
		}
		b.issuer.set(func(f *fakeIssuer) {
			f.fault = func(string) (*http.Response, error) { return nil, syscall.ECONNREFUSED }
		})
		time.Sleep(2 * time.Minute)
		for range 4 {
			var p *Problem
			if err := b.agent.replaceRejected(t.Context(), "", current); !errors.As(err, &p) || p.Code != ProblemUnreachable {
				t.Errorf("offline: %v", err)
			}
		}
		if n := b.issuer.count("/oauth/token refresh_token"); n != 2 {
			t.Errorf("the failure was not remembered: %d requests", n)
		}
		if err := b.agent.replaceRejected(t.Context(), "nobody", current); err == nil {
			t.Error("an unknown account is no error")
		}
		b.do(CommandSignOut)
		var p *Problem
		if err := b.agent.replaceRejected(t.Context(), "", current); !errors.As(err, &p) || p.Code != ProblemNotSignedIn {
			t.Errorf("signed out: %v", err)
		}
	})
}

func TestCommandsThatCannotBeCarriedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		for _, c := range []Command{
			{Name: CommandRenew}, {Name: "fly"}, {Name: CommandSignIn, Account: "nobody"},
			{Name: CommandAddAccount, Text: "moon"}, {Name: CommandRemoveFile, Path: "/nowhere"},
		} {
			if err := b.agent.Do(t.Context(), c); err == nil {
				t.Errorf("%+v is no error", c)
			}
		}
		b.command(Command{Name: CommandAddAccount, Text: "staging"})
		if got := b.account().Environment; got != "staging" {
			t.Errorf("environment = %s", got)
		}
		b.agent.SetDesktop(func(d *Desktop) { d.Browser = &Problem{Code: ProblemNoBrowser} })
		synctest.Wait()
		if b.agent.Snapshot().Desktop.Browser == nil {
			t.Error("the desktop is not in the snapshot")
		}
		if _, err := b.agent.Headers(t.Context(), "nobody", export.Hub, 0); err == nil {
			t.Error("headers of nobody")
		}
		b.stop()
		if err := b.agent.Do(t.Context(), Command{Name: CommandSignIn}); !errors.Is(err, ErrStopped) {
			t.Errorf("after the end: %v", err)
		}
		if _, err := b.agent.Headers(t.Context(), "", export.Hub, 0); !errors.Is(err, ErrStopped) {
			t.Errorf("after the end: %v", err)
		}
		b.agent.Nudge("after the end")
		if _, err := NewAgent(AgentOptions{}); err == nil {
			t.Error("an agent without an environment")
		}
	})
}

// What is shut down in the middle of a renewal waits for the answer, which
// holds the only good refresh token.
func TestAShutdownWaitsForARenewalUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		before := b.hubHeader()
		hang := make(chan struct{})
		b.issuer.set(func(f *fakeIssuer) { f.hang = hang })
		b.do(CommandRenew)
		time.AfterFunc(5*time.Second, func() { close(hang) })
		began := time.Now()
		b.stop()
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("ended after %v", took)
		}
		b.start()
		if b.hubHeader() == before {
			t.Error("the answer was lost")
		}
		b.do(CommandRenew)
		b.wantState(SignedIn)

		// But not for ever.
		b.issuer.set(func(f *fakeIssuer) { f.hang = make(chan struct{}) })
		b.do(CommandRenew)
		began = time.Now()
		b.stop()
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("a server that hangs held the end up for %v", took)
		}
		time.Sleep(time.Minute) // the wire gives up
	})
}

// What is written for other reasons must not take away an account that the
// user has just added or signed out of, and so hand out another's headers.
func TestASaveDoesNotChangeWhoIsActive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		first := b.account().ID
		b.do(CommandAddAccount)
		added := b.account().ID
		b.command(Command{Name: CommandRename, Account: first, Text: "Ward 7"})
		b.settle()
		if got := b.account().ID; got != added {
			t.Error("the new account is gone")
		}
		b.issuer.set(func(f *fakeIssuer) { f.user = "nurse.ben" })
		b.signIn()
		b.do(CommandSignOut)
		b.command(Command{Name: CommandRename, Account: first, Text: "Ward 8"})
		b.settle()
		if got := b.account(); got.ID != added || got.HasHeaders {
			t.Errorf("after the sign-out another account is active: %+v", got)
		}
	})
}

func TestASignedOutAccountIsOneAccountAlsoAfterRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		b.do(CommandSignOut)
		time.Sleep(time.Minute)
		for range 3 {
			b.stop()
			b.start()
			time.Sleep(time.Minute)
			synctest.Wait()
			if n := len(b.agent.Snapshot().Accounts); n != 1 {
				t.Fatalf("%d accounts after a sign-out and a restart", n)
			}
		}
	})
}

// A thousand callers meet an expired token at a server that hangs. There is one
// request; each caller waits as long as its own context, or until the one answer.
func TestAThousandCallersWaitForOneRequestEachInItsOwnTime(t *testing.T) {
	for name, fails := range map[string]bool{"it comes": false, "it fails": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const path, answered = "/oauth/token refresh_token", 20 * time.Second
				b := newBench(t)
				b.signIn()
				// As if the computer had slept over the token's end.
				if err := b.agent.call(t.Context(), func() error {
					acc := b.agent.account("")
					rec := acc.rec
					rec.ExpiresAt = b.agent.now().Add(-time.Second)
					acc.take(b.agent, rec)
					acc.renewAt = b.agent.now().Add(time.Hour)
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				hang := make(chan struct{})
				b.issuer.set(func(f *fakeIssuer) {
					f.hang = hang
					if fails {
						f.fault = refreshFails
					}
				})
				began := time.Now()
				time.AfterFunc(answered, func() { close(hang) })
				var all sync.WaitGroup
				var left, served, failed atomic.Int32
				for i := range 1000 {
					all.Go(func() {
						patience := time.Duration(i+1) * 100 * time.Millisecond // up to 100 s
						ctx, cancel := context.WithTimeout(t.Context(), patience)
						defer cancel()
						headers, err := b.agent.Headers(ctx, "", export.Hub, 0)
						took := time.Since(began)
						var p *Problem
						switch {
						case errors.Is(err, context.DeadlineExceeded):
							left.Add(1)
							if took != patience || patience > answered {
								t.Errorf("a caller with %v left after %v", patience, took)
							}
						case err == nil && len(headers) > 0:
							served.Add(1)
						case errors.As(err, &p) && p.Code == ProblemUnreachable:
							failed.Add(1)
						default:
							t.Errorf("a caller got %v", err)
						}
						if err == nil && fails || !errors.Is(err, context.DeadlineExceeded) && took != answered {
							t.Errorf("a caller with %v: %v after %v", patience, err, took)
						}
					})
				}
				all.Wait()
				// Who leaves in the very moment of the answer may get either.
				if l := left.Load(); l < 199 || l > 200 || fails && failed.Load() != 1000-l || !fails && served.Load() != 1000-l {
					t.Errorf("%d left, %d were served, %d were told of the failure", l, served.Load(), failed.Load())
				}
				if n := b.issuer.count(path); n != 1 {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}

func TestAFaultWhileTheUserApprovesIsShownAndHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.do(CommandSignIn)
		b.do(CommandSignIn) // a second click asks for nothing new
		if n := b.issuer.count("/oauth/device/code"); n != 1 {
			t.Errorf("%d codes", n)
		}
		code := b.account().Prompt.UserCode
		b.issuer.set(func(f *fakeIssuer) {
			f.fault = func(name string) (*http.Response, error) {
				if name == "/oauth/token device_code" {
					return reply(503, nil), nil
				}
				return nil, nil
			}
		})
		time.Sleep(30 * time.Second)
		synctest.Wait()
		b.wantState(Prompting)
		if a := b.account(); a.Problem == nil || a.Problem.Code != ProblemServerBusy || a.Prompt == nil || a.Prompt.UserCode != code {
			t.Errorf("account = %+v", a)
		}
		b.issuer.set(func(f *fakeIssuer) { f.fault = nil })
		time.Sleep(40 * time.Second)
		synctest.Wait()
		if a := b.account(); a.State != Prompting || a.Problem != nil {
			t.Errorf("after the fault: %s, %v", a.State, a.Problem)
		}
		b.issuer.set(func(f *fakeIssuer) { f.decision = "approved" })
		time.Sleep(12 * time.Second)
		synctest.Wait()
		b.wantState(SignedIn)
	})
}

// A saved token that was issued "in the future" tells that the clock was set
// back while the program did not run.
func TestAClockThatWasSetBackBetweenTwoStartsIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		b.settle()
		b.stop()
		a, err := NewAgent(AgentOptions{Environment: b.issuer.environment(), Vault: b.vault, Transport: b.issuer})
		if err != nil {
			t.Fatal(err)
		}
		a.wall = func() time.Time { return time.Now().Add(-5 * time.Hour) }
		b.issuer.set(func(f *fakeIssuer) { f.fault = refreshFails })
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- a.Run(ctx) }()
		defer func() { cancel(); <-ended }()
		b.agent = a
		synctest.Wait()
		s := a.Snapshot()
		if (s.Clock.Offset-5*time.Hour).Abs() > time.Minute || s.Clock.Problem == nil {
			t.Errorf("clock = %+v", s.Clock)
		}
		// The token ends when it ends, not five hours later.
		time.Sleep(23*time.Hour + 50*time.Minute)
		b.hubHeader()
		time.Sleep(15 * time.Minute)
		if _, err := a.Headers(t.Context(), "", export.Hub, 0); err == nil {
			t.Error("a dead token is handed out")
		}
	})
}

func TestContentThatIsNoSessionListIsDamage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		b.settle()
		b.stop()
		lock, err := b.vault.Lock(t.Context())
		if err == nil {
			err = errors.Join(lock.Write(t.Context(), []byte(`["canary"]`)), lock.Unlock())
		}
		if err != nil {
			t.Fatal(err)
		}
		b.start()
		p := b.agent.Snapshot().Storage.Problem
		if p == nil || p.Code != ProblemVaultDamaged || strings.Contains(p.Cause, "canary") {
			t.Fatalf("problem = %v", p)
		}
		b.signIn()
		b.settle()
		if s := b.agent.Snapshot().Storage; !s.Saved || s.Problem != nil {
			t.Errorf("storage = %+v", s)
		}
		if kept, _ := filepath.Glob(filepath.Join(filepath.Dir(b.vault.Path()), "vault-unreadable-*")); len(kept) != 1 {
			t.Errorf("kept aside: %q", kept)
		}
	})
}

// Whoever was told that there is another token gets it, and never the one
// before, however soon they ask.
func TestHeadersAfterAnAnswerAreThoseOfTheAnswer(t *testing.T) {
	b := &bench{t: t, issuer: newFakeIssuer()}
	b.agent = signedInAgent(t, b.issuer, b.issuer)
	for range 300 {
		old := bearerToken(must(b.agent.Headers(t.Context(), "", export.Hub, 0)))
		if err := b.agent.call(t.Context(), func() error {
			b.agent.account("").rec.IssuedAt = b.agent.now().Add(-time.Hour) // not just issued
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if err := b.agent.replaceRejected(t.Context(), "", old); err != nil {
					t.Error(err)
				}
				if bearerToken(must(b.agent.Headers(t.Context(), "", export.Hub, 0))).Equal(old) {
					t.Error("the refused token is handed out again")
				}
			})
		}
		wg.Wait()
		if t.Failed() {
			return
		}
	}
}
