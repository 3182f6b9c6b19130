package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/build/desktop"
)

// withPolicy is a program that runs another one on a computer whose
// administrator has written a policy: in a mount namespace of its own, whose
// /etc has that file. It needs root.
func withPolicy(s *scene, program, policy string) string {
	s.Helper()
	if os.Geteuid() != 0 {
		s.Skip("only root can have an /etc of its own")
	}
	folder := s.TempDir()
	s.ok(os.WriteFile(filepath.Join(folder, "policy.toml"), []byte(policy), 0o644))
	script := filepath.Join(folder, "run")
	text := fmt.Sprintf(`#!/bin/sh
if [ -z "$INSIDE" ]; then
	INSIDE=1 exec unshare --mount sh "$0" "$@"
fi
set -e
mount -t tmpfs tmpfs '%[1]s/etc'
mkdir '%[1]s/etc/upper' '%[1]s/etc/work'
mount -t overlay overlay -o 'lowerdir=/etc,upperdir=%[1]s/etc/upper,workdir=%[1]s/etc/work' /etc
mkdir -m 755 /etc/bitfount-tray
cp '%[1]s/policy.toml' /etc/bitfount-tray/
exec '%[2]s' "$@"
`, folder, program)
	s.ok(os.Mkdir(filepath.Join(folder, "etc"), 0o700))
	s.ok(os.WriteFile(script, []byte(text), 0o700))
	try := filepath.Join(folder, "try")
	s.ok(os.WriteFile(try, []byte("#!/bin/sh\nexec unshare --mount mount -t tmpfs tmpfs '"+folder+"/etc'\n"), 0o700))
	if out, err := exec.Command(try).CombinedOutput(); err != nil {
		s.Skipf("this machine has no mount namespaces: %v %s", err, out)
	}
	return script
}

// The policy file of the system holds in the program as users have it: at the
// local API, on the clipboard and at login.
func TestThePolicyOfTheSystemHolds(t *testing.T) {
	s := newScene(t, desktop.Options{})
	s.programs.Product = withPolicy(s, s.programs.Product, "exports = false\nclipboard_seconds = 10\nstart_at_login = true\n")
	settings := filepath.Join(s.d.ConfigHome(), "bitfount-tray", "settings.toml")
	s.ok(os.WriteFile(settings, []byte("exports = true\nclipboard_seconds = 600\n"), 0o600))
	s.start("--hidden")
	s.shown()
	s.signedIn()

	refused := func(code authcore.ProblemCode, c authcore.Command) {
		t.Helper()
		var p *authcore.Problem
		if err := s.client().Do(s.ctx, c); !errors.As(err, &p) || p.Code != code {
			t.Errorf("%s: %v, want %s", c.Name, err, code)
		}
	}
	file := filepath.Join(s.d.Dir(), "home", "hub.json")
	refused(authcore.ProblemForbidden, authcore.Command{Name: authcore.CommandAddLiveFile, Service: export.Hub, Format: "json", Path: file})
	refused(authcore.ProblemManaged, authcore.Command{Name: authcore.CommandSet, Setting: "clipboard_seconds", Text: "600"})
	refused(authcore.ProblemManaged, authcore.Command{Name: authcore.CommandSet, Setting: "exports", Text: "true"})
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the file is there: %v", err)
	}

	s.click(copyHub)
	s.clipboard("")
	if left := time.Until(s.snapshot().Desktop.Clipboard.ClearAt); left > 10*time.Second {
		t.Errorf("the clipboard is cleared in %v", left)
	}
	s.until("the clipboard to be cleared", func() error {
		if text, err := s.d.Clipboard(s.ctx); err == nil && text != "" {
			return errors.New("it still holds something")
		}
		return nil
	})
	s.until("the entry for starting at login", func() error {
		found, err := filepath.Glob(filepath.Join(s.d.ConfigHome(), "autostart", "*.desktop"))
		if err == nil && len(found) != 1 {
			err = errors.New("there is none")
		}
		return err
	})
}
