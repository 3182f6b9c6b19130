package resident

import (
	"context"
	"strconv"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/tray"
	"github.com/bitfount/bitfount-tray/ui/translations"
)

// notice is a notification. What it offers is in the menu too.
type notice struct {
	// key tells it from others; the same key is shown once, over restarts too.
	key  string
	kind noticeKind
	// account is the ID it is about, empty for a file.
	account     string
	title, body string
	// button is the label of what command does, empty without.
	button  string
	command authcore.Command
}

type noticeKind int

const (
	noticeSignIn noticeKind = iota
	noticeWrongUser
	noticeFile
	noticeSessionEnd
	noticeNoTray
)

const (
	// again is when somebody who has not signed in is told once more.
	again = 24 * time.Hour
	// grace is how long a file that cannot be written, or a panel that is late,
	// may heal by itself: the first tries after a failure are over then.
	grace = time.Minute
	// notShown is when a notice is tried again that no server has taken: at
	// login, the desktop's own may come after us.
	notShown = 2 * time.Minute
)

// moment is a snapshot and the local time at which it was looked at.
type moment struct {
	snapshot *authcore.Snapshot
	at       time.Time
	// hidden: it was started without a window, as at login.
	hidden bool
}

// news are the notices that are due now and were not shown before, which told
// remembers. There is none for what heals by itself.
func news(l *translations.Language, t *told, before, now moment) []notice {
	t.forget(now.snapshot)
	var fresh []notice
	for _, n := range due(l, t, now) {
		if t.has(n.key) {
			continue
		}
		t.add(n.key, now.at)
		if n.kind == noticeSignIn && wasSigningIn(before, n.account) {
			continue // whoever has just cancelled a sign-in knows
		}
		fresh = append(fresh, n)
	}
	return fresh
}

func wasSigningIn(m moment, account string) bool {
	if m.snapshot == nil {
		return false
	}
	a, _ := m.snapshot.Account(account)
	return a.State == authcore.Prompting
}

// due are the notices that hold at a moment, whether or not they were shown.
func due(l *translations.Language, t *told, m moment) (all []notice) {
	now := m.snapshot.Now(m.at)
	for _, a := range m.snapshot.Accounts {
		add := func(n notice) {
			n.account = a.ID
			if len(m.snapshot.Accounts) > 1 && name(a) != "" {
				n.title = l.Sentence("tray.notice.of-account", map[string]any{"Name": name(a), "Title": n.title})
			}
			if a.Method == authcore.MethodDeviceCode && n.kind != noticeWrongUser {
				n.button, n.command = l.Sentence("tray.notice.sign-in", nil), authcore.Command{Name: authcore.CommandSignIn, Account: a.ID}
			}
			all = append(all, n)
		}
		if a.Problem != nil && a.Problem.Code == authcore.ProblemWrongUser {
			w := l.Problem(a.Problem)
			add(notice{kind: noticeWrongUser, key: keyWrongUser(a), title: w.What, body: w.Meaning + " " + w.Next})
		}
		if a.State == authcore.NeedsSignIn {
			p := a.Problem
			if p == nil {
				p = &authcore.Problem{Code: authcore.ProblemSessionEnded}
			}
			key := keySignIn(a)
			if first, ok := t.at(key); ok && !m.at.Before(first.Add(again)) {
				key += keyAgain
			}
			w := l.Problem(p)
			add(notice{kind: noticeSignIn, key: key, title: w.What, body: w.Meaning + " " + w.Next})
		}
		if sentence := tray.SessionEnd(l, a, now); sentence != "" && a.State != authcore.NeedsSignIn {
			key := keySessionEnd(a)
			if _, last := tray.SessionEndWarnings(a); !now.Before(last) {
				key += keyLast
			}
			add(notice{
				kind: noticeSessionEnd, key: key, title: sentence + ".",
				body: l.Sentence("tray.notice.session-end", nil),
			})
		}
	}
	lasting := func(kind noticeKind, key string, p *authcore.Problem) {
		if p != nil && !now.Before(p.Since.Add(grace)) {
			w := l.Problem(p)
			all = append(all, notice{kind: kind, key: key, title: w.What, body: w.Meaning + " " + w.Next})
		}
	}
	for _, f := range m.snapshot.LiveFiles {
		lasting(noticeFile, keyFile(f), f.Problem)
	}
	if m.hidden {
		// Started at login: a line rather than a window in the way.
		lasting(noticeNoTray, keyNoTray, m.snapshot.Desktop.Tray)
	}
	return all
}

// The keys of notices. What is told once more has a key of its own.
const (
	keyNoTray = "no-tray"
	keyAgain  = "/again"
	keyLast   = "/last"
)

func keySignIn(a authcore.Account) string { return "sign-in/" + a.ID }

func keyWrongUsers(a authcore.Account) string { return "wrong-user/" + a.ID }

func keyWrongUser(a authcore.Account) string {
	return keyWrongUsers(a) + "/" + strconv.FormatInt(a.Problem.Since.UnixNano(), 36)
}

func keySessionEnds(a authcore.Account) string { return "session-end/" + a.ID }

func keySessionEnd(a authcore.Account) string {
	return keySessionEnds(a) + "/" + strconv.FormatInt(a.SessionStartedAt.Unix(), 36)
}

func keyFile(f authcore.LiveFile) string { return "file/" + f.Path }

func name(a authcore.Account) string {
	if a.Label != "" {
		return a.Label
	}
	return a.Username
}

// nextDue is how long until time alone may make something due; zero if never. A
// sleep of the computer, during which timers stand still, is in the agent's next
// snapshot.
func nextDue(t *told, m moment) time.Duration {
	now := m.snapshot.Now(m.at)
	var wait time.Duration
	consider := func(left time.Duration) {
		if left > 0 && (wait == 0 || left < wait) {
			wait = left
		}
	}
	for _, a := range m.snapshot.Accounts {
		if first, ok := t.at(keySignIn(a)); ok && a.State == authcore.NeedsSignIn {
			consider(first.Add(again).Sub(m.at))
		}
		for _, warning := range warnings(a) {
			consider(warning.Sub(now))
		}
	}
	for _, f := range m.snapshot.LiveFiles {
		if f.Problem != nil {
			consider(f.Problem.Since.Add(grace).Sub(now))
		}
	}
	if p := m.snapshot.Desktop.Tray; p != nil && m.hidden {
		consider(p.Since.Add(grace).Sub(now))
	}
	return wait
}

func warnings(a authcore.Account) []time.Time {
	if first, last := tray.SessionEndWarnings(a); !first.IsZero() {
		return []time.Time{first, last}
	}
	return nil
}

// watchNotices shows what becomes due, until ctx ends.
func (r *resident) watchNotices(ctx context.Context) {
	updates, stop := r.agent.Subscribe()
	defer stop()
	t := readTold(r.options.NoticesPath)
	lost := make(chan string)
	var before moment
	var retry <-chan time.Time
	for {
		now := moment{r.agent.Snapshot(), time.Now(), r.options.Hidden}
		if now.snapshot.Settings.Notifications && retry == nil {
			for _, n := range news(tray.Language(now.snapshot), t, before, now) {
				go func() {
					if !r.show(ctx, n) {
						select {
						case lost <- n.key:
						case <-ctx.Done():
						}
					}
				}()
			}
			if err := t.save(); err != nil {
				r.log.Warn("it cannot be kept which notifications were shown", "cause", err)
			}
		}
		before = now
		var change <-chan time.Time
		if wait := nextDue(t, now); wait > 0 {
			change = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return
		case _, ok := <-updates:
			if !ok {
				return
			}
		case key := <-lost:
			t.drop(key)
			retry = time.After(notShown)
		case <-retry:
			retry = nil
		case <-change:
		}
	}
}

// show shows a notice and does what its button says. It reports whether the
// notice was shown.
func (r *resident) show(ctx context.Context, n notice) bool {
	var acted bool
	var err error
	if n.button == "" {
		err = tray.Notify(ctx, n.title, n.body)
	} else {
		// An unanswered one is let go when it would be repeated.
		limited, cancel := context.WithTimeout(ctx, again)
		defer cancel()
		if acted, err = tray.NotifyWithAction(limited, n.title, n.body, n.button); limited.Err() != nil {
			err = nil
		}
	}
	if err != nil {
		r.log.Info("no notification could be shown", "cause", err)
	}
	if acted {
		if err := r.do(ctx, n.command); err != nil {
			r.log.Warn("what a notification offered could not be done", "command", n.command.Name, "cause", err)
		}
	}
	return err == nil
}
