package authcore

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/export"
)

// launch is start for a program that asks at once and ends soon.
func (b *bench) launch() (*Agent, context.CancelFunc) {
	b.t.Helper()
	a, err := NewAgent(AgentOptions{Environment: b.issuer.environment(), Vault: b.vault, Transport: b.issuer, LiveFileList: b.files})
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { _ = a.Run(ctx); close(ended) }()
	return a, func() { cancel(); <-ended }
}

func TestAQuestionBeforeTheVaultWasReadIsAnsweredByTheSavedSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		want := b.hubHeader()
		b.stop()
		a, end := b.launch()
		defer end()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		headers, err := a.Headers(ctx, "", export.Hub, 0)
		if err != nil || headers[0].Value.Reveal() != want {
			t.Fatalf("the saved session's headers are not handed out: %v", err)
		}
	})
}

func TestAProgramThatEndsSoonWaitsForItsSignOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		b.stop()

		a, end := b.launch()
		if err := a.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s := a.Snapshot().ActiveAccount().State; s != SignedIn {
			t.Fatalf("ready in state %s", s)
		}
		if err := a.Do(t.Context(), Command{Name: CommandSignOut}); err != nil {
			t.Fatal(err)
		}
		if err := a.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(b.issuer.revoked) != 1 {
			t.Error("the server was not told of the sign-out")
		}
		end()
		if err := a.Settle(t.Context()); !errors.Is(err, ErrStopped) {
			t.Errorf("after the end: %v", err)
		}

		a, end = b.launch()
		defer end()
		if err := a.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s := a.Snapshot().ActiveAccount().State; s != SignedOut {
			t.Errorf("after a restart: state %s", s)
		}
	})
}

func TestAnEndedSessionIsCalledEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		b.issuer.set(func(f *fakeIssuer) { clear(f.live); clear(f.families) })
		time.Sleep(25 * time.Hour)
		synctest.Wait()
		b.wantState(NeedsSignIn)
		_, err := b.agent.Headers(t.Context(), "", export.Hub, 0)
		var problem *Problem
		if !errors.As(err, &problem) || problem.Code != ProblemSessionEnded {
			t.Errorf("headers of an ended session: %v", err)
		}
	})
}
