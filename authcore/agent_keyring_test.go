package authcore

import (
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/vault"
)

// lateKeyring answers each question after that time.
type lateKeyring struct {
	memoryKeyring
	after time.Duration
}

func (k *lateKeyring) Get(service, user string) (string, error) {
	time.Sleep(k.after)
	return k.memoryKeyring.Get(service, user)
}

// restartWith starts a new agent on the same folder with another keyring.
func (b *bench) restartWith(k vault.Keyring) {
	b.t.Helper()
	b.stop()
	b.vault = vault.New(vault.Options{Dir: filepath.Dir(b.vault.Path()), Keyring: k})
	b.start()
}

// A slow keyring holds up neither a sign-in nor the start: the session lives in
// memory meanwhile, is saved by itself, and people are told what is waited for.
func TestAKeyringThatAnswersLate(t *testing.T) {
	for name, after := range map[string]time.Duration{
		"in the time that is waited": 20 * time.Second, "after it": vault.DefaultKeyringTimeout + 5*time.Second,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				k := &lateKeyring{after: after}
				b.restartWith(k)
				wantSlow := func(when string) {
					t.Helper()
					if s := b.agent.Snapshot().Storage; s.Saved || s.Problem == nil || s.Problem.Code != ProblemKeyringSlow {
						t.Errorf("%s: storage = %+v", when, s)
					}
				}
				wantSaved := func(when string) {
					t.Helper()
					if s := b.agent.Snapshot().Storage; !s.Saved || s.Problem != nil {
						t.Errorf("%s: storage = %+v", when, s)
					}
				}
				b.do(CommandSignIn)
				b.issuer.set(func(f *fakeIssuer) { f.decision = "approved" })
				time.Sleep(20 * time.Second)
				synctest.Wait()
				b.wantState(SignedIn)
				header := b.hubHeader()
				wantSlow("after the sign-in")
				if b.agent.Snapshot().Storage.Waiting {
					t.Error("a session is waited for that was never saved")
				}
				time.Sleep(3 * time.Minute)
				synctest.Wait()
				wantSaved("after the answer")

				// The next day, the same keyring.
				b.restartWith(k)
				time.Sleep(lateAfter + time.Second)
				synctest.Wait()
				wantSlow("at the start")
				if !b.agent.Snapshot().Storage.Waiting {
					t.Error("nobody is told that a saved session is waited for")
				}
				_, err := b.agent.Headers(t.Context(), "", export.Hub, 0)
				if after < vault.DefaultKeyringTimeout && err != nil {
					t.Errorf("whoever asked did not wait for the answer: %v", err)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				b.wantState(SignedIn)
				wantSaved("after the start")
				if b.agent.Snapshot().Storage.Waiting {
					t.Error("still waiting")
				}
				if b.hubHeader() != header {
					t.Error("it is not the session that was saved")
				}
				if n := b.issuer.count("/oauth/device/code"); n != 1 {
					t.Errorf("%d sign-ins, want 1", n)
				}
			})
		})
	}
}

// lockedKeyring refuses until it is unlocked, and counts the windows in which
// it would ask for its password.
type lockedKeyring struct {
	memoryKeyring
	unlocked atomic.Bool
	prompts  atomic.Int64
}

func (k *lockedKeyring) Get(service, user string) (string, error) {
	if !k.unlocked.Load() {
		k.prompts.Add(1)
		return "", vault.ErrKeyringLocked
	}
	return k.memoryKeyring.Get(service, user)
}

// Somebody who sends the keyring's password window away is left in peace, and
// the session is still found by itself, and at once when something happens.
func TestALockedKeyringDoesNotAskForItsPasswordAllTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		k := &lockedKeyring{}
		k.unlocked.Store(true)
		b.restartWith(k)
		b.signIn()
		header := b.hubHeader()
		k.unlocked.Store(false)
		b.restartWith(k)
		time.Sleep(time.Hour)
		synctest.Wait()
		if s := b.agent.Snapshot().Storage; s.Problem == nil || s.Problem.Code != ProblemKeyringLocked || !s.Waiting {
			t.Errorf("storage = %+v", s)
		}
		if n := k.prompts.Load(); n < 5 || n > 12 {
			t.Errorf("%d windows ask for the password in an hour", n)
		}
		before := k.prompts.Load()
		b.agent.Nudge("the computer woke up")
		b.settle()
		if n := k.prompts.Load() - before; n != 1 {
			t.Errorf("asked %d times after a wake-up, want once", n)
		}
		k.unlocked.Store(true)
		time.Sleep(storeEvery + time.Second)
		synctest.Wait()
		b.wantState(SignedIn)
		if b.hubHeader() != header {
			t.Error("it is not the session that was saved")
		}
	})
}
