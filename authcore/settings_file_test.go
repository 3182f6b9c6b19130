package authcore

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// settingValues is a value for every setting that is not the usual one.
func settingValues(t *testing.T) map[string]string {
	t.Helper()
	_, bundle := tlsServer(t)
	values := map[string]string{
		"clipboard_seconds": "20", "notifications": "false", "start_at_login": "true", "show_window": "false",
		"theme": "dark", "text_size": "large", "language": "fr", "environment": "staging", "proxy": "http://proxy.test:3128",
		"ca_bundle": bundle, "exports": "false", "export_formats": "json", "update_notice": "false", "log_level": "debug",
	}
	for _, name := range SettingNames() {
		if values[name] == "" {
			t.Fatalf("no value for %s", name)
		}
	}
	return values
}

func changed(t *testing.T, s Settings, name, value string) Settings {
	t.Helper()
	s, err := s.With(name, value)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func read(t *testing.T, path string, policy map[string]string) Settings {
	t.Helper()
	s, err := ReadSettings(path, policy)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func write(t *testing.T, path string, s Settings) {
	t.Helper()
	if err := WriteSettings(path, s); err != nil {
		t.Fatal(err)
	}
}

func TestEverySettingIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config", "settings.toml")
	s := read(t, path, nil)
	for name, value := range settingValues(t) {
		s = changed(t, s, name, value)
		write(t, path, s)
		if got, _ := read(t, path, nil).Value(name); got != value {
			t.Errorf("%s: %q came back as %q", name, value, got)
		}
	}
	if got := read(t, path, nil); !reflect.DeepEqual(got, s) {
		t.Errorf("%+v, want %+v", got, s)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 && filepath.Separator == '/' {
		t.Errorf("%v, %v", info, err)
	}
	// What is chosen as usual leaves no trace: a later version's usual one counts.
	write(t, path, changed(t, s, "theme", "system"))
	if data, _ := os.ReadFile(path); strings.Contains(string(data), "theme") {
		t.Errorf("%s", data)
	}
}

func TestOfADamagedFileWhatIsRightIsUsed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.toml")
	for text, says := range map[string]string{
		"theme = \"dark\"\nclipboard_seconds = 5\n":        "clipboard_seconds: choose 10 to 600",
		"theme = \"dark\"\ncolour = \"red\"\n":             `there is no setting "colour"`,
		"theme = \"dark\"\nnotifications = 3\n":            "notifications: choose true or false",
		"theme = \"dark\"\nproxy = \"http://u:p@x:1\"\n":   "leave out user name and password",
		"theme = \"dark\"\nca_bundle = \"/nowhere.pem\"\n": "/nowhere.pem",
		"theme = \"dark\"\nenvironment = \"stagin\"\n":     "stagin",
		"theme = \"dark\"\n\x00\xff":                       "not valid TOML",
		"theme = ":                                         "not valid TOML",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := ReadSettings(path, nil)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "u:p@") {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
		broken := says == "not valid TOML"
		if (s.Theme == "dark") == broken || s.ClipboardSeconds != 45 || !s.Notifications {
			t.Errorf("%q: %+v", text, s)
		}
		// The next change heals the file, and nothing of it is lost for good.
		_ = os.Remove(path + ".unreadable")
		write(t, path, changed(t, s, "language", "it"))
		if _, err := os.Stat(path + ".unreadable"); (err == nil) != broken {
			t.Errorf("%q: kept aside: %v", text, err == nil)
		}
		after, err := ReadSettings(path, nil)
		lasting := strings.Contains(text, "colour") || strings.Contains(text, "nowhere") // no fault of the file
		if (err != nil) != lasting || after.Language != "it" || after.Theme != s.Theme {
			t.Errorf("%q: afterwards %+v, %v", text, after, err)
		}
	}
	// A folder in its place can be neither read nor replaced.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if s, err := ReadSettings(path, nil); err == nil || s.Theme != "system" {
		t.Errorf("%+v, %v", s, err)
	}
	if err := WriteSettings(path, DefaultSettings()); err == nil {
		t.Error("a folder was written over")
	}
}

// A CA bundle may lie on a drive that comes after the program.
func TestACABundleThatIsNotThereYetIsKept(t *testing.T) {
	_, bundle := tlsServer(t)
	pem, err := os.ReadFile(bundle)
	if err != nil {
		t.Fatal(err)
	}
	drive := t.TempDir()
	later, path := filepath.Join(drive, "ca.pem"), filepath.Join(drive, "settings.toml")
	if _, err := DefaultSettings().With("ca_bundle", later); err == nil {
		t.Error("it was accepted from the user")
	}
	s := DefaultSettings()
	s.CABundle = later
	write(t, path, s)
	s, err = ReadSettings(path, nil)
	if err == nil || s.CABundle != later {
		t.Fatalf("%q, %v", s.CABundle, err)
	}
	write(t, path, changed(t, s, "theme", "light"))
	if err := os.WriteFile(later, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	if s := read(t, path, nil); s.CABundle != later || s.Theme != "light" {
		t.Errorf("%+v", s)
	}
}

func TestThePolicyCountsAndTheUsersChoiceComesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.toml")
	values := settingValues(t)
	s := DefaultSettings()
	for name, value := range values {
		s = changed(t, s, name, value)
	}
	write(t, path, s)
	policy := map[string]string{
		"clipboard_seconds": "30", "notifications": "true", "start_at_login": "false", "show_window": "true",
		"theme": "light", "language": "de", "environment": "production", "proxy": "", "ca_bundle": "",
		"exports": "true", "export_formats": "", "update_notice": "true", "log_level": "info", "text_size": "normal",
	}
	fixed := read(t, path, policy)
	for _, name := range SettingNames() {
		if got, _ := fixed.Value(name); got != policy[name] || !fixed.IsLocked(name) {
			t.Errorf("%s is %q, locked: %v", name, got, fixed.IsLocked(name))
		}
		if _, err := fixed.With(name, values[name]); err == nil {
			t.Errorf("%s: a locked setting was changed", name)
		}
	}
	delete(policy, "theme")
	write(t, path, changed(t, read(t, path, policy), "theme", "system"))
	free := read(t, path, nil)
	for _, name := range SettingNames() {
		want := values[name]
		if name == "theme" {
			want = "system"
		}
		if got, _ := free.Value(name); got != want {
			t.Errorf("without the policy %s is %q, want %q", name, got, want)
		}
	}
}

func TestAnotherEnvironmentIsChosenWithoutARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		first := b.account().Environment
		staging, err := EnvironmentByName("staging")
		if err != nil {
			t.Fatal(err)
		}
		own := *b.agent.environment.Load()
		change := func(e Environment) {
			t.Helper()
			if err := b.agent.SetEnvironment(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		change(staging)
		if s := b.agent.Snapshot(); len(s.Accounts) != 1 || s.ActiveAccount().Environment != "staging" {
			t.Errorf("nobody signed in: %+v", s.Accounts)
		}
		change(own)
		b.signIn()
		signedIn := b.account().ID
		change(staging)
		if s := b.agent.Snapshot(); len(s.Accounts) != 2 || s.ActiveAccount().Environment != "staging" || s.ActiveAccount().State != SignedOut {
			t.Errorf("somebody is signed in: %+v", s.Accounts)
		}
		change(own)
		if s := b.agent.Snapshot(); len(s.Accounts) != 1 || s.Active != signedIn || s.ActiveAccount().Environment != first {
			t.Errorf("and back: %+v", s.Accounts)
		}
		if err := b.agent.SetEnvironment(t.Context(), Environment{}); err == nil {
			t.Error("no environment at all was taken")
		}
		if !slices.Contains([]State{SignedIn, Renewing}, b.account().State) {
			t.Error("the session is lost")
		}
	})
}
