package authcore

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
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
