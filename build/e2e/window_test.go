package e2e

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/build/desktop"
	"github.com/bitfount/bitfount-tray/build/trial"
	"github.com/bitfount/bitfount-tray/ui"
)

// The whole path by the window, with real clicks of the mouse.
func TestASessionFromTheWindow(t *testing.T) {
	s := newScene(t, desktop.Options{})
	s.start("--show")
	w, err := s.d.Window(s.ctx, patience)
	s.ok(err)
	m := newMirror(s, w, false)
	m.picture("1-signed-out")

	m.press("Sign in…")
	link := s.opened(1)
	s.tooltip("approve in the browser")
	code := s.snapshot().ActiveAccount().Prompt.UserCode
	m.picture("2-code")
	m.press("Copy code")
	if got := s.clipboard(""); got != code {
		t.Errorf("“Copy code” copied %q, want %q", got, code)
	}
	m.press("Copy link")
	if got := s.clipboard(code); got != link {
		t.Errorf("“Copy link” copied %q, want %q", got, link)
	}
	m.press("Open browser again")
	if got := s.opened(2); got != link {
		t.Errorf("“Open browser again” opened %q, want %q", got, link)
	}
	m.press("Cancel")
	s.tooltip("Signed out")
	m.picture("3-cancelled")

	m.press("Sign in…")
	link = s.opened(3)
	code = userCode.FindString(s.tooltip("approve in the browser"))
	m.settle("the code")
	s.ok(trial.Approve(s.ctx, link, code, person))
	s.tooltip(person)
	m.picture("4-signed-in")
	m.press("Continue")
	m.picture("5-session")
	m.press("Copy headers")
	headers := s.clipboard(link)
	s.accepted(s.provider.HubURL, headers)
	m.picture("6-copied")
	m.press("Renew now")
	s.until("a renewal", func() error { return s.counted("refreshed", 1) })
	s.noSecretsAbout(headers)

	m.press("Sign out")
	s.tooltip("Signed out")
	m.picture("7-signed-out")
	s.ok(w.Close(s.ctx))
	s.ok(s.d.NoWindow(s.ctx, patience))
	s.tooltip("Signed out")
}

// press clicks on the button with that text in the real window. Where the
// button lies is worked out by drawing the same snapshot at the same size
// without a screen, because Fyne's buttons are pixels to everybody else.
func (s *scene) press(w desktop.Window, text string) {
	s.Helper()
	s.ok(s.d.Settle(s.ctx))
	bounds, err := w.Bounds(s.ctx)
	s.ok(err)
	scale := s.d.Scale()
	size := fyne.NewSize(float32(bounds.Dx()/scale), float32(bounds.Dy()/scale))

	test.NewTempApp(s.T).Settings().SetTheme(ui.Theme())
	view := ui.NewView(func(authcore.Command) {})
	window := test.NewTempWindow(s.T, view.Content())
	window.SetPadded(false)
	window.Resize(size)
	view.Render(s.snapshot(), time.Now())
	window.Resize(size)

	var labels []string
	for _, o := range test.LaidOutObjects(view.Content()) {
		label, ok := buttonText(o)
		if !ok {
			continue
		}
		labels = append(labels, label)
		if label != text {
			continue
		}
		at := fyne.CurrentApp().Driver().AbsolutePositionForObject(o)
		middle := at.AddXY(o.Size().Width/2, o.Size().Height/2)
		if middle.Y >= size.Height {
			s.Fatalf("“%s” is below the window's edge", text)
		}
		s.ok(w.Click(s.ctx, int(middle.X)*scale, int(middle.Y)*scale))
		return
	}
	s.Fatalf("the window has no enabled button “%s”; it has “%s”", text, strings.Join(labels, "”, “"))
}

// buttonText is the text of an enabled, visible button of Fyne's, also of one
// that embeds it.
func buttonText(o fyne.CanvasObject) (string, bool) {
	if _, ok := o.(fyne.Tappable); !ok || !o.Visible() {
		return "", false
	}
	if d, ok := o.(fyne.Disableable); ok && d.Disabled() {
		return "", false
	}
	text := reflect.Indirect(reflect.ValueOf(o)).FieldByName("Text")
	if !text.IsValid() || text.Kind() != reflect.String {
		return "", false
	}
	return text.String(), true
}

// A first start needs one press of a button and one approval, also by somebody
// without a mouse. The sign-in goes on when its window is closed: the tray shows
// the code, and then who is signed in.
func TestASignInGoesOnWithoutItsWindow(t *testing.T) {
	s := newScene(t, desktop.Options{})
	s.start()
	w, err := s.d.Window(s.ctx, patience)
	s.ok(err)
	m := newMirror(s, w, false)
	m.settle("the welcome")
	s.ok(w.Activate(s.ctx))
	s.ok(s.d.Key(s.ctx, "Tab", "Return"))
	link := s.opened(1)
	m.settle("the code")
	s.ok(w.Close(s.ctx))
	s.ok(s.d.NoWindow(s.ctx, patience))

	code := userCode.FindString(s.tooltip("approve in the browser"))
	if code != s.snapshot().ActiveAccount().Prompt.UserCode {
		t.Errorf("the tray shows the code %q", code)
	}
	s.menu(again, copyLink, copyCode, cancel, "-"+copyHub, "-"+copyAM, "-"+copyMS, "-"+renew, openWindow, "-"+signOut, quit)
	s.ok(trial.Approve(s.ctx, link, code, person))
	s.tooltip(person)
	if n := len(s.d.Opened()); n != 1 {
		t.Errorf("the browser was opened %d times", n)
	}
	s.noWindow()

	// A window that is opened now shows the session, and no success of long ago.
	s.click(openWindow)
	w, err = s.d.Window(s.ctx, patience)
	s.ok(err)
	newMirror(s, w, false).picture("session")
}
