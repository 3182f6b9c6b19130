package tray

import (
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/ui/translations"
)

// How many lines are kept for accounts and for what "Fix it" found. Nobody is
// known to have more than three accounts; the window shows any number.
const (
	accountSlots = 8
	foundSlots   = 16
)

// accountLines are the submenu to choose the active account from. It is shown
// when there is something to choose.
func accountLines(l *translations.Language, s *authcore.Snapshot) []Item {
	several := len(s.Accounts) > 1
	parent := Item{Label: l.Sentence("more.accounts", nil), Hidden: !several, Enabled: several}
	if waiting := othersWaiting(s); waiting > 0 {
		parent.Label = l.Plural("tray.accounts-waiting", waiting, fields{"N": waiting})
	}
	items := []Item{parent}
	for i := range accountSlots {
		item := Item{Sub: true, Choice: true, Hidden: true}
		if several && i < len(s.Accounts) {
			a := s.Accounts[i]
			item = Item{
				Label: accountLabel(l, a), Sub: true, Choice: true, Checked: a.ID == s.Active, Enabled: true,
				Command: authcore.Command{Name: authcore.CommandSetActive, Account: a.ID},
			}
		}
		items = append(items, item)
	}
	more := Item{Label: l.Sentence("tray.more-in-window", nil), Sub: true, Hidden: true, Command: authcore.Command{Name: authcore.CommandOpenWindow}}
	if len(s.Accounts) > accountSlots {
		more.Hidden, more.Enabled = false, true
	}
	return append(items, more)
}

// othersWaiting is how many accounts other than the active one need their user.
func othersWaiting(s *authcore.Snapshot) (waiting int) {
	for _, a := range s.Accounts {
		if a.ID != s.Active && needsUser(a) {
			waiting++
		}
	}
	return waiting
}

// needsUser reports whether only its user can bring the account back.
func needsUser(a authcore.Account) bool { return a.State == authcore.NeedsSignIn }

// accountLabel names an account among others, with its state in words that do
// not change by themselves.
func accountLabel(l *translations.Language, a authcore.Account) string {
	name := a.Label
	if name == "" {
		name = a.Username
	}
	if name == "" {
		name = l.Sentence("tray.account.new", nil)
	}
	if a.Environment != "" && a.Environment != authcore.Environments[0].Name {
		name += " (" + a.Environment + ")"
	}
	return shorten(name, problemWidth) + " · " + l.Sentence(stateKeys[a.State], nil)
}

var stateKeys = map[authcore.State]string{
	authcore.SignedOut:   "tray.account.signed-out",
	authcore.Prompting:   "tray.account.signing-in",
	authcore.SignedIn:    "tray.status.signed-in",
	authcore.Renewing:    "tray.status.signed-in",
	authcore.Offline:     "tray.account.offline",
	authcore.Expired:     "tray.status.expired",
	authcore.NeedsSignIn: "tray.status.needs-sign-in",
}

// foundLines are the submenu with what "Fix it" found about the active account,
// for those whose window cannot be opened too.
func foundLines(l *translations.Language, s *authcore.Snapshot) []Item {
	d := s.Desktop.Diagnosis
	if d != nil && d.Account != s.Active {
		d = nil
	}
	parent := Item{Hidden: true}
	var lines []string
	if d != nil {
		failed := 0
		for _, c := range d.Checks {
			if !c.OK() {
				failed++
			}
			lines = append(lines, wrap(checkText(l, c))...)
		}
		parent.Hidden, parent.Enabled = false, true
		switch {
		case d.Running():
			parent.Label = l.Sentence("tray.looking", nil)
		case failed == 0:
			parent.Label = l.Sentence("tray.found-nothing", nil)
		default:
			parent.Label = l.Plural("tray.found", failed, fields{"N": failed, "All": len(d.Checks)})
		}
	}
	if len(lines) > foundSlots {
		lines = append(lines[:foundSlots-1], l.Sentence("tray.more-in-report", nil))
	}
	items := []Item{parent}
	for i := range foundSlots {
		item := Item{Sub: true, Hidden: true}
		if i < len(lines) {
			item.Label, item.Hidden = lines[i], false
		}
		items = append(items, item)
	}
	report := Item{Label: l.Sentence("notice.copy-report", nil), Sub: true, Enabled: d != nil, Hidden: d == nil, Command: authcore.Command{Name: authcore.CommandCopyReport}}
	return append(items, report)
}

// checkText is what a check looked at, what it found and what to do about it.
func checkText(l *translations.Language, c authcore.Check) string {
	title := l.Sentence("check."+string(c.Name), c.Params)
	if c.Problem == nil {
		return l.Sentence("tray.check.ok", fields{"Title": title, "Found": l.Sentence("finding."+string(c.Finding), c.Params)})
	}
	w := l.Problem(c.Problem)
	return l.Sentence("tray.check.failed", fields{"Title": title, "Found": w.What, "Next": w.Next})
}

// SessionEnd says when the account's session ends for good, from the time on
// when it is worth knowing: in the last tenth of its life or the last 3 days,
// whichever is shorter. It is empty before, and where the server does not tell.
// now is corrected time.
func SessionEnd(l *translations.Language, a authcore.Account, now time.Time) string {
	first, _ := SessionEndWarnings(a)
	if first.IsZero() || now.Before(first) || !now.Before(a.SessionExpiresAt) || a.State == authcore.Prompting {
		return ""
	}
	return l.Sentence("tray.session-end", fields{"When": clockTime(l, a.SessionExpiresAt, now)})
}

// SessionEndWarnings are the two times to warn of the session's end: once at a
// tenth of its life or 3 days before it, whichever is less, and once in the last
// hours. Both are zero where the end is not known or cannot be met any more.
func SessionEndWarnings(a authcore.Account) (first, last time.Time) {
	if a.SessionExpiresAt.IsZero() || !a.Renewable || a.Method != authcore.MethodDeviceCode {
		return time.Time{}, time.Time{}
	}
	first = a.SessionEndsSoonFrom()
	part := a.SessionExpiresAt.Sub(first)
	return first, a.SessionExpiresAt.Add(-min(part/4, 3*time.Hour))
}

// clearing counts down until headers are taken off the clipboard, in steps: a
// menu that is open should not flicker. It never promises too much.
func clearing(l *translations.Language, c authcore.Clipboard, now time.Time) string {
	left := c.ClearAt.Sub(now)
	var span string
	switch {
	case c.Holds == "" || c.ClearAt.IsZero():
		return ""
	case left >= 2*time.Minute:
		span = l.Sentence("duration.min", fields{"Min": int(left / time.Minute)})
	case left >= clearingStep:
		span = l.Sentence("duration.s", fields{"S": int(left / clearingStep * (clearingStep / time.Second))})
	default:
		return l.Sentence("tray.clears-soon", nil)
	}
	return l.Sentence("tray.clears", fields{"Left": span})
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
