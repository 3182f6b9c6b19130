package resident

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/build/desktop"
	"github.com/bitfount/bitfount-tray/tray/autostart"
)

// newResident is one without a tray, whose servers refuse, in a home of its own.
func newResident(t *testing.T, settings authcore.Settings) *resident {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	t.Setenv("XDG_CONFIG_DIRS", filepath.Join(dir, "xdg"))
	for _, name := range []string{"APPIMAGE", "APPDIR", "FLATPAK_ID", "DBUS_SYSTEM_BUS_ADDRESS"} {
		t.Setenv(name, "")
	}
	agent, err := authcore.NewAgent(authcore.AgentOptions{Settings: &settings, Environment: authcore.Environment{
		Name: "test", Issuer: "http://127.0.0.1:1/", ClientID: "c", HubURL: "http://127.0.0.1:1", AccessManagerURL: "http://127.0.0.1:1",
	}})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- agent.Run(t.Context()) }()
	t.Cleanup(func() { <-ended })
	log := OpenLog(&bytes.Buffer{}, "", "info")
	network, err := NewNetwork(settings)
	if err != nil {
		t.Fatal(err)
	}
	chosen := func(s authcore.Settings) (authcore.Environment, error) {
		e, _, err := s.ChooseEnvironment("", filepath.Join(dir, "config.toml"))
		return e, err
	}
	return &resident{
		agent: agent, log: log.Logger, ctx: t.Context(), settings: settings, browse: map[string]bool{},
		options: Options{Log: log, Network: network, Environment: chosen, SettingsPath: filepath.Join(dir, "config", "bitfount-tray", "settings.toml")},
	}
}

func starts(t *testing.T) bool {
	t.Helper()
	on, err := autostart.Enabled()
	if err != nil {
		t.Fatal(err)
	}
	return on
}

func TestStartingAtLoginIsASetting(t *testing.T) {
	r := newResident(t, authcore.DefaultSettings())
	r.readAutostart()
	if r.agent.Snapshot().Settings.StartAtLogin {
		t.Error("shown as on in a fresh home")
	}
	for _, on := range []string{"true", "false", "true"} {
		if err := r.do(t.Context(), authcore.Command{Name: authcore.CommandSet, Setting: "start_at_login", Text: on}); err != nil {
			t.Fatal(err)
		}
		waitUntil(t, func() bool { return r.agent.Snapshot().Settings.StartAtLogin == (on == "true") })
		if starts(t) != (on == "true") {
			t.Errorf("set to %s, the system's entry says otherwise", on)
		}
	}
	// Somebody switches it off in the desktop's own settings.
	if err := autostart.Set(false); err != nil {
		t.Fatal(err)
	}
	r.readAutostart()
	waitUntil(t, func() bool { return !r.agent.Snapshot().Settings.StartAtLogin })
}

func TestAPolicyBringsStartingAtLoginAbout(t *testing.T) {
	s := authcore.DefaultSettings()
	s.StartAtLogin, s.Locked = true, []string{"start_at_login"}
	r := newResident(t, s)
	r.readAutostart()
	if !starts(t) {
		t.Error("the policy is not in force")
	}
	err := r.do(t.Context(), authcore.Command{Name: authcore.CommandSet, Setting: "start_at_login", Text: "false"})
	if err == nil || !starts(t) {
		t.Errorf("a locked setting was changed: %v", err)
	}
}

func TestAnEntryThatCannotBeWrittenIsAProblem(t *testing.T) {
	r := newResident(t, authcore.DefaultSettings())
	if err := os.WriteFile(os.Getenv("XDG_CONFIG_HOME"), nil, 0o600); err != nil { // in the folder's place
		t.Fatal(err)
	}
	err := r.do(t.Context(), authcore.Command{Name: authcore.CommandSet, Setting: "start_at_login", Text: "true"})
	var p *authcore.Problem
	if !errors.As(err, &p) || p.Code != authcore.ProblemAutostart || r.agent.Snapshot().Settings.StartAtLogin {
		t.Errorf("%v", err)
	}
}

func TestADiagnosisIsInTheSnapshotAndTheReport(t *testing.T) {
	r := newResident(t, authcore.DefaultSettings())
	r.diagnose(t.Context())
	waitUntil(t, func() bool { d := r.agent.Snapshot().Desktop.Diagnosis; return d != nil && !d.Running() })
	s := r.agent.Snapshot()
	if d := s.Desktop.Diagnosis; !d.OfferSignIn || len(d.Checks) != 7 {
		t.Errorf("%+v", d)
	}
	if report := authcore.Report(s, s.Desktop.Diagnosis, time.Now()); !strings.Contains(report, "Connection to 127.0.0.1:1") {
		t.Errorf("%s", report)
	}
	// Cut short, it is not left running for ever.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.diagnose(ctx)
	if d := r.agent.Snapshot().Desktop.Diagnosis; d.Running() {
		t.Errorf("%+v", d)
	}
}

// pressing is a notification server on which somebody presses every button.
type pressing struct {
	bus   *dbus.Conn
	shown chan string
}

func (p *pressing) GetCapabilities() ([]string, *dbus.Error) { return []string{"actions"}, nil }

func (p *pressing) Notify(_ string, _ uint32, _, title, _ string, actions []string, _ map[string]dbus.Variant, _ int32) (uint32, *dbus.Error) {
	p.shown <- title
	if len(actions) > 0 {
		if err := p.bus.Emit("/org/freedesktop/Notifications", "org.freedesktop.Notifications.ActionInvoked", uint32(1), actions[0]); err != nil {
			return 0, dbus.MakeFailedError(err)
		}
	}
	return 1, nil
}

func TestANoticesButtonSignsIn(t *testing.T) {
	address := desktop.Bus(t).Address()
	r := newResident(t, authcore.DefaultSettings())
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", address)
	bus, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bus.Close() })
	server := &pressing{bus, make(chan string, 1)}
	if err := bus.Export(server, "/org/freedesktop/Notifications", "org.freedesktop.Notifications"); err != nil {
		t.Fatal(err)
	}
	if _, err := bus.RequestName("org.freedesktop.Notifications", 0); err != nil {
		t.Fatal(err)
	}
	updates, stop := r.agent.Subscribe()
	defer stop()
	id := r.agent.Snapshot().Active
	r.show(t.Context(), notice{title: "Title", body: "Body", button: "Sign in", command: authcore.Command{Name: authcore.CommandSignIn, Account: id}})
	if got := <-server.shown; got != "Title" {
		t.Errorf("shown: %q", got)
	}
	for {
		select {
		case s := <-updates:
			// The issuer refuses, so the attempt is over soon and leaves its trace.
			if a := s.ActiveAccount(); a.State == authcore.Prompting || a.Problem != nil {
				return
			}
		case <-time.After(20 * time.Second):
			t.Fatal("nobody signs in")
		}
	}
}
