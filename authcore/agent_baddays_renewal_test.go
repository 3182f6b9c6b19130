package authcore

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnAnsweredFaultIsNoInterruptedRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		b.issuer.set(func(f *fakeIssuer) {
			f.fault = func(path string) (*http.Response, error) {
				if strings.HasSuffix(path, "refresh_token") {
					return reply(429, map[string]any{"error": "too_many_requests"}), nil
				}
				return nil, nil
			}
		})
		b.do(CommandRenew)
		b.issuer.set(func(f *fakeIssuer) {
			f.fault = nil
			for k := range f.families { // ended by an administrator
				f.families[k] = false
			}
		})
		b.settle()
		time.Sleep(time.Minute)
		synctest.Wait()
		b.wantState(NeedsSignIn)
		if p := b.account().Problem; p.Code != ProblemSessionEnded {
			t.Errorf("%s: %s", p.Code, p.Words().What)
		}
	})
}

// A renewal of an unsaved session that waits for the lock while the user signs out.
func TestARenewalThatComesAfterASignOutRevivesNothing(t *testing.T) {
	bad := 0
	for range 12 {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t)
			b.signIn()
			b.settle()
			lock, err := b.vault.Lock(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_ = b.agent.call(t.Context(), func() error { b.agent.account("").unsaved = true; return nil })
			b.do(CommandSignOutFirst(b, lock))
			time.Sleep(5 * time.Second)
			synctest.Wait()
			for _, r := range b.stored().Accounts {
				if r.RefreshToken != "" {
					bad++
				}
			}
		})
	}
	t.Logf("%d of 12 left a session on disk after the sign-out", bad)
}

func CommandSignOutFirst(b *bench, lock interface{ Unlock() error }) CommandName {
	b.do(CommandRenew)
	b.do(CommandSignOut)
	_ = lock.Unlock()
	return CommandCancelSignIn
}
