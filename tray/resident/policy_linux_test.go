package resident

import (
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/localapi"
	"github.com/bitfount/bitfount-tray/authcore/secret"
	"github.com/bitfount/bitfount-tray/tray/autostart"
)

// managed is a resident whose user has chosen the opposite of the policy, and a
// client of its local API.
func managed(t *testing.T, policy map[string]string) (*resident, *localapi.Client) {
	t.Helper()
	own := filepath.Join(t.TempDir(), "settings.toml")
	if err := os.WriteFile(own, []byte("clipboard_seconds = 600\nproxy = \"http://own.test:1\"\nenvironment = \"sandbox\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	settings, err := authcore.ReadSettings(own, policy)
	if err != nil {
		t.Fatal(err)
	}
	r := newResident(t, settings)
	if r.options.Network, err = NewNetwork(settings); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "run", "api.sock")
	listener, err := localapi.Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- localapi.Serve(t.Context(), listener, r.backend()) }()
	t.Cleanup(func() { <-ended })
	return r, localapi.NewClient(socket)
}

// What a policy fixes holds at the local API, which scripts reach without the
// window that would hide it.
func TestAPolicyHoldsAtTheLocalAPI(t *testing.T) {
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	server := httptest.NewTLSServer(http.NotFoundHandler())
	server.Close()
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(bundle, authority, 0o644); err != nil {
		t.Fatal(err)
	}
	r, client := managed(t, map[string]string{
		"environment": "production", "proxy": "http://proxy.hospital.test:3128", "ca_bundle": bundle,
		"exports": "false", "export_formats": "sdk-token", "clipboard_seconds": "20", "start_at_login": "true", "update_notice": "false",
	})
	ctx := t.Context()
	wants := func(what string, code authcore.ProblemCode, err error) {
		t.Helper()
		var p *authcore.Problem
		if !errors.As(err, &p) || p.Code != code {
			t.Errorf("%s: %v, want %s", what, err, code)
		}
	}
	for setting, value := range map[string]string{
		"environment": "sandbox", "proxy": "", "ca_bundle": "", "exports": "true", "export_formats": "", "clipboard_seconds": "600",
		"start_at_login": "false", "update_notice": "true",
	} {
		before, _ := r.agent.Snapshot().Settings.Value(setting)
		wants("set "+setting, authcore.ProblemManaged, client.Do(ctx, authcore.Command{Name: authcore.CommandSet, Setting: setting, Text: value}))
		if after, _ := r.agent.Snapshot().Settings.Value(setting); after != before || after == value {
			t.Errorf("%s was %q and is %q", setting, before, after)
		}
	}

	file := filepath.Join(t.TempDir(), "hub.json")
	wants("a file", authcore.ProblemForbidden, client.Do(ctx, authcore.Command{Name: authcore.CommandAddLiveFile, Service: export.Hub, Format: "json", Path: file}))
	wants("the SDK's file", authcore.ProblemForbidden, client.Do(ctx, authcore.Command{Name: authcore.CommandImportTokenFile, Path: file}))
	wants("another environment", authcore.ProblemForbidden, client.Do(ctx, authcore.Command{Name: authcore.CommandAddAccount, Text: "sandbox"}))
	wants("keys of another environment", authcore.ProblemForbidden, client.SetAPIKeys(ctx, authcore.APIKeysAccount{
		Environment: "sandbox", Username: "u", KeyID: secret.New("id:am"), Key: secret.New("key:am"),
	}))
	// The account that is there is of no public environment.
	wants("a sign-in elsewhere", authcore.ProblemForbidden, client.Do(ctx, authcore.Command{Name: authcore.CommandSignIn}))
	if s := r.agent.Snapshot(); len(s.Accounts) != 1 || len(s.LiveFiles) != 0 || s.ActiveAccount().State != authcore.SignedOut {
		t.Errorf("%+v", s)
	}

	// Requests go where the policy says.
	request, err := http.NewRequest(http.MethodGet, "https://auth.bitfount.com/", nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := r.options.Network.current.Load()
	if proxy, err := transport.Proxy(request); err != nil || proxy.String() != (&url.URL{Scheme: "http", Host: "proxy.hospital.test:3128"}).String() {
		t.Errorf("the proxy is %v, %v", proxy, err)
	}
	if transport.TLSClientConfig.RootCAs == nil {
		t.Error("the certificates are the system's alone")
	}

	// Starting at login is brought about, and again when the program ends.
	r.readAutostart()
	if !starts(t) {
		t.Error("it does not start at login")
	}
	if err := autostart.Set(false); err != nil {
		t.Fatal(err)
	}
	r.keepAutostart()
	if !starts(t) {
		t.Error("what somebody has undone is not brought about again")
	}
}
