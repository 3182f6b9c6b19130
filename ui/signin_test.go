package ui

import (
	"slices"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/test"

	"github.com/bitfount/bitfount-tray/authcore"
)

// largest is the size of the largest text that is shown.
func largest(o fyne.CanvasObject) (size float32, text string) {
	walk(o, 0, func(t *canvas.Text, _ float32) {
		if t.TextSize > size {
			size, text = t.TextSize, t.Text
		}
	})
	return size, text
}

// RFC 8628 sections 3.3.1, 5.4 and 6.1: the code to compare, the ways to the
// page, and the warning of requests that somebody else has begun.
func TestTheCodePageHasWhatAPersonNeeds(t *testing.T) {
	v, _, _ := openRecorded(t)
	s := prompting(14*time.Minute + 20*time.Second)
	v.Render(s, noon)
	code := s.Accounts[0].Prompt
	for _, want := range []string{
		code.UserCode, "Copy code", "Copy link", "Open browser again", "Cancel",
		"Valid for 14 min more", "Only continue if you started this yourself.",
	} {
		if !slices.Contains(shown(v.Content()), want) {
			t.Errorf("missing: %q in %q", want, shown(v.Content()))
		}
	}
	if size, text := largest(v.Content()); text != code.UserCode || size < 40 {
		t.Errorf("the largest text is %q, %.0f high", text, size)
	}
	if p := v.pages.approval; !p.phone.Visible() || p.qr.text != code.VerificationURIComplete {
		t.Errorf("the picture for a phone holds %q, want the complete link %q", p.qr.text, code.VerificationURIComplete)
	}
	was := v.pages.approval.bar.fraction
	v.Tick(noon.Add(5 * time.Minute))
	if is := v.pages.approval.bar.fraction; is >= was || !says(v, "Valid for 9 min more") {
		t.Errorf("5 minutes later the bar is at %v, after %v: %q", is, was, shown(v.Content()))
	}

	// A server that gives no complete link.
	s = prompting(time.Minute)
	s.Accounts[0].Prompt.VerificationURIComplete = ""
	v.Render(s, noon)
	if got := v.pages.approval.qr.text; got != code.VerificationURI {
		t.Errorf("without a complete link the picture holds %q", got)
	}
}

// The signed-in page says who, where and how long, and its ring moves.
func TestTheSessionPageSaysWhoWhereAndHowLong(t *testing.T) {
	v, _, _ := openRecorded(t)
	s := with(func(_ *authcore.Snapshot, a *authcore.Account) { a.Environment = "staging" })
	v.Render(s, noon)
	for _, want := range []string{"Signed in", "eleanor.rigby", "Staging, for testing", "23 h 10 min"} {
		if !says(v, want) {
			t.Errorf("missing: %q in %q", want, shown(v.Content()))
		}
	}
	ring := v.pages.session.ring
	was, angle := ring.face.fraction, arcOf(t, ring)
	v.Tick(noon.Add(6 * time.Hour))
	if is := ring.face.fraction; is >= was || arcOf(t, ring) >= angle || !says(v, "17 h 10 min") {
		t.Errorf("6 hours later the ring is at %v, after %v", is, was)
	}
}

// arcOf is the angle of the ring's arc, as it is drawn.
func arcOf(t *testing.T, r *ring) float32 {
	t.Helper()
	var least float32 = 361
	for _, o := range test.WidgetRenderer(r).Objects() {
		if arc, ok := o.(*canvas.Arc); ok {
			least = min(least, arc.EndAngle-arc.StartAngle)
		}
	}
	return least
}
