package ui

import (
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2/test"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
)

// The strip tells when the account was signed in, and of nobody else.
func TestTheLastDayAsAStrip(t *testing.T) {
	ago := func(d time.Duration) time.Time { return noon.Add(-d) }
	at := func(d time.Duration) float32 { // the strip ends at 13:00
		return float32(int(float64(day-time.Hour-d)/float64(day)*1000+0.5)) / 1000
	}
	of := func(events ...authcore.TimelineEvent) moment {
		s := signedIn()
		for i := range events {
			events[i].Account = "a1"
		}
		s.Events = append(events, authcore.TimelineEvent{At: ago(time.Hour), Kind: authcore.EventEnded, Account: "another"})
		return moment{s, s.ActiveAccount(), noon, noon}
	}
	for name, c := range map[string]struct {
		m    moment
		want []daySpan
	}{
		"signed in within the day, and the event forgotten": {of(), []daySpan{{0, at(50 * time.Minute), dayOut}, {at(50 * time.Minute), at(0), dayIn}}},
		"signed in for long": {of(authcore.TimelineEvent{At: ago(5 * time.Hour), Kind: authcore.EventRenewed}), []daySpan{{0, at(0), dayIn}}},
		"ended, and signed in again": {
			of(authcore.TimelineEvent{At: ago(9 * time.Hour), Kind: authcore.EventEnded}, authcore.TimelineEvent{At: ago(8 * time.Hour), Kind: authcore.EventSignedIn}),
			[]daySpan{{0, at(9 * time.Hour), dayIn}, {at(9 * time.Hour), at(8 * time.Hour), dayOut}, {at(8 * time.Hour), at(0), dayIn}},
		},
		"offline, and offline now": {
			of(authcore.TimelineEvent{At: ago(9 * time.Hour), Until: ago(8 * time.Hour), Kind: authcore.EventOffline}, authcore.TimelineEvent{At: ago(time.Hour), Kind: authcore.EventOffline}),
			[]daySpan{{0, at(0), dayIn}, {at(9 * time.Hour), at(8 * time.Hour), dayOffline}, {at(time.Hour), at(0), dayOffline}},
		},
	} {
		if got := dayOf(c.m); !slices.Equal(got.spans, c.want) {
			t.Errorf("%s: %v, want %v", name, got.spans, c.want)
		}
	}
	openRecorded(t) // for its theme
	s := newDayStrip()
	s.set(dayOf(of(authcore.TimelineEvent{At: ago(9 * time.Hour), Until: ago(8 * time.Hour), Kind: authcore.EventOffline})))
	if got := s.AccessibilityLabel(); !strings.HasPrefix(got, "The last day, Signed in: 23 h, Offline: 1 h") {
		t.Errorf("it says %q", got)
	}
}

// What is chosen for copying is what is saved.
func TestSavingTakesTheChoiceAlong(t *testing.T) {
	v, _, _ := openRecorded(t)
	v.Render(signedIn(), noon)
	v.pages.session.service.set(export.AccessManager)
	v.pages.session.format.set(export.FormatJSON)
	test.Tap(v.pages.session.save)
	p := v.places[atNewFile].(*newFile)
	if v.place != atNewFile || p.service.value() != export.AccessManager || p.format.value() != export.FormatJSON {
		t.Errorf("at %s with %s, %s", v.place, p.service.value(), p.format.value())
	}
}

// A session that runs out and cannot renew itself says so before it has ended.
func TestASessionThatCannotRenewOffersToSignIn(t *testing.T) {
	v, _, r := openRecorded(t)
	v.Render(with(func(_ *authcore.Snapshot, a *authcore.Account) {
		a.ExpiresAt, a.Renewable = noon.Add(2*time.Minute), false
	}), noon)
	b, _ := v.page.primary().(*button)
	if b == nil || b.Text != "Sign in…" || !v.pages.session.copySection.Visible() {
		t.Fatalf("shown: %q", shown(v.Content()))
	}
	test.Tap(b)
	wantSent(t, r, authcore.Command{Name: authcore.CommandSignIn})
}

// An account that has a form is led back by it.
func TestAFormIsTheNextStepOfItsAccounts(t *testing.T) {
	for method, place := range map[authcore.Method]location{authcore.MethodAPIKeys: atAPIKeys, authcore.MethodExternalJWT: atToken} {
		for _, state := range []authcore.State{authcore.SignedOut, authcore.NeedsSignIn} {
			for _, p := range []*authcore.Problem{nil, problem(authcore.ProblemBadSource)} {
				v, _, r := openRecorded(t)
				v.Render(with(func(_ *authcore.Snapshot, a *authcore.Account) {
					a.Method, a.State, a.HasHeaders, a.Renewable, a.Problem = method, state, false, false, p
				}), noon)
				b, _ := v.page.primary().(*button)
				if b == nil || b.Disabled() || !b.Visible() {
					t.Errorf("%s, %s: no way on in %q", method, state, shown(v.Content()))
					continue
				}
				test.Tap(b)
				if v.place != place || len(r.sent) != 0 {
					t.Errorf("%s, %s: %q leads to %s, sent %v", method, state, b.Text, v.place, r.sent)
				}
			}
		}
	}
}

// Whatever a problem is, and wherever it is said, its details and the report are
// one click away.
func TestEveryProblemHasDetailsAndAReport(t *testing.T) {
	report := authcore.Command{Name: authcore.CommandCopyReport}
	unfold := func(t *testing.T, v *View, r *recorder, d *details, cause string) {
		t.Helper()
		if !d.open.Visible() || d.cause.Visible() || d.report.Visible() {
			t.Fatalf("there is no way to the details in %q", shown(v.Content()))
		}
		test.Tap(d.open)
		if !says(v, cause) {
			t.Errorf("the details do not say %q", cause)
		}
		test.Tap(d.report)
		wantSent(t, r, report)
	}
	for _, code := range authcore.ProblemCodes() {
		v, _, r := openRecorded(t)
		v.Render(signedIn(), noon)
		v.ShowError(&authcore.Problem{Code: code}) // one without a cause
		unfold(t, v, r, v.banners.failed.details, string(code))
	}
	t.Run("a file", func(t *testing.T) {
		v, _, r := openRecorded(t)
		v.Render(withFiles(), noon)
		v.open(atFiles)
		unfold(t, v, r, v.places[atFiles].(*files).items["/mnt/results/hub.json"].details, "no such host")
		if d := v.places[atFiles].(*files).items["/home/eleanor/bitfount-am.env"].details; d.open.Visible() {
			t.Error("a file that was written has details")
		}
	})
	t.Run("a form", func(t *testing.T) {
		v, _, r := openRecorded(t)
		v.Render(signedOut(), noon)
		v.Credentials = answering(authcore.CredentialTest{Outcome: authcore.TestUnreachable, Problem: problem(authcore.ProblemUnreachable, "Host", "hub")}, nil)
		p := atKeys(v)
		test.Tap(p.test)
		unfold(t, v, r, p.verdict.details, "no such host")
	})
	t.Run("Fix it", func(t *testing.T) {
		v, _, r := openRecorded(t)
		v.Render(with(func(s *authcore.Snapshot, _ *authcore.Account) {
			s.Desktop.Diagnosis = diagnosis(8)
			s.Desktop.Diagnosis.Checks[1] = authcore.Check{Name: authcore.CheckHost, Problem: problem(authcore.ProblemUnreachable, "Host", "hub")}
		}), noon)
		v.open(atFixIt)
		unfold(t, v, r, v.places[atFixIt].(*fixIt).details, "no such host")
	})
}
