package oauth

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

var oldRefresh = secret.New("rt-secret-0")

func TestRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTenant(t)
		s.token = []step{{body: s.grant(nil)}}
		tokens, err := s.client().Refresh(t.Context(), oldRefresh)
		if err != nil {
			t.Fatal(err)
		}
		if tokens.AccessToken.Reveal() != "at-secret-1" || tokens.RefreshToken.Reveal() != "rt-secret-1" || tokens.IDToken.Empty() {
			t.Error("the tokens are not those of the answer")
		}
		want := Tokens{
			AccessToken: tokens.AccessToken, RefreshToken: tokens.RefreshToken, IDToken: tokens.IDToken,
			IssuedAt: s.now(), ExpiresAt: s.now().Add(24 * time.Hour), Scope: "openid profile",
			Identity: Identity{Subject: "auth0|1", Username: "alice"},
		}
		if tokens != want {
			t.Errorf("got %+v\nwant %+v", tokens, want)
		}
		sent := s.requests("/oauth/token")
		if len(sent) != 1 || sent[0].form.Encode() != "client_id=client-1&grant_type=refresh_token&refresh_token=rt-secret-0" {
			t.Errorf("sent %+v", sent)
		}
	})
}

func TestRefreshAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		change map[string]any
		check  func(Tokens) bool
	}{
		"no new refresh token keeps the old": {map[string]any{"refresh_token": nil}, func(t Tokens) bool { return t.RefreshToken == oldRefresh }},
		"an empty one too":                   {map[string]any{"refresh_token": ""}, func(t Tokens) bool { return t.RefreshToken == oldRefresh }},
		"no ID token": {map[string]any{"id_token": nil}, func(t Tokens) bool {
			return t.IDToken.Empty() && t.Identity == Identity{} && !t.AccessToken.Empty()
		}},
		"no scope means the one asked for":     {map[string]any{"scope": nil}, func(t Tokens) bool { return t.Scope == "profile openid offline_access" }},
		"token_type in small letters":          {map[string]any{"token_type": "bearer"}, func(t Tokens) bool { return !t.AccessToken.Empty() }},
		"expires_in as a string":               {map[string]any{"expires_in": "3600"}, lives(time.Hour)},
		"expires_in with a fraction":           {map[string]any{"expires_in": 0.5}, lives(time.Second / 2)},
		"expires_in missing":                   {map[string]any{"expires_in": nil}, lives(time.Hour)},
		"refresh_expires_in":                   {map[string]any{"refresh_expires_in": 60}, func(t Tokens) bool { return t.RefreshExpiresAt.Equal(t.IssuedAt.Add(time.Minute)) }},
		"refresh_token_expires_in":             {map[string]any{"refresh_token_expires_in": "60"}, func(t Tokens) bool { return t.RefreshExpiresAt.Equal(t.IssuedAt.Add(time.Minute)) }},
		"refresh_expires_in 0 means unknown":   {map[string]any{"refresh_expires_in": 0}, func(t Tokens) bool { return t.RefreshExpiresAt.IsZero() }},
		"refresh_expires_in of a strange sort": {map[string]any{"refresh_expires_in": []int{1}}, func(t Tokens) bool { return t.RefreshExpiresAt.IsZero() }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTenant(t)
				s.token = []step{{body: s.grant(test.change)}}
				tokens, err := s.client().Refresh(t.Context(), oldRefresh)
				if err != nil || !test.check(tokens) {
					t.Errorf("Refresh() = %+v, %v", tokens, err)
				}
			})
		})
	}
}

func lives(d time.Duration) func(Tokens) bool {
	return func(t Tokens) bool { return t.ExpiresAt.Sub(t.IssuedAt) == d }
}

func faultOf(kind FaultKind) func(error) bool {
	return func(err error) bool {
		var fault *Fault
		return errors.As(err, &fault) && fault.Kind == kind && !errors.Is(err, ErrSignInAgain)
	}
}

func TestRefreshFailures(t *testing.T) {
	s := newTenant(t)
	const next = "rt-secret-1" // what the answer holds
	for name, test := range map[string]struct {
		answer step
		check  func(error) bool
		keeps  string // the refresh token that comes beside the error
	}{
		"invalid_grant":                    {step{status: 403, body: `{"error":"invalid_grant","error_description":"Unknown or invalid refresh token."}`}, is(ErrSignInAgain), ""},
		"invalid_request, as dex says":     {step{status: 400, body: `{"error":"invalid_request"}`}, is(ErrSignInAgain), ""},
		"invalid_client":                   {step{status: 401, body: `{"error":"invalid_client"}`}, refusedAs("invalid_client"), ""},
		"access_denied":                    {step{status: 403, body: `{"error":"access_denied"}`}, refusedAs("access_denied"), ""},
		"500 with invalid_grant":           {step{status: 500, body: `{"error":"invalid_grant"}`}, faultOf(FaultBusy), ""},
		"429":                              {step{status: 429, body: `{"error":"too_many_requests"}`}, faultOf(FaultBusy), ""},
		"reset":                            {step{err: syscall.ECONNRESET}, faultOf(FaultUnreachable), ""},
		"timeout":                          {step{hang: true}, faultOf(FaultUnreachable), ""},
		"captive portal":                   {step{body: page}, faultOf(FaultCaptivePortal), ""},
		"307":                              {step{status: 307, header: map[string]string{"Location": "https://evil.example/"}}, faultOf(FaultCaptivePortal), ""},
		"certificate":                      {step{err: untrusted()}, faultOf(FaultCertificate), ""},
		"null":                             {step{body: "null"}, unusable, ""},
		"a strange access token":           {step{body: s.grant(map[string]any{"access_token": 5})}, unusable, next},
		"a strange token type":             {step{body: s.grant(map[string]any{"token_type": "mac"})}, unusable, next},
		"a strange expires_in":             {step{body: s.grant(map[string]any{"expires_in": "a day"})}, unusable, next},
		"a strange refresh token":          {step{body: s.grant(map[string]any{"refresh_token": 7})}, unusable, ""},
		"an ID token of somebody else":     {step{body: s.grant(map[string]any{"id_token": s.idToken(func(m jwt.MapClaims) { m["aud"] = "x" })})}, tokenFault(TokenAudience), next},
		"an ID token that is not a token":  {step{body: s.grant(map[string]any{"id_token": "x.y"})}, tokenFault(TokenMalformed), next},
		"a description with the token":     {step{status: 400, body: `{"error":"invalid_scope","error_description":"bad: rt-secret-0"}`}, refusedAs("invalid_scope"), ""},
		"an error code that is the token":  {step{status: 403, body: `{"error":"rt-secret-0"}`}, refusedAs(secret.Redacted), ""},
		"an answer in the status line":     {step{err: errors.New(`malformed HTTP response "rt-secret-0"`)}, faultOf(FaultUnreachable), ""},
		"an answer in a header of no sort": {step{err: errors.New("malformed MIME header line: rt-secret-0")}, faultOf(FaultUnreachable), ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in := newTenant(t)
				in.token = []step{test.answer}
				tokens, err := in.client().Refresh(t.Context(), oldRefresh)
				if !test.check(err) {
					t.Errorf("err = %v", err)
				}
				if tokens.RefreshToken.Reveal() != test.keeps {
					t.Errorf("the refresh token beside the error is not %q", test.keeps)
				}
				if n := len(in.requests("/oauth/token")); n != 1 {
					t.Errorf("the refresh token was sent %d times", n)
				}
				noSecrets(t, err)
			})
		})
	}
}

func TestRefreshWithoutATokenSendsNothing(t *testing.T) {
	s := newTenant(t)
	if _, err := s.client().Refresh(t.Context(), secret.Secret{}); !errors.Is(err, ErrSignInAgain) || len(s.calls) != 0 {
		t.Errorf("err = %v, %d requests", err, len(s.calls))
	}
}

func TestRefreshNeverLosesTheNewTokenForWantOfKeys(t *testing.T) {
	for name, keys := range map[string][]step{
		"busy":    {{status: 503}},
		"hanging": {{hang: true}},
		"gone":    {{err: syscall.ECONNREFUSED}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTenant(t)
				s.token = []step{{body: s.grant(nil)}}
				s.jwks = keys
				tokens, err := s.client().Refresh(t.Context(), oldRefresh)
				if err != nil || tokens.RefreshToken.Reveal() != "rt-secret-1" || tokens.IDToken.Empty() || tokens.Identity != (Identity{}) {
					t.Errorf("Refresh() = %+v, %v", tokens, err)
				}
				if held := time.Since(s.requests("/oauth/token")[0].answered); held > refreshKeysLimit {
					t.Errorf("the new token was held back for %v", held)
				}
			})
		})
	}
	t.Run("the context ends meanwhile", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newTenant(t)
			s.token = []step{{body: s.grant(nil)}}
			s.jwks = []step{{status: 503}, {hang: true}}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			tokens, err := s.client().Refresh(ctx, oldRefresh)
			if err != nil || tokens.RefreshToken.Reveal() != "rt-secret-1" {
				t.Errorf("Refresh() = %+v, %v", tokens, err)
			}
		})
	})
}

func TestRefreshFetchesTheKeysFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTenant(t)
		s.token = []step{{body: s.grant(nil)}}
		if _, err := s.client().Refresh(t.Context(), oldRefresh); err != nil {
			t.Fatal(err)
		}
		if last := s.calls[len(s.calls)-1]; last.path != "/oauth/token" {
			t.Errorf("%s was asked for while the new token was in memory only", last.path)
		}
	})
}

func TestRefreshIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTenant(t)
		s.token = []step{{hang: true}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.client().Refresh(ctx, oldRefresh); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v", err)
		}
	})
}

func TestRevoke(t *testing.T) {
	for name, test := range map[string]struct {
		answer step
		check  func(error) bool
	}{
		"200 with an empty body":         {step{}, is(nil)},
		"200 with a JSON body":           {step{body: `{}`}, is(nil)},
		"200 with text":                  {step{body: "OK"}, is(nil)},
		"204":                            {step{status: 204}, is(nil)},
		"a page in between":              {step{body: page}, faultOf(FaultCaptivePortal)},
		"a page by its type":             {step{body: "hello", header: map[string]string{"Content-Type": "text/html"}}, faultOf(FaultCaptivePortal)},
		"503":                            {step{status: 503}, faultOf(FaultBusy)},
		"reset":                          {step{err: syscall.ECONNRESET}, faultOf(FaultUnreachable)},
		"redirect":                       {step{status: 302}, faultOf(FaultCaptivePortal)},
		"a refusal":                      {step{status: 400, body: `{"error":"unsupported_token_type"}`}, refusedAs("unsupported_token_type")},
		"a refusal with status 200":      {step{body: `{"error":"invalid_client"}`}, refusedAs("invalid_client")},
		"a refusal that holds the token": {step{status: 400, body: `{"error":"x","error_description":"rt-secret-0"}`}, refusedAs("x")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTenant(t)
				s.revoke = []step{test.answer}
				err := s.client().Revoke(t.Context(), oldRefresh)
				if !test.check(err) {
					t.Errorf("err = %v", err)
				}
				noSecrets(t, err)
				if sent := s.requests("/oauth/revoke"); len(sent) != 1 || sent[0].form.Encode() != "client_id=client-1&token=rt-secret-0" {
					t.Errorf("sent %+v", sent)
				}
			})
		})
	}
	s := newTenant(t)
	if err := s.client().Revoke(t.Context(), secret.Secret{}); err != nil || len(s.calls) != 0 {
		t.Error("revoking nothing is not nothing")
	}
}

func TestForeignTextIsBoundedAndPrintable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTenant(t)
		s.token = []step{{status: 400, body: `{"error":"` + strings.Repeat("no ", 100) + `","error_description":"a\u001b[31m\r\nb \u202e ` +
			strings.Repeat("word ", 100) + `eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJ"}`}}
		_, err := s.client().Refresh(t.Context(), oldRefresh)
		var refused *RefusedError
		if !errors.As(err, &refused) {
			t.Fatal(err)
		}
		if len([]rune(refused.Code)) > maxErrorCode || len([]rune(refused.Description)) > maxDescription {
			t.Errorf("too long: %v", refused)
		}
		if !strings.HasPrefix(refused.Description, "a [31m b word") {
			t.Errorf("description %q", refused.Description)
		}
		noSecrets(t, err)
	})
}

func TestErrorsSayWhatHappened(t *testing.T) {
	cause := errors.New("cause")
	for _, test := range []struct {
		err  error
		want string
	}{
		{&Fault{Kind: FaultUnreachable, Host: "h", Err: cause}, "h cannot be reached: cause"},
		{&Fault{Kind: FaultBusy, Host: "h", Status: 503}, "h is busy (HTTP status 503)"},
		{&Fault{Kind: FaultCaptivePortal, Host: "h", Status: 200, Err: cause}, "something answered in the place of h (HTTP status 200): cause"},
		{&Fault{Kind: FaultCertificate, Host: "h", CertificateIssuer: "CA", Err: cause}, `the certificate of h, issued by "CA", is not trusted: cause`},
		{&AnswerError{What: "token", Err: cause}, "the token answer cannot be used: cause"},
		{&TokenError{Reason: TokenExpired, Err: cause}, "the ID token cannot be verified (expired): cause"},
		{&RefusedError{Code: "invalid_client", Status: 401}, `the server answered "invalid_client" (HTTP status 401)`},
		{&RefusedError{Code: "c", Description: "why", Status: 400}, `the server answered "c" (HTTP status 400): why`},
	} {
		if got := test.err.Error(); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
		if strings.Contains(test.want, "cause") && !errors.Is(test.err, cause) {
			t.Errorf("%T does not unwrap", test.err)
		}
	}
}

func TestRefusalsAreDetailsOfTheSentinels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTenant(t)
		s.token = []step{{status: http.StatusForbidden, body: `{"error":"invalid_grant","error_description":"reused"}`}}
		_, err := s.client().Refresh(t.Context(), oldRefresh)
		var refused *RefusedError
		if !errors.Is(err, ErrSignInAgain) || !errors.As(err, &refused) || refused.Description != "reused" {
			t.Errorf("err = %v", err)
		}
	})
}
