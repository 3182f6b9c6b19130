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

func TestWhatTheServerAskedForHoldsWhenTheComputerWakes(t *testing.T) {
	const path = "/oauth/token refresh_token"
	for asked, wait := range map[string]time.Duration{
		"100": 100 * time.Second, "7200": longestAsked, "": 0, "soon": 0,
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t)
			b.signIn()
			b.issuer.set(func(f *fakeIssuer) {
				f.fault = func(name string) (*http.Response, error) {
					if name != path {
						return nil, nil
					}
					r := reply(429, map[string]any{"error": "too_many_requests"})
					r.Header.Set("Retry-After", asked)
					return r, nil
				}
			})
			began := time.Now()
			b.do(CommandRenew)
			b.issuer.set(func(f *fakeIssuer) { f.fault = nil })
			n := b.issuer.count(path)
			for b.account().State != SignedIn {
				b.agent.Nudge("woke")
				synctest.Wait()
				if b.account().State != SignedIn {
					time.Sleep(time.Second)
				}
			}
			if took := time.Since(began); took < wait || took > wait+time.Second || b.issuer.count(path) != n+1 {
				t.Errorf("asked for %q: renewed after %v, with %d requests", asked, took, b.issuer.count(path)-n)
			}
		})
	}
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
	if bad > 0 {
		t.Errorf("%d of 12 left a session on disk after the sign-out", bad)
	}
}

func CommandSignOutFirst(b *bench, lock interface{ Unlock() error }) CommandName {
	b.do(CommandRenew)
	b.do(CommandSignOut)
	_ = lock.Unlock()
	return CommandCancelSignIn
}
