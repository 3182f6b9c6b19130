package desktop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// SessionBus is a private session bus that starts no service by itself, with a
// home folder of its own: the part of a desktop that a keyring needs. It works
// for root in a container without a login.
type SessionBus struct {
	d *Desktop
}

// Bus starts a session bus for one test and ends it, and everything on it, at
// the test's end. It skips the test, with the reason, where dbus-daemon is
// missing.
func Bus(tb testing.TB) *SessionBus {
	tb.Helper()
	need(tb, "dbus-daemon")
	dir, err := os.MkdirTemp("/tmp", "bt-")
	if err != nil {
		tb.Fatal(err)
	}
	d := &Desktop{dir: dir}
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("logs of the session bus:\n%s", d.Logs())
		}
		d.Stop()
	})
	for _, sub := range []string{"run", "home/.cache", "home/.config", "home/.local/share", "log"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			tb.Fatal(err)
		}
	}
	// The test's context ends before its clean-ups run, so it only bounds this.
	if err := d.startBus(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return &SessionBus{d}
}

// SessionBus is the desktop's own.
func (d *Desktop) SessionBus() *SessionBus { return &SessionBus{d} }

// Address is what programs expect in DBUS_SESSION_BUS_ADDRESS.
func (b *SessionBus) Address() string { return b.d.busAddress() }

// Env is the environment for programs on this bus: that of a desktop (see
// Desktop.Env), without a display where there is none.
func (b *SessionBus) Env() []string {
	if b.d.display == "" {
		return Without(b.d.Env(), "DISPLAY")
	}
	return b.d.Env()
}

// Stop ends the bus and the parts on it before the test ends, as when a user
// logs out. Programs that a test started live on. Further calls do nothing.
func (b *SessionBus) Stop() {
	for _, p := range slices.Backward(b.d.started) {
		p.stop()
	}
}

// need skips a test where one of the needed programs is missing.
func need(tb testing.TB, program string) {
	tb.Helper()
	for _, n := range needed {
		if n.program != program {
			continue
		}
		if _, err := exec.LookPath(program); err != nil {
			tb.Skip(&MissingError{Programs: []string{program}, Packages: []string{n.pkg}})
		}
		return
	}
	panic(fmt.Sprintf("the list of needed programs lacks %s", program))
}
