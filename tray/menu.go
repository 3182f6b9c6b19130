package tray

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
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

// problemLines is how many lines of the menu are kept for the problem's words,
// and problemWidth how many characters a line holds: menus do not wrap.
const (
	problemLines = 6
	problemWidth = 60
)

// Menu is the menu for the snapshot at a moment of this computer's clock.
func Menu(s *authcore.Snapshot, now time.Time) []Item {
	items := []Item{{Label: Status(s, now)}}

	lines := problemText(problem(s))
	for i := range problemLines {
		item := Item{Hidden: true}
		if i < len(lines) {
			item = Item{Label: lines[i]}
		}
		items = append(items, item)
	}

	prompt := s.ActiveAccount().Prompt != nil
	command := func(label string, c authcore.Command) Item {
		return Item{Label: label, Command: c, Enabled: s.Allowed(c)}
	}
	shownIf := func(shown bool, item Item) Item {
		item.Hidden = !shown
		return item
	}
	signingIn := s.ActiveAccount().State == authcore.Prompting
	copyOf := func(service export.Service) authcore.Command {
		return authcore.Command{Name: authcore.CommandCopyHeaders, Service: service}
	}
	separator := Item{Separator: true}
	end := SessionEnd(s.ActiveAccount(), s.Now(now))
	countdown := clearing(s.Desktop.Clipboard, now)

	items = append(items,
		Item{Label: end, Hidden: end == ""},
		separator,
		shownIf(!signingIn, command("Sign in…", authcore.Command{Name: authcore.CommandSignIn})),
		shownIf(prompt, command("Open the browser again", authcore.Command{Name: authcore.CommandOpenBrowser})),
		shownIf(prompt, command("Copy the sign-in link", authcore.Command{Name: authcore.CommandCopyLink})),
		shownIf(prompt, command("Copy the code", authcore.Command{Name: authcore.CommandCopyCode})),
		shownIf(signingIn, command("Cancel sign-in", authcore.Command{Name: authcore.CommandCancelSignIn})),
		separator,
		command("Copy Hub headers", copyOf(export.Hub)),
		command("Copy Access Manager headers", copyOf(export.AccessManager)),
		command("Copy message service metadata", copyOf(export.MessageService)),
		Item{Label: countdown, Hidden: countdown == ""},
		command("Renew now", authcore.Command{Name: authcore.CommandRenew}),
		separator,
	)
	items = append(items, accountLines(s)...)
	items = append(items, command("Fix it…", authcore.Command{Name: authcore.CommandFixIt}))
	items = append(items, foundLines(s)...)
	return append(items,
		command("Open Bitfount Tray", authcore.Command{Name: authcore.CommandOpenWindow}),
		command("Sign out", authcore.Command{Name: authcore.CommandSignOut}),
		command("Quit", authcore.Command{Name: authcore.CommandQuit}),
	)
}

// Tooltip is what the icon says when the pointer rests on it. Windows cuts it
// at 127 characters.
func Tooltip(s *authcore.Snapshot, now time.Time) string {
	text := "Bitfount Tray: " + Status(s, now)
	if e := s.ActiveAccount().Environment; e != "" && e != authcore.Environments[0].Name {
		text += " · " + e
	}
	return shorten(text, 127)
}

// Status says in one line who is signed in and for how long, or what is awaited.
// It never says "signed in" of a session that is not.
func Status(s *authcore.Snapshot, now time.Time) string {
	now = s.Now(now)
	a := s.ActiveAccount()
	who := a.Username
	if who == "" {
		who = a.Label
	}
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
			return "Asking for a sign-in code…"
		}
		return "Waiting for you to approve in the browser: " + a.Prompt.UserCode
	case authcore.SignedIn, authcore.Renewing:
		switch {
		case a.ExpiresAt.IsZero():
			return with("signed in")
		case a.Left(now) == 0 && a.State == authcore.Renewing:
			return with("renewing…")
		case a.Left(now) == 0:
			return with("expired")
		}
		return with(Duration(a.Left(now)) + " left")
	case authcore.Offline:
		if a.Left(now) == 0 && !a.ExpiresAt.IsZero() {
			return with("offline, expired")
		}
		if a.ExpiresAt.IsZero() {
			return "Offline, still signed in"
		}
		return "Offline, still signed in until " + clockTime(a.ExpiresAt, now)
	case authcore.Expired:
		return with("expired, trying to renew")
	case authcore.NeedsSignIn:
		return with("please sign in again")
	}
	return "Signed out"
}

// Duration says a time span as people do, rounded down so that it never
// promises too much: days from two days up, hours from two hours up, minutes
// below that.
func Duration(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("1 h %d min", (d-time.Hour)/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return "less than a minute"
}

// clockTime is the time of day in now's time zone, with the day where it is not
// today.
func clockTime(t, now time.Time) string {
	t = t.In(now.Location())
	switch {
	case t.YearDay() == now.YearDay() && t.Year() == now.Year():
		return t.Format("15:04")
	case t.Sub(now) < 6*24*time.Hour:
		return t.Format("Mon 15:04")
	}
	return t.Format("2 Jan 15:04")
}

// problem picks the one that matters most to whoever opens the menu: first what
// keeps them from working, then what may do so later.
func problem(s *authcore.Snapshot) *authcore.Problem {
	a := s.ActiveAccount()
	for _, p := range []*authcore.Problem{
		s.Desktop.Browser, a.Problem, s.Storage.Problem, s.Desktop.Window, s.Desktop.Clipboard.Problem, s.Desktop.Policy, s.Clock.Problem,
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
func problemText(p *authcore.Problem) []string {
	if p == nil {
		return nil
	}
	w := p.Words()
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
	for word := range strings.FieldsSeq(text) {
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

// shorten cuts text to at most limit characters and marks the cut.
func shorten(text string, limit int) string {
	r := []rune(text)
	if len(r) <= limit {
		return text
	}
	return string(r[:limit-1]) + "…"
}

// nextChange is how long the drawing for the snapshot stays true: until the
// text of the time left changes, and at most a minute, because timers stand
// still while a computer sleeps. It is zero if only a new snapshot can change
// it.
func nextChange(s *authcore.Snapshot, now time.Time) time.Duration {
	session, clipboard := nextSessionChange(s, now), nextClearingChange(s.Desktop.Clipboard, now)
	if session == 0 || clipboard == 0 {
		return max(session, clipboard)
	}
	return min(session, clipboard)
}

func nextSessionChange(s *authcore.Snapshot, now time.Time) time.Duration {
	a := s.ActiveAccount()
	if a.ExpiresAt.IsZero() && a.SessionExpiresAt.IsZero() {
		return 0
	}
	const most = time.Minute
	left := a.Left(s.Now(now))
	unit := time.Minute
	switch {
	case left == 0:
		return most
	case left >= 48*time.Hour:
		unit = 24 * time.Hour
	case left >= 2*time.Hour:
		unit = time.Hour
	}
	// The text changes just after left has fallen below a whole unit.
	return min(left%unit+time.Second, most)
}
