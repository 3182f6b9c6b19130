package oauth

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

func TestGoodIDTokens(t *testing.T) {
	for name, make := range map[string]func(*tenant) secret.Secret{
		"RS256":            func(s *tenant) secret.Secret { return sign(t, jwt.SigningMethodRS256, "rsa-1", rsaKey, s.claims(nil)) },
		"ES256":            func(s *tenant) secret.Secret { return sign(t, jwt.SigningMethodES256, "ec-1", ecKey, s.claims(nil)) },
		"without a key ID": func(s *tenant) secret.Secret { return sign(t, jwt.SigningMethodRS256, "", rsaKey, s.claims(nil)) },
		"audience as a list": func(s *tenant) secret.Secret {
			return sign(t, jwt.SigningMethodRS256, "rsa-1", rsaKey, s.claims(func(m jwt.MapClaims) {
				m["aud"], m["azp"] = []string{"other", testClient}, testClient
			}))
		},
		"expired within the leeway": func(s *tenant) secret.Secret {
			return sign(t, jwt.SigningMethodRS256, "rsa-1", rsaKey, s.claims(func(m jwt.MapClaims) { m["exp"] = s.now().Add(-50 * time.Second).Unix() }))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTenant(t)
				identity, err := s.client().VerifyIDToken(t.Context(), make(s))
				if err != nil || identity != (Identity{Subject: "auth0|1", Username: "alice"}) {
					t.Errorf("VerifyIDToken() = %+v, %v", identity, err)
				}
			})
		})
	}
}

func TestBadIDTokens(t *testing.T) {
	changed := func(edit func(*tenant, jwt.MapClaims)) func(*tenant) secret.Secret {
		return func(s *tenant) secret.Secret {
			return sign(t, jwt.SigningMethodRS256, "rsa-1", rsaKey, s.claims(func(m jwt.MapClaims) { edit(s, m) }))
		}
	}
	set := func(name string, value any) func(*tenant) secret.Secret {
		return changed(func(_ *tenant, m jwt.MapClaims) { m[name] = value })
	}
	without := func(name string) func(*tenant) secret.Secret {
		return changed(func(_ *tenant, m jwt.MapClaims) { delete(m, name) })
	}
	raw := func(text string) func(*tenant) secret.Secret {
		return func(*tenant) secret.Secret { return secret.New(text) }
	}
	for name, test := range map[string]struct {
		make   func(*tenant) secret.Secret
		reason TokenReason
	}{
		"empty":           {raw(""), TokenMalformed},
		"one part":        {raw("abc"), TokenMalformed},
		"not base64":      {raw("?.?.?"), TokenMalformed},
		"header not JSON": {raw("YQ.YQ.YQ"), TokenMalformed},
		"header null":     {raw(base64.RawURLEncoding.EncodeToString([]byte("null")) + ".e30.YQ"), TokenAlgorithm},
		"unknown alg":     {raw(base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"XX"}`)) + ".e30.YQ"), TokenAlgorithm},
		"algorithm none": {func(s *tenant) secret.Secret {
			return sign(t, jwt.SigningMethodNone, "rsa-1", jwt.UnsafeAllowNoneSignatureType, s.claims(nil))
		}, TokenAlgorithm},
		"algorithm HS256": {func(s *tenant) secret.Secret {
			return sign(t, jwt.SigningMethodHS256, "rsa-1", rsaKey.N.Bytes(), s.claims(nil))
		}, TokenAlgorithm},
		"algorithm RS384": {func(s *tenant) secret.Secret { return sign(t, jwt.SigningMethodRS384, "rsa-1", rsaKey, s.claims(nil)) }, TokenAlgorithm},
		"algorithm PS256": {func(s *tenant) secret.Secret { return sign(t, jwt.SigningMethodPS256, "rsa-1", rsaKey, s.claims(nil)) }, TokenAlgorithm},
		"the wrong key": {func(s *tenant) secret.Secret {
			return sign(t, jwt.SigningMethodRS256, "rsa-1", otherRSAKey, s.claims(nil))
		}, TokenSignature},
		"no key ID, wrong": {func(s *tenant) secret.Secret { return sign(t, jwt.SigningMethodRS256, "", otherRSAKey, s.claims(nil)) }, TokenSignature},
		"an unknown key": {func(s *tenant) secret.Secret {
			return sign(t, jwt.SigningMethodRS256, "rsa-9", otherRSAKey, s.claims(nil))
		}, TokenKey},
		"key of another algorithm": {func(s *tenant) secret.Secret { return sign(t, jwt.SigningMethodES256, "rsa-1", ecKey, s.claims(nil)) }, TokenKey},
		"a payload changed afterwards": {func(s *tenant) secret.Secret {
			parts := strings.Split(sign(t, jwt.SigningMethodRS256, "rsa-1", rsaKey, s.claims(nil)).Reveal(), ".")
			other := strings.Split(s.idToken(func(m jwt.MapClaims) { m[usernameClaim] = "mallory" }), ".")
			return secret.New(parts[0] + "." + other[1] + "." + parts[2])
		}, TokenSignature},
		"a critical extension": {func(s *tenant) secret.Secret {
			token := jwt.NewWithClaims(jwt.SigningMethodRS256, s.claims(nil))
			token.Header["kid"], token.Header["crit"] = "rsa-1", []string{"b64"}
			signed, err := token.SignedString(rsaKey)
			if err != nil {
				t.Fatal(err)
			}
			return secret.New(signed)
		}, TokenMalformed},
		"issuer of another":        {set("iss", "https://evil.example/"), TokenIssuer},
		"issuer without the slash": {set("iss", strings.TrimSuffix(testIssuer, "/")), TokenIssuer},
		"issuer missing":           {without("iss"), TokenClaims},
		"audience of another":      {set("aud", "other"), TokenAudience},
		"audience longer":          {set("aud", testClient+"x"), TokenAudience},
		"audience missing":         {without("aud"), TokenClaims},
		"issued to another client": {set("azp", "other"), TokenClaims},
		"expired":                  {changed(func(s *tenant, m jwt.MapClaims) { m["exp"] = s.now().Add(-2 * time.Minute).Unix() }), TokenExpired},
		"expiry missing":           {without("exp"), TokenClaims},
		"expiry a word":            {set("exp", "tomorrow"), TokenClaims},
		"not yet valid":            {changed(func(s *tenant, m jwt.MapClaims) { m["nbf"] = s.now().Add(time.Hour).Unix() }), TokenNotYet},
		"subject missing":          {without("sub"), TokenClaims},
		"subject a number":         {set("sub", 1), TokenClaims},
		"username missing":         {without(usernameClaim), TokenClaims},
		"username empty":           {set(usernameClaim, ""), TokenClaims},
		"username a list":          {set(usernameClaim, []string{"alice"}), TokenClaims},
		"username with a new line": {set(usernameClaim, "alice\nbob"), TokenClaims},
		"username very long":       {set(usernameClaim, strings.Repeat("a", 257)), TokenClaims},
		"username claim in capitals": {changed(func(_ *tenant, m jwt.MapClaims) {
			delete(m, usernameClaim)
			m[strings.ToUpper(usernameClaim)] = "alice"
		}), TokenClaims},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTenant(t)
				identity, err := s.client().VerifyIDToken(t.Context(), test.make(s))
				if !tokenFault(test.reason)(err) {
					t.Errorf("err = %v, want reason %s", err, test.reason)
				}
				if identity != (Identity{}) {
					t.Errorf("%+v came beside the error", identity)
				}
				noSecrets(t, err)
			})
		})
	}
}

func TestKeysThatAreNotUsed(t *testing.T) {
	good := rsaJWK("good", rsaKey)
	for name, test := range map[string]struct {
		jwk    string
		method jwt.SigningMethod
		key    any
	}{
		"for encryption":        {strings.Replace(rsaJWK("k", otherRSAKey), `"sig"`, `"enc"`, 1), jwt.SigningMethodRS256, otherRSAKey},
		"of another algorithm":  {strings.Replace(rsaJWK("k", otherRSAKey), "RS256", "RS512", 1), jwt.SigningMethodRS256, otherRSAKey},
		"of 1024 bits":          {rsaJWK("k", weakRSAKey), jwt.SigningMethodRS256, weakRSAKey},
		"of another curve":      {ecJWK("k", "P-384", ec384Key), jwt.SigningMethodES256, ecKey},
		"symmetric":             {`{"kty":"oct","kid":"k","k":"c2VjcmV0"}`, jwt.SigningMethodRS256, otherRSAKey},
		"Ed25519":               {`{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`, jwt.SigningMethodRS256, otherRSAKey},
		"of an unknown type":    {`{"kty":"XYZ","kid":"k"}`, jwt.SigningMethodRS256, otherRSAKey},
		"broken":                {`{"kty":"RSA","kid":"k","n":"?","e":"AQAB"}`, jwt.SigningMethodRS256, otherRSAKey},
		"not an object":         {`17`, jwt.SigningMethodRS256, otherRSAKey},
		"a point off the curve": {`{"kty":"EC","kid":"k","crv":"P-256","x":"AQ","y":"AQ"}`, jwt.SigningMethodES256, ecKey},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTenant(t)
				s.jwks = []step{{body: jwks(test.jwk, good)}}
				c := s.client()
				if _, err := c.VerifyIDToken(t.Context(), sign(t, test.method, "k", test.key, s.claims(nil))); !tokenFault(TokenKey)(err) {
					t.Errorf("err = %v", err)
				}
				if _, err := c.VerifyIDToken(t.Context(), sign(t, jwt.SigningMethodRS256, "good", rsaKey, s.claims(nil))); err != nil {
					t.Errorf("the good key beside it: %v", err)
				}
			})
		})
	}
}

func TestKeysAreKeptForTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTenant(t)
		c := s.client()
		verify := func() {
			t.Helper()
			if _, err := c.VerifyIDToken(t.Context(), secret.New(s.idToken(nil))); err != nil {
				t.Error(err)
			}
		}
		count := func(want int) {
			t.Helper()
			if n := len(s.requests("/.well-known/jwks.json")); n != want {
				t.Errorf("%d fetches, want %d", n, want)
			}
		}
		verify()
		time.Sleep(9 * time.Minute)
		verify()
		count(1)
		time.Sleep(time.Minute)
		verify()
		count(2)
		s.sleepComputer(-time.Hour) // a clock set back makes them old, not eternal
		verify()
		count(3)
	})
}

func TestUnknownKeyIDsFetchAgainButNotForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTenant(t)
		first := s.jwks[0]
		rotated := step{body: jwks(rsaJWK("rsa-1", rsaKey), rsaJWK("rsa-2", otherRSAKey))}
		s.jwks = []step{first, {status: 503}, rotated}
		c := s.client()
		ctx := t.Context()
		if _, err := c.VerifyIDToken(ctx, secret.New(s.idToken(nil))); err != nil {
			t.Fatal(err)
		}
		next := sign(t, jwt.SigningMethodRS256, "rsa-2", otherRSAKey, s.claims(nil))
		if _, err := c.VerifyIDToken(ctx, next); !faultOf(FaultBusy)(err) {
			t.Errorf("keys that cannot be fetched: err = %v, want a fault", err)
		}
		if _, err := c.VerifyIDToken(ctx, next); err != nil {
			t.Errorf("a key that is new: %v", err)
		}
		unknown := sign(t, jwt.SigningMethodRS256, "rsa-3", otherRSAKey, s.claims(nil))
		for range 20 {
			if _, err := c.VerifyIDToken(ctx, unknown); !tokenFault(TokenKey)(err) {
				t.Errorf("err = %v", err)
			}
		}
		if n := len(s.requests("/.well-known/jwks.json")); n != 3 {
			t.Errorf("%d fetches, want 3", n)
		}
		time.Sleep(unknownKeyPause)
		_, _ = c.VerifyIDToken(ctx, unknown)
		if n := len(s.requests("/.well-known/jwks.json")); n != 4 {
			t.Errorf("%d fetches after the pause, want 4", n)
		}
	})
}

func TestKeysThatCannotBeFetchedAreAFault(t *testing.T) {
	for name, answer := range map[string]step{
		"busy": {status: 500}, "page": {body: page}, "missing": {status: 404, body: "{}"}, "no list": {body: `{"keys":5}`},
		"empty list": {body: `{"keys":[]}`}, "null": {body: "null"}, "hanging": {hang: true}, "redirect": {status: 302},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTenant(t)
				s.jwks = []step{answer}
				_, err := s.client().VerifyIDToken(t.Context(), secret.New(s.idToken(nil)))
				var fault *Fault
				if !errors.As(err, &fault) {
					t.Errorf("err = %v", err)
				}
			})
		})
	}
}

func TestVerifyingHonoursTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTenant(t)
		s.jwks = []step{{hang: true}}
		c := s.client()
		raw := secret.New(s.idToken(nil))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var both sync.WaitGroup
		for range 2 { // one fetches, the other waits for it
			both.Go(func() {
				if _, err := c.VerifyIDToken(ctx, raw); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("err = %v", err)
				}
			})
		}
		both.Wait()
	})
}

func TestManyAtOnceFetchTheKeysOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTenant(t)
		s.jwks[0].after = time.Second
		c := s.client()
		raw := secret.New(s.idToken(nil))
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if _, err := c.VerifyIDToken(t.Context(), raw); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := len(s.requests("/.well-known/jwks.json")); n != 1 {
			t.Errorf("%d fetches", n)
		}
	})
}
