package authcore

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// scriptedSource answers with one entry after the other, and with the last one
// for ever.
type scriptedSource struct {
	answers []scriptedAnswer
	asked   []time.Time
}

type scriptedAnswer struct {
	token string
	left  time.Duration // 0: without expiry
	err   error
}

func (s *scriptedSource) getToken(context.Context) (secret.Secret, time.Time, error) {
	a := s.answers[min(len(s.asked), len(s.answers)-1)]
	s.asked = append(s.asked, time.Now())
	if a.left == 0 {
		return secret.New(a.token), time.Time{}, a.err
	}
	return secret.New(a.token), time.Now().Add(a.left), a.err
}

func TestTheHookIsAskedUpToThreeTimes(t *testing.T) {
	fault := errors.New("the smart card is missing")
	for name, c := range map[string]struct {
		answers []scriptedAnswer
		tries   int
		took    time.Duration
		want    string // in the error; "" for none
	}{
		"good at once":            {[]scriptedAnswer{{"t", time.Hour, nil}}, 1, 0, ""},
		"just over the margin":    {[]scriptedAnswer{{"t", time.Minute + time.Second, nil}}, 1, 0, ""},
		"good the second time":    {[]scriptedAnswer{{"t", 59 * time.Second, nil}, {"t", time.Hour, nil}}, 2, time.Second, ""},
		"good the third time":     {[]scriptedAnswer{{"t", -time.Hour, nil}, {"t", time.Minute, nil}, {"t", time.Hour, nil}}, 3, 3 * time.Second, ""},
		"never":                   {[]scriptedAnswer{{"t", 30 * time.Second, nil}}, 3, 3 * time.Second, "expires at 2000-01-01 00:00:33 UTC"},
		"expired long ago":        {[]scriptedAnswer{{"t", -24 * time.Hour, nil}}, 3, 3 * time.Second, "expires at 1999-12-31 00:00:03 UTC"},
		"JWT without expiry":      {[]scriptedAnswer{{"t", 0, nil}}, 3, 3 * time.Second, "no JWT with an expiry"},
		"expiry without JWT":      {[]scriptedAnswer{{"", time.Hour, nil}}, 3, 3 * time.Second, "no JWT with an expiry"},
		"an error is not retried": {[]scriptedAnswer{{"", 0, fault}}, 1, 0, "the smart card is missing"},
		"an error after a try":    {[]scriptedAnswer{{"t", time.Second, nil}, {"", 0, fault}}, 2, time.Second, "the smart card is missing"},
		"line break in the JWT":   {[]scriptedAnswer{{"t\r\nx: y", time.Hour, nil}}, 1, 0, "the JWT has a line break at position 2"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source := &scriptedSource{answers: c.answers}
				h := must(NewExternallyManagedJWTHandler(secret.Secret{}, time.Time{}, source.getToken, "ada"))
				start := time.Now()
				err := h.Authenticate(t.Context())
				if took := time.Since(start); took != c.took || len(source.asked) != c.tries {
					t.Errorf("asked %d times in %v, want %d in %v", len(source.asked), took, c.tries, c.took)
				}
				if c.want == "" {
					if err != nil || !h.Authenticated() {
						t.Fatalf("not authenticated: %v", err)
					}
					return
				}
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("the error is %v; want %q in it", err, c.want)
				}
				if h.Authenticated() || !h.ExpiresAt().IsZero() {
					t.Error("a JWT that was not good enough is in use")
				}
			})
		})
	}
}

func TestHalfAJWTCountsAsNone(t *testing.T) {
	for name, h := range map[string]*ExternallyManagedJWTHandler{
		"JWT without expiry": must(NewExternallyManagedJWTHandler(secret.New("t"), time.Time{}, noToken, "ada")),
		"expiry without JWT": must(NewExternallyManagedJWTHandler(secret.Secret{}, time.Now().Add(time.Hour), noToken, "ada")),
	} {
		if _, err := h.HubHeaders(t.Context()); !errors.Is(err, ErrNotAuthenticated) || h.Authenticated() {
			t.Errorf("%s: authenticated, error %v", name, err)
		}
	}
}

func TestAnExternalHandlerThatCannotWorkIsRefused(t *testing.T) {
	if _, err := NewExternallyManagedJWTHandler(secret.Secret{}, time.Time{}, nil, "ada"); err == nil {
		t.Error("accepted without a hook")
	}
	_, err := NewExternallyManagedJWTHandler(secret.New("canary\n"), time.Now().Add(time.Hour), noToken, "ada")
	if err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("a JWT with a line break: %v", err)
	}
}

func TestAFailingSourceDoesNotCostTheJWTThatLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &scriptedSource{answers: []scriptedAnswer{{"", 0, errors.New("down")}}}
		h := must(NewExternallyManagedJWTHandler(secret.New("old"), time.Now().Add(30*time.Second), source.getToken, "ada"))
		if h.Authenticated() {
			t.Error("authenticated with 30 s left")
		}
		if err := h.Authenticate(t.Context()); err == nil {
			t.Error("no error")
		}
		if got := sent(t, h, export.MessageService)["token"]; got != "old" {
			t.Errorf("sends %q", got)
		}
		time.Sleep(30 * time.Second)
		_, err := h.HubHeaders(t.Context())
		if !errors.Is(err, ErrNotAuthenticated) || !strings.Contains(err.Error(), "expired at 2000-01-01 00:00:30 UTC") {
			t.Errorf("after its end: %v", err)
		}
	})
}

func TestCallersShareOneAnswerAndKeepTheirOwnContexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		slow := func(ctx context.Context) (secret.Secret, time.Time, error) {
			asked.Add(1)
			if err := pause(ctx, time.Minute); err != nil {
				return secret.Secret{}, time.Time{}, err
			}
			return secret.New("t"), time.Now().Add(time.Hour), nil
		}
		h := must(NewExternallyManagedJWTHandler(secret.Secret{}, time.Time{}, slow, "ada"))

		// The first caller, under whose context the source seems to run, leaves.
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		first := make(chan error, 1)
		go func() { first <- h.Authenticate(impatient) }()
		synctest.Wait()

		var all sync.WaitGroup
		for range 1000 {
			all.Go(func() {
				if err := h.Authenticate(t.Context()); err != nil {
					t.Errorf("a patient caller: %v", err)
				}
			})
		}
		if err := <-first; !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("the impatient caller: %v after %v", err, time.Since(start))
		}
		all.Wait()
		if n := asked.Load(); n != 1 {
			t.Errorf("the source was asked %d times", n)
		}

		// A source that nobody waits for any more is told so.
		alone, leave := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() { gone <- h.Authenticate(alone) }()
		synctest.Wait()
		before := time.Now()
		leave()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("the caller that left: %v", err)
		}
		synctest.Wait()
		if err := h.Authenticate(t.Context()); err != nil || time.Since(before) != time.Minute {
			t.Errorf("the next caller: %v after %v", err, time.Since(before))
		}
		if n := asked.Load(); n != 3 {
			t.Errorf("the source was asked %d times, want a call of its own for the next caller", n)
		}
		if err := h.Authenticate(alone); !errors.Is(err, context.Canceled) || asked.Load() != 3 {
			t.Errorf("a caller that has left before: %v", err)
		}
	})
}

func TestReauthenticateAsksOnlyForTheTokenThatWasRefused(t *testing.T) {
	source := &scriptedSource{answers: []scriptedAnswer{{"new", time.Hour, nil}}}
	h := must(NewExternallyManagedJWTHandler(secret.New("old"), time.Now().Add(time.Hour), source.getToken, "ada"))
	for _, step := range []struct {
		rejected string
		asked    int
	}{{"older", 0}, {"old", 1}, {"old", 1}, {"new", 2}} {
		if err := h.Reauthenticate(t.Context(), secret.New(step.rejected)); err != nil || len(source.asked) != step.asked {
			t.Errorf("%s refused: asked %d times in all, want %d (%v)", step.rejected, len(source.asked), step.asked, err)
		}
	}
}
