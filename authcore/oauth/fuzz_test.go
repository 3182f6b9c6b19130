package oauth

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// FuzzDeviceResponse: whatever a server answers, what comes through is safe to
// show, to open and to wait for.
func FuzzDeviceResponse(f *testing.F) {
	for _, body := range []string{
		deviceBody, "null", "{}", "[]", page, pendingBody, device("interval", "-1"), device("interval", `"5"`),
		device("expires_in", "1e999"), device("verification_uri", `"javascript:alert(1)"`), device("user_code", `"A\u202eB"`),
		device("verification_uri_complete", `"http://[::1]:99999/%zz"`), strings.Repeat("[", 1000),
	} {
		f.Add(200, body)
		f.Add(403, body)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 100 || status > 999 {
			return
		}
		s := newTenant(t)
		s.device = []step{{status: status, body: body}}
		code, err := s.client().RequestDeviceCode(t.Context())
		if err != nil {
			known(t, err)
			if code != (DeviceCode{}) {
				t.Error("a code came beside the error")
			}
			return
		}
		life := code.ExpiresAt.Sub(code.IssuedAt)
		if !visible(code.Code.Reveal()) || life <= 0 || life > maxCodeLife || code.Interval < minInterval || code.Interval > maxInterval {
			t.Errorf("accepted %+v", code)
		}
		if code.UserCode == "" || strings.ContainsFunc(code.UserCode, unicode.IsControl) {
			t.Errorf("user code %q", code.UserCode)
		}
		for _, link := range []string{code.VerificationURI, code.VerificationURIComplete} {
			lower := strings.ToLower(link)
			if !strings.HasPrefix(lower, "https://") && !strings.HasPrefix(lower, "http://") {
				t.Errorf("link %q", link)
			}
		}
	})
}

// FuzzTokenResponse: whatever a server answers to a refresh, tokens fit into a
// header, and the error is one that a caller knows.
func FuzzTokenResponse(f *testing.F) {
	s := newTenant(f)
	for _, change := range []map[string]any{
		{"id_token": nil}, {"id_token": nil, "expires_in": "1e999"}, {"id_token": "a.b.c"}, {"refresh_token": nil, "id_token": nil},
		{"access_token": "a\nb"}, {"token_type": "mac"}, {"scope": 5}, {"refresh_expires_in": -1, "id_token": nil},
	} {
		f.Add(200, s.grant(change))
	}
	f.Add(403, `{"error":"invalid_grant","error_description":"rt-secret-0"}`)
	f.Add(429, `{"error":"slow_down"}`)
	f.Add(200, "null")
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 100 || status > 999 {
			return
		}
		s := newTenant(t)
		s.token = []step{{status: status, body: body}}
		tokens, err := s.client().Refresh(t.Context(), oldRefresh)
		if err != nil {
			known(t, err)
			return
		}
		if !visible(tokens.AccessToken.Reveal()) || !visible(tokens.RefreshToken.Reveal()) || !tokens.ExpiresAt.After(tokens.IssuedAt) {
			t.Error("accepted tokens that cannot be used")
		}
		if tokens.Identity != (Identity{}) {
			t.Errorf("nobody signed for %+v", tokens.Identity)
		}
	})
}

// FuzzIDToken: a token that the issuer has not signed never names anybody.
func FuzzIDToken(f *testing.F) {
	s := newTenant(f)
	stranger := sign(f, jwt.SigningMethodRS256, "rsa-1", otherRSAKey, s.claims(nil)).Reveal()
	parts := strings.Split(stranger, ".")
	f.Add(stranger)
	f.Add(sign(f, jwt.SigningMethodNone, "rsa-1", jwt.UnsafeAllowNoneSignatureType, s.claims(nil)).Reveal())
	f.Add(sign(f, jwt.SigningMethodHS256, "ec-1", []byte("key"), s.claims(nil)).Reveal())
	f.Add(sign(f, jwt.SigningMethodES256, "ec-1", makeEC(ecKey.Curve), s.claims(nil)).Reveal())
	f.Add("..")
	f.Add(parts[0] + ".." + parts[2])
	f.Add(parts[0] + "." + parts[1] + ".")
	f.Add("eyJhbGciOiJSUzI1NiIsImtpZCI6W119.e30.AA")
	f.Add("eyJhbGciOm51bGx9.bnVsbA.AA")
	c := s.client()
	f.Fuzz(func(t *testing.T, raw string) {
		s.t = t
		identity, err := c.VerifyIDToken(t.Context(), secret.New(raw))
		if err == nil || identity != (Identity{}) {
			t.Errorf("%q is taken for %+v", raw, identity)
		}
		known(t, err)
	})
}

// known fails on an error that no caller can tell apart, or that is not fit to
// be shown.
func known(t *testing.T, err error) {
	t.Helper()
	var (
		fault   *Fault
		wrong   *AnswerError
		token   *TokenError
		refused *RefusedError
	)
	if !errors.As(err, &fault) && !errors.As(err, &wrong) && !errors.As(err, &token) && !errors.As(err, &refused) {
		t.Errorf("an error of no kind: %v", err)
	}
	if text := err.Error(); len(text) > 4000 || strings.ContainsFunc(text, unicode.IsControl) || strings.Contains(text, "rt-secret-0") {
		t.Errorf("an error not fit to be shown: %q", text)
	}
}

func BenchmarkVerifyIDToken(b *testing.B) {
	s := newTenant(b)
	c := s.client()
	raw := secret.New(s.idToken(nil))
	for b.Loop() {
		if _, err := c.VerifyIDToken(b.Context(), raw); err != nil {
			b.Fatal(err)
		}
	}
}

// Tokens hold no secret in any text form, since views and logs see errors and
// values alike.
func TestTokensPrintNoSecret(t *testing.T) {
	s := newTenant(t)
	s.token = []step{{body: s.grant(nil)}}
	tokens, err := s.client().Refresh(t.Context(), oldRefresh)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(tokens)
	if err != nil {
		t.Fatal(err)
	}
	noSecrets(t, errors.New(string(encoded)))
	if tokens.ExpiresAt.Before(time.Now()) {
		t.Error("expired at once")
	}
}
