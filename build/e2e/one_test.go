package e2e

import (
	"errors"
	"fmt"
	"testing"

	"github.com/bitfount/bitfount-tray/build/desktop"
	"github.com/bitfount/bitfount-tray/build/trial"
)

// ends waits for the end of a start that is not to become the resident.
func (s *scene) ends(r *trial.Resident) {
	s.Helper()
	if code, err := r.Ended(s.ctx, patience); err != nil || code != 0 {
		s.Fatalf("it ends with %d, %v\n%s", code, err, r.Log())
	}
}

// Updates quit the program and start the new one at once.
func TestAfterQuitAnotherCanStart(t *testing.T) {
	s := newScene(t, desktop.Options{})
	for range 2 {
		s.start("--hidden")
		first := s.resident
		quitting, err := s.programs.Launch(s.d, nil, "--quit")
		s.ok(err)
		s.ends(quitting)
		s.start("--hidden")
		s.shown()
		s.ends(first)
		again, err := s.programs.Launch(s.d, nil, "--quit")
		s.ok(err)
		s.ends(again)
		s.ends(s.resident)
	}
	// Without one that runs, there is nothing to do.
	idle, err := s.programs.Launch(s.d, nil, "--quit")
	s.ok(err)
	s.ends(idle)
}

// A login that starts it twice, and a user who clicks as well, get one icon and
// one window.
func TestOfManyStartsOneStays(t *testing.T) {
	s := newScene(t, desktop.Options{})
	var starts []*trial.Resident
	for i := range 6 {
		args := [][]string{{"--hidden"}, nil, {"--show"}}[i%3]
		r, err := s.programs.Launch(s.d, nil, args...)
		s.ok(err)
		s.Cleanup(r.Kill)
		starts = append(starts, r)
	}
	over := map[*trial.Resident]bool{}
	s.until("all but one to end", func() error {
		for _, r := range starts {
			if code, err := r.Ended(s.ctx, 0); err == nil {
				if over[r] = true; code != 0 {
					t.Fatalf("one ends with %d\n%s", code, r.Log())
				}
			}
		}
		if len(over) != len(starts)-1 {
			return fmt.Errorf("%d of %d have ended", len(over), len(starts))
		}
		return nil
	})
	for _, r := range starts {
		if !over[r] {
			s.resident = r
		}
	}
	var err error
	s.resident.Tray, err = s.d.Tray(s.ctx, s.resident.PID, patience)
	s.ok(err)
	s.shown()
	s.until("one window", func() error {
		windows, err := s.d.Windows(s.ctx)
		if err == nil && len(windows) != 1 {
			err = fmt.Errorf("there are %d", len(windows))
		}
		return err
	})
	if _, err := s.resident.Ended(s.ctx, 0); err == nil {
		t.Error(errors.New("none is left"))
	}
}
