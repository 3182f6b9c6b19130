package tray

import (
	"fmt"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
)

// How many lines are kept for accounts and for what "Fix it" found. Nobody is
// known to have more than three accounts; the window shows any number.
const (
	accountSlots = 8
	foundSlots   = 16
)

// accountLines are the submenu to choose the active account from. It is shown
// when there is something to choose.
func accountLines(s *authcore.Snapshot) []Item {
	several := len(s.Accounts) > 1
	waiting := 0
	for _, a := range s.Accounts {
		if a.ID != s.Active && needsUser(a) {
			waiting++
		}
	}
	parent := Item{Label: "Accounts", Hidden: !several, Enabled: several}
	switch {
	case waiting == 1:
		parent.Label = "Accounts: another one needs you"
	case waiting > 1:
		parent.Label = fmt.Sprintf("Accounts: %d others need you", waiting)
	}
	items := []Item{parent}
	for i := range accountSlots {
		item := Item{Sub: true, Choice: true, Hidden: true}
		if several && i < len(s.Accounts) {
			a := s.Accounts[i]
			item = Item{
				Label: accountLabel(a), Sub: true, Choice: true, Checked: a.ID == s.Active, Enabled: true,
				Command: authcore.Command{Name: authcore.CommandSetActive, Account: a.ID},
			}
		}
		items = append(items, item)
	}
	more := Item{Label: "More in the window…", Sub: true, Hidden: true, Command: authcore.Command{Name: authcore.CommandOpenWindow}}
	if len(s.Accounts) > accountSlots {
		more.Hidden, more.Enabled = false, true
	}
	return append(items, more)
}

// needsUser reports whether only its user can bring the account back.
func needsUser(a authcore.Account) bool { return a.State == authcore.NeedsSignIn }

// accountLabel names an account among others, with its state in words that do
// not change by themselves.
func accountLabel(a authcore.Account) string {
	name := a.Label
	if name == "" {
		name = a.Username
	}
	if name == "" {
		name = "New account"
	}
	if a.Environment != "" && a.Environment != authcore.Environments[0].Name {
		name += " (" + a.Environment + ")"
	}
	return shorten(name, problemWidth) + " · " + stateWords[a.State]
}

var stateWords = map[authcore.State]string{
	authcore.SignedOut:   "signed out",
	authcore.Prompting:   "signing in",
	authcore.SignedIn:    "signed in",
	authcore.Renewing:    "signed in",
	authcore.Offline:     "offline",
	authcore.Expired:     "expired",
	authcore.NeedsSignIn: "please sign in again",
}

// foundLines are the submenu with what "Fix it" found about the active account,
// for those whose window cannot be opened too.
func foundLines(s *authcore.Snapshot) []Item {
	d := s.Desktop.Diagnosis
	if d != nil && d.Account != s.Active {
		d = nil
	}
	parent := Item{Hidden: true}
	var lines []string
	if d != nil {
		failed := 0
		for _, c := range d.Checks {
			w := c.Words()
			mark := "OK: "
			if !c.OK() {
				mark = "Failed: "
				failed++
			}
			lines = append(lines, wrap(mark+w.Title+". "+w.Found+" "+w.Next)...)
		}
		parent = Item{Label: fmt.Sprintf("Found: %d of %d need attention", failed, len(d.Checks)), Enabled: true}
		switch {
		case failed == 1 && !d.Running():
			parent.Label = fmt.Sprintf("Found: 1 of %d needs attention", len(d.Checks))
		case d.Running():
			parent.Label = "Looking…"
		case failed == 0:
			parent.Label = "Found: everything is in order"
		}
	}
	if len(lines) > foundSlots {
		lines = append(lines[:foundSlots-1], "More in the report…")
	}
	items := []Item{parent}
	for i := range foundSlots {
		item := Item{Sub: true, Hidden: true}
		if i < len(lines) {
			item.Label, item.Hidden = lines[i], false
		}
		items = append(items, item)
	}
	report := Item{Label: "Copy report", Sub: true, Enabled: d != nil, Hidden: d == nil, Command: authcore.Command{Name: authcore.CommandCopyReport}}
	return append(items, report)
}

// SessionEnd says when the account's session ends for good, from the time on
// when it is worth knowing: in the last tenth of its life or the last 3 days,
// whichever is shorter. It is empty before, and where the server does not tell.
// now is corrected time.
func SessionEnd(a authcore.Account, now time.Time) string {
	first, _ := SessionEndWarnings(a)
	if first.IsZero() || now.Before(first) || !now.Before(a.SessionExpiresAt) || a.State == authcore.Prompting {
		return ""
	}
	return "The session ends " + clockTime(a.SessionExpiresAt, now) + ": sign in before then"
}

// SessionEndWarnings are the two times to warn of the session's end: once at a
// tenth of its life or 3 days before it, whichever is less, and once in the last
// hours. Both are zero where the end is not known or cannot be met any more.
func SessionEndWarnings(a authcore.Account) (first, last time.Time) {
	if a.SessionExpiresAt.IsZero() || !a.Renewable || a.Method != authcore.MethodDeviceCode {
		return time.Time{}, time.Time{}
	}
	part := 72 * time.Hour
	if tenth := a.SessionExpiresAt.Sub(a.SignedInAt) / 10; !a.SignedInAt.IsZero() && tenth < part {
		part = tenth
	}
	return a.SessionExpiresAt.Add(-part), a.SessionExpiresAt.Add(-min(part/4, 3*time.Hour))
}

// clearing counts down until headers are taken off the clipboard, in steps: a
// menu that is open should not flicker. It never promises too much.
func clearing(c authcore.Clipboard, now time.Time) string {
	left := c.ClearAt.Sub(now)
	switch {
	case c.Holds == "" || c.ClearAt.IsZero():
		return ""
	case left >= 2*time.Minute:
		return fmt.Sprintf("Clears from the clipboard in %d min", left/time.Minute)
	case left >= clearingStep:
		return fmt.Sprintf("Clears from the clipboard in %d s", left/clearingStep*(clearingStep/time.Second))
	}
	return "Clears from the clipboard in a few seconds"
}

const clearingStep = 10 * time.Second

// nextClearingChange is how long clearing's text stays true, zero if for ever.
func nextClearingChange(c authcore.Clipboard, now time.Time) time.Duration {
	left := c.ClearAt.Sub(now)
	if c.Holds == "" || left < clearingStep {
		return 0
	}
	step := clearingStep
	if left >= 2*time.Minute {
		step = time.Minute
	}
	// Just after it has fallen below a whole step.
	return left%step + 50*time.Millisecond
}
