package tray

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/ui/translations"
)

var english = translations.For("en")

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC) // a Wednesday

// account is one in that state that signed in at noon, for a day.
func account(state authcore.State) authcore.Account {
	a := authcore.Account{
		ID: "a", Method: authcore.MethodDeviceCode, Environment: "production", State: state,
		Username: "dr.amelia.stone", SignedInAt: noon, IssuedAt: noon, ExpiresAt: noon.Add(24 * time.Hour),
		HasHeaders: true, Renewable: true,
	}
	switch state {
	case authcore.SignedOut:
		a = authcore.Account{ID: "a", Method: authcore.MethodDeviceCode, Environment: "production", State: state}
	case authcore.Prompting:
		a = authcore.Account{ID: "a", Method: authcore.MethodDeviceCode, Environment: "production", State: state,
			Prompt: &authcore.DevicePrompt{UserCode: "ABCD-EFGH"}}
	case authcore.Expired:
		a.HasHeaders = false
	case authcore.NeedsSignIn:
		a.HasHeaders, a.Renewable = false, false
	}
	return a
}

func snapshot(a authcore.Account) *authcore.Snapshot {
	return &authcore.Snapshot{Accounts: []authcore.Account{a}, Active: a.ID}
}

func TestStatus(t *testing.T) {
	with := func(state authcore.State, change func(*authcore.Account)) *authcore.Snapshot {
		a := account(state)
		change(&a)
		return snapshot(a)
	}
	nothing := func(*authcore.Account) {}
	forever := func(a *authcore.Account) { a.ExpiresAt, a.IssuedAt = time.Time{}, time.Time{} }
	for name, c := range map[string]struct {
		snapshot *authcore.Snapshot
		after    time.Duration
		want     string
	}{
		"signed out":             {with(authcore.SignedOut, nothing), 0, "Signed out"},
		"no account":             {&authcore.Snapshot{}, 0, "Signed out"},
		"keyring locked":         {&authcore.Snapshot{Storage: authcore.Storage{Waiting: true}}, 0, "Waiting for the keyring"},
		"asking for a code":      {with(authcore.Prompting, func(a *authcore.Account) { a.Prompt = nil }), 0, "Asking for a sign-in code…"},
		"code there":             {with(authcore.Prompting, nothing), 0, "Waiting for you to approve in the browser: ABCD-EFGH"},
		"signed in":              {with(authcore.SignedIn, nothing), time.Minute, "dr.amelia.stone · 23 h left"},
		"last hours":             {with(authcore.SignedIn, nothing), 22*time.Hour + 20*time.Minute, "dr.amelia.stone · 1 h 40 min left"},
		"last minutes":           {with(authcore.SignedIn, nothing), 23*time.Hour + 50*time.Minute + time.Second, "dr.amelia.stone · 9 min left"},
		"last seconds":           {with(authcore.SignedIn, nothing), 24*time.Hour - time.Second, "dr.amelia.stone · less than a minute left"},
		"ran out unnoticed":      {with(authcore.SignedIn, nothing), 25 * time.Hour, "dr.amelia.stone · expired"},
		"days":                   {with(authcore.SignedIn, func(a *authcore.Account) { a.ExpiresAt = noon.Add(80 * time.Hour) }), 0, "dr.amelia.stone · 3 days left"},
		"nameless":               {with(authcore.SignedIn, func(a *authcore.Account) { a.Username = "" }), 0, "24 h left"},
		"labelled":               {with(authcore.SignedIn, func(a *authcore.Account) { a.Username, a.Label = "", "Ward 3" }), 0, "Ward 3 · 24 h left"},
		"API keys":               {with(authcore.SignedIn, forever), 0, "dr.amelia.stone · signed in"},
		"renewing":               {with(authcore.Renewing, nothing), 0, "dr.amelia.stone · 24 h left"},
		"renewing too late":      {with(authcore.Renewing, nothing), 25 * time.Hour, "dr.amelia.stone · renewing…"},
		"offline, same day":      {with(authcore.Offline, func(a *authcore.Account) { a.ExpiresAt = noon.Add(125 * time.Minute) }), 0, "Offline, still signed in until 14:05"},
		"offline, until morning": {with(authcore.Offline, nothing), 0, "Offline, still signed in until Thu 12:00"},
		"offline, next week":     {with(authcore.Offline, func(a *authcore.Account) { a.ExpiresAt = noon.Add(10 * 24 * time.Hour) }), 0, "Offline, still signed in until 14 Mar 12:00"},
		"offline and ran out":    {with(authcore.Offline, nothing), 25 * time.Hour, "dr.amelia.stone · offline, expired"},
		"offline for ever":       {with(authcore.Offline, forever), 0, "Offline, still signed in"},
		"expired":                {with(authcore.Expired, nothing), 25 * time.Hour, "dr.amelia.stone · expired, trying to renew"},
		"needs sign-in":          {with(authcore.NeedsSignIn, nothing), 0, "dr.amelia.stone · please sign in again"},
	} {
		if got := Status(english, c.snapshot, noon.Add(c.after)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestStatusGoesByTheServersClock(t *testing.T) {
	s := snapshot(account(authcore.SignedIn))
	s.Clock.Offset = 5 * time.Hour // this computer is five hours slow
	if got := Status(english, s, noon.Add(-5*time.Hour)); got != "dr.amelia.stone · 24 h left" {
		t.Errorf("%q", got)
	}
}

func TestTooltip(t *testing.T) {
	a := account(authcore.SignedIn)
	if got := Tooltip(english, snapshot(a), noon); got != "Bitfount Tray: dr.amelia.stone · 24 h left" {
		t.Errorf("%q", got)
	}
	a.Environment = "staging"
	if got := Tooltip(english, snapshot(a), noon); got != "Bitfount Tray: dr.amelia.stone · 24 h left · staging" {
		t.Errorf("%q", got)
	}
	a.Username = strings.Repeat("ä", 300)
	if got := utf8.RuneCountInString(Tooltip(english, snapshot(a), noon)); got != 127 {
		t.Errorf("a long tooltip has %d characters, and Windows shows 127", got)
	}
}

// enabled lists the labels that can be clicked.
func enabled(items []Item) (labels []string) {
	for _, i := range items {
		if i.Enabled && !i.Hidden {
			labels = append(labels, i.Label)
		}
	}
	return labels
}

func TestMenuEnablesWhatCanWork(t *testing.T) {
	copies := []string{"Copy Hub headers", "Copy Access Manager headers", "Copy message service metadata"}
	for state, want := range map[authcore.State][]string{
		authcore.SignedOut:   {"Sign in…", "Fix it…", "Open Bitfount Tray", "Quit"},
		authcore.Prompting:   {"Open the browser again", "Copy the sign-in link", "Copy the code", "Cancel sign-in", "Fix it…", "Open Bitfount Tray", "Quit"},
		authcore.SignedIn:    slices.Concat([]string{"Sign in…"}, copies, []string{"Renew now", "Fix it…", "Open Bitfount Tray", "Sign out", "Quit"}),
		authcore.Renewing:    slices.Concat(copies, []string{"Fix it…", "Open Bitfount Tray", "Sign out", "Quit"}),
		authcore.Offline:     slices.Concat([]string{"Sign in…"}, copies, []string{"Renew now", "Fix it…", "Open Bitfount Tray", "Sign out", "Quit"}),
		authcore.Expired:     {"Sign in…", "Renew now", "Fix it…", "Open Bitfount Tray", "Sign out", "Quit"},
		authcore.NeedsSignIn: {"Sign in…", "Fix it…", "Open Bitfount Tray", "Sign out", "Quit"},
	} {
		if got := enabled(Menu(english, snapshot(account(state)), noon)); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", state, got, want)
		}
	}
}

func TestEveryStateHasTheSameLines(t *testing.T) {
	reference := Menu(english, &authcore.Snapshot{}, noon)
	for _, state := range authcore.States {
		s := snapshot(account(state))
		s.Storage.Problem = &authcore.Problem{Code: authcore.ProblemDiskFull}
		items := Menu(english, s, noon)
		if len(items) != len(reference) {
			t.Fatalf("%s: %d lines, want %d", state, len(items), len(reference))
		}
		for i, item := range items {
			if item.Command != reference[i].Command || item.Separator != reference[i].Separator {
				t.Errorf("%s: line %d is %+v, elsewhere %+v", state, i, item, reference[i])
			}
			parent := i+1 < len(items) && items[i+1].Sub && !item.Sub
			if item.Enabled && item.Command.Name == "" && !parent {
				t.Errorf("%s: line %d can be clicked and does nothing", state, i)
			}
		}
	}
}

func TestCopyLinesNameTheirService(t *testing.T) {
	var got []export.Service
	for _, i := range Menu(english, snapshot(account(authcore.SignedIn)), noon) {
		if i.Command.Name == authcore.CommandCopyHeaders {
			got = append(got, i.Command.Service)
		}
	}
	if !slices.Equal(got, export.Services) {
		t.Errorf("%v, want %v", got, export.Services)
	}
}

func visibleProblem(items []Item) (text string) {
	for _, i := range items[1 : 1+problemLines] {
		if !i.Hidden {
			text += i.Label + "\n"
		}
	}
	return text
}

func TestMenuShowsTheProblemThatMattersMost(t *testing.T) {
	s := snapshot(account(authcore.SignedIn))
	if got := visibleProblem(Menu(english, s, noon)); got != "" {
		t.Errorf("a problem without a problem: %s", got)
	}
	steps := []struct {
		set  func()
		want authcore.ProblemCode
	}{
		{func() { s.LiveFiles = []authcore.LiveFile{{Problem: &authcore.Problem{Code: authcore.ProblemExport}}} }, authcore.ProblemExport},
		{func() { s.Clock.Problem = &authcore.Problem{Code: authcore.ProblemClockWrong} }, authcore.ProblemClockWrong},
		{func() { s.Desktop.Clipboard.Problem = &authcore.Problem{Code: authcore.ProblemClipboard} }, authcore.ProblemClipboard},
		{func() { s.Desktop.Window = &authcore.Problem{Code: authcore.ProblemNoWindow} }, authcore.ProblemNoWindow},
		{func() { s.Storage.Problem = &authcore.Problem{Code: authcore.ProblemKeyringLocked} }, authcore.ProblemKeyringLocked},
		{func() { s.Accounts[0].Problem = &authcore.Problem{Code: authcore.ProblemServerBusy} }, authcore.ProblemServerBusy},
		{func() { s.Desktop.Browser = &authcore.Problem{Code: authcore.ProblemNoBrowser} }, authcore.ProblemNoBrowser},
	}
	for _, step := range steps {
		step.set()
		w := english.Problem(&authcore.Problem{Code: step.want})
		got := strings.Join(strings.Fields(visibleProblem(Menu(english, s, noon))), " ")
		if want := w.What + " " + w.Next; got != want {
			t.Errorf("%s: the menu says %q, want %q", step.want, got, want)
		}
	}
}

func TestEveryProblemFitsIntoTheMenu(t *testing.T) {
	params := map[string]string{
		"Host": "auth.staging.bitfount.com", "Path": "/home/amelia.stone/.local/share/bitfount-tray/vault.age",
		"Kept": "vault.age.damaged-20260304", "Issuer": "Northern Hospitals Trust Inspection CA 2", "Got": "dr.amelia.stone",
		"Want": "dr.konstantin.weber", "Offset": "3 h 20 min",
	}
	for _, name := range translations.Codes() {
		l := translations.For(name)
		for _, code := range authcore.ProblemCodes() {
			p := &authcore.Problem{Code: code, Params: params}
			lines := problemText(l, p)
			for _, line := range lines {
				if n := utf8.RuneCountInString(line); n > problemWidth {
					t.Errorf("%s: %s: %d characters in %q", name, code, n, line)
				}
			}
			w := l.Problem(p)
			if got := strings.Join(lines, " "); got != w.What+" "+w.Next {
				t.Errorf("%s: %s does not fit into %d lines: %q", name, code, problemLines, got)
			}
		}
	}
}

func TestLongWordsAreCut(t *testing.T) {
	for _, line := range wrap("short " + strings.Repeat("x", 500) + " short") {
		if n := utf8.RuneCountInString(line); n > problemWidth {
			t.Errorf("a line of %d characters", n)
		}
	}
}

// TestTheMenuIsDrawnAsOftenAsItChanges walks through sessions from change to
// change and compares with a look every second, or every minute and a half.
func TestTheMenuIsDrawnAsOftenAsItChanges(t *testing.T) {
	const day, ahead = 24 * time.Hour, 90 * time.Minute
	look := func(s *authcore.Snapshot, now time.Time) string {
		text := fmt.Sprint(s.ActiveAccount().Indicator(s.Now(now)), Tooltip(english, s, now))
		for _, item := range Menu(english, s, now) {
			text += item.Label
		}
		return text
	}
	for name, change := range map[string]func(*authcore.Account){
		"a token of 50 hours": func(a *authcore.Account) { a.ExpiresAt = noon.Add(50 * time.Hour) },
		"a token of 35 minutes": func(a *authcore.Account) {
			a.IssuedAt = noon.Add(ahead)
			a.ExpiresAt = a.IssuedAt.Add(35 * time.Minute)
		},
		"offline for a week": func(a *authcore.Account) { a.State, a.ExpiresAt = authcore.Offline, noon.Add(7*day) },
		"a session that ends": func(a *authcore.Account) {
			a.SessionStartedAt, a.SessionExpiresAt = noon.Add(-26*day), noon.Add(4*day)
			a.ExpiresAt = noon.Add(4*day + time.Hour)
		},
		"without an end": func(a *authcore.Account) { a.ExpiresAt = time.Time{} },
	} {
		a := account(authcore.SignedIn)
		a.Renewable = true
		change(&a)
		s := snapshot(a)
		s.Clock.Offset = ahead // this computer is behind
		step, end := 97*time.Second, noon.Add(8*day)
		if a.ExpiresAt.Sub(a.IssuedAt) < time.Hour {
			step, end = time.Second, noon.Add(time.Hour)
		}
		next, draws, changes := noon, 0, 0
		drawn, before := "", ""
		for now := noon; now.Before(end); now = now.Add(step) {
			is := look(s, now)
			if is != before {
				changes++
			}
			if !next.IsZero() && !now.Before(next) {
				drawn = is
				after := nextChange(s, now)
				if after < 0 {
					t.Fatalf("%s: at %v: next change after %v", name, now, after)
				}
				if next = now.Add(after); after == 0 {
					next = time.Time{}
				}
				draws++
			}
			// It is drawn a second after the boundary, so one second may lag.
			if drawn != is && drawn != before {
				t.Fatalf("%s: at %v: drawn %q, true %q", name, now, drawn, is)
			}
			before = is
		}
		// The time left changes at a boundary, the picture within a second of it.
		if draws > changes+10 {
			t.Errorf("%s: drawn %d times for %d changes", name, draws, changes)
		}
	}
}

func TestNothingTicksWithoutATokenThatEnds(t *testing.T) {
	for _, a := range []authcore.Account{account(authcore.SignedOut), account(authcore.Prompting)} {
		if got := nextChange(snapshot(a), noon); got != 0 {
			t.Errorf("%s: wakes up after %v", a.State, got)
		}
	}
}
