package authcore

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/secret"
	"github.com/bitfount/bitfount-tray/authcore/vault"
)

func refreshFails(path string) (*http.Response, error) {
	if strings.HasSuffix(path, "refresh_token") {
		return nil, errors.New("connection refused")
	}
	return nil, nil
}

func TestAFailureHasWordsAlsoDuringASignIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		b.issuer.set(func(f *fakeIssuer) { f.fault = refreshFails })
		time.Sleep(25 * time.Hour)
		synctest.Wait()
		b.wantState(Expired)
		b.do(CommandSignIn)
		b.wantState(Prompting)
		_, err := b.agent.Headers(t.Context(), "", export.Hub, 0)
		var p *Problem
		if errors.As(err, &p) && p == nil {
			t.Error("Headers returned a nil *Problem as an error")
		}
		b.do(CommandCancelSignIn)
		t.Logf("after cancel: %s problem %v", b.account().State, b.account().Problem)
		_, err = b.agent.Headers(t.Context(), "", export.Hub, 0)
		defer func() {
			if r := recover(); r != nil {
				t.Errorf("err.Error() panics: %v", r)
			}
		}()
		_ = err.Error()
	})
}

func TestASourceWithNothingNewerIsNotAskedInALoop(t *testing.T) {
	t.Setenv("OTHER_PROGRAMS_TOKEN", "x")
	synctest.Test(t, func(t *testing.T) {
		text, _ := json.Marshal(map[string]any{"token": "tok", "expires": time.Now().Add(time.Hour).Unix()})
		os.Setenv("OTHER_PROGRAMS_TOKEN", string(text))
		b := newBench(t)
		if err := b.agent.SetExternalJWT(t.Context(), ExternalJWTAccount{Username: "amelia", Source: JWTSource{Variable: "OTHER_PROGRAMS_TOKEN"}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(49 * time.Minute)
		synctest.Wait()
		before := b.agent.Snapshot().Sequence
		time.Sleep(time.Minute)
		synctest.Wait()
		t.Logf("state %s %v", b.account().State, b.account().Problem)
		if n := b.agent.Snapshot().Sequence - before; n > 60 {
			t.Errorf("%d snapshots in one minute, %d events kept", n, len(b.agent.Snapshot().Events))
		}
	})
}

func (b *bench) setWall(wall func() time.Time) {
	_ = b.agent.call(context.Background(), func() error { b.agent.wall = wall; return nil })
}

func TestAClockSetBackHandsOutNoDeadToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.issuer.set(func(f *fakeIssuer) { f.life = time.Hour })
		b.signIn()
		b.setWall(func() time.Time { return time.Now().Add(-3 * time.Hour) })
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		n := b.issuer.count("/oauth/token refresh_token")
		h, err := b.agent.Headers(t.Context(), "", export.Hub, 0)
		if n == 0 && err == nil {
			t.Errorf("no renewal in 2 h; a token that expired an hour ago is handed out (%d headers), left %v", len(h), b.account().Left(b.agent.Snapshot().Now(time.Now().Add(-3*time.Hour))))
		}
	})
}

func TestACorrectedClockStaysCorrected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.issuer.set(func(f *fakeIssuer) { f.life = 90 * time.Minute; f.clock = 2 * time.Hour })
		b.signIn()
		b.setWall(func() time.Time { return time.Now().Add(2 * time.Hour) })
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if o := b.agent.Snapshot().Clock.Offset; o.Abs() > 5*time.Second {
			t.Fatalf("offset %v after the clock was set right", o)
		}
		b.issuer.set(func(f *fakeIssuer) { f.fault = refreshFails })
		b.do(CommandRenew)
		s := b.agent.Snapshot()
		if s.ActiveAccount().State != Offline || s.Clock.Offset.Abs() > 5*time.Second {
			t.Errorf("state %s headers %t offset %v clock problem %v", s.ActiveAccount().State, s.ActiveAccount().HasHeaders, s.Clock.Offset, s.Clock.Problem)
		}
	})
}

func TestAVanishedVaultSignsNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		first := b.account().ID
		b.do(CommandAddAccount)
		b.issuer.set(func(f *fakeIssuer) { f.user = "nurse.ben" })
		b.signIn()
		second := b.account().ID
		b.settle()
		if err := os.Remove(b.vault.Path()); err != nil {
			t.Fatal(err)
		}
		b.command(Command{Name: CommandRenew, Account: first})
		b.settle()
		b.command(Command{Name: CommandRenew, Account: second})
		b.settle()
		for _, a := range b.agent.Snapshot().Accounts {
			if a.State != SignedIn {
				t.Errorf("%s: %s %v", a.ID, a.State, a.Problem)
			}
		}
	})
}

func TestAVanishedVaultIsWrittenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		if err := os.Remove(b.vault.Path()); err != nil {
			t.Fatal(err)
		}
		b.command(Command{Name: CommandRename, Text: "ward 3"})
		b.settle()
		b.do(CommandRenew)
		b.settle()
		b.wantState(SignedIn)
	})
}

func TestASignInOverADamagedVaultKeepsTheOtherAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		first := b.account().ID
		b.do(CommandAddAccount)
		b.issuer.set(func(f *fakeIssuer) { f.user = "nurse.ben" })
		b.signIn()
		b.settle()
		_ = os.WriteFile(b.vault.Path(), []byte("damaged"), 0o600)
		b.signIn() // ben signs in again, as the words of the problem say
		b.settle()
		b.command(Command{Name: CommandRenew, Account: first})
		b.settle()
		if a, _ := b.agent.Snapshot().Account(first); a.State != SignedIn {
			t.Errorf("first: %s %v", a.State, a.Problem)
		}
	})
}

type flakyKeyring struct {
	memoryKeyring
	fmu    sync.Mutex
	broken bool
}

func (k *flakyKeyring) bad() bool { k.fmu.Lock(); defer k.fmu.Unlock(); return k.broken }
func (k *flakyKeyring) Get(s, u string) (string, error) {
	if k.bad() {
		return "", vault.ErrKeyringLocked
	}
	return k.memoryKeyring.Get(s, u)
}
func (k *flakyKeyring) Set(s, u, v string) error {
	if k.bad() {
		return vault.ErrKeyringLocked
	}
	return k.memoryKeyring.Set(s, u, v)
}

func TestASignInWhileLockedIsSavedAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn() // a vault exists
		b.stop()
		k := &flakyKeyring{broken: true}
		// same entries
		dir := strings.TrimSuffix(b.vault.Path(), "/vault")
		_ = os.RemoveAll(dir)
		b.vault = vault.New(vault.Options{Dir: dir, Keyring: k})
		b.start()
		b.signIn()
		b.stop()
		k.broken = false
		b.start()
		b.signIn()
		b.settle()
		b.stop() // good vault with k
		b.vault = vault.New(vault.Options{Dir: dir, Keyring: k})
		k.broken = true
		b.start()
		t.Logf("start locked: %s %v", b.account().State, b.agent.Snapshot().Storage.Problem)
		b.issuer.set(func(f *fakeIssuer) { f.user = "nurse.ben" })
		b.signIn()
		k.fmu.Lock()
		k.broken = false
		k.fmu.Unlock()
		b.stop()
		b.start()
		found := false
		for _, a := range b.agent.Snapshot().Accounts {
			found = found || a.Username == "nurse.ben" && a.State == SignedIn
		}
		if !found {
			t.Errorf("the sign-in was not saved at quit: %+v", b.agent.Snapshot().Accounts)
		}
	})
}

func TestAPIKeysAreSavedOverADamagedVault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		b.stop()
		_ = os.WriteFile(b.vault.Path(), []byte("damaged"), 0o600)
		b.start()
		t.Logf("%v", b.agent.Snapshot().Storage.Problem)
		if err := b.agent.SetAPIKeys(t.Context(), APIKeysAccount{Username: "amelia", KeyID: secret.New("a:b"), Key: secret.New("c:d")}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if s := b.agent.Snapshot().Storage; !s.Saved {
			t.Errorf("never saved: %v", s.Problem)
		}
	})
}

func TestAServerThatRefusesTheUserCausesNoStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		for range 60 {
			tok, _, err := b.agent.Token(t.Context(), "", 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.agent.replaceRejected(t.Context(), "", tok); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if n := b.issuer.count("/oauth/token refresh_token"); n > 5 {
			t.Errorf("%d refreshes in a minute of 401s", n)
		}
	})
}

func TestAnEndedSessionStaysEndedOverARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		b.issuer.set(func(f *fakeIssuer) {
			for k := range f.families {
				f.families[k] = false
			}
		})
		b.do(CommandRenew)
		b.settle()
		b.wantState(NeedsSignIn)
		b.stop()
		b.start()
		a := b.account()
		t.Logf("%s %v renewable %t", a.State, a.Problem, a.Renewable)
		b.wantState(NeedsSignIn)
	})
}

func TestOneOutageIsOneLineOfHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		b.issuer.set(func(f *fakeIssuer) { f.fault = refreshFails })
		b.do(CommandRenew)
		b.agent.Nudge("woke")
		b.settle()
		b.agent.Nudge("woke")
		b.settle()
		b.issuer.set(func(f *fakeIssuer) { f.fault = nil })
		b.agent.Nudge("woke")
		b.settle()
		b.wantState(SignedIn)
		for _, e := range b.agent.Snapshot().Events {
			if e.Kind == EventOffline && e.Until.IsZero() {
				t.Errorf("an offline line stays open: %+v", e)
			}
		}
	})
}

func TestAProxysPasswordIsNoSetting(t *testing.T) {
	s, err := DefaultSettings().With("proxy", "http://user:geheim@proxy.test:3128")
	if err == nil || strings.Contains(err.Error(), "geheim") || s.Proxy != "" {
		t.Errorf("proxy = %q, %v", s.Proxy, err)
	}
	if _, err := DefaultSettings().With("proxy", "http://proxy.test:3128"); err != nil {
		t.Error(err)
	}
}

func TestNothingIsRotatedThatCannotBeKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		b.settle()
		path := b.vault.Path()
		_ = os.Rename(path, path+".kept")
		_ = os.Mkdir(path, 0o700) // cannot be read
		b.do(CommandRenew)
		b.settle()
		if n := b.issuer.count("/oauth/token refresh_token"); n != 0 {
			t.Errorf("rotated %d times, 24 h before the end, while nothing could be kept (problem %v)", n, b.agent.Snapshot().Storage.Problem)
		}
		_ = os.Remove(path)
		_ = os.Rename(path+".kept", path)
		other := b.beside() // what a start after kill -9 finds
		other.do(CommandRenew)
		other.settle()
		other.wantState(SignedIn)
	})
}

func TestVeryShortTokensCauseNoStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.issuer.set(func(f *fakeIssuer) { f.life = time.Second })
		b.do(CommandSignIn)
		b.issuer.set(func(f *fakeIssuer) { f.decision = "approved" })
		time.Sleep(72 * time.Second)
		synctest.Wait()
		if n := b.issuer.count("/oauth/token refresh_token"); n > 30 {
			t.Errorf("%d refreshes in a minute", n)
		}
	})
}
