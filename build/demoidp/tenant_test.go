package main

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const (
	testIssuer      = "http://127.0.0.1:4180/"
	grantDeviceCode = "urn:ietf:params:oauth:grant-type:device_code"
)

// bench is a program whose handlers are called directly, so that its tests can
// run in a synctest bubble, where time costs nothing.
type bench struct {
	*testing.T
	*program
}

func newBench(t *testing.T, change func(*settings)) bench {
	t.Helper()
	set := defaultSettings()
	if change != nil {
		change(&set)
	}
	p, err := newProgram(set, testIssuer, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return bench{t, p}
}

type reply struct {
	*httptest.ResponseRecorder
	JSON map[string]any
}

func (r reply) text(member string) string {
	s, _ := r.JSON[member].(string)
	return s
}

func (b bench) do(h http.Handler, r *http.Request) reply {
	b.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	out := reply{ResponseRecorder: w}
	_ = json.Unmarshal(w.Body.Bytes(), &out.JSON)
	return out
}

func (b bench) post(path string, form url.Values) reply {
	b.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(b.issuer, r)
}

func (b bench) controlPost(path, body string) {
	b.Helper()
	if got := b.do(b.control, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))); got.Code != http.StatusNoContent {
		b.Fatalf("%s answered %d: %s", path, got.Code, got.Body)
	}
}

func (b bench) deviceCode() reply {
	b.Helper()
	got := b.post(deviceCodePath, url.Values{
		"client_id": {b.tenant.set.clientID}, "scope": {"profile openid offline_access"}, "audience": {b.tenant.set.audience},
	})
	if got.Code != http.StatusOK {
		b.Fatalf("the device request answered %d: %s", got.Code, got.Body)
	}
	return got
}

func (b bench) poll(device reply) reply {
	b.Helper()
	return b.post(tokenPath, url.Values{
		"client_id": {b.tenant.set.clientID}, "grant_type": {grantDeviceCode}, "device_code": {device.text("device_code")},
	})
}

func (b bench) refresh(token string) reply {
	b.Helper()
	return b.post(tokenPath, url.Values{
		"client_id": {b.tenant.set.clientID}, "grant_type": {"refresh_token"}, "refresh_token": {token},
	})
}

func (b bench) signIn() reply {
	b.Helper()
	device := b.deviceCode()
	b.controlPost("/control/approve", `{"user_code":"`+device.text("user_code")+`","username":"dr.amelia.stone"}`)
	tokens := b.poll(device)
	if tokens.Code != http.StatusOK {
		b.Fatalf("the token request answered %d: %s", tokens.Code, tokens.Body)
	}
	return tokens
}

func (b bench) want(got reply, status int, code string) {
	b.Helper()
	if got.Code != status || got.text("error") != code {
		b.Errorf("the answer is %d %q, want %d %q", got.Code, got.text("error"), status, code)
	}
}

func (b bench) whoami(h http.Handler, headers ...string) reply {
	b.Helper()
	r := httptest.NewRequest(http.MethodGet, "/api/whoami", nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return b.do(h, r)
}

func claims(t *testing.T, token string) (header, payload map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("a JWT has three parts, this has %d", len(parts))
	}
	for i, into := range []*map[string]any{&header, &payload} {
		data, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, into); err != nil {
			t.Fatal(err)
		}
	}
	return header, payload
}

func TestDeviceResponseHasEveryFieldOfAuth0(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		got := b.deviceCode()
		code := got.text("user_code")
		if len(code) != 9 || code[4] != '-' {
			t.Errorf("user_code = %q", code)
		}
		if got.text("device_code") == "" || got.JSON["expires_in"] != 900.0 || got.JSON["interval"] != 5.0 {
			t.Errorf("answer = %v", got.JSON)
		}
		if got.text("verification_uri") != testIssuer+"activate" || got.text("verification_uri_complete") != testIssuer+"activate?user_code="+code {
			t.Errorf("links = %q, %q", got.text("verification_uri"), got.text("verification_uri_complete"))
		}
	})
}

func TestPollStatusesAreAuth0s(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		device := b.deviceCode()
		b.want(b.poll(device), http.StatusForbidden, "authorization_pending")
		// Exactly the interval after the last answer is not too early …
		time.Sleep(5 * time.Second)
		b.want(b.poll(device), http.StatusForbidden, "authorization_pending")
		// … and anything less is; it costs 5 s for good.
		time.Sleep(5*time.Second - time.Nanosecond)
		b.want(b.poll(device), http.StatusTooManyRequests, "slow_down")
		time.Sleep(10*time.Second - time.Nanosecond)
		b.want(b.poll(device), http.StatusTooManyRequests, "slow_down")
		time.Sleep(15 * time.Second)
		b.want(b.poll(device), http.StatusForbidden, "authorization_pending")

		b.controlPost("/control/deny", `{"user_code":"`+device.text("user_code")+`"}`)
		time.Sleep(15 * time.Second)
		b.want(b.poll(device), http.StatusForbidden, "access_denied")

		late := b.deviceCode()
		time.Sleep(15*time.Minute + time.Second)
		b.want(b.poll(late), http.StatusForbidden, "expired_token")
		b.want(b.poll(late), http.StatusForbidden, "invalid_grant")

		stats := b.journal.stats()
		want := map[string]int{
			outcomeDeviceCode: 2, outcomePending: 3, outcomeSlowDown: 2, outcomeDenied: 1, outcomeCodeExpired: 1, outcomeInvalidGrant: 1,
		}
		if !reflect.DeepEqual(stats.Outcomes, want) {
			t.Errorf("outcomes = %v, want %v", stats.Outcomes, want)
		}
		if stats.Requests[serverIssuer][tokenPath] != 8 {
			t.Errorf("requests = %v", stats.Requests)
		}
	})
}

func TestTokensAreAuth0s(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		got := b.signIn()
		if got.JSON["expires_in"] != 86400.0 || got.text("token_type") != "Bearer" || got.text("refresh_token") == "" ||
			got.text("scope") != "profile openid offline_access" || got.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("answer lacks something: expires_in %v, token_type %q, scope %q", got.JSON["expires_in"], got.text("token_type"), got.text("scope"))
		}
		header, access := claims(t, got.text("access_token"))
		if header["alg"] != "RS256" || header["kid"] == "" || access["iss"] != testIssuer ||
			!reflect.DeepEqual(access["aud"], []any{"https://hub.bitfount.com/api", testIssuer + "userinfo"}) {
			t.Errorf("access token: %v %v", header, access)
		}
		_, id := claims(t, got.text("id_token"))
		if id["aud"] != b.tenant.set.clientID || id["iss"] != testIssuer || id["https://www.bitfount.com/username"] != "dr.amelia.stone" {
			t.Errorf("ID token: %v", id)
		}
		keys := b.do(b.issuer, httptest.NewRequest(http.MethodGet, keysPath, nil))
		if list, _ := keys.JSON["keys"].([]any); len(list) < 2 {
			t.Errorf("the tenant publishes %d keys, want several", len(list))
		}
		if strings.Contains(keys.Body.String(), `"d":`) {
			t.Error("the key set holds a private key")
		}
	})
}

func TestADeviceCodeWorksOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		device := b.deviceCode()
		b.controlPost("/control/approve", `{"user_code":"`+strings.ToLower(strings.ReplaceAll(device.text("user_code"), "-", ""))+`","username":"a"}`)
		b.want(b.poll(device), http.StatusOK, "")
		time.Sleep(5 * time.Second)
		b.want(b.poll(device), http.StatusForbidden, "invalid_grant")
	})
}

func TestRotationAndReuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		first := b.signIn().text("refresh_token")
		second := b.refresh(first)
		b.want(second, http.StatusOK, "")
		if second.text("refresh_token") == first || second.text("id_token") == "" || second.text("access_token") == "" {
			t.Error("a refresh answers new tokens, all three")
		}
		b.want(b.refresh(first), http.StatusForbidden, "invalid_grant")
		b.want(b.refresh(second.text("refresh_token")), http.StatusForbidden, "invalid_grant")
		// The access token lives on.
		b.want(b.whoami(b.hub, "Authorization", "Bearer "+second.text("access_token"), "User-Agent", "test"), http.StatusOK, "")
		if got := b.journal.stats().Outcomes; got[outcomeReuse] != 1 || got[outcomeRefreshed] != 1 || got[outcomeInvalidGrant] != 2 {
			t.Errorf("outcomes = %v", got)
		}
	})
}

func TestRotationLeeway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(s *settings) { s.rotationLeeway = 10 * time.Second })
		first := b.signIn().text("refresh_token")
		b.want(b.refresh(first), http.StatusOK, "")
		time.Sleep(9 * time.Second)
		b.want(b.refresh(first), http.StatusOK, "")
		time.Sleep(time.Second)
		b.want(b.refresh(first), http.StatusForbidden, "invalid_grant")
	})
}

func TestRotationDoesNotExtendTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		token := b.signIn().text("refresh_token")
		for range 29 {
			time.Sleep(24 * time.Hour)
			got := b.refresh(token)
			b.want(got, http.StatusOK, "")
			token = got.text("refresh_token")
		}
		time.Sleep(24 * time.Hour)
		b.want(b.refresh(token), http.StatusForbidden, "invalid_grant")
	})
}

func TestRevocationAnswersNothingAndEndsTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		token := b.signIn().text("refresh_token")
		for _, value := range []string{token, "unknown"} {
			got := b.post(revokePath, url.Values{"client_id": {b.tenant.set.clientID}, "token": {value}})
			if got.Code != http.StatusOK || got.Body.Len() != 0 {
				t.Errorf("revocation answered %d with %d bytes", got.Code, got.Body.Len())
			}
		}
		b.want(b.refresh(token), http.StatusForbidden, "invalid_grant")
	})
}

func TestRequestsThatAreRefused(t *testing.T) {
	b := newBench(t, nil)
	id := b.tenant.set.clientID
	b.want(b.post(deviceCodePath, url.Values{"client_id": {"somebody"}}), http.StatusForbidden, "unauthorized_client")
	b.want(b.post(deviceCodePath, url.Values{"client_id": {id}, "audience": {"https://other.example"}}), http.StatusForbidden, "access_denied")
	b.want(b.post(deviceCodePath, url.Values{"client_id": {id}, "client_secret": {"x"}}), http.StatusUnauthorized, "invalid_client")
	b.want(b.post(tokenPath, url.Values{"client_id": {id}, "grant_type": {"password"}}), http.StatusBadRequest, "unsupported_grant_type")
	b.want(b.post(tokenPath+"?client_id="+id, url.Values{"grant_type": {"refresh_token"}}), http.StatusBadRequest, "invalid_request")

	basic := httptest.NewRequest(http.MethodPost, deviceCodePath, nil)
	basic.SetBasicAuth(id, "")
	b.want(b.do(b.issuer, basic), http.StatusUnauthorized, "invalid_client")
	if got := b.do(b.issuer, httptest.NewRequest(http.MethodGet, tokenPath, nil)); got.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET of the token endpoint answered %d", got.Code)
	}
}

func TestServicesAcceptOnlyValidCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(s *settings) { s.accessLifetime = time.Hour })
		tokens := b.signIn()
		bearer := "Bearer " + tokens.text("access_token")
		hubID, _, _ := strings.Cut(demoAPIKeyID, ":")
		hubKey, _, _ := strings.Cut(demoAPIKey, ":")

		for _, c := range []struct {
			name    string
			service http.Handler
			headers []string
			status  int
			says    string
		}{
			{"token at the Hub", b.hub, []string{"Authorization", bearer, "User-Agent", "u"}, 200, "dr.amelia.stone"},
			{"token at the AM", b.accessManager, []string{"Authorization", bearer, "User-Agent", "u"}, 200, "access_token"},
			{"no user-agent", b.hub, []string{"Authorization", bearer}, 401, "user-agent is missing"},
			{"nothing", b.hub, []string{"User-Agent", "u"}, 401, "no credentials"},
			{"another scheme", b.hub, []string{"Authorization", "Basic YTpi", "User-Agent", "u"}, 401, "Bearer"},
			{"no JWT", b.hub, []string{"Authorization", "Bearer abc", "User-Agent", "u"}, 401, "not one of this provider's"},
			{"a signature cut short", b.hub, []string{"Authorization", bearer[:len(bearer)-10], "User-Agent", "u"}, 401, "does not verify"},
			{"the ID token", b.hub, []string{"Authorization", "Bearer " + tokens.text("id_token"), "User-Agent", "u"}, 401, "not for https://hub.bitfount.com/api"},
			{"twice", b.hub, []string{"Authorization", bearer, "Authorization", bearer, "User-Agent", "u"}, 401, "more than once"},
			{"both sorts", b.hub, []string{"Authorization", bearer, "X-Api-Key", hubKey, "User-Agent", "u"}, 401, "both"},
			{"first halves at the Hub", b.hub, []string{"X-Api-Key-Id", hubID, "X-Api-Key", hubKey, "User-Agent", "u"}, 200, "api_keys"},
			{"whole keys at the Hub", b.hub, []string{"X-Api-Key-Id", demoAPIKeyID, "X-Api-Key", demoAPIKey, "User-Agent", "u"}, 401, "must never reach the Hub"},
			{"whole keys at the AM", b.accessManager, []string{"X-Api-Key-Id", demoAPIKeyID, "X-Api-Key", demoAPIKey, "User-Agent", "u"}, 200, "api_keys"},
			{"first halves at the AM", b.accessManager, []string{"X-Api-Key-Id", hubID, "X-Api-Key", hubKey, "User-Agent", "u"}, 401, "both halves"},
		} {
			got := b.whoami(c.service, c.headers...)
			if got.Code != c.status || !strings.Contains(got.Body.String(), c.says) {
				t.Errorf("%s: %d %s, want %d with %q", c.name, got.Code, got.Body, c.status, c.says)
			}
		}
		if n := b.journal.stats().Outcomes[outcomeSecondHalfSeen]; n != 1 {
			t.Errorf("second halves counted at the Hub: %d", n)
		}

		time.Sleep(time.Hour)
		if got := b.whoami(b.hub, "Authorization", bearer, "User-Agent", "u"); got.Code != 401 || !strings.Contains(got.Body.String(), "expired") {
			t.Errorf("an expired token: %d %s", got.Code, got.Body)
		}
		bearer = "Bearer " + b.refresh(tokens.text("refresh_token")).text("access_token")
		b.controlPost("/control/revoke-access", "")
		if got := b.whoami(b.hub, "Authorization", bearer, "User-Agent", "u"); got.Code != 401 || !strings.Contains(got.Body.String(), "revoked") {
			t.Errorf("a revoked token: %d %s", got.Code, got.Body)
		}
	})
}

func TestApprovePage(t *testing.T) {
	b := newBench(t, nil)
	device := b.deviceCode()
	code := device.text("user_code")
	view := b.do(b.issuer, httptest.NewRequest(http.MethodGet, device.text("verification_uri_complete"), nil))
	if view.Code != 200 || !strings.Contains(view.Body.String(), "Check that you see this code") || !strings.Contains(view.Body.String(), code) {
		t.Fatalf("the page: %d %s", view.Code, view.Body)
	}
	if got := b.post(activatePath, url.Values{"user_code": {code}, "username": {"mallory"}, "decision": {"approve"}}); got.Code != 400 {
		t.Errorf("an unknown user was approved: %d", got.Code)
	}

	foreign := httptest.NewRequest(http.MethodPost, testIssuer+"activate", nil)
	foreign.Header.Set("Sec-Fetch-Site", "cross-site")
	if got := b.do(b.issuer, foreign); got.Code != http.StatusForbidden {
		t.Errorf("another site's form answered %d", got.Code)
	}

	got := b.post(activatePath, url.Values{"user_code": {code}, "username": {"nurse.ben.okafor"}, "decision": {"approve"}})
	if got.Code != 200 || !strings.Contains(got.Body.String(), "You can close this page") || !strings.Contains(got.Body.String(), "nurse.ben.okafor") {
		t.Errorf("after approval: %d %s", got.Code, got.Body)
	}
	_, id := claims(t, b.poll(device).text("id_token"))
	if id[b.tenant.set.usernameClaim] != "nurse.ben.okafor" {
		t.Errorf("signed in as %v", id[b.tenant.set.usernameClaim])
	}

	for _, again := range []string{code, "XXXX-XXXX", "<script>"} {
		got := b.do(b.issuer, httptest.NewRequest(http.MethodGet, activatePath+"?user_code="+url.QueryEscape(again), nil))
		if got.Code != 400 || !strings.Contains(got.Body.String(), "This code") || strings.Contains(got.Body.String(), "<script>") {
			t.Errorf("code %q: %d %s", again, got.Code, got.Body)
		}
	}

	other := b.deviceCode()
	got = b.post(activatePath, url.Values{"user_code": {other.text("user_code")}, "decision": {"decline"}})
	if got.Code != 200 || !strings.Contains(got.Body.String(), "declined") {
		t.Errorf("after declining: %d %s", got.Code, got.Body)
	}
	b.want(b.poll(other), http.StatusForbidden, "access_denied")
}

func TestJournalHoldsNoSecret(t *testing.T) {
	var log strings.Builder
	p, err := newProgram(defaultSettings(), testIssuer, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	b := bench{t, p}
	tokens := b.signIn()
	b.refresh(tokens.text("refresh_token"))
	b.refresh(tokens.text("refresh_token"))
	b.whoami(b.hub, "Authorization", "Bearer "+tokens.text("access_token")+"x", "User-Agent", "u")
	stats := b.do(b.control, httptest.NewRequest(http.MethodGet, "/control/stats", nil))
	body, err := io.ReadAll(stats.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"access_token", "refresh_token", "id_token"} {
		if value := tokens.text(name); strings.Contains(string(body)+log.String(), value) {
			t.Errorf("the journal shows the %s", name)
		}
	}
	if !strings.Contains(string(body), `"reuse_detected":1`) {
		t.Errorf("stats = %s", body)
	}
}
