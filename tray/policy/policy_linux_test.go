package policy

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bitfount/bitfount-tray/authcore"
)

// TestMain lets whoever runs the tests be the administrator.
func TestMain(m *testing.M) {
	trustedOwner = uint32(os.Getuid())
	os.Exit(m.Run())
}

// place is where a test keeps its policy, in a folder of its own.
func place(t *testing.T) (path string, write func(string)) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "policy.toml")
	return path, func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAPolicyFileLocksTheSettings(t *testing.T) {
	path, write := place(t)
	if values, err := readFile(path); values != nil || err != nil {
		t.Errorf("without a file: %v, %v", values, err)
	}
	write("exports = true\nexport_formats = [\"sdk-token\", \"json\"]\nclipboard_seconds = 20\nproxy = \"http://proxy.test:8080\"\n")
	values, p := judge(readFile(path))
	if p != nil {
		t.Fatal(p)
	}
	s, err := authcore.ReadSettings(filepath.Join(t.TempDir(), "none.toml"), values)
	if err != nil || s.ExportFormats != "sdk-token,json" || s.ClipboardSeconds != 20 || !s.IsLocked("proxy") || s.IsLocked("theme") {
		t.Errorf("%+v, %v", s, err)
	}
	for _, bad := range []string{"[exports]\non = false\n", "exports = \"maybe\"", "export_formats = [\"yaml\"]"} {
		write(bad)
		values, p := judge(readFile(path))
		if p == nil || p.Cause == "" {
			t.Errorf("%q is silently ignored", bad)
		}
		if s, _ := authcore.ReadSettings("", values); s.Exports || !s.IsLocked("exports") {
			t.Errorf("%q: nobody knows what it allows, and files may be written", bad)
		}
	}
}

func TestAPolicyFileThatOthersCouldHaveWrittenIsNotBelieved(t *testing.T) {
	const good = "proxy = \"http://stranger.test:8080\"\n"
	for name, c := range map[string]struct {
		spoil func(t *testing.T, path string)
		says  string
	}{
		"written by the group":     {func(t *testing.T, path string) { chmod(t, path, 0o664) }, "chmod go-w"},
		"written by everybody":     {func(t *testing.T, path string) { chmod(t, path, 0o646) }, "chmod go-w"},
		"in a folder of the group": {func(t *testing.T, path string) { chmod(t, filepath.Dir(path), 0o775) }, "chmod go-w"},
		"of another user": {func(t *testing.T, _ string) {
			trustedOwner++
			t.Cleanup(func() { trustedOwner-- })
		}, "not to root"},
		"a folder": {func(t *testing.T, path string) {
			remove(t, path)
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "is no file"},
		"a pipe": {func(t *testing.T, path string) {
			remove(t, path)
			if err := unix.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "is no file"},
		"no TOML": {func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte("proxy = "), 0o644); err != nil {
				t.Fatal(err)
			}
		}, "not valid TOML"},
		"endless": {func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(strings.Repeat("# more\n", largest/7+1)), 0o644); err != nil {
				t.Fatal(err)
			}
		}, "more than"},
		"a link to one of somebody's": {func(t *testing.T, path string) {
			other := filepath.Join(t.TempDir(), "own.toml")
			if err := os.WriteFile(other, []byte(good), 0o600); err != nil {
				t.Fatal(err)
			}
			chmod(t, other, 0o666)
			remove(t, path)
			if err := os.Symlink(other, path); err != nil {
				t.Fatal(err)
			}
		}, "chmod go-w"},
	} {
		t.Run(name, func(t *testing.T) {
			path, write := place(t)
			write(good)
			if values, p := judge(readFile(path)); p != nil || values["proxy"] == "" {
				t.Fatalf("before: %v, %v", values, p)
			}
			c.spoil(t, path)
			values, p := judge(readFile(path))
			if p == nil || !strings.Contains(p.Cause, c.says) {
				t.Errorf("the problem is %v, want one that says %q", p, c.says)
			}
			if want := map[string]string{"exports": "false"}; !maps.Equal(values, want) {
				t.Errorf("used all the same: %v", values)
			}
		})
	}
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}
