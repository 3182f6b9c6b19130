package resident

import (
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bitfount/bitfount-tray/authcore"
)

func (r *resident) choose(t *testing.T, setting, value string) {
	t.Helper()
	if err := r.do(t.Context(), authcore.Command{Name: authcore.CommandSet, Setting: setting, Text: value}); err != nil {
		t.Fatal(err)
	}
}

// shows waits for a snapshot with a setting.
func (r *resident) shows(t *testing.T, setting, value string) {
	t.Helper()
	waitUntil(t, func() bool {
		got, _ := r.agent.Snapshot().Settings.Value(setting)
		return got == value
	})
}

// TestEverySettingIsObeyedAndKept changes each setting as the window does.
func TestEverySettingIsObeyedAndKept(t *testing.T) {
	r := newResident(t, authcore.DefaultSettings())
	for _, c := range []struct{ name, value string }{
		{"clipboard_seconds", "20"}, {"notifications", "false"}, {"start_at_login", "true"}, {"show_window", "false"},
		{"theme", "dark"}, {"language", "fr"}, {"exports", "false"}, {"log_level", "debug"}, {"environment", "staging"},
	} {
		r.choose(t, c.name, c.value)
		r.shows(t, c.name, c.value)
		kept, err := authcore.ReadSettings(r.options.SettingsPath, nil)
		if got, _ := kept.Value(c.name); got != c.value || err != nil {
			t.Errorf("%s: kept is %q, %v", c.name, got, err)
		}
	}
	if !r.log.Enabled(t.Context(), -4) {
		t.Error("the log does not say more")
	}
	if got := r.agent.Snapshot().ActiveAccount().Environment; got != "staging" {
		t.Errorf("a new account is of %s", got)
	}
	for _, c := range []struct{ name, value string }{
		{"theme", "pink"}, {"clipboard_seconds", "9"}, {"language", "tlh"}, {"environment", "stagin"}, {"proxy", "nonsense:x"},
		{"ca_bundle", "/nowhere.pem"}, {"notifications", "maybe"}, {"nothing", "x"},
	} {
		err := r.do(t.Context(), authcore.Command{Name: authcore.CommandSet, Setting: c.name, Text: c.value})
		if p, ok := errors.AsType[*authcore.Problem](err); !ok || p.Code != authcore.ProblemBadSetting || p.Cause == "" {
			t.Errorf("%s=%s: %v", c.name, c.value, err)
		}
	}
}

// An organisation's own environment is what the setting shows and leads back to.
func TestTheOwnEnvironmentCanBeChosenAgain(t *testing.T) {
	r := newResident(t, authcore.DefaultSettings())
	own := filepath.Join(filepath.Dir(r.options.SettingsPath), "own.toml")
	if err := os.MkdirAll(filepath.Dir(own), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(own, []byte("[environment]\nname = \"hospital\"\nissuer = \"https://auth.test/\"\nclient_id = \"c\"\nhub_url = \"https://hub.test\"\naccess_manager_url = \"https://am.test\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.options.Environment = func(s authcore.Settings) (authcore.Environment, error) {
		e, _, err := s.ChooseEnvironment("", own)
		return e, err
	}
	r.readAutostart()
	r.shows(t, "environment", "hospital")
	for _, name := range []string{"production", "hospital"} {
		r.choose(t, "environment", name)
		r.shows(t, "environment", name)
		if got := r.agent.Snapshot().ActiveAccount().Environment; got != name {
			t.Errorf("chosen is %s, and a new account is of %s", name, got)
		}
	}
	if data, err := os.ReadFile(r.options.SettingsPath); err != nil || strings.Contains(string(data), "environment") {
		t.Errorf("%s, %v", data, err)
	}
}

// get asks through the resident's way to the servers.
func (r *resident) get(at string) (string, error) {
	answer, err := (&http.Client{Transport: r.options.Network}).Get(at)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return string(text), err
}

func TestTheProxyAndTheAuthoritiesCountAtOnce(t *testing.T) {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"} {
		t.Setenv(name, "")
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "the server") }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "the proxy") }))
	defer proxy.Close()
	drive := t.TempDir()
	bundle := filepath.Join(drive, "ca.pem")
	put := func() {
		if err := os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	r := newResident(t, authcore.DefaultSettings())
	if _, err := r.get(server.URL); err == nil {
		t.Fatal("an unknown authority is trusted")
	}
	put()
	r.choose(t, "ca_bundle", bundle)
	if got, err := r.get(server.URL); got != "the server" {
		t.Errorf("%q, %v", got, err)
	}
	r.choose(t, "proxy", proxy.URL)
	if got, err := r.get("http://host.test/"); got != "the proxy" {
		t.Errorf("%q, %v", got, err)
	}
	r.choose(t, "proxy", "")
	r.choose(t, "ca_bundle", "")
	if _, err := r.get(server.URL); err == nil {
		t.Error("an authority that was taken away is still trusted")
	}

	// The next start finds no drive yet: it is said, and heals by itself.
	if err := os.Remove(bundle); err != nil {
		t.Fatal(err)
	}
	s := authcore.DefaultSettings()
	s.CABundle = bundle
	r = newResident(t, s)
	r.options.Network.Tell(r.networkTold)
	waitUntil(t, func() bool {
		p := r.agent.Snapshot().Desktop.Settings
		return p != nil && p.Code == authcore.ProblemNetworkSettings && strings.Contains(p.Cause, bundle)
	})
	if _, err := r.get(server.URL); err == nil {
		t.Error("an authority that nobody knows is trusted")
	}
	put()
	if got, err := r.get(server.URL); got != "the server" {
		t.Errorf("%q, %v", got, err)
	}
	waitUntil(t, func() bool { return r.agent.Snapshot().Desktop.Settings == nil })
}

func TestADamagedSettingsFileIsSaidUntilItIsWhole(t *testing.T) {
	r := newResident(t, authcore.DefaultSettings())
	if err := os.MkdirAll(filepath.Dir(r.options.SettingsPath), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.options.SettingsPath, []byte("theme = \""), 0o600); err != nil {
		t.Fatal(err)
	}
	_, fault := authcore.ReadSettings(r.options.SettingsPath, nil)
	r.faulty(func() { r.fileFault = fault })
	waitUntil(t, func() bool {
		p := r.agent.Snapshot().Desktop.Settings
		return p != nil && p.Code == authcore.ProblemSettingsFile && p.Cause != ""
	})
	r.choose(t, "theme", "dark")
	waitUntil(t, func() bool { return r.agent.Snapshot().Desktop.Settings == nil })
	if data, err := os.ReadFile(r.options.SettingsPath + ".unreadable"); string(data) != "theme = \"" {
		t.Errorf("%q, %v", data, err)
	}
}
