package trial

import (
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheProvidersPageIsApprovedAsInABrowser(t *testing.T) {
	ctx := t.Context()
	folder := t.TempDir()
	// The product takes no part in this.
	p, err := buildProvider(ctx, folder)
	if err != nil {
		t.Fatal(err)
	}
	provider, err := Programs{Provider: p}.StartProvider(ctx, filepath.Join(folder, "config.toml"), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	defer provider.Stop()

	code := func() (link, userCode string) {
		t.Helper()
		answer, err := http.PostForm(provider.Issuer+"oauth/device/code", url.Values{
			"client_id": {"8iCJ33Kp6hc9ofrXTzr5GLxMRHWrlzZO"}, "scope": {"openid"}, "audience": {"https://hub.bitfount.com/api"},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		var in struct {
			UserCode string `json:"user_code"`
			Link     string `json:"verification_uri_complete"`
		}
		if err := json.NewDecoder(answer.Body).Decode(&in); err != nil {
			t.Fatal(err)
		}
		return in.Link, in.UserCode
	}

	link, userCode := code()
	if err := Approve(ctx, link, "WRONG-CODE", "dr.amelia.stone"); err == nil || !strings.Contains(err.Error(), userCode) {
		t.Errorf("a page with another code gives %v", err)
	}
	if err := Approve(ctx, link, userCode, "nobody"); err == nil {
		t.Error("nobody was signed in")
	}
	if err := Approve(ctx, link, userCode, "dr.amelia.stone"); err != nil {
		t.Error(err)
	}
	if err := Approve(ctx, link, userCode, "dr.amelia.stone"); err == nil {
		t.Error("a code works twice")
	}
	if _, err := Whoami(ctx, provider.HubURL, "authorization: Bearer nonsense\n"); err == nil || strings.Contains(err.Error(), "nonsense") {
		t.Errorf("a false header gives %v", err)
	}
	if err := provider.Control(ctx, "reset", ""); err != nil {
		t.Error(err)
	}
}
