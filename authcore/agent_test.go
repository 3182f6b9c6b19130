package authcore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/vault"
	"github.com/zalando/go-keyring"
)

// memoryKeyring stands in for the system's keyring, which cannot be called
// inside a time bubble (it is another process). The vault's own tests use the
// real one.
type memoryKeyring struct {
	mu   sync.Mutex
	keys map[string]string
}

func (k *memoryKeyring) Get(service, user string) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if v, ok := k.keys[service+"/"+user]; ok {
		return v, nil
	}
	return "", keyring.ErrNotFound
}

func (k *memoryKeyring) Set(service, user, value string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.keys == nil {
		k.keys = map[string]string{}
	}
	k.keys[service+"/"+user] = value
	return nil
}

func (k *memoryKeyring) Delete(service, user string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.keys, service+"/"+user)
	return nil
}

// bench is one agent with its issuer, inside a time bubble.
type bench struct {
	t      *testing.T
	issuer *fakeIssuer
	vault  *vault.Vault
	files  string
	agent  *Agent
	stop   func()
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, issuer: newFakeIssuer()}
	b.vault = vault.New(vault.Options{Dir: t.TempDir() + "/data", Keyring: &memoryKeyring{}})
	b.files = t.TempDir() + "/state/live-files.json"
	b.start()
	return b
}

// start begins a new agent on the same vault, as a restart does.
func (b *bench) start() {
	b.t.Helper()
	a, err := NewAgent(AgentOptions{Environment: b.issuer.environment(), Vault: b.vault, Transport: b.issuer, LiveFileList: b.files, HistoryPath: b.files + "-history"})
	if err != nil {
		b.t.Fatal(err)
	}
	a.addresses = func() string { return "" } // not those of this computer
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	b.agent = a
	b.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			b.t.Errorf("Run: %v", err)
		}
	})
	b.t.Cleanup(b.stop)
	synctest.Wait()
}

func (b *bench) do(name CommandName) {
	b.t.Helper()
	if err := b.agent.Do(b.t.Context(), Command{Name: name}); err != nil {
		b.t.Fatalf("%s: %v", name, err)
	}
	synctest.Wait()
}

func (b *bench) account() Account { return b.agent.Snapshot().ActiveAccount() }

func (b *bench) wantState(want State) {
	b.t.Helper()
	if got := b.account(); got.State != want {
		b.t.Fatalf("state = %s (problem %v), want %s", got.State, got.Problem, want)
	}
}

func (b *bench) signIn() {
	b.t.Helper()
	b.do(CommandSignIn)
	b.wantState(Prompting)
	b.issuer.set(func(f *fakeIssuer) { f.decision = "approved" })
	time.Sleep(12 * time.Second)
	synctest.Wait()
	b.wantState(SignedIn)
}

func (b *bench) hubHeader() string {
	b.t.Helper()
	h, err := b.agent.Headers(b.t.Context(), "", export.Hub, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	return h[0].Value.Reveal()
}

func TestSignInIsSavedAndFoundAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.wantState(SignedOut)
		b.do(CommandSignIn)
		p := b.account().Prompt
		if p == nil || p.UserCode != "ABCD-EFGH" || !strings.Contains(p.VerificationURIComplete, "ABCD-EFGH") {
			t.Fatalf("prompt = %+v", p)
		}
		b.issuer.set(func(f *fakeIssuer) { f.decision = "approved" })
		time.Sleep(10 * time.Second)
		synctest.Wait()
		b.wantState(SignedIn)
		a := b.account()
		if a.Username != "dr.amelia" || a.Prompt != nil || !a.HasHeaders || !b.agent.Snapshot().Storage.Saved {
			t.Fatalf("account = %+v, storage = %+v", a, b.agent.Snapshot().Storage)
		}
		header := b.hubHeader()
		if !strings.HasPrefix(header, "Bearer access-") {
			t.Fatalf("hub header = %q", header)
		}

		b.stop()
		b.start()
		b.wantState(SignedIn)
		if got := b.account(); got.Username != "dr.amelia" || got.ID != a.ID {
			t.Errorf("after a restart: %+v, want %+v", got, a)
		}
		if got := b.hubHeader(); got != header {
			t.Errorf("another header after a restart")
		}
		if n := b.issuer.count("/oauth/device/code"); n != 1 {
			t.Errorf("%d device requests, want 1", n)
		}
	})
}

func TestDeclinedCancelledAndUnusedCodesLeaveAWayBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.do(CommandSignIn)
		b.issuer.set(func(f *fakeIssuer) { f.decision = "denied" })
		time.Sleep(10 * time.Second)
		synctest.Wait()
		b.wantState(SignedOut)
		if p := b.account().Problem; p == nil || p.Code != ProblemSignInDenied {
			t.Errorf("declined: problem = %v", p)
		}
		b.issuer.set(func(f *fakeIssuer) { f.decision = "" })

		b.do(CommandSignIn)
		b.do(CommandCancelSignIn)
		b.wantState(SignedOut)
		if p := b.account().Problem; p != nil {
			t.Errorf("cancelled: problem = %v", p)
		}

		b.do(CommandSignIn)
		time.Sleep(16 * time.Minute)
		synctest.Wait()
		b.wantState(SignedOut)
		if p := b.account().Problem; p == nil || p.Code != ProblemCodeExpired {
			t.Errorf("unused: problem = %v", p)
		}
		b.signIn()
	})
}

func TestAnAbandonedSignInKeepsTheSessionThatWasThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		before := b.hubHeader()
		b.do(CommandSignIn)
		b.do(CommandCancelSignIn)
		b.wantState(SignedIn)
		if b.hubHeader() != before {
			t.Error("the header changed")
		}
	})
}

func TestAnotherUserThanAskedForStoresNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		before := b.hubHeader()
		b.issuer.set(func(f *fakeIssuer) { f.user = "nurse.ben" })
		b.do(CommandSignIn)
		b.issuer.set(func(f *fakeIssuer) { f.decision = "approved" })
		time.Sleep(12 * time.Second)
		synctest.Wait()
		a := b.account()
		if a.State != SignedIn || a.Username != "dr.amelia" || b.hubHeader() != before {
			t.Fatalf("account = %+v", a)
		}
		text := ""
		if a.Problem != nil {
			text = a.Problem.Error()
		}
		if a.Problem == nil || a.Problem.Code != ProblemWrongUser || !strings.Contains(text, "nurse.ben") || !strings.Contains(text, "dr.amelia") {
			t.Errorf("problem = %v", a.Problem)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if n := len(b.issuer.revoked); n != 1 {
			t.Errorf("%d tokens revoked, want the stranger's", n)
		}
		b.stop()
		b.start()
		if b.hubHeader() != before {
			t.Error("the stranger's session was stored")
		}
	})
}

func TestTheSessionRenewsItselfAheadOfNeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		for range 30 * 24 * 4 {
			time.Sleep(15 * time.Minute)
			if left := b.account().Left(time.Now()); left < 15*time.Minute-time.Minute {
				t.Fatalf("only %v left", left)
			}
		}
		b.wantState(SignedIn)
		n := b.issuer.count("/oauth/token refresh_token")
		if n < 30 || n > 45 {
			t.Errorf("%d renewals in 30 days of 24 h tokens", n)
		}
	})
}

func TestAFaultKeepsTheTokenAndIsTriedAgain(t *testing.T) {
	faults := map[string]struct {
		fault func(string) (*http.Response, error)
		code  ProblemCode
		wait  time.Duration // that the server asks for
	}{
		"refused": {func(string) (*http.Response, error) { return nil, syscall.ECONNREFUSED }, ProblemUnreachable, 0},
		"503":     {func(string) (*http.Response, error) { return reply(503, nil), nil }, ProblemServerBusy, 0},
		"429": {func(string) (*http.Response, error) {
			r := reply(429, map[string]any{"error": "too_many_requests"})
			r.Header.Set("Retry-After", "60")
			return r, nil
		}, ProblemServerBusy, time.Minute},
		"portal": {func(string) (*http.Response, error) {
			r := reply(200, nil)
			r.Header.Set("Content-Type", "text/html")
			r.Body = io.NopCloser(strings.NewReader("<html>Welcome to the guest network"))
			return r, nil
		}, ProblemCaptivePortal, 0},
	}
	for name, c := range faults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				b.signIn()
				before := b.hubHeader()
				b.issuer.set(func(f *fakeIssuer) { f.fault = c.fault })
				time.Sleep(20 * time.Hour)
				synctest.Wait()
				b.wantState(Offline)
				if p := b.account().Problem; p == nil || p.Code != c.code {
					t.Errorf("problem = %v, want %s", p, c.code)
				}
				if b.hubHeader() != before {
					t.Error("the old token was not used while it lives")
				}
				if n := b.issuer.count("/oauth/token refresh_token"); n > 100 {
					t.Errorf("%d tries in a few hours", n)
				}
				time.Sleep(5 * time.Hour)
				synctest.Wait()
				b.wantState(Expired)
				if _, err := b.agent.Headers(t.Context(), "", export.Hub, 0); err == nil {
					t.Error("a stale header was handed out")
				}
				b.issuer.set(func(f *fakeIssuer) { f.fault = nil })
				b.agent.Nudge("network back")
				time.Sleep(c.wait + time.Second)
				synctest.Wait()
				b.wantState(SignedIn)
				if b.hubHeader() == before || b.account().Problem != nil {
					t.Error("not renewed after the fault")
				}
			})
		})
	}
}

func TestOnlyARefusedRefreshTokenMeansSignInAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		b.issuer.set(func(f *fakeIssuer) {
			for family := range f.families {
				f.families[family] = false
			}
		})
		b.do(CommandRenew)
		b.wantState(NeedsSignIn)
		a := b.account()
		if a.Problem == nil || a.Problem.Code != ProblemSessionEnded || !a.HasHeaders {
			t.Errorf("account = %+v: the access token still lives", a)
		}
		b.stop()
		b.start()
		if n := b.issuer.count("/oauth/token refresh_token"); n != 1 {
			t.Errorf("a dead refresh token was sent %d times", n)
		}
		b.signIn()
	})
}

func TestALostRotationIsSaidPlainly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
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

func TestAThousandCallersMakeOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		b.issuer.set(func(f *fakeIssuer) {
			f.fault = func(string) (*http.Response, error) { return nil, syscall.ECONNREFUSED }
		})
		time.Sleep(25 * time.Hour)
		synctest.Wait()
		b.wantState(Expired)
		b.issuer.set(func(f *fakeIssuer) { f.fault = nil })
		before := b.issuer.count("/oauth/token refresh_token")

		// The failure is remembered: nobody makes a request of their own.
		var failed sync.WaitGroup
		for range 100 {
			failed.Go(func() {
				if _, err := b.agent.Headers(t.Context(), "", export.Hub, 0); err == nil {
					t.Error("a header without a token")
				}
			})
		}
		failed.Wait()
		if n := b.issuer.count("/oauth/token refresh_token"); n != before {
			t.Errorf("%d requests during the back-off", n-before)
		}

		b.agent.Nudge("test")
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				if _, err := b.agent.Headers(t.Context(), "", export.Hub, time.Hour); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := b.issuer.count("/oauth/token refresh_token"); n != before+1 {
			t.Errorf("%d requests for 1,000 callers", n-before)
		}
	})
}

func TestACallersOwnContextIsHonoured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		b.issuer.set(func(f *fakeIssuer) { f.hang = make(chan struct{}) })
		time.Sleep(time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := b.agent.Headers(ctx, "", export.Hub, 23*time.Hour+30*time.Minute)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("err = %v after %v", err, time.Since(start))
		}
		// A caller whom the present token satisfies does not wait at all.
		if _, err := b.agent.Headers(t.Context(), "", export.Hub, time.Hour); err != nil {
			t.Error(err)
		}
		close(b.issuer.hang)
		synctest.Wait()
		if left := b.account().Left(time.Now()); left < 23*time.Hour+30*time.Minute {
			t.Errorf("the renewal was lost with its caller: %v left", left)
		}
	})
}

func TestSignOutForgetsAndRevokesAlsoWhenOffline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		b.issuer.set(func(f *fakeIssuer) {
			f.fault = func(string) (*http.Response, error) { return nil, syscall.ENETUNREACH }
		})
		b.do(CommandSignOut)
		b.wantState(SignedOut)
		if _, err := b.agent.Headers(t.Context(), "", export.Hub, 0); err == nil {
			t.Error("a header after signing out")
		}
		time.Sleep(time.Minute)
		b.stop()
		b.issuer.set(func(f *fakeIssuer) { f.fault = nil })
		b.start()
		b.wantState(SignedOut)
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(b.issuer.revoked); n != 1 {
			t.Fatalf("%d tokens revoked after the network came back, want 1", n)
		}
		for _, live := range b.issuer.families {
			if live {
				t.Error("the family still lives")
			}
		}
		b.stop()
		b.start()
		time.Sleep(time.Minute)
		if n := len(b.issuer.revoked); n != 1 {
			t.Errorf("revoked again after a restart: %d", n)
		}
	})
}

func TestANineHourSleepRenewsWithin30Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		time.Sleep(10*time.Hour + 30*time.Minute)
		before := b.hubHeader()
		var mu sync.Mutex
		slept := time.Duration(0)
		if err := b.agent.call(t.Context(), func() error {
			b.agent.wall = func() time.Time {
				mu.Lock()
				defer mu.Unlock()
				return time.Now().Add(slept)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		// Timers stand still while a computer sleeps; only the wall clock goes on.
		mu.Lock()
		slept = 9 * time.Hour
		mu.Unlock()
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if b.hubHeader() == before {
			t.Error("not renewed within 30 s of waking")
		}
	})
}

func TestAWrongClockIsCorrectedAndTold(t *testing.T) {
	for _, off := range []time.Duration{-7 * time.Hour, 7 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t)
			b.issuer.set(func(f *fakeIssuer) { f.clock = off })
			b.signIn()
			s := b.agent.Snapshot()
			if s.Clock.Problem == nil || s.Clock.Problem.Code != ProblemClockWrong {
				t.Fatalf("clock = %+v", s.Clock)
			}
			left := s.ActiveAccount().Left(s.Now(time.Now()))
			if left < 23*time.Hour || left > 24*time.Hour {
				t.Errorf("left = %v", left)
			}
			time.Sleep(22 * time.Hour)
			synctest.Wait()
			b.wantState(SignedIn)
			if n := b.issuer.count("/oauth/token refresh_token"); n != 1 {
				t.Errorf("%d renewals in 22 h", n)
			}
		})
	}
}

func TestSubscribersGetTheLatestAndHoldNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		updates, cancel := b.agent.Subscribe()
		slow, cancelSlow := b.agent.Subscribe()
		defer cancelSlow()
		if s := <-updates; s.ActiveAccount().State != SignedOut {
			t.Errorf("first = %s", s.ActiveAccount().State)
		}
		b.signIn()
		if s := <-updates; s.ActiveAccount().State != SignedIn {
			t.Errorf("latest = %s", s.ActiveAccount().State)
		}
		if s := <-slow; s.ActiveAccount().State != SignedIn {
			t.Errorf("the slow reader's = %s", s.ActiveAccount().State)
		}
		cancel()
		if _, open := <-updates; open {
			t.Error("not closed by cancel")
		}
	})
}

func TestNoSecretIsInASnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		rec := b.agent.accounts[0].rec
		owed := revocation{rec.Environment, rec.RefreshToken, time.Now()}
		for _, text := range []string{printed(b.agent.Snapshot()), fmt.Sprintf("%v %+v %#v", rec, rec, rec), fmt.Sprintf("%v %+v %#v %v", owed, owed, owed, []revocation{owed})} {
			for _, secret := range []string{"access-", "refresh-", "eyJ"} {
				if strings.Contains(text, secret) {
					t.Errorf("%q shows in %s", secret, text)
				}
			}
		}
	})
}

// printed is every way in which somebody may print a value.
func printed(v any) string {
	encoded, _ := json.Marshal(v)
	return fmt.Sprintf("%v %+v %#v %s", v, v, v, encoded)
}

// startReal starts the agent without a vault, outside a time bubble.
func (b *bench) startReal() {
	a, err := NewAgent(AgentOptions{Environment: b.issuer.environment(), Transport: b.issuer})
	if err != nil {
		b.t.Fatal(err)
	}
	b.agent = a
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	b.t.Cleanup(func() {
		cancel()
		<-ended
	})
}

// eventually waits for something that happens in real time.
func (b *bench) eventually(ok func() bool) {
	b.t.Helper()
	updates, cancel := b.agent.Subscribe()
	defer cancel()
	limit := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-updates:
		case <-limit:
			b.t.Fatalf("did not happen: %+v", b.account())
		}
	}
}

func TestTheSessionIsRenewedWhileASignInWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.issuer.set(func(f *fakeIssuer) { f.life = 40 * time.Minute })
		b.signIn()
		time.Sleep(20 * time.Minute)
		before := b.hubHeader()
		b.do(CommandSignIn)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		b.wantState(Prompting)
		if b.hubHeader() == before {
			t.Error("the renewal waited for the user")
		}
		if p := b.account().Prompt; p == nil {
			t.Error("the renewal took the code away")
		}
		b.do(CommandCancelSignIn)
		b.wantState(SignedIn)

		// A refusal meanwhile is what the abandoned sign-in comes back to.
		b.do(CommandSignIn)
		b.issuer.set(func(f *fakeIssuer) { clear(f.live) })
		time.Sleep(14 * time.Minute)
		b.do(CommandCancelSignIn)
		for range 3 {
			if b.account().State == NeedsSignIn {
				break
			}
			time.Sleep(30 * time.Minute)
			synctest.Wait()
		}
		b.wantState(NeedsSignIn)
		b.signIn()
	})
}
