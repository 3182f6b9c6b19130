package tray

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
)

// submenu lists the visible lines below the visible line that begins so.
func submenu(items []Item, parent string) (label string, lines []Item) {
	for i, item := range items {
		if item.Hidden || item.Sub || !strings.HasPrefix(item.Label, parent) {
			continue
		}
		for _, below := range items[i+1:] {
			if !below.Sub {
				break
			}
			if !below.Hidden {
				lines = append(lines, below)
			}
		}
		return item.Label, lines
	}
	return "", nil
}

func TestOneAccountNeedsNoSubmenu(t *testing.T) {
	if label, lines := submenu(Menu(english, snapshot(account(authcore.SignedIn)), noon), "Accounts"); label != "" || lines != nil {
		t.Errorf("%q, %v", label, lines)
	}
}

func TestTheActiveAccountIsChosenInTheSubmenu(t *testing.T) {
	s := snapshot(account(authcore.SignedIn))
	second := account(authcore.NeedsSignIn)
	second.ID, second.Label, second.Environment = "b", "Ward 3", "staging"
	third := account(authcore.SignedOut)
	third.ID = "c"
	s.Accounts = append(s.Accounts, second, third)

	label, lines := submenu(Menu(english, s, noon), "Accounts")
	if label != "Accounts: another one needs you" {
		t.Errorf("%q", label)
	}
	var got []string
	for _, l := range lines {
		got = append(got, fmt.Sprintf("%s %v %s", l.Label, l.Checked, l.Command.Account))
		if l.Command.Name != authcore.CommandSetActive || !l.Enabled || !l.Choice {
			t.Errorf("%+v", l)
		}
	}
	want := []string{"dr.amelia.stone · signed in true a", "Ward 3 (staging) · please sign in again false b", "New account · signed out false c"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}

	s.Active = "b" // its own state is in the first line of the menu
	if label, lines := submenu(Menu(english, s, noon), "Accounts"); label != "Accounts" || !lines[1].Checked || lines[0].Checked {
		t.Errorf("%q, %+v", label, lines)
	}
}

func TestMoreAccountsThanLinesLeadToTheWindow(t *testing.T) {
	s := snapshot(account(authcore.SignedIn))
	for i := range accountSlots + 3 {
		a := account(authcore.NeedsSignIn)
		a.ID = fmt.Sprint(i)
		s.Accounts = append(s.Accounts, a)
	}
	label, lines := submenu(Menu(english, s, noon), "Accounts")
	if len(lines) != accountSlots+1 || lines[accountSlots].Command.Name != authcore.CommandOpenWindow || label != "Accounts: 11 others need you" {
		t.Errorf("%q, %d lines, the last %+v", label, len(lines), lines[len(lines)-1])
	}
}

func TestEveryStateHasAWordAmongAccounts(t *testing.T) {
	for _, state := range authcore.States {
		if stateKeys[state] == "" {
			t.Errorf("%s has none", state)
		}
	}
}

func TestWhatFixItFoundIsInTheMenu(t *testing.T) {
	s := snapshot(account(authcore.SignedIn))
	if label, _ := submenu(Menu(english, s, noon), "Found"); label != "" {
		t.Errorf("before the first: %q", label)
	}
	good := authcore.Check{Name: authcore.CheckHost, Finding: authcore.FindingAnswers, Params: map[string]string{"Host": "auth.bitfount.com", "Issuer": "R10"}}
	bad := authcore.Check{Name: authcore.CheckClock, Problem: &authcore.Problem{Code: authcore.ProblemClockWrong, Params: map[string]string{"Offset": "3 h"}}}
	text := func(parent string) (string, string) {
		label, lines := submenu(Menu(english, s, noon), parent)
		var all []string
		for _, l := range lines {
			all = append(all, l.Label)
		}
		return label, strings.Join(all, " ")
	}
	s.Desktop.Diagnosis = &authcore.Diagnosis{Account: "a", StartedAt: noon, Checks: []authcore.Check{good}}
	if label, below := text("Looking"); label != "Looking…" || !strings.Contains(below, "auth.bitfount.com") {
		t.Errorf("while it runs: %q, %q", label, below)
	}
	s.Desktop.Diagnosis = &authcore.Diagnosis{Account: "a", StartedAt: noon, FinishedAt: noon, Checks: []authcore.Check{good}}
	if label, _ := text("Found"); label != "Found: everything is in order" {
		t.Errorf("%q", label)
	}
	s.Desktop.Diagnosis = &authcore.Diagnosis{Account: "a", StartedAt: noon, FinishedAt: noon, Checks: []authcore.Check{good, bad}}
	label, below := text("Found")
	if label != "Found: 1 of 2 needs attention" {
		t.Errorf("%q", label)
	}
	for _, want := range []string{"OK: Connection to auth.bitfount.com. It answers.", "Failed: Clock of this computer. This computer's clock is wrong by 3 h.", "Set the clock", "Copy report"} {
		if !strings.Contains(below, want) {
			t.Errorf("%q lacks %q", below, want)
		}
	}
	s.Desktop.Diagnosis = &authcore.Diagnosis{Account: "a", StartedAt: noon, FinishedAt: noon, Checks: slices.Repeat([]authcore.Check{bad}, 20)}
	s.Desktop.Diagnosis.Account = "another"
	if label, lines := submenu(Menu(english, s, noon), "Found"); label != "" || lines != nil {
		t.Errorf("about another account: %q", label)
	}
	s.Desktop.Diagnosis = &authcore.Diagnosis{Account: "a", FinishedAt: noon, Checks: s.Desktop.Diagnosis.Checks}
	if label, lines := submenu(Menu(english, s, noon), "Found"); len(lines) != foundSlots+1 || lines[foundSlots-1].Label != "More in the report…" {
		t.Errorf("%q: %d lines", label, len(lines))
	}
}

// ending is an account whose session of that life ends then.
func ending(life, left time.Duration) authcore.Account {
	a := account(authcore.SignedIn)
	a.SessionExpiresAt = noon.Add(left)
	a.SignedInAt = a.SessionExpiresAt.Add(-life)
	a.SessionStartedAt = a.SignedInAt
	return a
}

func TestTheSessionsEndIsSaidInTime(t *testing.T) {
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		account authcore.Account
		want    string
	}{
		"unknown":              {account(authcore.SignedIn), ""},
		"30 days, 4 left":      {ending(30*day, 4*day), ""},
		"30 days, 3 left":      {ending(30*day, 3*day), "The session ends Sat 12:00: sign in before then"},
		"90 days, 4 left":      {ending(90*day, 4*day), ""},
		"90 days, 3 left":      {ending(90*day, 3*day), "The session ends Sat 12:00: sign in before then"},
		"10 hours, 2 left":     {ending(10*time.Hour, 2*time.Hour), ""},
		"10 hours, 1 left":     {ending(10*time.Hour, time.Hour), "The session ends 13:00: sign in before then"},
		"over":                 {ending(10*time.Hour, -time.Second), ""},
		"cannot be renewed":    {func() authcore.Account { a := ending(30*day, day); a.Renewable = false; return a }(), ""},
		"signing in meanwhile": {func() authcore.Account { a := ending(30*day, day); a.State = authcore.Prompting; return a }(), ""},
	} {
		if got := SessionEnd(english, c.account, noon); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		shown := slices.ContainsFunc(Menu(english, snapshot(c.account), noon), func(i Item) bool { return !i.Hidden && i.Label == c.want && c.want != "" })
		if shown != (c.want != "") {
			t.Errorf("%s: in the menu: %v", name, shown)
		}
	}
}

func TestTheClipboardCountsDownInSteps(t *testing.T) {
	for left, want := range map[time.Duration]string{
		10 * time.Minute: "in 10 min", 119 * time.Second: "in 110 s", 45 * time.Second: "in 40 s", 40 * time.Second: "in 40 s",
		39 * time.Second: "in 30 s", 10 * time.Second: "in 10 s", 9 * time.Second: "in a few seconds", -time.Second: "in a few seconds",
	} {
		if got := clearing(english, authcore.Clipboard{Holds: export.Hub, ClearAt: noon.Add(left)}, noon); got != "Clears from the clipboard "+want {
			t.Errorf("%v: %q", left, got)
		}
	}
	if got := clearing(english, authcore.Clipboard{}, noon); got != "" {
		t.Errorf("nothing there: %q", got)
	}
	// From text to text: it is drawn as often as it changes.
	s := snapshot(account(authcore.SignedOut))
	s.Desktop.Clipboard = authcore.Clipboard{Holds: export.Hub, ClearAt: noon.Add(45 * time.Second)}
	var texts []string
	for now := noon; ; {
		texts = append(texts, clearing(english, s.Desktop.Clipboard, now))
		after := nextChange(s, now)
		if after == 0 {
			break
		}
		now = now.Add(after)
	}
	if len(texts) != 5 || len(slices.Compact(texts)) != 5 {
		t.Errorf("%q", texts)
	}
	// The countdown and the session's time share one timer.
	s.Accounts = []authcore.Account{account(authcore.SignedIn)}
	if got := nextChange(s, noon); got > 6*time.Second {
		t.Errorf("the next change is after %v", got)
	}
}

func TestTheIconIsMarkedWhileAnotherAccountNeedsItsUser(t *testing.T) {
	s := snapshot(account(authcore.SignedIn))
	other := account(authcore.NeedsSignIn)
	other.ID = "b"
	s.Accounts = append(s.Accounts, other)
	if p := pictureOf(s, noon); !p.marked || p.indicator != authcore.IndicatorSignedIn {
		t.Errorf("the icon is %+v", p)
	}
	if tip := Tooltip(english, s, noon); !strings.HasSuffix(tip, " · another account needs you") {
		t.Errorf("the tooltip is %q", tip)
	}
	// The active account's own need is the icon itself, not its mark.
	s.Active = "b"
	if p := pictureOf(s, noon); p.marked || p.indicator != authcore.IndicatorAttention {
		t.Errorf("the icon is %+v", p)
	}
	if tip := Tooltip(english, s, noon); strings.Contains(tip, "another") {
		t.Errorf("the tooltip is %q", tip)
	}
}

func TestAReportCanBeCopiedWhereAProblemIsSaid(t *testing.T) {
	report := func(s *authcore.Snapshot) (shown bool) {
		for _, i := range Menu(english, s, noon) {
			shown = shown || !i.Hidden && !i.Sub && i.Command.Name == authcore.CommandCopyReport
		}
		return shown
	}
	s := snapshot(account(authcore.SignedIn))
	if report(s) {
		t.Error("it is offered without a problem")
	}
	s.Storage.Problem = &authcore.Problem{Code: authcore.ProblemKeyringLocked}
	if !report(s) {
		t.Error("it is not offered beside a problem")
	}
}
