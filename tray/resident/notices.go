package resident

import (
	"context"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/tray"
	"github.com/bitfount/bitfount-tray/ui/translations"
)

// notice is a notification. What it offers is in the menu too.
type notice struct {
	// key tells it from others; the same key is shown once.
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
)

const (
	// again is when somebody who has not signed in is told once more.
	again = 24 * time.Hour
	// fileGrace is how long a file that cannot be written may heal by itself:
	// the first tries after a failure are over then.
	fileGrace = time.Minute
	// noticeTick is the longest wait for a time to come: timers stand still
	// while a computer sleeps.
	noticeTick = 10 * time.Minute
)

// moment is a snapshot and the local time at which it was looked at.
type moment struct {
	snapshot *authcore.Snapshot
	at       time.Time
}

// news are the notices that are due now and were not before. There is none for
// what heals by itself.
func news(l *translations.Language, before, now moment) []notice {
	known := map[string]bool{}
	for _, n := range due(l, before) {
		known[n.key] = true
	}
	var fresh []notice
	for _, n := range due(l, now) {
		if known[n.key] || n.kind == noticeSignIn && wasSigningIn(before, n.account) {
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
func due(l *translations.Language, m moment) (all []notice) {
	if m.snapshot == nil {
		return nil
	}
	now := m.snapshot.Now(m.at)
	for _, a := range m.snapshot.Accounts {
		add := func(n notice) {
			n.account = a.ID
			n.key += "/" + a.ID
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
			add(notice{kind: noticeWrongUser, key: "wrong-user/" + a.Problem.Since.String(), title: w.What, body: w.Meaning + " " + w.Next})
		}
		if a.State == authcore.NeedsSignIn {
			p, since := a.Problem, a.ExpiresAt
			if p == nil {
				p = &authcore.Problem{Code: authcore.ProblemSessionEnded}
			} else {
				since = p.Since
			}
			key := "sign-in/" + since.String()
			if !now.Before(since.Add(again)) {
				key += "/again"
			}
			w := l.Problem(p)
			add(notice{kind: noticeSignIn, key: key, title: w.What, body: w.Meaning + " " + w.Next})
		}
		if sentence := tray.SessionEnd(l, a, now); sentence != "" && a.State != authcore.NeedsSignIn {
			key := "session-end/" + a.SignedInAt.String()
			if _, last := tray.SessionEndWarnings(a); !now.Before(last) {
				key += "/last"
			}
			add(notice{
				kind: noticeSessionEnd, key: key, title: sentence + ".",
				body: l.Sentence("tray.notice.session-end", nil),
			})
		}
	}
	for _, f := range m.snapshot.LiveFiles {
		if f.Problem == nil || now.Before(f.Problem.Since.Add(fileGrace)) {
			continue
		}
		w := l.Problem(f.Problem)
		all = append(all, notice{kind: noticeFile, key: "file/" + f.Path + f.Problem.Since.String(), title: w.What, body: w.Meaning + " " + w.Next})
	}
	return all
}

func name(a authcore.Account) string {
	if a.Label != "" {
		return a.Label
	}
	return a.Username
}

// nextDue is how long until time alone may make something due; zero if never.
func nextDue(m moment) time.Duration {
	now := m.snapshot.Now(m.at)
	var wait time.Duration
	consider := func(t time.Time) {
		if left := t.Sub(now); !t.IsZero() && left > 0 && (wait == 0 || left < wait) {
			wait = left
		}
	}
	for _, a := range m.snapshot.Accounts {
		if a.State == authcore.NeedsSignIn && a.Problem != nil {
			consider(a.Problem.Since.Add(again))
		}
		first, last := tray.SessionEndWarnings(a)
		consider(first)
		consider(last)
	}
	for _, f := range m.snapshot.LiveFiles {
		if f.Problem != nil {
			consider(f.Problem.Since.Add(fileGrace))
		}
	}
	return min(wait, noticeTick)
}

// watchNotices shows what becomes due, until ctx ends.
func (r *resident) watchNotices(ctx context.Context) {
	updates, stop := r.agent.Subscribe()
	defer stop()
	var before moment
	for {
		now := moment{r.agent.Snapshot(), time.Now()}
		for _, n := range news(tray.Language(now.snapshot), before, now) {
			if now.snapshot.Settings.Notifications {
				go r.show(ctx, n)
			}
		}
		before = now
		var change <-chan time.Time
		if wait := nextDue(now); wait > 0 {
			change = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return
		case _, ok := <-updates:
			if !ok {
				return
			}
		case <-change:
		}
	}
}

// show shows a notice and does what its button says.
func (r *resident) show(ctx context.Context, n notice) {
	var acted bool
	var err error
	if n.button == "" {
		err = tray.Notify(ctx, n.title, n.body)
	} else {
		// An unanswered one is let go when it would be repeated.
		limited, cancel := context.WithTimeout(ctx, again)
		defer cancel()
		acted, err = tray.NotifyWithAction(limited, n.title, n.body, n.button)
	}
	if err != nil && ctx.Err() == nil {
		r.log.Info("no notification could be shown", "cause", err)
	}
	if acted {
		if err := r.do(ctx, n.command); err != nil {
			r.log.Warn("what a notification offered could not be done", "command", n.command.Name, "cause", err)
		}
	}
}
