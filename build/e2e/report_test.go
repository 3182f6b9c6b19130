package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bitfount/bitfount-tray/build/desktop"
)

// Somebody saves a report from the window, for support: everything is looked at,
// the file lies where they said, is theirs alone, and holds no token.
func TestAReportIsSavedFromTheWindow(t *testing.T) {
	s := newScene(t, desktop.Options{})
	s.start("--hidden")
	s.shown()
	s.signedIn()
	s.click(copyHub)
	headers := s.clipboard("")
	s.click(openWindow)
	w, err := s.d.Window(s.ctx, patience)
	s.ok(err)
	s.ok(s.d.Settle(s.ctx))
	bounds, err := w.Bounds(s.ctx)
	s.ok(err)
	// “More” is the rightmost of four tabs, and “Save a report…” the fourth way there.
	s.ok(w.Click(s.ctx, bounds.Dx()*7/8, bounds.Dy()-26))
	s.picture("1-more")
	s.ok(w.Click(s.ctx, bounds.Dx()/2, 248))
	s.until("the diagnosis", func() error {
		if d := s.snapshot().Desktop.Diagnosis; d == nil || d.Running() {
			return errors.New("it has not ended")
		}
		return nil
	})
	s.picture("2-where")
	s.ok(s.d.Key(s.ctx, "Return"))
	var file string
	s.until("the report", func() error {
		found, err := filepath.Glob(filepath.Join(s.d.Dir(), "home", "bitfount-tray-report-*.txt"))
		if err == nil && len(found) != 1 {
			err = errors.New("it is not there")
		}
		if err == nil {
			file = found[0]
		}
		return err
	})
	s.picture("3-saved")
	var text string
	s.until("the whole report", func() error {
		data, err := os.ReadFile(file)
		if text = string(data); err == nil && !strings.Contains(text, "The last day") {
			err = errors.New("it is not whole")
		}
		return err
	})
	info, err := os.Stat(file)
	s.ok(err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v", info.Mode())
	}
	for _, want := range []string{"Bitfount Tray report", person, "signed-in", "a panel shows it", "it answers", "Clock of this computer", "signed-in"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	for _, server := range []string{s.provider.Issuer, s.provider.HubURL, s.provider.AccessManagerURL} {
		if host := strings.Split(server, "/")[2]; !strings.Contains(text, "Connection to "+host) {
			t.Errorf("the report lacks %s", host)
		}
	}
	s.noSecretsAbout(headers)
}
