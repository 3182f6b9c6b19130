package authcore

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/oauth"
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

// Where no system service tells, a computer that comes into a network has other
// addresses than before.
func TestANetworkThatComesBackIsNoticedByItsAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		var looks atomic.Int32
		var addresses atomic.Value
		addresses.Store("10.0.0.7/24")
		_ = b.agent.call(t.Context(), func() error {
			b.agent.addresses = func() string { looks.Add(1); return addresses.Load().(string) }
			return nil
		})
		b.signIn()
		time.Sleep(10 * time.Hour)
		if n := looks.Load(); n != 0 {
			t.Errorf("%d looks while all is well", n)
		}
		b.issuer.set(func(f *fakeIssuer) { f.fault = refreshFails })
		addresses.Store("")
		time.Sleep(12 * time.Hour) // due, and tried again every 5 minutes by now
		synctest.Wait()
		b.wantState(Offline)
		for _, c := range []struct {
			addresses string
			tried     bool
		}{{"192.168.1.9/24", true}, {"", false}, {"192.168.1.9/24", true}, {"192.168.1.9/24", false}} {
			// Just after a try by the clock, so that the next one is minutes away.
			for n := b.issuer.count(refreshPath); b.issuer.count(refreshPath) == n; {
				time.Sleep(time.Second)
			}
			for b.account().RenewAt.Sub(time.Now()) < 3*time.Minute {
				time.Sleep(time.Second)
			}
			n := b.issuer.count(refreshPath)
			addresses.Store(c.addresses)
			time.Sleep(tickEvery + time.Second)
			synctest.Wait()
			if tried := b.issuer.count(refreshPath) > n; tried != c.tried {
				t.Errorf("%q: tried again within a tick: %v", c.addresses, tried)
			}
		}
		b.issuer.set(func(f *fakeIssuer) { f.fault = nil })
		addresses.Store("172.16.0.1/16")
		time.Sleep(tickEvery + time.Second)
		synctest.Wait()
		b.wantState(SignedIn)
	})
}

func TestWhenARenewalIsDue(t *testing.T) {
	issued := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	for life, c := range map[time.Duration]struct{ first, last time.Duration }{
		30 * 24 * time.Hour: {21 * 24 * time.Hour, 24 * 24 * time.Hour},
		24 * time.Hour:      {16*time.Hour + 48*time.Minute, 19*time.Hour + 12*time.Minute},
		2 * time.Hour:       {84 * time.Minute, 96 * time.Minute},
		time.Hour:           {39 * time.Minute, 45 * time.Minute}, // 15 minutes before its end
		40 * time.Minute:    {21 * time.Minute, 25 * time.Minute},
		30 * time.Minute:    {12 * time.Minute, 15 * time.Minute},
		20 * time.Minute:    {8 * time.Minute, 10 * time.Minute}, // half its life
		10 * time.Minute:    {4 * time.Minute, 5 * time.Minute},
		time.Minute:         {24 * time.Second, 30 * time.Second},
	} {
		seen := map[time.Duration]bool{}
		for range 200 {
			due := renewalDue(issued, issued.Add(life)).Sub(issued)
			if due < c.first || due > c.last {
				t.Fatalf("a token of %v is renewed after %v, want %v to %v", life, due, c.first, c.last)
			}
			if life >= 30*time.Minute && life-due < renewalMargin {
				t.Fatalf("a token of %v is renewed %v before its end", life, life-due)
			}
			seen[due] = true
		}
		if len(seen) < 100 {
			t.Errorf("a token of %v is renewed at %d moments: no jitter", life, len(seen))
		}
	}
	if !renewalDue(issued, time.Time{}).IsZero() {
		t.Error("what does not expire is renewed")
	}
}

func TestBackOffGrowsToACeiling(t *testing.T) {
	for failures, step := range map[int]time.Duration{
		0: 2 * time.Second, 1: 2 * time.Second, 2: 5 * time.Second, 3: 15 * time.Second, 4: 30 * time.Second,
		5: time.Minute, 6: 2 * time.Minute, 7: 5 * time.Minute, 8: 5 * time.Minute, 1000: 5 * time.Minute,
	} {
		seen := map[time.Duration]bool{}
		for range 200 {
			wait := backOff(failures, 0)
			if wait < step*8/10 || wait > step*12/10 {
				t.Fatalf("after %d failures %v, want %v", failures, wait, step)
			}
			seen[wait] = true
		}
		if len(seen) < 100 {
			t.Errorf("after %d failures %d waits: no jitter", failures, len(seen))
		}
	}
	for asked, want := range map[time.Duration]time.Duration{time.Minute: time.Minute, 14 * time.Minute: 14 * time.Minute, 24 * time.Hour: 15 * time.Minute} {
		if got := backOff(1, asked); got != want {
			t.Errorf("asked for %v: %v", asked, got)
		}
	}
}

// Only what cannot have reached the server leaves no doubt about the refresh
// token that was sent.
func TestWhatTheServerCannotHaveUsedLeavesNoMark(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"DNS":              {&net.DNSError{Err: "no such host"}, true},
		"refused":          {&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, true},
		"reset in reading": {&net.OpError{Op: "read", Err: syscall.ECONNRESET}, false},
		"certificate":      {&oauth.Fault{Kind: oauth.FaultCertificate}, true},
		"proxy":            {&oauth.Fault{Kind: oauth.FaultProxy}, true},
		"429":              {&oauth.Fault{Kind: oauth.FaultBusy, Status: 429}, true},
		"503":              {&oauth.Fault{Kind: oauth.FaultBusy, Status: 503}, false},
		"portal":           {&oauth.Fault{Kind: oauth.FaultCaptivePortal, Status: 200}, false},
		"an OAuth error":   {&oauth.RefusedError{Code: "invalid_client", Status: 401}, true},
		"anything else":    {io.ErrUnexpectedEOF, false},
	} {
		for _, err := range []error{c.err, &oauth.Fault{Kind: oauth.FaultUnreachable, Err: c.err}} {
			if fault := (*oauth.Fault)(nil); errors.As(c.err, &fault) && err != c.err {
				continue
			}
			if got := notProcessed(err); got != c.want {
				t.Errorf("%s: %v", name, got)
			}
		}
	}
}

// Another process that holds the lock for longer than any renewal takes costs
// a try, not the session.
func TestALockThatIsHeldForLongCostsATry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		b.settle()
		before := b.hubHeader()
		lock, err := b.vault.Lock(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b.do(CommandRenew)
		time.Sleep(renewTimeout + time.Second)
		synctest.Wait()
		b.wantState(Offline)
		if p := b.account().Problem; p.Code != ProblemServerBusy || !strings.Contains(p.Cause, "another program") {
			t.Errorf("problem = %v", p)
		}
		if n := b.issuer.count("/oauth/token refresh_token"); n != 0 || b.hubHeader() != before {
			t.Errorf("%d requests without the lock", n)
		}
		if err := lock.Unlock(); err != nil {
			t.Fatal(err)
		}
		b.agent.Nudge("test")
		b.settle()
		b.wantState(SignedIn)
		if b.hubHeader() == before {
			t.Error("not renewed")
		}
	})
}

// A newer version's vault is left as it is, and what is done meanwhile lives in
// memory.
func TestANewerVersionsContentIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		b.settle()
		b.stop()
		lock := must(b.vault.Lock(t.Context()))
		newer := []byte(`{"version": 99, "accounts": [{"id": "x", "something": "new"}]}`)
		if err := lock.Write(t.Context(), newer); err != nil {
			t.Fatal(err)
		}
		_ = lock.Unlock()
		b.start()
		if p := b.agent.Snapshot().Storage.Problem; p == nil || p.Code != ProblemVaultNewer {
			t.Errorf("problem = %v", p)
		}
		b.signIn()
		b.settle()
		b.stop()
		if now := must(b.vault.Read(t.Context())); string(now) != string(newer) {
			t.Errorf("it was changed to %s", now)
		}
	})
}
