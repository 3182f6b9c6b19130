// Package desktop brings up a whole desktop without a screen: an X server in
// memory (Xvfb), a private session bus that activates nothing, an unlocked
// gnome-keyring, the openbox window manager and an xfce4-panel whose tray shows
// StatusNotifier items. Programs that are started with its Env meet the parts
// that they meet on a user's machine, and nothing of the user's own.
//
// Tests call New, which skips where a program is missing and cleans up by
// itself. Other programs call Start and Stop.
//
// It is for Linux. Elsewhere Start answers a MissingError.
package desktop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// Options say what the desktop has. The zero value is a desktop of 1280 × 800
// pixels with everything.
type Options struct {
	// Width and Height of the screen in pixels; 0 means 1280 and 800.
	Width, Height int
	// NoKeyring leaves the Secret Service out.
	NoKeyring bool
	// NoPanel leaves the panel out; StartPanel can start it later.
	NoPanel bool
	// NoOpenGL is an X server without GLX, as some remote desktops have it.
	NoOpenGL bool
	// Scale is how many pixels make one unit of Fyne's; 0 means 1.
	Scale int
	// Dark asks the panel and Fyne for their dark look.
	Dark bool
}

// Desktop is a running virtual desktop. Its methods may be called from one
// goroutine at a time.
type Desktop struct {
	options Options
	// dir holds the home folder, the sockets and the logs. Its path is short,
	// because a socket's path has at most 108 bytes on Linux.
	dir     string
	display string
	bus     *dbus.Conn
	xfconfd *process
	panel   *process
	// started is every part in the order of its start.
	started []*process
}

// startLimit is how long one part may take to come up. On an idle machine the
// slowest one takes half a second; continuous integration is not always idle.
const startLimit = 30 * time.Second

// MissingError says which programs the desktop needs and this machine lacks.
type MissingError struct {
	Programs []string
	// Packages are the Debian packages that hold them.
	Packages []string
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("the virtual desktop needs %s: on Debian or Ubuntu run apt-get install %s",
		strings.Join(e.Programs, ", "), strings.Join(e.Packages, " "))
}

// needed are the programs and the Debian packages that hold them.
var needed = []struct{ program, pkg string }{
	{"Xvfb", "xvfb"},
	{"dbus-daemon", "dbus"},
	{"gnome-keyring-daemon", "gnome-keyring"},
	{"openbox", "openbox"},
	{"xfce4-panel", "xfce4-panel"},
	{"xdotool", "xdotool"},
	{"wmctrl", "wmctrl"},
	{"xprop", "x11-utils"},
	{"xwininfo", "x11-utils"},
	{"xsetroot", "x11-xserver-utils"},
	{"xclip", "xclip"},
	{"import", "imagemagick"},
}

// Check returns a MissingError if a program is missing.
func Check() error {
	var missing MissingError
	add := func(program, pkg string) {
		missing.Programs = append(missing.Programs, program)
		missing.Packages = append(missing.Packages, pkg)
	}
	for _, n := range needed {
		if _, err := exec.LookPath(n.program); err != nil {
			add(n.program, n.pkg)
		}
	}
	if xfconfd() == "" {
		add("xfconfd", "xfconf")
	}
	if missing.Programs == nil {
		return nil
	}
	return &missing
}

// xfconfd is where the panel's settings service lies, or empty. It is on no PATH.
func xfconfd() string {
	for _, pattern := range []string{"/usr/lib/*/xfce4/xfconf/xfconfd", "/usr/lib*/xfce4/xfconf/xfconfd", "/usr/libexec/xfce4/xfconf/xfconfd"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[0]
		}
	}
	return ""
}

// New brings a desktop up for one test and takes it down at the test's end. It
// skips the test, with the reason, where a program is missing.
func New(tb testing.TB, o Options) *Desktop {
	tb.Helper()
	d, err := Start(tb.Context(), o)
	var missing *MissingError
	if errors.As(err, &missing) {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("logs of the desktop's parts:\n%s", d.Logs())
		}
		d.Stop()
	})
	return d
}

// Start brings a desktop up. It takes about two seconds. The error is a
// MissingError where a program is missing; nothing runs on after an error.
func Start(ctx context.Context, o Options) (d *Desktop, err error) {
	if err := Check(); err != nil {
		return nil, err
	}
	if o.Width == 0 || o.Height == 0 {
		o.Width, o.Height = 1280, 800
	}
	if o.Scale == 0 {
		o.Scale = 1
	}
	dir, err := os.MkdirTemp("/tmp", "bt-")
	if err != nil {
		return nil, err
	}
	d = &Desktop{options: o, dir: dir}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, d.Logs())
			d.Stop()
		}
	}()
	for _, sub := range []string{"bin", "run", "home/.cache", "home/.config", "home/.local/share", "log"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, err
		}
	}
	if err := d.installBrowser(); err != nil {
		return nil, err
	}
	for _, part := range []func(context.Context) error{d.startX, d.startBus, d.startKeyring, d.startWindowManager} {
		if err := part(ctx); err != nil {
			return nil, err
		}
	}
	if !o.NoPanel {
		if err := d.StartPanel(ctx); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Stop ends every part, and everything that was started with this desktop's
// Env and still runs, and removes the desktop's folder.
func (d *Desktop) Stop() {
	if d.bus != nil {
		_ = d.bus.Close()
	}
	for _, p := range slices.Backward(d.started) {
		p.stop()
	}
	killMarked(marker + "=" + d.dir)
	_ = os.RemoveAll(d.dir)
}

// marker is the variable by which Stop finds the desktop's descendants.
const marker = "BITFOUNT_VIRTUAL_DESKTOP"

// Env is the environment for programs on this desktop: what this process has,
// without its desktop, its session and its Bitfount settings, and with this
// desktop's. Give it to exec.Cmd.
func (d *Desktop) Env() []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		switch {
		case strings.HasPrefix(name, "XDG_"), strings.HasPrefix(name, "DBUS_"), strings.HasPrefix(name, "BITFOUNT_"),
			strings.HasPrefix(name, "FYNE_"), strings.HasPrefix(name, "GNOME_"), strings.HasPrefix(name, "GTK_"),
			slices.Contains([]string{"HOME", "PATH", "LANG", "LANGUAGE", "LC_ALL", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "BROWSER", "SSH_AUTH_SOCK"}, name):
		default:
			env = append(env, kv)
		}
	}
	home := filepath.Join(d.dir, "home")
	env = append(env,
		marker+"="+d.dir,
		"HOME="+home,
		"PATH="+filepath.Join(d.dir, "bin")+":"+os.Getenv("PATH"),
		"LANG=C.UTF-8",
		"DISPLAY="+d.display,
		"DBUS_SESSION_BUS_ADDRESS="+d.busAddress(),
		"XDG_RUNTIME_DIR="+filepath.Join(d.dir, "run"),
		"XDG_CONFIG_HOME="+d.ConfigHome(),
		"XDG_DATA_HOME="+d.DataHome(),
		"XDG_CACHE_HOME="+filepath.Join(home, ".cache"),
		"XDG_SESSION_TYPE=x11",
		// No graphics card is needed: Mesa draws in software.
		"LIBGL_ALWAYS_SOFTWARE=1",
		// GTK must neither look for an accessibility bus nor for stored settings.
		"NO_AT_BRIDGE=1", "GTK_A11Y=none", "GSETTINGS_BACKEND=memory",
		fmt.Sprintf("FYNE_SCALE=%d", d.options.Scale),
	)
	if d.options.Dark {
		return append(env, "FYNE_THEME=dark", "GTK_THEME=Adwaita:dark")
	}
	return append(env, "FYNE_THEME=light", "GTK_THEME=Adwaita")
}

// Without returns env without the named variables, for the days on which a
// desktop lacks something.
func Without(env []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(names, name)
	})
}

// Dir holds everything that the desktop and the programs on it have written. It
// is removed by Stop.
func (d *Desktop) Dir() string { return d.dir }

// ConfigHome is XDG_CONFIG_HOME on this desktop.
func (d *Desktop) ConfigHome() string { return filepath.Join(d.dir, "home", ".config") }

// DataHome is XDG_DATA_HOME on this desktop.
func (d *Desktop) DataHome() string { return filepath.Join(d.dir, "home", ".local", "share") }

// RuntimeDir is XDG_RUNTIME_DIR on this desktop.
func (d *Desktop) RuntimeDir() string { return filepath.Join(d.dir, "run") }

// Size of the screen in pixels.
func (d *Desktop) Size() (width, height int) { return d.options.Width, d.options.Height }

// Scale is how many pixels make one unit of Fyne's.
func (d *Desktop) Scale() int { return d.options.Scale }

// Logs returns what the desktop's parts have written, each below its name.
func (d *Desktop) Logs() string {
	var b strings.Builder
	files, _ := filepath.Glob(filepath.Join(d.dir, "log", "*"))
	for _, f := range files {
		if text, err := os.ReadFile(f); err == nil && len(text) > 0 {
			fmt.Fprintf(&b, "--- %s\n%s", filepath.Base(f), text)
		}
	}
	return b.String()
}

// installBrowser puts an xdg-open first on PATH that opens nothing and notes
// what it was asked for.
func (d *Desktop) installBrowser() error {
	script := "#!/bin/sh\nprintf '%s\\n' \"$1\" >>'" + d.openedFile() + "'\n"
	for _, name := range []string{"xdg-open", "x-www-browser"} {
		if err := os.WriteFile(filepath.Join(d.dir, "bin", name), []byte(script), 0o700); err != nil {
			return err
		}
	}
	return nil
}

func (d *Desktop) openedFile() string { return filepath.Join(d.dir, "opened") }

// Opened returns the links that programs have asked the browser to open,
// oldest first.
func (d *Desktop) Opened() []string {
	text, _ := os.ReadFile(d.openedFile())
	return strings.Fields(string(text))
}

// Until asks again and again until done answers nil, and returns the last
// answer, with what was waited for, once the limit is over. It is for things
// that another process does and that nothing announces.
func Until(ctx context.Context, limit time.Duration, what string, done func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := done()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited %v for %s: %w", limit, what, err)
		case <-tick.C:
		}
	}
}
