package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestStatusFaultMeetsTheChosenRequestsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		tokens := b.signIn()
		b.controlPost("/control/faults", `{"kind":"status","path":"/oauth/token","grant":"refresh_token","times":2,"status":429,"retry_after":"7"}`)
		b.want(b.poll(b.deviceCode()), http.StatusForbidden, "authorization_pending")
		for range 2 {
			got := b.refresh(tokens.text("refresh_token"))
			b.want(got, http.StatusTooManyRequests, "too_many_requests")
			if got.Header().Get("Retry-After") != "7" || got.Header().Get("X-Ratelimit-Remaining") != "0" {
				t.Errorf("headers = %v", got.Header())
			}
		}
		// The faulty requests were not processed: the token is unused.
		b.want(b.refresh(tokens.text("refresh_token")), http.StatusOK, "")
	})
}

func TestDeviceAnswersCanBeMalformed(t *testing.T) {
	b := newBench(t, nil)
	b.controlPost("/control/faults", `{"kind":"body","path":"/oauth/device/code","times":1,"body":"null"}`)
	if got := b.deviceCode(); got.Body.String() != "null" {
		t.Errorf("body = %s", got.Body)
	}
	b.controlPost("/control/faults", `{"kind":"overlay","path":"/oauth/device/code","times":1,"fields":{"interval":-1,"verification_uri":"javascript:alert(1)","expires_in":null}}`)
	got := b.deviceCode()
	if got.JSON["interval"] != -1.0 || got.text("verification_uri") != "javascript:alert(1)" || got.text("user_code") == "" {
		t.Errorf("answer = %v", got.JSON)
	}
	if _, there := got.JSON["expires_in"]; there {
		t.Error("null removes the member")
	}
	if got := b.deviceCode(); got.JSON["interval"] != 5.0 {
		t.Errorf("the fault stayed: %v", got.JSON)
	}
}

func TestIDTokenFaults(t *testing.T) {
	b := newBench(t, nil)
	_, right := claims(t, b.signIn().text("id_token"))
	for _, wrong := range idTokenFaults {
		b.controlPost("/control/faults", `{"kind":"id_token","times":1,"id_token":"`+wrong+`"}`)
		token := b.signIn().text("id_token")
		if wrong == idTokenMissing {
			if token != "" {
				t.Error("the ID token is there")
			}
			continue
		}
		header, payload := claims(t, token)
		_, verifyError := b.tenant.verifyAccessToken(t.Context(), token)
		badSignature := verifyError != nil && strings.Contains(verifyError.Error(), "does not verify")
		var shows bool
		switch wrong {
		case idTokenWrongKey:
			shows = badSignature && header["kid"] == b.tenant.keys.current().id
		case idTokenAlgNone:
			shows = header["alg"] == "none" && strings.HasSuffix(token, ".")
		case idTokenWrongIssuer:
			shows = payload["iss"] != right["iss"]
		case idTokenWrongAudience:
			shows = payload["aud"] != right["aud"] && !badSignature
		case idTokenExpired:
			shows = payload["exp"].(float64) < float64(time.Now().Unix())
		case idTokenNoUsername:
			shows = payload[b.tenant.set.usernameClaim] == nil
		}
		if !shows {
			t.Errorf("%s does not show in %v %v", wrong, header, payload)
		}
	}
}

func TestAnswersOfSomebodyElse(t *testing.T) {
	b := newBench(t, nil)
	get := func(path string) reply { return b.do(b.issuer, httptest.NewRequest(http.MethodGet, path, nil)) }

	b.controlPost("/control/faults", `{"kind":"captive_portal","times":1}`)
	if got := get(keysPath); got.Code != 200 || !strings.HasPrefix(got.Header().Get("Content-Type"), "text/html") {
		t.Errorf("captive portal: %d %v", got.Code, got.Header())
	}
	b.controlPost("/control/faults", `{"kind":"redirect","times":1,"location":"https://elsewhere.example/"}`)
	if got := get(keysPath); got.Code != 307 || got.Header().Get("Location") != "https://elsewhere.example/" {
		t.Errorf("redirect: %d %v", got.Code, got.Header())
	}
	b.controlPost("/control/faults", `{"kind":"no_discovery"}`)
	if got := get(discoveryPath); got.Code != 404 {
		t.Errorf("discovery: %d", got.Code)
	}
	if got := get(keysPath); got.Code != 200 {
		t.Errorf("keys: %d", got.Code)
	}
	b.controlPost("/control/reset", "")
	if got := get(discoveryPath); got.Code != 200 || got.text("device_authorization_endpoint") != testIssuer+"oauth/device/code" {
		t.Errorf("discovery after the reset: %d %v", got.Code, got.JSON)
	}
}

func TestClocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		get := func() time.Time {
			got := b.do(b.issuer, httptest.NewRequest(http.MethodGet, keysPath, nil))
			date, err := http.ParseTime(got.Header().Get("Date"))
			if err != nil {
				t.Fatal(err)
			}
			return date
		}
		b.controlPost("/control/faults", `{"kind":"date","times":1,"offset_seconds":-10800}`)
		if off := time.Until(get()); off > -3*time.Hour+time.Second {
			t.Errorf("Date is off by %s", off)
		}

		b.controlPost("/control/clock", `{"offset_seconds":172800}`)
		if off := time.Until(get()); off < 48*time.Hour-time.Second {
			t.Errorf("Date is off by %s", off)
		}
		tokens := b.signIn()
		_, id := claims(t, tokens.text("id_token"))
		if iat := time.Unix(int64(id["iat"].(float64)), 0); time.Until(iat) < 48*time.Hour-time.Second {
			t.Errorf("iat = %s", iat)
		}
		if got := b.whoami(b.hub, "Authorization", "Bearer "+tokens.text("access_token"), "User-Agent", "u"); got.Code != 200 {
			t.Errorf("the Hub does not share the clock: %d %s", got.Code, got.Body)
		}
	})
}

func TestKeyRotationShowsAnUnknownKeyFirst(t *testing.T) {
	b := newBench(t, nil)
	before := b.do(b.issuer, httptest.NewRequest(http.MethodGet, keysPath, nil)).Body.String()
	b.controlPost("/control/rotate-keys", "")
	tokens := b.signIn()
	header, _ := claims(t, tokens.text("id_token"))
	kid := header["kid"].(string)
	after := b.do(b.issuer, httptest.NewRequest(http.MethodGet, keysPath, nil)).Body.String()
	if strings.Contains(before, kid) || !strings.Contains(after, kid) {
		t.Error("the new key must sign, be published, and not have been published before")
	}
}

func TestControlRefusesWhatItDoesNotUnderstand(t *testing.T) {
	b := newBench(t, nil)
	for path, bodies := range map[string][]string{
		"/control/faults":  {`{"kind":"surprise"}`, `{"kind":"status"}`, `{"kind":"id_token","id_token":"odd"}`, `{"kind":"drop","pathh":"/"}`, `{"kind":"redirect"}`, `[]`},
		"/control/approve": {`{"user_code":"XXXX-XXXX","username":"a"}`, `{"user_code":"XXXX-XXXX"}`},
		"/control/deny":    {`{"user_code":""}`},
	} {
		for _, body := range bodies {
			if got := b.do(b.control, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))); got.Code != http.StatusBadRequest {
				t.Errorf("%s %s answered %d", path, body, got.Code)
			}
		}
	}
}

func TestEndSessionsOfOneUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		token := b.signIn().text("refresh_token")
		b.controlPost("/control/end-sessions", `{"username":"somebody.else"}`)
		got := b.refresh(token)
		b.want(got, http.StatusOK, "")
		b.controlPost("/control/end-sessions", `{}`)
		b.want(b.refresh(got.text("refresh_token")), http.StatusForbidden, "invalid_grant")
	})
}
