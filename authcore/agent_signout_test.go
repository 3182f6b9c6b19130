package authcore

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

const refreshPath = "/oauth/token refresh_token"

func TestASignOutByAnotherProcessIsTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		b.settle()
		other := b.beside()
		other.do(CommandSignOut)
		other.settle()
		b.do(CommandRenew)
		b.settle()
		b.wantState(SignedOut)
		if b.account().HasHeaders || b.issuer.count(refreshPath) != 0 {
			t.Errorf("%d requests with the token that was signed out", b.issuer.count(refreshPath))
		}
	})
}

// Whoever is signed out is not left to wait for the network: the server is told
// as soon as somebody says that it is back.
func TestARevocationIsDueAgainWhenTheNetworkIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		b.settle()
		b.issuer.set(func(f *fakeIssuer) {
			f.fault = func(string) (*http.Response, error) { return nil, syscall.ENETUNREACH }
		})
		b.do(CommandSignOut)
		time.Sleep(3 * time.Hour)
		if n := b.issuer.count("/oauth/revoke"); n < 20 || n > 60 {
			t.Errorf("%d tries in 3 hours", n)
		}
		if owed := b.stored().Revocations; len(owed) != 1 || owed[0].RefreshToken == "" {
			t.Errorf("%d revocations in the vault", len(owed))
		}
		b.issuer.set(func(f *fakeIssuer) { f.fault = nil })
		b.agent.Nudge("the network is back")
		b.settle()
		if len(b.issuer.revoked) != 1 || len(b.stored().Revocations) != 0 {
			t.Errorf("%d revoked, %d still owed", len(b.issuer.revoked), len(b.stored().Revocations))
		}
	})
}

func TestARevocationThatIsRefusedOrTooOldIsNotTriedForEver(t *testing.T) {
	t.Run("refused", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t)
			b.signIn()
			b.issuer.set(func(f *fakeIssuer) {
				f.fault = func(name string) (*http.Response, error) {
					if strings.HasSuffix(name, "/revoke") {
						return reply(400, map[string]any{"error": "unsupported_token_type"}), nil
					}
					return nil, nil
				}
			})
			b.do(CommandSignOut)
			time.Sleep(24 * time.Hour)
			if n := b.issuer.count("/oauth/revoke"); n != 1 || len(b.stored().Revocations) != 0 {
				t.Errorf("%d requests, %d still owed", n, len(b.stored().Revocations))
			}
		})
	})
	t.Run("too old", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t)
			b.signIn()
			b.issuer.set(func(f *fakeIssuer) {
				f.fault = func(string) (*http.Response, error) { return nil, syscall.ENETUNREACH }
			})
			b.do(CommandSignOut)
			b.settle()
			b.stop()
			if err := (store{b.vault}).update(t.Context(), false, func(d *document) {
				d.Revocations[0].Since = time.Now().Add(time.Hour - revocationLife)
			}); err != nil {
				t.Fatal(err)
			}
			b.start()
			before := b.issuer.count("/oauth/revoke")
			time.Sleep(time.Hour)
			n := b.issuer.count("/oauth/revoke")
			time.Sleep(24 * time.Hour)
			if more := b.issuer.count("/oauth/revoke") - n; n == before || more > 1 {
				t.Errorf("%d tries in the last hour, and %d for a token that has died by itself", n-before, more)
			}
		})
	})
}

// A server that gives no refresh token gives a session of one token.
func TestASessionWithoutARefreshTokenEndsWithItsToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.issuer.set(func(f *fakeIssuer) { f.noRefresh = true })
		b.signIn()
		if b.account().Renewable {
			t.Error("it can be renewed")
		}
		time.Sleep(23 * time.Hour)
		b.hubHeader() // it lives
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		b.wantState(NeedsSignIn)
		if p := b.account().Problem; p == nil || p.Code != ProblemSessionEnded {
			t.Errorf("problem = %v", p)
		}
		if b.account().HasHeaders || b.issuer.count(refreshPath) != 0 {
			t.Errorf("headers %v, %d renewals", b.account().HasHeaders, b.issuer.count(refreshPath))
		}
	})
}
