package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/bitfount/bitfount-tray/build/desktop"
)

// An open window draws while something moves, and nothing else: it is beside
// people's work all day.
func TestTheOpenWindowDrawsNothingWhileNothingMoves(t *testing.T) {
	s := newScene(t, desktop.Options{})
	s.start("--show")
	w, err := s.d.Window(s.ctx, patience)
	s.ok(err)
	s.signedIn()
	s.until("the window to be at rest", func() error {
		n, err := w.Drawn(s.ctx, 2*time.Second)
		if err == nil && n > 0 {
			err = fmt.Errorf("in 2 s it was drawn into %d times", n)
		}
		return err
	})
	// And what is drawn is counted.
	ctx, stop := context.WithCancel(s.ctx)
	drawn := make(chan int, 1)
	go func() {
		n, _ := w.Drawn(ctx, patience)
		drawn <- n
	}()
	s.press(w, "History")
	s.ok(s.d.Settle(s.ctx))
	stop()
	if <-drawn == 0 {
		t.Error("nothing is counted while another page is drawn")
	}
}

// A second start brings the window forward, from below another program's window
// and from where it was put away; --hidden leaves it where it is.
func TestASecondStartBringsTheWindowForward(t *testing.T) {
	s := newScene(t, desktop.Options{})
	s.start("--show")
	s.shown()
	w, err := s.d.Window(s.ctx, patience)
	s.ok(err)
	active := func(want bool) {
		t.Helper()
		s.until(fmt.Sprintf("the window to be in front: %v", want), func() error {
			is, err := w.Active(s.ctx)
			if err == nil && is != want {
				err = fmt.Errorf("it is: %v", is)
			}
			return err
		})
	}
	second := func(args ...string) {
		t.Helper()
		r, err := s.programs.Launch(s.d, nil, args...)
		s.ok(err)
		if code, err := r.Ended(s.ctx, patience); err != nil || code != 0 {
			t.Fatalf("a second start with %q ends with %d, %v\n%s", args, code, err, r.Log())
		}
	}
	active(true)
	uncover, err := s.d.Cover()
	s.ok(err)
	defer uncover()
	active(false)
	second("--hidden")
	if is, err := w.Active(s.ctx); err != nil || is {
		t.Errorf("after --hidden the window is in front: %v, %v", is, err)
	}
	second()
	active(true)
	s.picture("1-over-another-window")
	s.ok(w.Minimize(s.ctx))
	active(false)
	second("--show")
	active(true)
	s.picture("2-no-longer-put-away")
}
