package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/build/desktop"
)

// toggle clicks on the switch of that name in the real window.
func (m *mirror) toggle(name string) {
	m.Helper()
	m.settle("the page with “" + name + "”")
	for _, o := range test.LaidOutObjects(m.view.Content()) {
		if !reflect.Indirect(reflect.ValueOf(o)).FieldByName("Checked").IsValid() { // Fyne's own switches have it
			continue
		}
		if named, ok := o.(interface{ AccessibilityLabel() string }); !ok || named.AccessibilityLabel() != name {
			continue
		}
		at := fyne.CurrentApp().Driver().AbsolutePositionForObject(o)
		scale := m.d.Scale()
		m.ok(m.real.Click(m.ctx, int(at.X+16)*scale, int(at.Y+o.Size().Height/2)*scale))
		return
	}
	m.Fatalf("the window has no switch “%s”", name)
}

// settings waits until the resident's settings are as wanted.
func (s *scene) settings(what string, holds func(authcore.Settings) bool) {
	s.Helper()
	s.until(what, func() error {
		if now := s.snapshot().Settings; !holds(now) {
			return fmt.Errorf("the settings are %+v", now)
		}
		return nil
	})
}

// What is chosen in the window counts at once, is there after a restart, and a
// file of settings that somebody has spoilt is said and costs nothing else.
func TestSettingsInTheRealWindow(t *testing.T) {
	s := newScene(t, desktop.Options{Width: 1024, Height: 800})
	s.start("--hidden")
	s.signedIn()
	s.click(openWindow)
	w, err := s.d.Window(s.ctx, patience)
	s.ok(err)
	m := newMirror(s, w, false)
	m.press("More")
	m.press("Settings")
	m.toggle("Start when you log in")
	s.settings("starting at login", func(now authcore.Settings) bool { return now.StartAtLogin })
	m.picture("1-starts-at-login")
	entry, err := os.ReadFile(filepath.Join(s.d.ConfigHome(), "autostart", "bitfount-tray.desktop"))
	if err != nil || !strings.Contains(string(entry), "Exec="+s.programs.Product+" --hidden\n") {
		t.Errorf("the entry is %s, %v", entry, err)
	}

	s.ok(s.client().Do(s.ctx, authcore.Command{Name: authcore.CommandSet, Setting: "language", Text: "de"}))
	s.until("a German menu", func() error {
		_, err := s.resident.Tray.Item(s.ctx, "Beenden")
		return err
	})
	m.settle("the page in German")
	s.ok(w.Close(s.ctx))
	s.ok(s.d.NoWindow(s.ctx, patience))
	s.click("Beenden")
	s.ends(s.resident)

	s.start("--hidden")
	s.settings("German after a restart", func(now authcore.Settings) bool { return now.Language == "de" && now.StartAtLogin })
	s.resident.Kill()
	file := filepath.Join(s.d.ConfigHome(), "bitfount-tray", "settings.toml")
	s.ok(os.WriteFile(file, []byte("language = \"d"), 0o600))
	s.start("--show")
	s.problem(authcore.ProblemSettingsFile, func(now *authcore.Snapshot) *authcore.Problem { return now.Desktop.Settings })
	s.tooltip(person)
	w, err = s.d.Window(s.ctx, patience)
	s.ok(err)
	m = newMirror(s, w, false)
	m.picture("2-spoilt")
	s.ok(s.client().Do(s.ctx, authcore.Command{Name: authcore.CommandSet, Setting: "theme", Text: "light"}))
	s.until("the notice to be over", func() error {
		if p := s.snapshot().Desktop.Settings; p != nil {
			return p
		}
		return nil
	})
	if kept, err := os.ReadFile(file + ".unreadable"); string(kept) != "language = \"d" {
		t.Error(errors.Join(err, fmt.Errorf("kept aside is %q", kept)))
	}
}
