package tray

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"fyne.io/systray"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/ui/translations"
)

// title names the program to panels, which show it in their lists of icons.
const title = "Bitfount Tray"

// Options are what Run draws and whom it tells. All functions may be called
// from any goroutine.
type Options struct {
	// Snapshot returns the latest snapshot; it never returns nil.
	Snapshot func() *authcore.Snapshot
	// Subscribe returns a channel that has a value whenever the snapshot has
	// changed, and a function that ends the subscription.
	Subscribe func() (<-chan *authcore.Snapshot, func())
	// Do carries out a click. It is called on a goroutine of the clicked line,
	// which drops further clicks until it returns, so it may take its time. An
	// error is shown as a notification, if the user wants any, but for
	// CommandOpenWindow, whose outcome Window.Report tells.
	Do func(context.Context, authcore.Command) error
	// HostChanged is called with the reason while no icon can be seen
	// (ProblemNoSessionBus, ProblemNoTrayHost) and with nil when one can: first
	// once it is known, later whenever it changes. It must not block.
	HostChanged func(*authcore.Problem)
}

// Run shows the icon until ctx ends or the user chooses Quit. It must be called
// on the main goroutine, which macOS and Windows demand of a user interface,
// and once in a process, since systray cannot be started again. Where there is
// no tray it waits for one to come.
func Run(ctx context.Context, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	host, err := findHost(ctx, o.HostChanged)
	if err != nil {
		return nil // ctx ended while there was no desktop to draw on
	}

	m := &menu{options: o, quit: cancel}
	var work sync.WaitGroup
	m.prepare()
	onReady := func() {
		m.build(ctx, &work)
		work.Go(func() { m.follow(ctx) })
		work.Go(func() { host.watch(ctx, o.HostChanged) })
		// Not before the menu stands: ending a tray that is just starting
		// would leave its loop waiting.
		go func() { <-ctx.Done(); systray.Quit() }()
	}
	systray.Run(onReady, nil)
	cancel()
	work.Wait()
	return nil
}

// menu is what is drawn at the moment. After build, only follow's goroutine
// writes to it.
type menu struct {
	options Options
	quit    func()

	lines []*systray.MenuItem // nil for a separator
	items []Item
	// commands are what a click on each line sends now.
	commands []atomic.Pointer[authcore.Command]
	tooltip  string
	picture  picture
}

// picture is what the icon shows: the active account's state, with a mark when
// another account needs its user.
type picture struct {
	indicator authcore.Indicator
	marked    bool
}

func pictureOf(s *authcore.Snapshot, now time.Time) picture {
	return picture{s.ActiveAccount().Indicator(s.Now(now)), othersWaiting(s) > 0}
}

// build makes the lines. They stay for the life of the process, because a menu
// made anew gets new identities on D-Bus, and a click on the old one is lost.
func (m *menu) build(ctx context.Context, work *sync.WaitGroup) {
	s := m.options.Snapshot()
	m.items = Menu(Language(s), s, time.Now())
	m.commands = make([]atomic.Pointer[authcore.Command], len(m.items))
	var parent *systray.MenuItem
	for i, item := range m.items {
		if item.Separator {
			systray.AddSeparator()
			m.lines = append(m.lines, nil)
			continue
		}
		var line *systray.MenuItem
		switch {
		case item.Sub && item.Choice:
			line = parent.AddSubMenuItemCheckbox(item.Label, "", item.Checked)
		case item.Sub:
			line = parent.AddSubMenuItem(item.Label, "")
		default:
			line = systray.AddMenuItem(item.Label, "")
			parent = line
		}
		if !item.Enabled {
			line.Disable()
		}
		m.lines = append(m.lines, line)
		m.commands[i].Store(item.click())
		// An account's line gets its command when there is an account.
		if item.Command.Name != "" || item.Choice {
			work.Go(func() { m.listen(ctx, line, &m.commands[i]) })
		}
	}
	// Not before all stand: on Windows, what is added below a hidden line is lost.
	for i, item := range m.items {
		if item.Hidden {
			m.lines[i].Hide()
		}
	}
	m.drawIcon(s, time.Now(), true)
}

// settle is when everything is drawn a second time after the start. An icon that
// is set in the moment in which systray publishes its properties on D-Bus, some
// milliseconds, is not published (systray v1.12).
const settle = time.Second

// follow redraws on every snapshot and whenever the text of the time left
// changes.
func (m *menu) follow(ctx context.Context) {
	updates, stop := m.options.Subscribe()
	defer stop()
	settled := time.After(settle)
	for {
		s, now := m.options.Snapshot(), time.Now()
		m.drawIcon(s, now, false)
		m.drawLines(s, now)

		var change <-chan time.Time
		if after := nextChange(s, now); after > 0 {
			change = time.After(after)
		}
		select {
		case <-ctx.Done():
			return
		case _, ok := <-updates:
			if !ok {
				updates = nil // the owner has ended; its last word stands
			}
		case <-change:
		case <-settled:
			m.drawIcon(m.options.Snapshot(), time.Now(), true)
		}
	}
}

func (m *menu) drawIcon(s *authcore.Snapshot, now time.Time, always bool) {
	if p := pictureOf(s, now); p != m.picture || always {
		m.picture = p
		setIcon(p)
	}
	if tooltip := Tooltip(Language(s), s, now); tooltip != m.tooltip || always {
		m.tooltip = tooltip
		systray.SetTooltip(tooltip)
	}
}

// drawLines changes what has changed and nothing else: each change is a message
// to the panel, and some panels close an open menu on it. A hidden line is left
// as it was until it is shown again: on Windows, a change would show it (systray
// v1.12).
func (m *menu) drawLines(s *authcore.Snapshot, now time.Time) {
	for i, want := range Menu(Language(s), s, now) {
		line, have := m.lines[i], m.items[i]
		if line == nil || have == want {
			continue
		}
		m.commands[i].Store(want.click())
		if want.Hidden {
			if !have.Hidden {
				line.Hide()
				m.items[i].Hidden = true
			}
			continue
		}
		m.items[i] = want
		if want.Label != have.Label {
			line.SetTitle(want.Label)
		}
		if want.Checked && !have.Checked {
			line.Check()
		}
		if !want.Checked && have.Checked {
			line.Uncheck()
		}
		if want.Enabled && !have.Enabled {
			line.Enable()
		}
		if !want.Enabled && have.Enabled {
			line.Disable()
		}
		if !want.Hidden && have.Hidden {
			line.Show()
		}
	}
}

// listen carries out the clicks on one line. systray drops a click that nobody
// waits for, so a second one during the first does nothing.
func (m *menu) listen(ctx context.Context, line *systray.MenuItem, command *atomic.Pointer[authcore.Command]) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-line.ClickedCh:
			if c := command.Load(); c.Name != "" {
				m.click(ctx, *c)
			}
		}
	}
}

// click asks again whether the command is allowed: desktops deliver clicks on
// disabled lines, and the snapshot may have changed since the menu was opened.
func (m *menu) click(ctx context.Context, c authcore.Command) {
	if !m.options.Snapshot().Allowed(c) {
		return
	}
	err := m.options.Do(ctx, c)
	if c.Name == authcore.CommandQuit {
		m.quit()
		return
	}
	if err == nil || ctx.Err() != nil || c.Name == authcore.CommandOpenWindow {
		return // what became of a window is told by Window.Report
	}
	s := m.options.Snapshot()
	if !s.Settings.Notifications {
		return
	}
	heading, text := failure(Language(s), err)
	if err := Notify(ctx, heading, text); err != nil {
		slog.Warn("a failed command could not be shown", "command", c.Name, "err", err)
	}
}

// failure is an error as a notification's heading and text.
func failure(l *translations.Language, err error) (heading, text string) {
	var p *authcore.Problem
	if !errors.As(err, &p) {
		p = &authcore.Problem{Code: authcore.ProblemInternal}
	}
	w := l.Problem(p)
	return w.What, w.Meaning + " " + w.Next
}
