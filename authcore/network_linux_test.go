package authcore

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/net/http/httpproxy"
)

// The real gsettings, on a file of its own instead of the user's settings.
func TestGNOMEsProxyIsRead(t *testing.T) {
	t.Setenv("XDG_CURRENT_DESKTOP", "ubuntu:GNOME")
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("GSETTINGS_BACKEND", "keyfile")
	set := func(schema, key, value string) error {
		return exec.Command("gsettings", "set", "org.gnome.system.proxy"+schema, key, value).Run()
	}
	if err := set("", "mode", "manual"); err != nil {
		t.Skip("gsettings with the schema of GNOME's proxies is missing: ", err)
	}
	for _, s := range []struct{ schema, key, value string }{
		{"", "ignore-hosts", "['localhost', '*.example.org']"},
		{".http", "host", "proxy.test"}, {".http", "port", "8080"},
		{".http", "use-authentication", "true"}, {".http", "authentication-user", "ada"},
		{".http", "authentication-password", "it's"},
		{".https", "host", "proxy.test"}, {".https", "port", "8443"},
	} {
		if err := set(s.schema, s.key, s.value); err != nil {
			t.Fatal(err)
		}
	}
	want := httpproxy.Config{HTTPProxy: "http://ada:it%27s@proxy.test:8080", HTTPSProxy: "http://ada:it%27s@proxy.test:8443", NoProxy: "localhost,.example.org"}
	if got := systemProxy(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if err := set("", "mode", "none"); err != nil {
		t.Fatal(err)
	}
	if got := systemProxy(); got != (httpproxy.Config{}) {
		t.Errorf("switched off: %+v", got)
	}
}

func TestKDEsProxyIsReadOnItsDesktop(t *testing.T) {
	user, system := t.TempDir(), t.TempDir()
	t.Setenv("XDG_CURRENT_DESKTOP", "KDE")
	t.Setenv("XDG_CONFIG_HOME", user)
	t.Setenv("XDG_CONFIG_DIRS", filepath.Join(system, "missing")+":"+system)
	if got := systemProxy(); got != (httpproxy.Config{}) {
		t.Errorf("without a file: %+v", got)
	}
	write := func(folder, host string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, "kioslaverc"), []byte("[Proxy Settings]\nProxyType=1\nhttpsProxy=http://"+host+" 3128\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(system, "administrators")
	if got := systemProxy().HTTPSProxy; got != "http://administrators:3128" {
		t.Errorf("the administrator's: %q", got)
	}
	write(user, "users")
	if got := systemProxy().HTTPSProxy; got != "http://users:3128" {
		t.Errorf("the user's: %q", got)
	}
}
