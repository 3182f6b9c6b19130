package authcore

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestThePublicEnvironments(t *testing.T) {
	for name, want := range map[string]Environment{
		"production": {Issuer: "https://auth.bitfount.com/", ClientID: "8iCJ33Kp6hc9ofrXTzr5GLxMRHWrlzZO", HubURL: "https://hub.bitfount.com", AccessManagerURL: "https://am.hub.bitfount.com"},
		"staging":    {Issuer: "https://auth.staging.bitfount.com/", ClientID: "Wk4XZHDKfY8F3OYcKdagIHETt6JYwX08", HubURL: "https://hub.staging.bitfount.com", AccessManagerURL: "https://am.hub.staging.bitfount.com"},
		"sandbox":    {Issuer: "https://auth.sandbox.bitfount.com/", ClientID: "nPU5aIZIOYqqYhUNX84j9OjKpUOnqfRB", HubURL: "https://hub.sandbox.bitfount.com", AccessManagerURL: "https://am.hub.sandbox.bitfount.com"},
		"dev":        {Issuer: "https://auth.sandbox.bitfount.com/", ClientID: "nPU5aIZIOYqqYhUNX84j9OjKpUOnqfRB", HubURL: "http://localhost:3000", AccessManagerURL: "http://localhost:3001"},
	} {
		want.Name, want.Scopes, want.Audience = name, "profile openid offline_access", "https://hub.bitfount.com/api"
		got, err := EnvironmentByName(name)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if err := got.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(Environments) != 4 {
		t.Errorf("there are %d", len(Environments))
	}
}

func TestTheEnvironmentIsChosen(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	custom := write("custom.toml", `[environment]
name = "hospital"
auth_domain = "auth.example.org"
client_id = "abc"
hub_url = "https://hub.example.org"
access_manager_url = "https://am.example.org"
`)
	for name, c := range map[string]struct{ chosen, config, want string }{
		"nothing":                  {"", "", "production"},
		"no file":                  {"", filepath.Join(dir, "missing.toml"), "production"},
		"file of something else":   {"", write("else.toml", "[appearance]\ntheme = \"dark\"\n"), "production"},
		"empty file":               {"", write("empty.toml", ""), "production"},
		"variable":                 {"staging", "", "staging"},
		"file":                     {"", custom, "hospital"},
		"variable before the file": {"sandbox", custom, "sandbox"},
	} {
		if got, err := ChooseEnvironment(c.chosen, c.config); err != nil || got.Name != c.want {
			t.Errorf("%s: %q, %v", name, got.Name, err)
		}
	}
	_, err := ChooseEnvironment("prod", custom)
	for _, want := range []string{`"prod"`, "production, staging, sandbox, dev", EnvironmentVariable} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("an unknown name: %v; want %q in it", err, want)
		}
	}
	if _, err := ChooseEnvironment("", dir); err == nil {
		t.Error("a folder is a configuration file")
	}
}

func TestACustomEnvironmentIsReadOrRefusedWithItsPlace(t *testing.T) {
	const good = `client_id = "abc"
hub_url = "https://hub.example.org"
access_manager_url = "https://am.example.org"
`
	for name, c := range map[string]struct {
		table string
		want  string // in the error
		check func(Environment) bool
	}{
		"auth domain": {good + `auth_domain = "auth.example.org"`, "", func(e Environment) bool { return e.Issuer == "https://auth.example.org/" }},
		"issuer":      {good + `issuer = "https://id.example.org/realms/x"`, "", func(e Environment) bool { return e.Issuer == "https://id.example.org/realms/x" }},
		"issuer wins": {good + "issuer = \"https://a/\"\nauth_domain = \"b\"", "", func(e Environment) bool { return e.Issuer == "https://a/" }},
		"defaults": {good + `auth_domain = "a"`, "", func(e Environment) bool {
			return e.Name == "custom" && e.Scopes == DefaultScopes && e.Audience == DefaultAudience
		}},
		"own scopes":      {good + "auth_domain = \"a\"\nscopes = \"openid\"\naudience = \"x\"", "", func(e Environment) bool { return e.Scopes == "openid" && e.Audience == "x" }},
		"loopback":        {"issuer = \"http://127.0.0.1:9000\"\nclient_id = \"a\"\nhub_url = \"http://localhost:1\"\naccess_manager_url = \"http://[::1]:2\"", "", func(Environment) bool { return true }},
		"no client":       {`auth_domain = "a"`, "client_id is missing", nil},
		"no issuer":       {good, "issuer (or auth_domain) is missing", nil},
		"no Hub":          {"client_id = \"a\"\nauth_domain = \"a\"", "hub_url is missing", nil},
		"plain http":      {"client_id = \"a\"\nauth_domain = \"a\"\nhub_url = \"http://hub.example.org\"", "must begin with https://", nil},
		"http by address": {"client_id = \"a\"\nauth_domain = \"a\"\nhub_url = \"http://10.0.0.1\"", "must begin with https://", nil},
		"another scheme":  {"client_id = \"a\"\nauth_domain = \"a\"\nhub_url = \"ftp://hub.example.org\"", "must begin with https://", nil},
		"no URL":          {"client_id = \"a\"\nauth_domain = \"a\"\nhub_url = \"hub.example.org\"", "https://host", nil},
		"password in URL": {"client_id = \"a\"\nauth_domain = \"a\"\nhub_url = \"https://u:p@hub.example.org\"", "https://host", nil},
		"bad escape":      {"client_id = \"a\"\nauth_domain = \"a\"\nhub_url = \"https://%zz\"", "is not a URL", nil},
		"no TOML":         {`= "x"`, "not valid TOML", nil},
		"wrong type":      {`client_id = 7`, "not valid TOML", nil},
	} {
		e, err := parseEnvironment([]byte("[environment]\n"+c.table), "/home/ada/config.toml")
		if c.want == "" {
			if err != nil || !c.check(e) {
				t.Errorf("%s: %+v, %v", name, e, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "/home/ada/config.toml") {
			t.Errorf("%s: the error is %v; want %q and the file in it", name, err, c.want)
		}
	}
}

func FuzzConfiguration(f *testing.F) {
	f.Add([]byte("[environment]\nclient_id = \"a\"\nauth_domain = \"a\"\nhub_url = \"https://h\"\naccess_manager_url = \"https://a\"\n"))
	f.Add([]byte("[environment]\nhub_url = \"http://localhost.evil.example\"\n"))
	f.Add([]byte("environment = 1"))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := parseEnvironment(data, "config.toml")
		if err != nil {
			if e != (Environment{}) {
				t.Error("an error comes with an environment")
			}
			return
		}
		if e.Validate() != nil || e.Name == "" || e.Scopes == "" || e.Audience == "" {
			t.Errorf("accepted %+v", e)
		}
		for _, u := range []string{e.Issuer, e.HubURL, e.AccessManagerURL} {
			if secureURL(u) != nil {
				t.Errorf("accepted the URL %q", u)
			}
		}
	})
}

func TestPathsFollowTheSystem(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_RUNTIME_DIR", filepath.Join(home, "run"))
	p, err := DefaultPaths()
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Base(p.ConfigPath()) != "config.toml" || filepath.Dir(p.ConfigPath()) != p.Config {
		t.Errorf("ConfigPath = %s", p.ConfigPath())
	}
	if p.Runtime != filepath.Join(home, "run", folder) || filepath.Dir(p.Socket()) != p.Runtime {
		t.Errorf("Runtime = %s, Socket = %s", p.Runtime, p.Socket())
	}
	t.Setenv("XDG_RUNTIME_DIR", "relative")
	if p, err = DefaultPaths(); err != nil || !filepath.IsAbs(p.Runtime) {
		t.Errorf("a relative XDG_RUNTIME_DIR: %s, %v", p.Runtime, err)
	}
}
