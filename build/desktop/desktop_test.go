package desktop

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"fyne.io/systray"
	"github.com/godbus/dbus/v5"
)

// asTray makes the test binary be a small tray program instead.
const asTray = "DESKTOP_TEST_TRAY"

func TestMain(m *testing.M) {
	if os.Getenv(asTray) != "" {
		// An icon that is set while systray starts may get lost, so it is set before.
		showIcon()
		systray.Run(showMenu, nil)
		return
	}
	os.Exit(m.Run())
}

func showIcon() {
	picture := image.NewRGBA(image.Rect(0, 0, 22, 22))
	for i := range 22 * 22 {
		picture.Set(i%22, i/22, color.RGBA{R: 200, A: 255})
	}
	var icon bytes.Buffer
	_ = png.Encode(&icon, picture)
	systray.SetIcon(icon.Bytes())
	systray.SetTooltip("Before")
}

func showMenu() {
	first := systray.AddMenuItem("First", "")
	below := systray.AddMenuItem("More", "").AddSubMenuItem("Below", "")
	below.Disable()
	systray.AddSeparator()
	go func() {
		for range first.ClickedCh {
			systray.SetTooltip("Clicked")
		}
	}()
	go func() {
		for range below.ClickedCh {
			first.SetTitle("Renamed")
		}
	}()
}

func startTray(t *testing.T, d *Desktop) *Tray {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(d.Env(), asTray+"=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	tray, err := d.Tray(t.Context(), cmd.Process.Pid, 20*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return tray
}

func TestATrayIconIsReadAndClicked(t *testing.T) {
	d := New(t, Options{})
	tray := startTray(t, d)
	ctx := t.Context()

	menu, err := tray.Menu(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := MenuText(menu), "First\nMore\n    (Below)\n────\n"; got != want {
		t.Errorf("the menu is\n%s\nwant\n%s", got, want)
	}
	icon, err := tray.Icon(ctx)
	if err != nil || len(icon) != 1 || icon[0].Width != 22 || !bytes.Equal(icon[0].Pixels[:4], []byte{255, 200, 0, 0}) {
		t.Errorf("the icon is %d pictures, %v", len(icon), err)
	}
	if err := Until(ctx, 10*time.Second, "the panel to show the item", func() error {
		if on, err := tray.Registered(ctx); err != nil || !on {
			return fmt.Errorf("registered: %v, %w", on, err)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	if err := d.OpenTrayMenu(ctx); err != nil {
		t.Error(err)
	}
	if err := d.CloseTrayMenu(ctx); err != nil {
		t.Error(err)
	}
	if err := tray.Click(ctx, "First"); err != nil {
		t.Fatal(err)
	}
	if err := Until(ctx, 10*time.Second, "the tooltip", func() error {
		if tip, err := tray.Tooltip(ctx); tip != "Clicked" {
			return fmt.Errorf("the tooltip is %q, %w", tip, err)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	if err := tray.Click(ctx, "Below"); err != nil {
		t.Fatal(err)
	}
	if err := Until(ctx, 10*time.Second, "the new label", func() error {
		_, err := tray.Item(ctx, "Renamed")
		return err
	}); err != nil {
		t.Error(err)
	}
	if err := tray.Click(ctx, "First"); !errors.Is(err, errNoItem) {
		t.Errorf("clicking on a line that is gone gives %v", err)
	}
}

func TestThePanelCanComeLateAndRestart(t *testing.T) {
	d := New(t, Options{NoPanel: true, NoKeyring: true})
	ctx := t.Context()
	tray := startTray(t, d)
	if _, err := tray.Registered(ctx); err == nil {
		t.Error("there is a watcher on a desktop without a panel")
	}
	for range 2 {
		if err := d.StartPanel(ctx); err != nil {
			t.Fatal(err)
		}
		if err := Until(ctx, 10*time.Second, "the panel to show the item", func() error {
			if on, err := tray.Registered(ctx); err != nil || !on {
				return fmt.Errorf("registered: %v, %w", on, err)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		if err := d.StopPanel(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheKeyringIsUnlocked(t *testing.T) {
	d := New(t, Options{NoPanel: true})
	collection := d.BusConn().Object("org.freedesktop.secrets", dbus.ObjectPath("/org/freedesktop/secrets/aliases/default"))
	v, err := property(t.Context(), collection, "org.freedesktop.Secret.Collection.Locked")
	if err != nil {
		t.Fatal(err)
	}
	if locked, ok := v.Value().(bool); !ok || locked {
		t.Errorf("the default collection's Locked is %v", v)
	}
}

func TestNothingRunsOnAfterStop(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("/proc is there on Linux only")
	}
	if err := Check(); err != nil {
		t.Skip(err)
	}
	d, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	// A program that leaves its parent, as daemons do.
	left := exec.Command("sh", "-c", "sleep 300 & sleep 300 & exit 0")
	left.Env = d.Env()
	if err := left.Run(); err != nil {
		t.Fatal(err)
	}
	d.Stop()
	if err := Until(t.Context(), 10*time.Second, "every process to end", func() error {
		files, _ := filepath.Glob("/proc/[0-9]*/environ")
		for _, f := range files {
			if env, _ := os.ReadFile(f); bytes.Contains(env, []byte(marker+"="+d.dir)) {
				name, _ := os.ReadFile(filepath.Join(filepath.Dir(f), "comm"))
				return fmt.Errorf("%s runs on", bytes.TrimSpace(name))
			}
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(d.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the desktop's folder is still there: %v", err)
	}
}

func TestTheEnvironmentHoldsNothingOfTheUsers(t *testing.T) {
	t.Setenv("DISPLAY", ":77")
	t.Setenv("WAYLAND_DISPLAY", "wayland-77")
	t.Setenv("XDG_CONFIG_HOME", "/77")
	t.Setenv("BITFOUNT_API_KEY", "77")
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/77")
	d := &Desktop{dir: "/tmp/bt-test", display: ":1"}
	env := strings.Join(d.Env(), "\n")
	if strings.Contains(env, "=:77") || strings.Contains(env, "wayland-77") || strings.Contains(env, "=/77") || strings.Contains(env, "API_KEY") || strings.Contains(env, "path=/77") {
		t.Error("something of the user's is in it")
	}
	if !strings.Contains(env, "\nDISPLAY=:1\n") {
		t.Error("DISPLAY is missing")
	}
	if got := Without([]string{"A=1", "DISPLAY=:1", "B=2"}, "DISPLAY"); len(got) != 2 {
		t.Errorf("Without leaves %q", got)
	}
}
