// Package ui is the view of Bitfount Tray's window: a function of the snapshot.
//
// It holds no secret and no state of a session. Render draws a snapshot, and
// what the user does goes out as an authcore.Command. Package ui/window puts
// the view into a real window. Everything here must be called on Fyne's own
// goroutine (fyne.Do).
package ui

import (
	"errors"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"

	"github.com/bitfount/bitfount-tray/authcore"
)

// Sizes of the window in Fyne's units.
var (
	DefaultSize = fyne.NewSize(420, 680)
	// SmallestSize is the least that every page is laid out for.
	SmallestSize = fyne.NewSize(360, 480)
)

const (
	leastWait = 50 * time.Millisecond
	mostWait  = time.Hour
)

// View draws snapshots. Create it with NewView.
type View struct {
	// OnClose closes the window; the page that says that the resident is gone
	// offers it. It may be nil.
	OnClose func()
	// Credentials try and keep API keys and tokens from elsewhere.
	Credentials Credentials
	// ChooseFile lets the user choose a file, and calls chosen with its whole
	// path on Fyne's goroutine. Without it, paths are typed.
	ChooseFile func(chosen func(path string))
	// SaveFile lets the user choose where a text goes, with a name proposed,
	// and puts it there. done is called on Fyne's goroutine with the file's
	// whole path or why it could not be written; not at all if the user gave
	// up. Without it, no report can be saved.
	SaveFile func(name, text string, done func(path string, err error))

	do       func(authcore.Command)
	snapshot *authcore.Snapshot
	now      time.Time
	failed   *authcore.Problem

	// language is the setting that the pages were built for.
	language string

	root    *fyne.Container
	header  *fyne.Container
	account *switcher
	banners *banners
	tabs    *tabBar
	pages   pages
	places  map[location]page
	place   location
	page    page
	busy    bool
}

// page is one of the window's faces.
type page interface {
	update(moment)
	// primary is what the keyboard's focus goes to.
	primary() fyne.Focusable
	canvasObject() fyne.CanvasObject
}

func (s *screen) canvasObject() fyne.CanvasObject { return s.root }

type pages struct {
	wait     *wait
	welcome  *welcome
	asking   *asking
	approval *approval
	failure  *failure
	session  *session
	gone     *gone
}

// moment is what one drawing depends on.
type moment struct {
	snapshot *authcore.Snapshot
	account  authcore.Account
	// local is this computer's time, now the time by the servers' clocks.
	local, now time.Time
}

func (m moment) allowed(name authcore.CommandName) bool {
	return m.snapshot.Allowed(authcore.Command{Name: name})
}

// NewView returns a view that sends commands to do. Until the first Render it
// asks for a moment's patience.
func NewView(do func(authcore.Command)) *View {
	v := &View{do: do, language: "system", place: atSession}
	speak(v.language)
	v.root = container.NewWithoutLayout()
	v.build()
	v.turnTo(v.pages.wait)
	return v
}

// build makes the pages, in the language that is spoken.
func (v *View) build() {
	v.banners, v.account, v.tabs = newBanners(v), newSwitcher(v), newTabBar(v)
	v.header = container.New(layout.NewCustomPaddedVBoxLayout(0), v.account.root, v.banners.root)
	v.tabs.root.Hide()
	v.pages = pages{
		wait: newWait(), welcome: newWelcome(v), asking: newAsking(v),
		approval: newApproval(v), failure: newFailure(v), session: newSession(v), gone: newGone(v),
	}
	v.places = map[location]page{
		atSuccess: newSuccess(v), atFiles: newFiles(v), atNewFile: newNewFile(v), atHistory: newHistory(v),
		atMore: newMore(v), atAccounts: newAccounts(v), atFixIt: newFixIt(v),
		atSettings: newSettings(v), atAPIKeys: newAPIKeys(v), atToken: newExternalToken(v),
	}
	v.root.Layout = frame{}
}

// speak draws everything anew in another language, if it is another.
func (v *View) speak(choice string) {
	if choice == "" {
		choice = "system"
	}
	if choice == v.language {
		return
	}
	v.language = choice
	speak(choice)
	v.build()
}

// Content is what belongs into the window.
func (v *View) Content() fyne.CanvasObject { return v.root }

// Render draws s as it is at the local wall-clock time now, in now's time
// zone. The snapshot must not change afterwards.
func (v *View) Render(s *authcore.Snapshot, now time.Time) {
	v.followActive(s)
	v.followDiagnosis(s, now)
	v.snapshot = s
	if v.page != v.pages.gone {
		v.speak(s.Settings.Language)
	}
	v.Tick(now)
}

// Tick draws what has changed only because time has passed.
func (v *View) Tick(now time.Time) {
	v.now = now
	if v.snapshot == nil || v.page == v.pages.gone {
		return
	}
	m := v.moment()
	p := v.pageFor(m)
	v.busy = true
	p.update(m)
	v.account.update(m)
	v.banners.update(m, v.place, v.failed)
	v.tabs.update(m, v.place)
	v.busy = false
	v.turnTo(p)
	v.layOut()
}

func (v *View) moment() moment {
	return moment{v.snapshot, v.snapshot.ActiveAccount(), v.now, v.snapshot.Now(v.now)}
}

func (v *View) pageFor(m moment) page {
	switch {
	case m.account.State == authcore.Prompting && m.account.Prompt != nil:
		return v.pages.approval
	case m.account.State == authcore.Prompting:
		return v.pages.asking
	case v.places[v.place] != nil:
		return v.places[v.place]
	case m.account.State == authcore.SignedOut && m.account.Problem != nil:
		return v.pages.failure
	case m.account.State == authcore.SignedOut, m.account.State == "":
		return v.pages.welcome
	}
	return v.pages.session
}

// followActive goes to the session where something new began there: a sign-in,
// or another account's turn.
func (v *View) followActive(s *authcore.Snapshot) {
	if v.snapshot == nil {
		return
	}
	was, is := v.snapshot.ActiveAccount(), s.ActiveAccount()
	switch {
	case was.ID != is.ID, was.State != authcore.Prompting && is.State == authcore.Prompting:
		v.place = atSession
	case was.State == authcore.Prompting && is.State == authcore.SignedIn && is.SignedInAt.After(was.SignedInAt):
		v.place = atSuccess
	case v.place == atSuccess && is.State != authcore.SignedIn && is.State != authcore.Renewing:
		v.place = atSession
	}
}

// justDone is how long ago a diagnosis may have ended for a window that has just
// been opened to show it: it may take less time than opening a window.
const justDone = time.Minute

// followDiagnosis goes to a diagnosis that somebody has asked for in the menu.
func (v *View) followDiagnosis(s *authcore.Snapshot, now time.Time) {
	d := s.Desktop.Diagnosis
	if d == nil {
		return
	}
	fresh := d.Running() || s.Now(now).Sub(d.FinishedAt) < justDone
	if v.snapshot != nil {
		before := v.snapshot.Desktop.Diagnosis
		fresh = before == nil || !before.StartedAt.Equal(d.StartedAt)
	}
	if fresh {
		v.place = atFixIt
	}
}

// turnTo shows p. Somebody who works with the keyboard goes on at its first
// button.
func (v *View) turnTo(p page) {
	if p == v.page {
		return
	}
	c := fyne.CurrentApp().Driver().CanvasForObject(v.root)
	keyboard := c != nil && c.Focused() != nil
	v.page = p
	v.root.Objects = []fyne.CanvasObject{v.header, p.canvasObject(), v.tabs.root}
	v.root.Refresh()
	if keyboard && p.primary() != nil {
		c.Focus(p.primary())
	}
}

// layOut gives every part its place again after a height changed.
func (v *View) layOut() {
	if v.page == nil || v.busy {
		return
	}
	// Fyne lays a container out only when its size changes, but a text may
	// have become longer within the same size.
	b, p := v.banners.root, v.page.canvasObject().(*fyne.Container)
	b.Resize(fyne.NewSize(v.root.Size().Width, b.Size().Height))
	b.Layout.Layout(b.Objects, b.Size())
	v.header.Layout.Layout(v.header.Objects, fyne.NewSize(v.root.Size().Width, v.header.MinSize().Height))
	v.root.Layout.Layout(v.root.Objects, v.root.Size())
	p.Layout.Layout(p.Objects, p.Size())
}

// NextChange is how long after now the drawn text changes by itself: from 50 ms
// to an hour.
func (v *View) NextChange(now time.Time) time.Duration {
	if v.snapshot == nil || v.page == v.pages.gone {
		return mostWait
	}
	a, corrected := v.snapshot.ActiveAccount(), v.snapshot.Now(now)
	wait := mostWait
	if v.page == v.pages.approval {
		// The bar moves each second.
		if left := a.Prompt.ExpiresAt.Sub(corrected); left > 0 {
			wait = left%time.Second + time.Millisecond
		}
	}
	if v.page != v.pages.approval && v.page != v.pages.asking && v.page != v.pages.welcome {
		if !a.ExpiresAt.IsZero() {
			wait = min(wait, nextWords(a.ExpiresAt.Sub(corrected)))
		}
		// Moments are said anew when they have passed, and at midnight.
		y, mo, d := corrected.Date()
		for _, t := range []time.Time{a.RenewAt, time.Date(y, mo, d+1, 0, 0, 0, 0, corrected.Location())} {
			if left := t.Sub(corrected); left >= 0 {
				wait = min(wait, left+time.Millisecond)
			}
		}
		if v.page == v.pages.session {
			wait = min(wait, nextDayHours(corrected))
		}
		if c := v.snapshot.Desktop.Clipboard; c.Holds != "" && !c.ClearAt.IsZero() {
			wait = min(wait, nextWords(c.ClearAt.Sub(now)))
		}
	}
	return max(wait, leastWait)
}

// Gone says that the resident has stopped.
func (v *View) Gone() {
	v.failed = nil
	v.banners.root.Hide()
	v.account.root.Hide()
	v.tabs.root.Hide()
	v.turnTo(v.pages.gone)
	v.layOut()
}

// ShowError shows why a command failed, until it is dismissed or another
// command is sent. Anything but an *authcore.Problem is an internal one.
func (v *View) ShowError(err error) {
	var p *authcore.Problem
	if !errors.As(err, &p) {
		p = &authcore.Problem{Code: authcore.ProblemInternal, Cause: err.Error()}
	}
	v.setFailed(p)
}

func (v *View) setFailed(p *authcore.Problem) {
	v.failed = p
	v.Tick(v.now)
}

// command makes a handler that sends c, if the snapshot of that moment allows
// it: a click may arrive after its button should have been disabled.
func (v *View) command(c authcore.Command) func() {
	return func() {
		if v.snapshot == nil || !v.snapshot.Allowed(c) {
			return
		}
		if v.failed != nil {
			v.setFailed(nil)
		}
		v.do(c)
	}
}

// Title is the window's title.
func Title() string { return tr("window.title") }
