package window

import (
	"slices"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver"
	fynetest "fyne.io/fyne/v2/test"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/ui"
)

func TestStartFaultTellsNoDisplayFromNoOpenGL(t *testing.T) {
	for cause, want := range map[string]authcore.ProblemCode{
		"NotInitialized: The GLFW library is not initialized": authcore.ProblemNoDisplay,
		"APIUnavailable: GLX: GLX extension not found":        authcore.ProblemNoWindow,
		"the graphics library could not create a window":      authcore.ProblemNoWindow,
	} {
		if got := startFault(cause); got.Code != want || got.Cause != cause {
			t.Errorf("%q is %s, want %s", cause, got.Code, want)
		}
	}
}

// Nobody sees the window ask for patience while the resident has long answered.
func TestTheFirstSnapshotIsDrawnBeforeTheWindowIsShown(t *testing.T) {
	says := func(p *painter, text string) bool {
		return slices.ContainsFunc(fynetest.LaidOutObjects(p.view.Content()), func(o fyne.CanvasObject) bool {
			t, ok := o.(*canvas.Text)
			return ok && t.Text == text
		})
	}
	const patience, welcome = "One moment…", "Welcome to Bitfount Tray"
	settings := authcore.DefaultSettings()
	settings.Language = "en"
	signedOut := &authcore.Snapshot{
		Active: "a", Settings: settings,
		Accounts: []authcore.Account{{ID: "a", Method: authcore.MethodDeviceCode, State: authcore.SignedOut}},
	}
	open := func() *painter {
		a := fynetest.NewTempApp(t)
		a.Settings().SetTheme(ui.Theme())
		p := &painter{app: a, view: ui.NewView(func(authcore.Command) {})}
		fynetest.NewTempWindow(t, p.view.Content()).Resize(ui.DefaultSize)
		return p
	}

	snapshots := make(chan *authcore.Snapshot, 1)
	snapshots <- signedOut
	p := open()
	p.drawFirst(snapshots)
	if says(p, patience) || !says(p, welcome) {
		t.Error("the first snapshot is not drawn")
	}

	// One that does not come keeps the window away for a moment only, and a
	// resident that has gone is the follower's to say.
	p = open()
	p.drawFirst(snapshots)
	close(snapshots)
	p.drawFirst(snapshots)
	if says(p, welcome) {
		t.Error("something was drawn without a snapshot")
	}
}

// native is a window as the graphics library made it, or not.
type native struct {
	fyne.Window
	context any
}

func (n native) RunNative(f func(any)) { f(n.context) }

// On Windows without OpenGL, Fyne runs on without the window that it could not
// make (make package-windows-test), and nobody would be told.
func TestAWindowThatWasNotMadeIsNoticed(t *testing.T) {
	for _, c := range []struct {
		context any
		want    bool
	}{
		{driver.WindowsWindowContext{}, false}, {driver.WindowsWindowContext{HWND: 1}, true},
		{driver.X11WindowContext{}, false}, {driver.X11WindowContext{WindowHandle: 1}, true},
		{driver.WaylandWindowContext{}, false}, {driver.WaylandWindowContext{WaylandSurface: 1}, true},
		{driver.MacWindowContext{}, false}, {driver.MacWindowContext{NSWindow: 1}, true},
		{driver.UnknownContext{}, true},
	} {
		if got := exists(native{context: c.context}); got != c.want {
			t.Errorf("%#v: %v", c.context, got)
		}
	}
}
