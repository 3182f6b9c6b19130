package authcore

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// ownSettings is a user's file that chooses the opposite of every policy here.
func ownSettings(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "settings.toml")
	const own = `clipboard_seconds = 600
environment = "sandbox"
exports = true
proxy = "http://own.test:1"
theme = "dark"
`
	if err := os.WriteFile(path, []byte(own), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAPolicyComesBeforeTheUsersSettings(t *testing.T) {
	path := ownSettings(t)
	s, err := ReadSettings(path, map[string]string{"clipboard_seconds": "20", "environment": "staging", "exports": "false", "proxy": ""})
	if err != nil {
		t.Fatal(err)
	}
	if s.ClipboardSeconds != 20 || s.Environment != "staging" || s.Exports || s.Proxy != "" || s.Theme != "dark" {
		t.Errorf("%+v", s)
	}
	for _, name := range []string{"clipboard_seconds", "environment", "exports", "proxy"} {
		var p *Problem
		if _, err := s.With(name, "10"); !s.IsLocked(name) || !errors.As(err, &p) || p.Code != ProblemManaged {
			t.Errorf("%s can be changed: %v", name, err)
		}
	}
	// What the user had chosen is still there when the policy goes.
	s.Theme = "light"
	if err := WriteSettings(path, s); err != nil {
		t.Fatal(err)
	}
	s, err = ReadSettings(path, nil)
	if err != nil || s.ClipboardSeconds != 600 || s.Environment != "sandbox" || !s.Exports || s.Proxy != "http://own.test:1" || s.Theme != "light" {
		t.Errorf("after the policy: %+v, %v", s, err)
	}
}

func TestAMistakeInAPolicyLeavesNothingToTheUser(t *testing.T) {
	s, err := ReadSettings(ownSettings(t), map[string]string{
		"clipboard_seconds": "soon", "environment": "Production", "proxy": "nonsense://x", "ca_bundle": "/nowhere/ca.pem", "exports": "perhaps",
	})
	if err == nil || s.ClipboardSeconds != 45 || s.Environment != "" || s.Proxy != "" || s.Exports {
		t.Errorf("%+v, %v", s, err)
	}
	for _, name := range []string{"clipboard_seconds", "environment", "proxy", "ca_bundle", "exports"} {
		if !s.IsLocked(name) || !strings.Contains(err.Error(), "the policy: "+name) {
			t.Errorf("%s: locked %t, said %v", name, s.IsLocked(name), err)
		}
	}
}

func TestAFixedEnvironmentComesBeforeEverything(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config.toml")
	const own = "[environment]\nname = \"production\"\nclient_id = \"c\"\nissuer = \"https://auth.stranger.test/\"\nhub_url = \"https://hub.stranger.test\"\naccess_manager_url = \"https://am.stranger.test\"\n"
	if err := os.WriteFile(config, []byte(own), 0o600); err != nil {
		t.Fatal(err)
	}
	production, _ := EnvironmentByName("production")
	for name, c := range map[string]struct {
		s        Settings
		variable string
		issuer   string
	}{
		"nobody chose":             {Settings{}, "", "https://auth.stranger.test/"},
		"the setting":              {Settings{Environment: "sandbox"}, "", "https://auth.sandbox.bitfount.com/"},
		"the variable":             {Settings{Environment: "sandbox"}, "staging", "https://auth.staging.bitfount.com/"},
		"the policy":               {Settings{Environment: "production", Locked: []string{"environment"}}, "staging", production.Issuer},
		"the policy, by omission":  {Settings{Locked: []string{"environment"}}, "", production.Issuer},
		"the policy over the file": {Settings{Environment: "staging", Locked: []string{"environment"}}, "", "https://auth.staging.bitfount.com/"},
	} {
		e, _, err := c.s.ChooseEnvironment(c.variable, config)
		if err != nil || e.Issuer != c.issuer {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
	// One of the same name is still another.
	fixed := Settings{Environment: "production", Locked: []string{"environment"}}
	stranger, err := ChooseEnvironment("", config)
	if err != nil || fixed.environmentRefusal(stranger) == nil || fixed.environmentRefusal(production) != nil {
		t.Errorf("%+v, %v", stranger, err)
	}
}

func TestTheAgentKeepsToAPolicy(t *testing.T) {
	production, _ := EnvironmentByName("production")
	s := DefaultSettings()
	s.Environment, s.ExportFormats, s.Locked = "production", string(export.FormatSDKToken), []string{"environment", "export_formats"}
	a, err := NewAgent(AgentOptions{Environment: production, Settings: &s})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- a.Run(t.Context()) }()
	t.Cleanup(func() { <-ended })
	place := filepath.Join(t.TempDir(), "hub.json")
	for name, try := range map[string]func() error{
		"add an account of another environment": func() error { return a.Do(t.Context(), Command{Name: CommandAddAccount, Text: "staging"}) },
		"keep keys of another environment": func() error {
			return a.SetAPIKeys(t.Context(), APIKeysAccount{Environment: "staging", Username: "u", KeyID: secret.New("id:am"), Key: secret.New("key:am")})
		},
		"keep a token of another environment": func() error {
			return a.SetExternalJWT(t.Context(), ExternalJWTAccount{Environment: "staging", Username: "u", Source: JWTSource{Variable: "X"}})
		},
		"write a format that is not allowed": func() error {
			return a.Do(t.Context(), Command{Name: CommandAddLiveFile, Service: export.Hub, Format: "json", Path: place})
		},
	} {
		var p *Problem
		if err := try(); !errors.As(err, &p) || p.Code != ProblemForbidden {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := len(a.Snapshot().Accounts); got != 1 {
		t.Errorf("%d accounts", got)
	}
	if _, err := os.Stat(place); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is there: %v", err)
	}
	if s := a.Snapshot(); !s.Allowed(Command{Name: CommandAddLiveFile, Format: "sdk-token"}) || s.Allowed(Command{Name: CommandAddLiveFile, Format: "json"}) ||
		s.Allowed(Command{Name: CommandAddAccount, Text: "staging"}) || !s.Allowed(Command{Name: CommandAddAccount}) {
		t.Error("a view would offer what the agent refuses, or the other way round")
	}
}
