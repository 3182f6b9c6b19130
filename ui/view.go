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
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/bitfount/bitfount-tray/authcore"
)

// Sizes of the window in Fyne's units.
var (
	DefaultSize = fyne.NewSize(420, 680)
	// SmallestSize is the least that every page is laid out for.
	SmallestSize = fyne.NewSize(360, 480)
)

// View draws snapshots. Create it with NewView.
type View struct {
	// OnClose closes the window; the page that says that the resident is gone
	// offers it. It may be nil.
	OnClose func()

	do       func(authcore.Command)
	snapshot *authcore.Snapshot
	state    *widget.Label
	root     *fyne.Container
}

// NewView returns a view that sends commands to do and shows nothing until
// the first Render.
func NewView(do func(authcore.Command)) *View {
	v := &View{do: do, state: widget.NewLabel("")}
	v.root = container.NewPadded(v.state)
	return v
}

// Content is what belongs into the window.
func (v *View) Content() fyne.CanvasObject { return v.root }

// Render draws s as it is at the local wall-clock time now. The snapshot must
// not change afterwards.
func (v *View) Render(s *authcore.Snapshot, now time.Time) {
	v.snapshot = s
	v.Tick(now)
}

// Tick draws what has changed only because time has passed.
func (v *View) Tick(now time.Time) {
	if v.snapshot != nil {
		v.state.SetText(string(v.snapshot.ActiveAccount().State))
	}
}

// NextChange is how long after now the drawn text changes by itself. It is at
// least 50 ms and at most an hour.
func (v *View) NextChange(now time.Time) time.Duration { return time.Minute }

// Gone says that the resident has stopped.
func (v *View) Gone() { v.state.SetText("Bitfount Tray has stopped.") }

// ShowError shows why a command failed, until it is dismissed or another
// command is sent.
func (v *View) ShowError(err error) {
	var p *authcore.Problem
	if !errors.As(err, &p) {
		p = &authcore.Problem{Code: authcore.ProblemInternal, Cause: err.Error()}
	}
	v.state.SetText(p.Error())
}

// Title is the window's title.
func Title() string { return "Bitfount Tray" }

// Icon is the window's icon.
func Icon() fyne.Resource { return theme.AccountIcon() }
