package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// serve runs the whole program on free ports until the test ends.
func serve(t *testing.T, args ...string) ready {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, args, strings.NewReader(""), writer, io.Discard)
		_ = writer.CloseWithError(err)
		ended <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	line, err := bufio.NewReader(reader).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var r ready
	if err := json.Unmarshal(line, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// fresh makes a client with its own connections, so that one that was reset is
// not silently tried again on another.
func fresh(t *testing.T) *http.Client {
	transport := &http.Transport{DisableKeepAlives: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func postForm(t *testing.T, client *http.Client, target string, form url.Values) (int, map[string]any) {
	t.Helper()
	response, err := client.PostForm(target, form)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, answer
}

func postControl(t *testing.T, target, body string) {
	t.Helper()
	response, err := http.Post(target, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		t.Fatalf("%s answered %d", target, response.StatusCode)
	}
}

func getStats(t *testing.T, r ready) stats {
	t.Helper()
	response, err := http.Get(r.ControlURL + "/control/stats")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var s stats
	if err := json.NewDecoder(response.Body).Decode(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWholeFlowOverLoopback(t *testing.T) {
	dir := t.TempDir()
	r := serve(t, "-interval", "1s", "-write-config", filepath.Join(dir, "new", "config.toml"), "-ready-file", filepath.Join(dir, "ready"))
	client := fresh(t)

	config, err := os.ReadFile(filepath.Join(dir, "new", "config.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(config), `issuer = "`+r.Issuer+`"`) || !strings.Contains(string(config), `access_manager_url = "`+r.AccessManagerURL+`"`) {
		t.Errorf("config.toml:\n%s", config)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "ready")); err != nil || !bytes.Contains(data, []byte(r.ControlURL)) {
		t.Errorf("ready file: %q %v", data, err)
	}

	discovered, err := client.Get(r.Issuer + ".well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	defer discovered.Body.Close()
	var endpoints struct{ Issuer, Device_Authorization_Endpoint, Token_Endpoint string }
	if err := json.NewDecoder(discovered.Body).Decode(&endpoints); err != nil {
		t.Fatal(err)
	}
	if endpoints.Issuer != r.Issuer {
		t.Errorf("issuer = %q, want %q", endpoints.Issuer, r.Issuer)
	}

	status, device := postForm(t, client, endpoints.Device_Authorization_Endpoint, url.Values{
		"client_id": {r.ClientID}, "scope": {"profile openid offline_access"}, "audience": {r.Audience},
	})
	if status != 200 {
		t.Fatalf("device request: %d %v", status, device["error"])
	}
	page, err := client.PostForm(r.Issuer+"activate", url.Values{
		"user_code": {device["user_code"].(string)}, "username": {"dr.amelia.stone"}, "decision": {"approve"},
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = page.Body.Close()
	status, tokens := postForm(t, client, endpoints.Token_Endpoint, url.Values{
		"client_id": {r.ClientID}, "grant_type": {grantDeviceCode}, "device_code": {device["device_code"].(string)},
	})
	if status != 200 {
		t.Fatalf("token request: %d %v", status, tokens["error"])
	}

	for _, service := range []string{r.HubURL, r.AccessManagerURL} {
		request, err := http.NewRequest(http.MethodGet, service+"/api/whoami", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+tokens["access_token"].(string))
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if response.StatusCode != 200 || !strings.Contains(string(body), `"username":"dr.amelia.stone"`) {
			t.Errorf("%s: %d %s", service, response.StatusCode, body)
		}
	}

	// The server rotates, the answer is lost: the next use of the same token
	// is a reuse, and the session is over.
	refresh := url.Values{"client_id": {r.ClientID}, "grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}}
	postControl(t, r.ControlURL+"/control/faults", `{"kind":"drop","path":"/oauth/token","times":1}`)
	if response, err := client.PostForm(endpoints.Token_Endpoint, refresh); err == nil {
		_ = response.Body.Close()
		t.Error("the dropped request was answered")
	}
	if n := getStats(t, r).Outcomes[outcomeRefreshed]; n != 0 {
		t.Errorf("the dropped request was processed: %d refreshes", n)
	}
	postControl(t, r.ControlURL+"/control/faults", `{"kind":"drop_after","path":"/oauth/token","times":1}`)
	if response, err := client.PostForm(endpoints.Token_Endpoint, refresh); err == nil {
		_ = response.Body.Close()
		t.Error("the answer arrived")
	}
	if status, answer := postForm(t, client, endpoints.Token_Endpoint, refresh); status != 403 || answer["error"] != "invalid_grant" {
		t.Errorf("after the lost answer: %d %v", status, answer["error"])
	}

	postControl(t, r.ControlURL+"/control/faults", `{"kind":"down"}`)
	for _, url := range []string{r.Issuer, r.HubURL, r.AccessManagerURL} {
		if response, err := client.Get(url); err == nil {
			_ = response.Body.Close()
			t.Errorf("%s is not down", url)
		}
	}
	if s := getStats(t, r); s.Outcomes[outcomeRefreshed] != 1 || s.Outcomes[outcomeReuse] != 1 || s.Outcomes[outcomeSignedIn] != 1 || s.Requests[serverIssuer][tokenPath] != 4 {
		t.Errorf("stats = %+v", s)
	}
}

func TestOnlyLoopback(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "example.org:0", "nonsense"} {
		err := run(t.Context(), []string{"-hub-listen", address}, strings.NewReader(""), io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), "address") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestSettingsAreChecked(t *testing.T) {
	for _, args := range [][]string{
		{"-interval", "0s"}, {"-interval", "1500ms"}, {"-access-lifetime", "-1s"}, {"-code-lifetime", "10ms"},
		{"-refresh-lifetime", "0s"}, {"-rotation-leeway", "-1s"}, {"-client-id", ""}, {"unexpected"},
	} {
		if err := run(t.Context(), args, strings.NewReader(""), io.Discard, io.Discard); err == nil {
			t.Errorf("%v was accepted", args)
		}
	}
}

func TestEndsWhenStandardInputCloses(t *testing.T) {
	if err := run(t.Context(), []string{"-until-stdin-closes"}, strings.NewReader(""), io.Discard, io.Discard); err != nil {
		t.Error(err)
	}
}
