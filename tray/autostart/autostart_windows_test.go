package autostart

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// keep puts back, after the test, what the registry of this user has now.
func keep(t *testing.T) {
	t.Helper()
	line, err := runLine()
	if err != nil {
		t.Fatal(err)
	}
	state := approval(t, nil)
	t.Cleanup(func() {
		_ = disable()
		approval(t, state)
		if line != "" {
			putRunLine(t, line)
		}
	})
	if err := disable(); err != nil {
		t.Fatal(err)
	}
	approval(t, nil)
}

func putRunLine(t *testing.T, line string) {
	t.Helper()
	key, _, err := registry.CreateKey(registry.CURRENT_USER, runKey, registry.SET_VALUE)
	if err != nil {
		t.Fatal(err)
	}
	defer key.Close()
	if err := key.SetStringValue(value, line); err != nil {
		t.Fatal(err)
	}
}

// approval writes what the Task Manager notes, nil for nothing, and returns what
// it had noted.
func approval(t *testing.T, state []byte) (before []byte) {
	t.Helper()
	key, _, err := registry.CreateKey(registry.CURRENT_USER, approvedKey, registry.QUERY_VALUE|registry.SET_VALUE)
	if err != nil {
		t.Fatal(err)
	}
	defer key.Close()
	before, _, err = key.GetBinaryValue(value)
	if err != nil && !errors.Is(err, registry.ErrNotExist) {
		t.Fatal(err)
	}
	if state == nil {
		err = key.DeleteValue(value)
	} else {
		err = key.SetBinaryValue(value, state)
	}
	if err != nil && !errors.Is(err, registry.ErrNotExist) {
		t.Fatal(err)
	}
	return before
}

func isOn(t *testing.T) bool {
	t.Helper()
	on, err := Enabled()
	if err != nil {
		t.Fatal(err)
	}
	return on
}

// TestTheCommandLineIsQuoted: Windows splits the entry again at blanks.
func TestTheCommandLineIsQuoted(t *testing.T) {
	keep(t)
	for _, command := range [][]string{
		{`C:\bitfount-tray.exe`, hidden},
		{`C:\Program Files\Bitfount Tray\bitfount-tray.exe`, hidden},
		{`C:\Users\Ärztin & Co (100%)\x^y\bitfount tray.exe`, hidden},
		{`\\server\share name\bitfount-tray.exe`, hidden, `a "quoted" word`, `ends with \`, ``},
	} {
		if err := enable(command); err != nil {
			t.Fatal(err)
		}
		line, err := runLine()
		if err != nil {
			t.Fatal(err)
		}
		got, err := windows.DecomposeCommandLine(line)
		if err != nil || !slices.Equal(got, command) {
			t.Errorf("%q became %q, which is %q (%v)", command, line, got, err)
		}
		if program, err := registered(); program != command[0] || err != nil {
			t.Errorf("%q: read back as %q, %v", command[0], program, err)
		}
	}
}

func TestTheTaskManagersSwitchIsTheTruth(t *testing.T) {
	keep(t)
	if isOn(t) {
		t.Fatal("on without an entry")
	}
	for range 2 {
		if err := Set(true); err != nil || !isOn(t) {
			t.Fatalf("switched on: %v, %v", isOn(t), err)
		}
	}
	approval(t, []byte{3, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8})
	if isOn(t) {
		t.Error("what was switched off in the Task Manager counts as on")
	}
	putRunLine(t, `C:\gone\bitfount-tray.exe`)
	if repaired, err := Repair(); repaired || err != nil {
		t.Errorf("an entry that is off was written: %v, %v", repaired, err)
	}
	if err := Set(true); err != nil || !isOn(t) { // the user's word in our own settings is newer
		t.Errorf("switched on again: %v, %v", isOn(t), err)
	}
	for range 2 {
		if err := Set(false); err != nil || isOn(t) {
			t.Fatalf("switched off: %v, %v", isOn(t), err)
		}
	}
}

func TestAStalePathIsRepaired(t *testing.T) {
	keep(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	another := filepath.Join(os.Getenv("SystemRoot"), "explorer.exe") // a program that is there
	for line, want := range map[string]string{
		`"C:\gone\Bitfount Tray\bitfount-tray.exe" --hidden`: self,
		`C:\gone\bitfount-tray.exe`:                          self,
		windows.ComposeCommandLine([]string{another}):        another,
	} {
		putRunLine(t, line)
		repaired, err := Repair()
		program, _ := registered()
		if err != nil || repaired != (want == self) || program != want {
			t.Errorf("%s: repaired %v, now %q, %v", line, repaired, program, err)
		}
	}
}
