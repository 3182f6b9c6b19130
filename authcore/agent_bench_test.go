package authcore

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/bitfount/bitfount-tray/authcore/export"
)

// signedInAgent is an agent outside a time bubble that has just signed in, in
// memory only.
func signedInAgent(b testing.TB, issuer *fakeIssuer, transport http.RoundTripper) *Agent {
	b.Helper()
	a, err := NewAgent(AgentOptions{Environment: issuer.environment(), Transport: transport})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	if err := a.call(b.Context(), func() error {
		now := a.now()
		issuer.families["family-first"], issuer.live["refresh-first"] = true, "family-first"
		acc := a.account("")
		acc.take(a, record{
			ID: acc.rec.ID, Method: MethodDeviceCode, Environment: issuer.environment(), Username: "dr.amelia",
			AccessToken: "access-first", RefreshToken: "refresh-first", SignedInAt: now, IssuedAt: now, ExpiresAt: now.Add(issuer.life),
		})
		acc.state = SignedIn
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	for a.Snapshot().ActiveAccount().State != SignedIn {
		time.Sleep(time.Millisecond)
	}
	return a
}

// BenchmarkAgentHeaders reads the signed-in account's headers from the agent,
// beside the token of oauth2.ReuseTokenSource in the same run.
func BenchmarkAgentHeaders(b *testing.B) {
	issuer := newFakeIssuer()
	a := signedInAgent(b, issuer, issuer)
	h := &DeviceCodeFlowHandler{agent: a}
	reuse := oauth2.ReuseTokenSource(&oauth2.Token{AccessToken: "t", Expiry: time.Now().Add(time.Hour)}, nil)
	ctx := b.Context()
	for _, c := range []struct {
		name string
		once func() error
	}{
		{"agent", func() error {
			_, err := a.Headers(ctx, "", export.Hub, time.Minute)
			return err
		}},
		{"device code handler", func() error {
			_, err := h.HubHeaders(ctx)
			return err
		}},
		{"x-oauth2 ReuseTokenSource", func() error {
			_, err := reuse.Token()
			return err
		}},
		{"wall clock alone", func() error {
			if time.Now().Round(0).IsZero() {
				return errNoStore
			}
			return nil
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := c.once(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(c.name+", all processors", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := c.once(); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// BenchmarkExpiredToken has 10,000 goroutines ask for a token that has expired,
// all at once. One operation lasts until the last of them has a new one.
func BenchmarkExpiredToken(b *testing.B) {
	const callers = 10_000
	for _, answer := range []time.Duration{0, 100 * time.Millisecond} {
		b.Run(fmt.Sprintf("answer after %v", answer), func(b *testing.B) {
			issuer := newFakeIssuer()
			a := signedInAgent(b, issuer, issuer)
			issuer.set(func(f *fakeIssuer) {
				f.fault = func(string) (*http.Response, error) { time.Sleep(answer); return nil, nil }
			})
			const path = "/oauth/token refresh_token"
			before := issuer.count(path)
			rounds := 0
			for b.Loop() {
				b.StopTimer()
				rounds++
				if err := a.call(b.Context(), func() error {
					acc := a.account("")
					rec := acc.rec
					rec.IssuedAt, rec.ExpiresAt = a.now().Add(-issuer.life), a.now().Add(-time.Second)
					acc.take(a, rec)
					acc.renewAt = a.now().Add(time.Hour) // the callers begin the renewal
					return nil
				}); err != nil {
					b.Fatal(err)
				}
				gate := make(chan struct{})
				var ready, done sync.WaitGroup
				ready.Add(callers)
				for range callers {
					done.Go(func() {
						ready.Done()
						<-gate
						if _, err := a.Headers(b.Context(), "", export.Hub, time.Minute); err != nil {
							b.Error(err)
						}
					})
				}
				ready.Wait()
				b.StartTimer()
				close(gate)
				done.Wait()
			}
			if n := issuer.count(path) - before; n != rounds {
				b.Errorf("%d requests for %d expired tokens", n, rounds)
			}
			b.ReportMetric(1, "requests/op")
		})
	}
}
