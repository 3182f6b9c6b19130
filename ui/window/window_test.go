package window

import (
	"slices"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
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
