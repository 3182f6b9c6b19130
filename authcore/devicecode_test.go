package authcore

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/bitfount/bitfount-tray/authcore/vault"
)

// deviceHandler is a handler with a user who does what prompt says.
func deviceHandler(t *testing.T, issuer *fakeIssuer, prompt func(context.Context, DevicePrompt) error) *DeviceCodeFlowHandler {
	t.Helper()
	h := must(NewDeviceCodeFlowHandler(DeviceCodeFlowOptions{Environment: issuer.environment(), Transport: issuer, Prompt: prompt}))
	t.Cleanup(func() { _ = h.Close() })
	return h
}

func decide(issuer *fakeIssuer, decision string) func(context.Context, DevicePrompt) error {
	return func(context.Context, DevicePrompt) error {
		issuer.set(func(f *fakeIssuer) { f.decision = decision })
		return nil
	}
}

func TestAHandlerNeedsAPrompt(t *testing.T) {
	if _, err := NewDeviceCodeFlowHandler(DeviceCodeFlowOptions{}); err == nil {
		t.Error("accepted without a Prompt")
	}
	plain := Environments[0]
	plain.Issuer = "http://auth.bitfount.com/"
	if _, err := NewDeviceCodeFlowHandler(DeviceCodeFlowOptions{Environment: plain, Prompt: decide(nil, "")}); err == nil {
		t.Error("accepted an issuer by plain http")
	}
}

func TestASignInThatComesToNothingSaysWhy(t *testing.T) {
	broken := errors.New("the terminal is gone")
	for name, c := range map[string]struct {
		prompt func(*fakeIssuer) func(context.Context, DevicePrompt) error
		fault  func(string) (*http.Response, error)
		code   ProblemCode
		err    error
	}{
		"declined":   {func(f *fakeIssuer) func(context.Context, DevicePrompt) error { return decide(f, "denied") }, nil, ProblemSignInDenied, nil},
		"never used": {func(f *fakeIssuer) func(context.Context, DevicePrompt) error { return decide(f, "") }, nil, ProblemCodeExpired, nil},
		"not shown": {func(*fakeIssuer) func(context.Context, DevicePrompt) error {
			return func(context.Context, DevicePrompt) error { return broken }
		}, nil, "", broken},
		"no network": {func(f *fakeIssuer) func(context.Context, DevicePrompt) error { return decide(f, "approved") }, func(string) (*http.Response, error) { return nil, syscall.ENETUNREACH }, ProblemUnreachable, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer := newFakeIssuer()
				issuer.fault = c.fault
				h := deviceHandler(t, issuer, c.prompt(issuer))
				err := h.Authenticate(t.Context())
				var p *Problem
				switch {
				case c.err != nil && !errors.Is(err, c.err), c.err == nil && (!errors.As(err, &p) || p.Code != c.code):
					t.Errorf("the error is %v", err)
				}
				if h.Authenticated() {
					t.Error("authenticated")
				}
				// The next try begins anew.
				issuer.set(func(f *fakeIssuer) { f.fault = nil })
				h.prompt = decide(issuer, "approved")
				if err := h.Authenticate(t.Context()); err != nil || !h.Authenticated() {
					t.Errorf("afterwards: %v", err)
				}
			})
		})
	}
}

// One lost packet is no reason to fail a sign-in.
func TestADeviceCodeIsAskedForAgainAfterAFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const path = "/oauth/device/code"
		issuer := newFakeIssuer()
		faults := 2
		issuer.fault = func(name string) (*http.Response, error) {
			if name == path && faults > 0 {
				faults--
				return nil, syscall.ECONNRESET
			}
			return nil, nil
		}
		h := deviceHandler(t, issuer, decide(issuer, "approved"))
		if err := h.Authenticate(t.Context()); err != nil || issuer.count(path) != 3 {
			t.Errorf("%v after %d requests", err, issuer.count(path))
		}
	})
}

func TestManyCallersPromptTheUserOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newFakeIssuer()
		var prompts atomic.Int32
		h := deviceHandler(t, issuer, func(context.Context, DevicePrompt) error {
			prompts.Add(1)
			return nil
		})
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if err := h.Authenticate(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		// A caller with less patience leaves alone.
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		synctest.Wait()
		if err := h.Authenticate(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the impatient caller: %v", err)
		}
		issuer.set(func(f *fakeIssuer) { f.decision = "approved" })
		wg.Wait()
		if n := prompts.Load(); n != 1 || issuer.count("/oauth/device/code") != 1 {
			t.Errorf("the user was asked %d times with %d codes", n, issuer.count("/oauth/device/code"))
		}
	})
}

func TestASignInEndsWithItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newFakeIssuer()
		h := deviceHandler(t, issuer, decide(issuer, ""))
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		began := time.Now()
		if err := h.Authenticate(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 20*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		synctest.Wait()
		polls := issuer.count("/oauth/token device_code")
		time.Sleep(time.Minute)
		if n := issuer.count("/oauth/token device_code"); n != polls {
			t.Error("the code is still polled for")
		}

		ended := make(chan error, 1)
		go func() { ended <- h.Authenticate(t.Context()) }()
		synctest.Wait()
		_ = h.Close()
		if err := <-ended; !errors.Is(err, ErrStopped) {
			t.Errorf("after Close: %v", err)
		}
		if err := h.Authenticate(t.Context()); !errors.Is(err, ErrStopped) {
			t.Errorf("a closed handler: %v", err)
		}
	})
}

// Whoever waits behind a caller that gives up gets a sign-in of their own.
func TestTheNextCallerSignsInWhenTheFirstHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newFakeIssuer()
		var prompts atomic.Int32
		h := deviceHandler(t, issuer, func(context.Context, DevicePrompt) error {
			if prompts.Add(1) == 2 {
				issuer.set(func(f *fakeIssuer) { f.decision = "approved" })
			}
			return nil
		})
		ctx, leave := context.WithCancel(t.Context())
		first, second := make(chan error, 1), make(chan error, 1)
		go func() { first <- h.Authenticate(ctx) }()
		synctest.Wait()
		go func() { second <- h.Authenticate(t.Context()) }()
		synctest.Wait()
		leave()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("the first: %v", err)
		}
		if err := <-second; err != nil || prompts.Load() != 2 {
			t.Errorf("the second: %v after %d prompts", err, prompts.Load())
		}
	})
}

func TestAHandlersSignOutIsKnownToTheServerAndTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newFakeIssuer()
		v := vault.New(vault.Options{Dir: t.TempDir() + "/data", Keyring: &vault.Memory{}})
		h := must(newConformanceDevice(t, issuer, AnyUser, v))
		if err := h.Authenticate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := h.SignOut(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantNothingKept(t, h, issuer, v)
		if n := len(issuer.revoked); n != 1 {
			t.Errorf("%d tokens revoked", n)
		}
		_ = h.Close()
		if err := h.SignOut(t.Context()); !errors.Is(err, ErrStopped) {
			t.Errorf("after Close: %v", err)
		}
	})
}

// What one handler has kept, the next one finds, without a prompt.
func TestAHandlerFindsTheSessionOfTheOneBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newFakeIssuer()
		v := vault.New(vault.Options{Dir: t.TempDir() + "/data", Keyring: &vault.Memory{}})
		first := must(newConformanceDevice(t, issuer, AnyUser, v))
		if err := first.Authenticate(t.Context()); err != nil {
			t.Fatal(err)
		}
		token := bearerToken(must(first.HubHeaders(t.Context())))
		_ = first.Close()
		next := must(newConformanceDevice(t, issuer, AnyUser, v))
		if err := next.Authenticate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !bearerToken(must(next.HubHeaders(t.Context()))).Equal(token) || next.Username() != "dr.amelia" || issuer.count("/oauth/device/code") != 1 {
			t.Error("another session than the one before")
		}
	})
}

// A Hub that refuses a token gets another, once; one that refuses the user gets
// no storm of them.
func TestARefusedTokenOfASessionIsRenewedOnce(t *testing.T) {
	for name, c := range map[string]struct {
		accepts                    bool // the new token
		body                       io.Reader
		status, requests, renewals int
	}{
		"GET":                              {true, nil, 200, 2, 1},
		"POST, whose body is sent again":   {true, strings.NewReader("body"), 200, 2, 1},
		"POST, whose body cannot be":       {true, io.MultiReader(strings.NewReader("body")), 401, 1, 0},
		"the new token is refused as well": {false, nil, 401, 2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer := newFakeIssuer()
				h := conformanceDevice(t, issuer, "ada")
				time.Sleep(time.Hour)
				refused := "Bearer " + bearerToken(must(h.HubHeaders(t.Context()))).Reveal()
				requests := 0
				session := must(NewSession(h, issuer.environment(), roundTripFunc(func(r *http.Request) (*http.Response, error) {
					requests++
					if r.Body != nil {
						if body, _ := io.ReadAll(r.Body); string(body) != "body" {
							t.Errorf("request %d has the body %q", requests, body)
						}
					}
					if c.accepts && r.Header.Get("Authorization") != refused {
						return answerWith(r, http.StatusOK), nil
					}
					return answerWith(r, http.StatusUnauthorized), nil
				})))
				method := http.MethodGet
				if c.body != nil {
					method = http.MethodPost
				}
				for range 3 { // what is renewed stays so, and is not renewed again at once
					resp, err := session.Client().Do(must(http.NewRequestWithContext(t.Context(), method, "https://hub.test/", c.body)))
					if err != nil {
						t.Fatal(err)
					}
					_ = resp.Body.Close()
					if resp.StatusCode != c.status {
						t.Errorf("status %d", resp.StatusCode)
					}
					if c.body != nil {
						break
					}
				}
				if n := issuer.count("/oauth/token refresh_token"); n != c.renewals {
					t.Errorf("%d renewals", n)
				}
				if c.body != nil && requests != c.requests {
					t.Errorf("%d requests", requests)
				}
			})
		})
	}
}

// A server whose tokens never have 10 minutes left is not asked in a loop, and
// its user not either.
func TestTokensThatLiveForLessThanTheMarginAreGoodEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newFakeIssuer()
		issuer.life = 9 * time.Minute
		h := conformanceDevice(t, issuer, "ada")
		for range 100 {
			if err := h.Authenticate(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := h.HubHeaders(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		if n := issuer.count("/oauth/token refresh_token"); n > 30 || issuer.count("/oauth/device/code") != 1 {
			t.Errorf("%d renewals and %d sign-ins in 100 minutes", n, issuer.count("/oauth/device/code"))
		}
	})
}

// golang.org/x/oauth2 judges a token by this computer's clock, which can be wrong.
func TestATokenSourcesExpiryIsByThisComputersClock(t *testing.T) {
	for _, wrong := range []time.Duration{0, 7 * time.Hour, -7 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			issuer := newFakeIssuer()
			issuer.clock = wrong
			h := conformanceDevice(t, issuer, "ada")
			tokens := oauth2.ReuseTokenSource(nil, must(NewSession(h, issuer.environment(), nil)).TokenSource(t.Context()))
			first := must(tokens.Token())
			if life := time.Until(first.Expiry); (life-24*time.Hour).Abs() > time.Minute || !first.Valid() {
				t.Errorf("with a clock that is %v behind: %v left, valid %v", wrong, life, first.Valid())
			}
			time.Sleep(23 * time.Hour)
			if again := must(tokens.Token()); again.AccessToken != first.AccessToken {
				t.Error("it was not used again")
			}
			time.Sleep(time.Hour)
			if next := must(tokens.Token()); next.AccessToken == first.AccessToken || !next.Valid() {
				t.Error("an expired token")
			}
		})
	}
}
