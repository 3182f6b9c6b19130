package policy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bitfount/bitfount-tray/authcore"
)

func TestAPolicyFileLocksTheSettings(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "policy.toml")
	if values, err := readFile(path); values != nil || err != nil {
		t.Errorf("without a file: %v, %v", values, err)
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("exports = false\nclipboard_seconds = 20\nproxy = \"http://proxy.test:8080\"\n")
	values, p := judge(readFile(path))
	if p != nil {
		t.Fatal(p)
	}
	s, err := authcore.ReadSettings(filepath.Join(dir, "none.toml"), values)
	if err != nil || s.Exports || s.ClipboardSeconds != 20 || !s.IsLocked("proxy") || s.IsLocked("theme") {
		t.Errorf("%+v, %v", s, err)
	}
	for _, bad := range []string{"exports = ", "[exports]\non = false\n", "exports = \"maybe\""} {
		write(bad)
		if _, p := judge(readFile(path)); p == nil || p.Cause == "" {
			t.Errorf("%q is silently ignored", bad)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil { // cannot be read as a file, also by root
		t.Fatal(err)
	}
	if _, p := judge(readFile(path)); p == nil || !strings.Contains(p.Cause, "directory") {
		t.Errorf("%v", p)
	}
}
