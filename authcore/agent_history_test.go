package authcore

import (
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"net/http"
)

func (b *bench) kinds() []EventKind {
	var kinds []EventKind
	for _, e := range b.agent.Snapshot().Events {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

func TestTheHistorySurvivesARestartForSevenDaysAndHoldsNoSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		b.issuer.set(func(f *fakeIssuer) {
			f.fault = func(string) (*http.Response, error) { return nil, syscall.ENETUNREACH }
		})
		b.do(CommandRenew)
		time.Sleep(time.Minute)
		b.issuer.set(func(f *fakeIssuer) { f.fault = nil })
		b.agent.Nudge("test")
		time.Sleep(time.Second)
		synctest.Wait()
		want := []EventKind{EventSignedIn, EventOffline, EventRenewed}
		if got := b.kinds(); !slices.Equal(got, want) {
			t.Fatalf("events = %v, want %v", got, want)
		}
		b.stop()
		b.start()
		if got := b.kinds(); !slices.Equal(got, want) {
			t.Errorf("after a restart: %v, want %v", got, want)
		}
		if e := b.agent.Snapshot().Events[1]; e.Until.IsZero() {
			t.Error("the offline line has no end")
		}
		text := content(t, b.files+"-history")
		for _, secret := range []string{"access-", "refresh-", "eyJ"} {
			if strings.Contains(text, secret) {
				t.Errorf("%q is in the history", secret)
			}
		}
		time.Sleep(25 * time.Hour)
		synctest.Wait()
		if slices.Contains(b.kinds(), EventSignedIn) {
			t.Error("a snapshot shows more than a day")
		}
		time.Sleep(8 * 24 * time.Hour)
		synctest.Wait()
		if text := content(t, b.files+"-history"); strings.Contains(text, string(EventSignedIn)) {
			t.Error("more than 7 days are kept")
		}

		b.stop()
		if err := os.WriteFile(b.files+"-history", []byte("[{"), 0o600); err != nil {
			t.Fatal(err)
		}
		b.start()
		b.wantState(SignedIn)
	})
}
