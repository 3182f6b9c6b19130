package tray

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/ui/translations"
)

// Item is one line of the menu. The menu always has the same lines in the same
// order; those that do not apply are Hidden. So a desktop that has the menu open
// never sees a line change its meaning under the pointer.
type Item struct {
	// Label is what the line says; a separator has none.
	Label     string
	Separator bool
	Hidden    bool
	Enabled   bool
	// Sub puts the line into the submenu of the last line before it that is no
	// Sub itself.
	Sub bool
	// Choice lines have a place for a tick, which is there if Checked.
	Choice, Checked bool
	// Command is what a click sends. Lines that only inform have the zero Command.
	Command authcore.Command
}

// click is what a click on the line sends: nothing while it is disabled or
// hidden, since desktops deliver those clicks, too.
func (i Item) click() *authcore.Command {
	if !i.Enabled || i.Hidden {
		return &authcore.Command{}
	}
	return &i.Command
}

// problemLines is how many lines of the menu are kept for the problem's words,
// and problemWidth how many characters a line holds: menus do not wrap.
const (
	problemLines = 6
	problemWidth = 60
)

// Menu is the menu for the snapshot at a moment of this computer's clock.
func Menu(l *translations.Language, s *authcore.Snapshot, now time.Time) []Item {
	items := []Item{{Label: Status(l, s, now)}}

	lines := problemText(l, problem(s))
	for i := range problemLines {
		item := Item{Hidden: true}
		if i < len(lines) {
			item = Item{Label: lines[i]}
		}
		items = append(items, item)
	}

	command := func(key string, c authcore.Command) Item {
		return Item{Label: l.Sentence(key, nil), Command: c, Enabled: s.Allowed(c)}
	}
	shownIf := func(shown bool, item Item) Item {
		item.Hidden = !shown
		return item
	}
	prompt := s.ActiveAccount().Prompt != nil
	signingIn := s.ActiveAccount().State == authcore.Prompting
	copyOf := func(service export.Service) Item {
		item := command("", authcore.Command{Name: authcore.CommandCopyHeaders, Service: service})
		item.Label = l.Sentence("session.copy", fields{"What": l.Sentence("headers."+string(service), nil)})
		return item
	}
	separator := Item{Separator: true}
	end := SessionEnd(l, s.ActiveAccount(), s.Now(now))
	countdown := clearing(l, s.Desktop.Clipboard, now)

	items = append(items,
		shownIf(len(lines) > 0, command("notice.copy-report", authcore.Command{Name: authcore.CommandCopyReport})),
		Item{Label: end, Hidden: end == ""},
		separator,
		shownIf(!signingIn, command("session.sign-in", authcore.Command{Name: authcore.CommandSignIn})),
		shownIf(prompt, command("tray.open-browser", authcore.Command{Name: authcore.CommandOpenBrowser})),
		shownIf(prompt, command("tray.copy-link", authcore.Command{Name: authcore.CommandCopyLink})),
		shownIf(prompt, command("tray.copy-code", authcore.Command{Name: authcore.CommandCopyCode})),
		shownIf(signingIn, command("tray.cancel-sign-in", authcore.Command{Name: authcore.CommandCancelSignIn})),
		separator,
		copyOf(export.Hub),
		copyOf(export.AccessManager),
		copyOf(export.MessageService),
		Item{Label: countdown, Hidden: countdown == ""},
		command("session.renew", authcore.Command{Name: authcore.CommandRenew}),
		separator,
	)
	items = append(items, accountLines(l, s)...)
	items = append(items, command("tray.fix-it", authcore.Command{Name: authcore.CommandFixIt}))
	items = append(items, foundLines(l, s)...)
	newer := command("", authcore.Command{Name: authcore.CommandOpenUpdate})
	if u := s.Desktop.Update; u != nil {
		newer.Label = l.Sentence("update.available", fields{"Version": u.Version})
	}
	return append(items,
		shownIf(s.Desktop.Update != nil, newer),
		command("tray.open-window", authcore.Command{Name: authcore.CommandOpenWindow}),
		command("session.sign-out", authcore.Command{Name: authcore.CommandSignOut}),
		command("tray.quit", authcore.Command{Name: authcore.CommandQuit}),
	)
}

// Tooltip is what the icon says when the pointer rests on it. Windows cuts it
// at 127 characters.
func Tooltip(l *translations.Language, s *authcore.Snapshot, now time.Time) string {
	text := l.Sentence("tray.tooltip", fields{"Status": Status(l, s, now)})
	if e := s.ActiveAccount().Environment; e != "" && e != authcore.Environments[0].Name {
		text += " · " + e
	}
	if waiting := othersWaiting(s); waiting > 0 {
		text += " · " + l.Plural("tray.others-waiting", waiting, fields{"N": waiting})
	}
	return shorten(text, 127)
}

// Status says in one line who is signed in and for how long, or what is awaited.
// It never says "signed in" of a session that is not.
func Status(l *translations.Language, s *authcore.Snapshot, now time.Time) string {
	now = s.Now(now)
	a := s.ActiveAccount()
	who := a.Username
	if who == "" {
		who = a.Label
	}
	say := func(key string) string { return l.Sentence(key, nil) }
	// with puts the name before the sentence where there is a name.
	with := func(sentence string) string {
		if who == "" {
			return sentence
		}
		return who + " · " + sentence
	}
	switch a.State {
	case authcore.Prompting:
		if a.Prompt == nil {
			return say("tray.status.asking")
		}
		return l.Sentence("tray.status.waiting", fields{"Code": a.Prompt.UserCode})
	case authcore.SignedIn, authcore.Renewing:
		switch {
		case a.ExpiresAt.IsZero():
			return with(say("tray.status.signed-in"))
		case a.Left(now) == 0 && a.State == authcore.Renewing:
			return with(say("tray.status.renewing"))
		case a.Left(now) == 0:
			return with(say("tray.status.expired"))
		}
		return with(timeLeft(l, a.Left(now)))
	case authcore.Offline:
		if a.Left(now) == 0 && !a.ExpiresAt.IsZero() {
			return with(say("tray.status.offline-expired"))
		}
		if a.ExpiresAt.IsZero() {
			return say("tray.status.offline")
		}
		return l.Sentence("tray.status.offline-until", fields{"When": clockTime(l, a.ExpiresAt, now)})
	case authcore.Expired:
		return with(say("tray.status.trying"))
	case authcore.NeedsSignIn:
		return with(say("tray.status.needs-sign-in"))
	}
	if s.Storage.Waiting {
		return say("tray.status.keyring")
	}
	return say("tray.status.signed-out")
}

// timeLeft says a time span as people do, rounded down so that it never
// promises too much: days from two days up, hours from two hours up, minutes
// below that.
func timeLeft(l *translations.Language, d time.Duration) string {
	if d < time.Minute {
		return l.Sentence("tray.status.left-moment", nil)
	}
	var span string
	switch {
	case d >= 48*time.Hour:
		days := int(d / (24 * time.Hour))
		span = l.Plural("duration.days", days, fields{"N": days})
	case d >= 2*time.Hour:
		span = l.Sentence("duration.h", fields{"H": int(d / time.Hour)})
	case d >= time.Hour:
		span = l.Sentence("duration.h-min", fields{"H": 1, "Min": int((d - time.Hour) / time.Minute)})
	default:
		span = l.Sentence("duration.min", fields{"Min": int(d / time.Minute)})
	}
	return l.Sentence("account.left", fields{"Left": span})
}

// weekdays is how far ahead a day of the week says which day is meant.
const weekdays = 6 * 24 * time.Hour

// clockTime is the time of day in now's time zone, with the day where it is not
// today.
func clockTime(l *translations.Language, t, now time.Time) string {
	t = t.In(now.Location())
	clock := l.Clock(t)
	switch {
	case t.YearDay() == now.YearDay() && t.Year() == now.Year():
		return clock
	case t.Sub(now) < weekdays:
		day := l.Sentence(fmt.Sprintf("tray.weekday.%d", t.Weekday()), nil)
		return l.Sentence("tray.clock.weekday", fields{"Weekday": day, "Clock": clock})
	}
	month := l.Sentence(fmt.Sprintf("tray.month.%d", t.Month()), nil)
	return l.Sentence("tray.clock.date", fields{"Day": t.Day(), "Month": month, "Clock": clock})
}

// problem picks the one that matters most to whoever opens the menu: first what
// keeps them from working, then what may do so later.
func problem(s *authcore.Snapshot) *authcore.Problem {
	a := s.ActiveAccount()
	for _, p := range []*authcore.Problem{
		s.Desktop.Browser, a.Problem, s.Storage.Problem, s.Desktop.Window, s.Desktop.Clipboard.Problem, s.Desktop.Policy, s.Desktop.Settings, s.Clock.Problem,
	} {
		if p != nil {
			return p
		}
	}
	for _, f := range s.LiveFiles {
		if f.Problem != nil {
			return f.Problem
		}
	}
	return nil
}

// problemText is what happened and the next step, as lines of the menu.
func problemText(l *translations.Language, p *authcore.Problem) []string {
	if p == nil {
		return nil
	}
	w := l.Problem(p)
	lines := append(wrap(w.What), wrap(w.Next)...)
	if len(lines) > problemLines {
		lines = lines[:problemLines]
		lines[problemLines-1] = shorten(lines[problemLines-1]+" …", problemWidth)
	}
	return lines
}

// wrap breaks text between words into lines of at most problemWidth characters;
// a longer word is cut.
func wrap(text string) (lines []string) {
	line := ""
	for word := range strings.FieldsFuncSeq(text, breaks) {
		word = shorten(word, problemWidth)
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > problemWidth {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// breaks reports whether a line may be broken at r: at any white space but those
// that French puts before a colon and into quotation marks (no-break space,
// narrow no-break space).
func breaks(r rune) bool { return unicode.IsSpace(r) && r != '\u00a0' && r != '\u202f' }

// shorten cuts text to at most limit characters and marks the cut.
func shorten(text string, limit int) string {
	r := []rune(text)
	if len(r) <= limit {
		return text
	}
	return string(r[:limit-1]) + "…"
}

// nextChange is how long the drawing for the snapshot stays true: until a text
// or the picture changes because time has passed. It is zero if only a new
// snapshot can change it. A sleep of the computer, during which timers stand
// still, is in the agent's next snapshot.
func nextChange(s *authcore.Snapshot, now time.Time) time.Duration {
	session, clipboard := nextSessionChange(s, now), nextClearingChange(s.Desktop.Clipboard, now)
	if session == 0 || clipboard == 0 {
		return max(session, clipboard)
	}
	return min(session, clipboard)
}

func nextSessionChange(s *authcore.Snapshot, now time.Time) time.Duration {
	a := s.ActiveAccount()
	corrected := s.Now(now)
	var wait time.Duration
	consider := func(after time.Duration) {
		// A second later, the text is on the safe side of the change.
		if after += time.Second; after > 0 && (wait == 0 || after < wait) {
			wait = after
		}
	}
	at := func(t time.Time) {
		if !t.IsZero() {
			consider(t.Sub(corrected))
		}
	}
	if left := a.Left(corrected); left > 0 && (a.State == authcore.SignedIn || a.State == authcore.Renewing) {
		unit := time.Minute
		switch {
		case left >= 48*time.Hour:
			unit = 24 * time.Hour
		case left >= 2*time.Hour:
			unit = time.Hour
		}
		consider(left % unit)
	}
	at(a.ExpiresAt)
	at(a.ExpiringFrom())
	first, _ := SessionEndWarnings(a)
	at(first)
	at(a.SessionExpiresAt)
	if a.State == authcore.Offline || !first.IsZero() && !corrected.Before(first) {
		// A time of day is written otherwise when its day has come.
		y, m, d := corrected.Date()
		at(time.Date(y, m, d+1, 0, 0, 0, 0, corrected.Location()))
		at(a.ExpiresAt.Add(-weekdays))
	}
	return wait
}
