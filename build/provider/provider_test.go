package provider_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/build/provider"
)

type answer struct {
	Status int
	Error  string `json:"error"`

	DeviceCode              string `json:"device_code"`
	UserCode                string `json:"user_code"`
	VerificationURIComplete string `json:"verification_uri_complete"`
	Interval                int    `json:"interval"`

	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	ExpiresIn    int    `json:"expires_in"`
}

var client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

func post(t *testing.T, target string, form url.Values) answer {
	t.Helper()
	response, err := client.PostForm(target, form)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	out := answer{Status: response.StatusCode}
	if err := json.NewDecoder(response.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

func device(t *testing.T, p *provider.Provider) answer {
	t.Helper()
	return post(t, p.Issuer+"oauth/device/code", url.Values{
		"client_id": {p.ClientID}, "scope": {authcore.DefaultScopes}, "audience": {p.Audience},
	})
}

func poll(t *testing.T, p *provider.Provider, d answer) answer {
	t.Helper()
	return post(t, p.Issuer+"oauth/token", url.Values{
		"client_id": {p.ClientID}, "grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {d.DeviceCode},
	})
}

func refresh(t *testing.T, p *provider.Provider, token string) answer {
	t.Helper()
	return post(t, p.Issuer+"oauth/token", url.Values{
		"client_id": {p.ClientID}, "grant_type": {"refresh_token"}, "refresh_token": {token},
	})
}

func whoami(t *testing.T, service, token string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, service+"/api/whoami", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestWholeSessionAgainstTheProcess(t *testing.T) {
	p := provider.Start(t, provider.Options{Interval: time.Second, AccessLifetime: time.Hour})

	config := filepath.Join(t.TempDir(), "config", "config.toml")
	p.Config(config)
	environment, err := authcore.ChooseEnvironment("", config)
	if err != nil {
		t.Fatal(err)
	}
	if environment.Issuer != p.Issuer || environment.HubURL != p.HubURL || environment.ClientID != p.ClientID || environment.Name != "demo" {
		t.Errorf("the product reads %+v", environment)
	}

	d := device(t, p)
	if d.Interval != 1 {
		t.Errorf("interval = %d", d.Interval)
	}
	p.ApproveOnPage(d.VerificationURIComplete, "nurse.ben.okafor")
	tokens := poll(t, p, d)
	if tokens.Status != 200 || tokens.ExpiresIn != 3600 {
		t.Fatalf("the token request answered %d %s", tokens.Status, tokens.Error)
	}
	for _, service := range []string{p.HubURL, p.AccessManagerURL} {
		if status, body := whoami(t, service, tokens.AccessToken); status != 200 || !strings.Contains(body, "nurse.ben.okafor") {
			t.Errorf("%s: %d %s", service, status, body)
		}
	}

	p.Fault(provider.Fault{Kind: provider.Status, Path: "/oauth/token", Grant: "refresh_token", Status: 503, Times: 1})
	response, err := client.PostForm(p.Issuer+"oauth/token", url.Values{"grant_type": {"refresh_token"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != 503 {
		t.Errorf("the fault answered %d", response.StatusCode)
	}

	second := refresh(t, p, tokens.RefreshToken)
	if second.Status != 200 || second.RefreshToken == tokens.RefreshToken {
		t.Errorf("the refresh answered %d %s", second.Status, second.Error)
	}
	if again := refresh(t, p, tokens.RefreshToken); again.Error != "invalid_grant" {
		t.Errorf("reuse answered %d %s", again.Status, again.Error)
	}
	if after := refresh(t, p, second.RefreshToken); after.Error != "invalid_grant" {
		t.Errorf("after the reuse the session lives: %d", after.Status)
	}

	p.RevokeAccess()
	if status, body := whoami(t, p.HubURL, tokens.AccessToken); status != 401 || !strings.Contains(body, "revoked") {
		t.Errorf("after the revocation the Hub answers %d %s", status, body)
	}

	s := p.Stats()
	if s.Outcomes["signed_in"] != 1 || s.Outcomes["refreshed"] != 1 || s.Outcomes["reuse_detected"] != 1 || s.Requests["issuer"]["/oauth/token"] != 5 {
		t.Errorf("stats: %v %v", s.Outcomes, s.Requests)
	}
	if last := s.Recent[len(s.Recent)-1]; last.Server != "hub" || last.Status != 401 {
		t.Errorf("last request: %+v", last)
	}
	if log := p.Log(); strings.Contains(log, tokens.AccessToken) || strings.Contains(log, tokens.RefreshToken) || !strings.Contains(log, "/oauth/token") {
		t.Error("the log shows a token, or nothing")
	}
}

func TestDeclinedOnThePageAndByControl(t *testing.T) {
	p := provider.Start(t, provider.Options{})
	d := device(t, p)
	p.DeclineOnPage(d.VerificationURIComplete)
	if got := poll(t, p, d); got.Status != 403 || got.Error != "access_denied" {
		t.Errorf("after declining: %d %s", got.Status, got.Error)
	}
	d = device(t, p)
	p.Deny(d.UserCode)
	if got := poll(t, p, d); got.Status != 403 || got.Error != "access_denied" {
		t.Errorf("after denying: %d %s", got.Status, got.Error)
	}
}

func TestRestartKeepsThePortsAndForgetsTheRest(t *testing.T) {
	p := provider.Start(t, provider.Options{})
	d := device(t, p)
	p.Approve(d.UserCode, "dr.amelia.stone")
	tokens := poll(t, p, d)
	before := p.Issuer

	p.Kill()
	if response, err := client.Get(p.Issuer); err == nil {
		_ = response.Body.Close()
		t.Error("a killed provider answers")
	}
	p.Restart()
	if p.Issuer != before {
		t.Errorf("the issuer moved from %s to %s", before, p.Issuer)
	}
	if got := refresh(t, p, tokens.RefreshToken); got.Error != "invalid_grant" {
		t.Errorf("the restarted provider remembers: %d", got.Status)
	}
	if status, _ := whoami(t, p.HubURL, tokens.AccessToken); status != 401 {
		t.Errorf("the restarted Hub accepts an old token: %d", status)
	}
	if p.Stats().Outcomes["signed_in"] != 0 {
		t.Error("the counters survived")
	}
}

func TestFaultsAreReset(t *testing.T) {
	p := provider.Start(t, provider.Options{})
	p.Fault(provider.Fault{Kind: provider.Down})
	if response, err := client.Get(p.Issuer + ".well-known/openid-configuration"); err == nil {
		_ = response.Body.Close()
		t.Error("a provider that is down answers")
	}
	p.Reset()
	p.Fault(provider.Fault{Kind: provider.Overlay, Path: "/oauth/device/code", Fields: map[string]any{"interval": -1, "device_code": nil}})
	if d := device(t, p); d.Interval != -1 || d.DeviceCode != "" || d.UserCode == "" {
		t.Errorf("the overlaid answer: interval %d", d.Interval)
	}
	p.Reset()
	if d := device(t, p); d.Interval != 5 {
		t.Errorf("interval after the reset: %d", d.Interval)
	}
}
