package oauth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Ready-made clients of the device flow end a login, wait for ever or panic in the
// cases below. The tests that show what becomes of each here:
//
//	a reset, a time-out, 5xx, 429 or a portal's page while polling  TestPollSurvives
//	a time-out that looks like the code's end                       TestPollSurvives, "timeout"
//	slow_down, also twice                                           TestPollPace
//	pending answered with status 200                                TestPollPace
//	interval missing or 0; no expires_in                            TestDeviceAnswersThatAreMended
//	interval -1, null or {} for an answer                           TestDeviceAnswersThatCannotBeUsed
//	a code whose end the server never tells                         TestPollEndsAtItsOwnDeadline
//	a cancel during the device request                              TestCancelIsHonouredDuringTheDeviceRequest
//	307 from the token endpoint                                     TestPollSurvives: nothing goes elsewhere
//	two requests a poll, to find out how to authenticate            TestPollSendsOneRequestWithTheClientIDInTheForm
//	polls exactly an interval apart                                 TestPollsCauseNoSlowDownAtAStrictServer

var pending = step{status: 403, body: pendingBody}

const page = "<!DOCTYPE html><html><title>Guest network</title>Please sign in</html>"

func TestDeviceCodeIsReadAndDated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTenant(t)
		code := prompt(t, s.client())
		want := DeviceCode{
			Code: code.Code, UserCode: "ABCD-EFGH", VerificationURI: "https://auth.example.org/activate",
			VerificationURIComplete: "https://auth.example.org/activate?user_code=ABCD-EFGH",
			IssuedAt:                s.now(), ExpiresAt: s.now().Add(900 * time.Second), Interval: 5 * time.Second,
		}
		if code != want || code.Code.Reveal() != "dc-secret" {
			t.Errorf("got %+v\nwant %+v", code, want)
		}
		sent := s.requests("/oauth/device/code")[0]
		for name, value := range map[string]string{
			"client_id": testClient, "scope": "profile openid offline_access", "audience": "https://hub.example.org/api",
		} {
			if sent.form.Get(name) != value {
				t.Errorf("%s = %q, want %q", name, sent.form.Get(name), value)
			}
		}
	})
}

// device builds a device answer with one field replaced by raw JSON, or removed.
func device(name, raw string) string {
	field := map[string]string{
		"device_code": `"dc-secret"`, "user_code": `"ABCD"`, "verification_uri": `"https://auth.example.org/activate"`,
		"verification_uri_complete": `"https://auth.example.org/activate?c=ABCD"`, "expires_in": `600`, "interval": `7`,
	}
	field[name] = raw
	var parts []string
	for name, raw := range field {
		if raw != "" {
			parts = append(parts, `"`+name+`":`+raw)
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func TestDeviceAnswersThatCannotBeUsed(t *testing.T) {
	for name, body := range map[string]string{
		"null":                              `null`,
		"empty object":                      `{}`,
		"a list":                            `[]`,
		"a string":                          `"hello"`,
		"device_code missing":               device("device_code", ""),
		"device_code empty":                 device("device_code", `""`),
		"device_code a number":              device("device_code", `17`),
		"device_code with a line break":     device("device_code", `"a\nb"`),
		"user_code missing":                 device("user_code", ""),
		"user_code blank":                   device("user_code", `" "`),
		"user_code an object":               device("user_code", `{}`),
		"user_code with a control":          device("user_code", `"A\u001bB"`),
		"user_code very long":               device("user_code", `"`+strings.Repeat("A", 65)+`"`),
		"verification_uri missing":          device("verification_uri", ""),
		"verification_uri a list":           device("verification_uri", `[]`),
		"verification_uri http":             device("verification_uri", `"http://auth.example.org/activate"`),
		"verification_uri file":             device("verification_uri", `"file:///etc/passwd"`),
		"verification_uri javascript":       device("verification_uri", `"javascript:alert(1)"`),
		"verification_uri relative":         device("verification_uri", `"/activate"`),
		"verification_uri without host":     device("verification_uri", `"https://"`),
		"verification_uri with a user":      device("verification_uri", `"https://hub.bitfount.com@evil.example/"`),
		"verification_uri not a URL":        device("verification_uri", `"https://a b/%zz"`),
		"verification_uri like loopback":    device("verification_uri", `"http://127.0.0.1.evil.example/"`),
		"verification_uri very long":        device("verification_uri", `"https://a.example/`+strings.Repeat("a", 2048)+`"`),
		"verification_uri_complete http":    device("verification_uri_complete", `"http://auth.example.org/?c=A"`),
		"verification_uri_complete file":    device("verification_uri_complete", `"file:///bin/sh"`),
		"verification_uri_complete script":  device("verification_uri_complete", `"javascript:alert(1)"`),
		"verification_uri_complete a bool":  device("verification_uri_complete", `true`),
		"interval -1":                       device("interval", `-1`),
		"interval a word":                   device("interval", `"soon"`),
		"interval a bool":                   device("interval", `true`),
		"interval a list":                   device("interval", `[5]`),
		"interval quoted null":              device("interval", `"null"`),
		"expires_in -1":                     device("expires_in", `-1`),
		"expires_in 0":                      device("expires_in", `0`),
		"expires_in a word":                 device("expires_in", `"never"`),
		"expires_in an object":              device("expires_in", `{}`),
		"names in capitals are other names": strings.ToUpper(device("user_code", `"ABCD"`)),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTenant(t)
				s.device = []step{{body: body}}
				code, err := s.client().RequestDeviceCode(t.Context())
				var wrong *AnswerError
				if !errors.As(err, &wrong) || wrong.What != "device authorization" {
					t.Errorf("err = %v, want an AnswerError", err)
				}
				if code != (DeviceCode{}) {
					t.Errorf("a code came beside the error: %+v", code)
				}
				noSecrets(t, err)
			})
		})
	}
}

func TestDeviceAnswersThatAreMended(t *testing.T) {
	const complete = "https://auth.example.org/activate?c=ABCD"
	for name, test := range map[string]struct {
		body     string
		interval time.Duration
		life     time.Duration
		complete string
	}{
		"interval missing":                  {device("interval", ""), 5 * time.Second, 600 * time.Second, complete},
		"interval null":                     {device("interval", "null"), 5 * time.Second, 600 * time.Second, complete},
		"interval 0":                        {device("interval", "0"), 5 * time.Second, 600 * time.Second, complete},
		"interval as a string":              {device("interval", `"9"`), 9 * time.Second, 600 * time.Second, complete},
		"interval below 1 s":                {device("interval", "0.01"), time.Second, 600 * time.Second, complete},
		"interval above 60 s":               {device("interval", "3600"), time.Minute, 600 * time.Second, complete},
		"interval beyond counting":          {device("interval", "1e300"), time.Minute, 600 * time.Second, complete},
		"no expires_in":                     {device("expires_in", ""), 7 * time.Second, 900 * time.Second, complete},
		"expires_in as a string":            {device("expires_in", `"300"`), 7 * time.Second, 300 * time.Second, complete},
		"expires_in of years":               {device("expires_in", "1e300"), 7 * time.Second, 24 * time.Hour, complete},
		"verification_uri_complete missing": {device("verification_uri_complete", ""), 7 * time.Second, 600 * time.Second, "https://auth.example.org/activate"},
		"verification on loopback": {device("verification_uri_complete", `"http://127.0.0.1:8080/a"`), 7 * time.Second, 600 * time.Second,
			"http://127.0.0.1:8080/a"},
		"verification on localhost": {device("verification_uri_complete", `"http://localhost/a"`), 7 * time.Second, 600 * time.Second, "http://localhost/a"},
		"verification on ::1":       {device("verification_uri_complete", `"http://[::1]:9/a"`), 7 * time.Second, 600 * time.Second, "http://[::1]:9/a"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTenant(t)
				s.device = []step{{body: test.body}}
				code := prompt(t, s.client())
				if code.Interval != test.interval || code.ExpiresAt.Sub(code.IssuedAt) != test.life || code.VerificationURIComplete != test.complete {
					t.Errorf("interval %v, life %v, complete %s; want %v, %v, %s", code.Interval, code.ExpiresAt.Sub(code.IssuedAt),
						code.VerificationURIComplete, test.interval, test.life, test.complete)
				}
			})
		})
	}
}

func TestCancelIsHonouredDuringTheDeviceRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTenant(t)
		s.device = []step{{hang: true}}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(2*time.Second, cancel)
		began := time.Now()
		_, err := s.client().RequestDeviceCode(ctx)
		if !errors.Is(err, context.Canceled) || time.Since(began) != 2*time.Second {
			t.Errorf("err = %v after %v, want context.Canceled after 2s", err, time.Since(began))
		}
	})
}

func TestDeviceRequestFaultsAreTold(t *testing.T) {
	for name, test := range map[string]struct {
		step step
		kind FaultKind
	}{
		"captive portal": {step{body: page}, FaultCaptivePortal},
		"busy":           {step{status: 503}, FaultBusy},
		"timeout":        {step{hang: true}, FaultUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTenant(t)
				s.device = []step{test.step}
				_, err := s.client().RequestDeviceCode(t.Context())
				var fault *Fault
				if !errors.As(err, &fault) || fault.Kind != test.kind || fault.Host != "auth.example.org" {
					t.Errorf("err = %v, want a %s fault of auth.example.org", err, test.kind)
				}
				if errors.Is(err, context.DeadlineExceeded) {
					t.Error("a time-out of the network looks like the caller's deadline")
				}
				if test.step.hang && !strings.Contains(err.Error(), "no complete answer within 30s") {
					t.Errorf("err = %v does not say how long was waited", err)
				}
			})
		})
	}
}

func untrusted() error {
	return &tls.CertificateVerificationError{
		UnverifiedCertificates: []*x509.Certificate{{Issuer: pkix.Name{CommonName: "Hospital Inspection CA"}}},
		Err:                    x509.UnknownAuthorityError{},
	}
}

// Every row of what ends the login of ready-made clients: none ends ours.
func TestPollSurvives(t *testing.T) {
	for name, test := range map[string]struct {
		fault step
		kind  FaultKind
	}{
		"connection reset":                     {step{err: &net.OpError{Op: "read", Err: syscall.ECONNRESET}}, FaultUnreachable},
		"connection refused":                   {step{err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}, FaultUnreachable},
		"no such host":                         {step{err: &net.DNSError{Err: "no such host", Name: "auth.example.org", IsNotFound: true}}, FaultUnreachable},
		"timeout":                              {step{hang: true}, FaultUnreachable},
		"a body cut short":                     {step{body: `{"error":`, cut: true}, FaultUnreachable},
		"500":                                  {step{status: 500, body: "Internal Server Error"}, FaultBusy},
		"502 with a page":                      {step{status: 502, body: page}, FaultBusy},
		"503 with JSON":                        {step{status: 503, body: `{"error":"temporarily_unavailable"}`}, FaultBusy},
		"400 temporarily_unavailable":          {step{status: 400, body: `{"error":"temporarily_unavailable"}`}, FaultBusy},
		"408":                                  {step{status: 408}, FaultBusy},
		"429 with Retry-After":                 {step{status: 429, header: map[string]string{"Retry-After": "40"}}, FaultBusy},
		"429 too_many_requests":                {step{status: 429, body: `{"error":"too_many_requests"}`, header: map[string]string{"Retry-After": "20"}}, FaultBusy},
		"an HTML page with status 200":         {step{body: page, header: map[string]string{"Content-Type": "text/html"}}, FaultCaptivePortal},
		"an HTML page with status 403":         {step{status: 403, body: page}, FaultCaptivePortal},
		"an empty answer with status 200":      {step{}, FaultCaptivePortal},
		"JSON of something else":               {step{status: 403, body: `{"message":"Forbidden"}`}, FaultCaptivePortal},
		"a redirect to a portal":               {step{status: 302, header: map[string]string{"Location": "https://portal.example/"}}, FaultCaptivePortal},
		"307 from the token endpoint":          {step{status: 307, header: map[string]string{"Location": "https://evil.example/"}}, FaultCaptivePortal},
		"511 network authentication":           {step{status: 511, body: page}, FaultCaptivePortal},
		"a page larger than any answer":        {step{body: strings.Repeat(" ", maxBody+1)}, FaultCaptivePortal},
		"plain HTTP where TLS belongs":         {step{err: tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}}, FaultCaptivePortal},
		"a certificate of the hospital":        {step{err: untrusted()}, FaultCertificate},
		"an answer that is not HTTP":           {step{err: errors.New(`net/http: malformed HTTP response "dc-secret"`)}, FaultUnreachable},
		"a time-out of the operating system":   {step{err: &net.OpError{Op: "dial", Err: context.DeadlineExceeded}}, FaultUnreachable},
		"server_error with a permanent status": {step{status: 400, body: `{"error":"server_error"}`}, FaultBusy},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTenant(t)
				s.token = []step{pending, test.fault, test.fault, pending, test.fault, {body: s.grant(nil)}}
				c := s.client()
				var heard []string
				tokens, err := c.Poll(t.Context(), prompt(t, c), func(err error) {
					var fault *Fault
					switch {
					case err == nil:
						heard = append(heard, "healed")
					case errors.As(err, &fault) && !errors.Is(err, context.DeadlineExceeded):
						heard = append(heard, string(fault.Kind))
						if fault.Kind == FaultCertificate && fault.CertificateIssuer != "Hospital Inspection CA" {
							t.Errorf("the certificate's issuer is %q", fault.CertificateIssuer)
						}
					default:
						t.Errorf("told of %v, which is no fault", err)
					}
					noSecrets(t, err)
				})
				if err != nil || tokens.Identity.Username != "alice" {
					t.Fatalf("Poll() = %+v, %v", tokens, err)
				}
				k := string(test.kind)
				if got, want := strings.Join(heard, " "), strings.Join([]string{k, k, "healed", k, "healed"}, " "); got != want {
					t.Errorf("heard %q, want %q", got, want)
				}
				polls := s.requests("/oauth/token")
				for i := 1; i < len(polls); i++ {
					if gap := polls[i].at.Sub(polls[i-1].at); gap < 5*time.Second {
						t.Errorf("poll %d came %v after the one before", i, gap)
					}
				}
			})
		})
	}
}

// gaps returns the time between each answer and the next poll.
func gaps(s *tenant) []time.Duration {
	polls := s.requests("/oauth/token")
	var list []time.Duration
	for i := 1; i < len(polls); i++ {
		list = append(list, polls[i].at.Sub(polls[i-1].answered))
	}
	return list
}

func TestPollPace(t *testing.T) {
	slow := step{status: 429, body: `{"error":"slow_down"}`}
	later := func(s step, after time.Duration) step { s.after = after; return s }
	sec := func(list ...float64) []time.Duration {
		var d []time.Duration
		for _, x := range list {
			d = append(d, time.Duration(x*float64(time.Second))+pollMargin)
		}
		return d
	}
	reset := step{err: syscall.ECONNRESET}
	for name, test := range map[string]struct {
		token []step
		want  []time.Duration
	}{
		"pending keeps the interval":                   {[]step{pending, pending, pending}, sec(5, 5, 5)},
		"pending answered with 200":                    {[]step{{body: pendingBody}, {body: pendingBody}}, sec(5, 5)},
		"pending answered with 400, as RFC 8628 says":  {[]step{{status: 400, body: pendingBody}}, sec(5)},
		"slow_down adds 5 s and is kept":               {[]step{slow, pending, pending}, sec(10, 10, 10)},
		"slow_down twice":                              {[]step{slow, slow, pending, pending}, sec(10, 15, 15, 15)},
		"slow_down with Retry-After":                   {[]step{{status: 429, body: `{"error":"slow_down"}`, header: map[string]string{"Retry-After": "30"}}, pending}, sec(30, 10)},
		"the interval counts from the last answer":     {[]step{later(pending, 4*time.Second), later(pending, 9*time.Second)}, sec(5, 5)},
		"faults back off, and a good answer heals":     {[]step{reset, reset, reset, reset, pending}, sec(10, 20, 30, 30, 5)},
		"Retry-After in seconds":                       {[]step{{status: 429, header: map[string]string{"Retry-After": "77"}}, pending}, sec(77, 5)},
		"Retry-After as a date":                        {[]step{{status: 503, header: map[string]string{"Retry-After": "Sat, 01 Jan 2000 00:01:05 GMT", "Date": "Sat, 01 Jan 2000 00:00:05 GMT"}}, pending}, sec(60, 5)},
		"Retry-After in the past":                      {[]step{{status: 503, header: map[string]string{"Retry-After": "-5"}}, pending}, sec(10, 5)},
		"Retry-After that is no time":                  {[]step{{status: 503, header: map[string]string{"Retry-After": "soon"}}, pending}, sec(10, 5)},
		"a good answer forgets the faults before it":   {[]step{reset, reset, pending, reset, pending}, sec(10, 20, 5, 10, 5)},
		"slow_down is kept through a fault in between": {[]step{slow, reset, pending}, sec(10, 20, 10)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTenant(t)
				s.token = append(test.token, step{body: s.grant(nil)})
				c := s.client()
				began := time.Now()
				if _, err := c.Poll(t.Context(), prompt(t, c), nil); err != nil {
					t.Fatal(err)
				}
				if first := s.requests("/oauth/token")[0].at.Sub(began); first != 5*time.Second+pollMargin {
					t.Errorf("the first poll came after %v", first)
				}
				got := gaps(s)
				for i := range got {
					if i >= len(test.want) || got[i] != test.want[i] {
						t.Fatalf("gaps %v, want %v", got, test.want)
					}
				}
			})
		})
	}
}

// A strict server counts the interval from its last answer, perhaps by a clock of
// whole seconds, and a poll that comes exactly then is too early.
func TestPollsCauseNoSlowDownAtAStrictServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTenant(t)
		s.token = nil
		for n := range 20 {
			// Answers take their time, to any part of a second.
			s.token = append(s.token, step{status: 403, body: pendingBody, after: time.Duration(n) * 137 * time.Millisecond})
		}
		s.token = append(s.token, step{body: s.grant(nil)})
		c := s.client()
		code := prompt(t, c)
		if _, err := c.Poll(t.Context(), code, nil); err != nil {
			t.Fatal(err)
		}
		for n, gap := range gaps(s) {
			if gap <= code.Interval {
				t.Errorf("poll %d comes %v after the answer before: slow_down", n+2, gap)
			}
		}
		polls := s.requests("/oauth/token")
		for n := 1; n < len(polls); n++ {
			if since := polls[n].at.Truncate(time.Second).Sub(polls[n-1].answered.Truncate(time.Second)); since < code.Interval {
				t.Errorf("poll %d comes %v after the answer before by a clock of whole seconds: slow_down", n+1, since)
			}
		}
	})
}

func TestPollSendsOneRequestWithTheClientIDInTheForm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTenant(t)
		s.token = []step{pending, pending, {body: s.grant(nil)}}
		c := s.client()
		if _, err := c.Poll(t.Context(), prompt(t, c), nil); err != nil {
			t.Fatal(err)
		}
		polls := s.requests("/oauth/token")
		if len(polls) != 3 {
			t.Errorf("%d requests for 3 polls", len(polls))
		}
		for _, p := range polls {
			if p.header.Get("Authorization") != "" {
				t.Error("an Authorization header was sent")
			}
			if p.form.Encode() != "client_id=client-1&device_code=dc-secret&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code" {
				t.Errorf("form: %s", p.form.Encode())
			}
		}
	})
}

func TestPollEnds(t *testing.T) {
	s := newTenant(t)
	refusal := func(code string) step { return step{status: 403, body: `{"error":"` + code + `"}`} }
	for name, test := range map[string]struct {
		answer step
		check  func(error) bool
	}{
		"access_denied":                {refusal("access_denied"), is(ErrDenied)},
		"expired_token":                {refusal("expired_token"), is(ErrCodeExpired)},
		"invalid_grant, as after it":   {refusal("invalid_grant"), is(ErrCodeExpired)},
		"invalid_client":               {step{status: 401, body: `{"error":"invalid_client","error_description":"No such client"}`}, refusedAs("invalid_client")},
		"unsupported_grant_type":       {refusal("unsupported_grant_type"), refusedAs("unsupported_grant_type")},
		"null":                         {step{body: "null"}, unusable},
		"an empty object":              {step{body: "{}"}, unusable},
		"access_token missing":         {step{body: s.grant(map[string]any{"access_token": nil})}, unusable},
		"access_token a number":        {step{body: s.grant(map[string]any{"access_token": 5})}, unusable},
		"access_token with a newline":  {step{body: s.grant(map[string]any{"access_token": "a\r\nx-evil: 1"})}, unusable},
		"refresh_token an object":      {step{body: s.grant(map[string]any{"refresh_token": map[string]any{}})}, unusable},
		"refresh_token with a newline": {step{body: s.grant(map[string]any{"refresh_token": "a\nb"})}, unusable},
		"token_type missing":           {step{body: s.grant(map[string]any{"token_type": nil})}, unusable},
		"token_type mac":               {step{body: s.grant(map[string]any{"token_type": "mac"})}, unusable},
		"token_type a number":          {step{body: s.grant(map[string]any{"token_type": 1})}, unusable},
		"expires_in a word":            {step{body: s.grant(map[string]any{"expires_in": "a day"})}, unusable},
		"expires_in a bool":            {step{body: s.grant(map[string]any{"expires_in": true})}, unusable},
		"expires_in 0":                 {step{body: s.grant(map[string]any{"expires_in": 0})}, unusable},
		"expires_in -1":                {step{body: s.grant(map[string]any{"expires_in": -1})}, unusable},
		"scope a list":                 {step{body: s.grant(map[string]any{"scope": []string{"openid"}})}, unusable},
		"id_token missing":             {step{body: s.grant(map[string]any{"id_token": nil})}, unusable},
		"id_token a number":            {step{body: s.grant(map[string]any{"id_token": 3})}, unusable},
		"id_token not a token":         {step{body: s.grant(map[string]any{"id_token": "x"})}, tokenFault(TokenMalformed)},
		"id_token of the wrong client": {step{body: s.grant(map[string]any{"id_token": s.idToken(func(m jwt.MapClaims) { m["aud"] = "other" })})}, tokenFault(TokenAudience)},
		"an error that repeats the code": {step{status: 400, body: `{"error":"invalid_request","error_description":"unknown code dc-secret"}`},
			refusedAs("invalid_request")},
	} {
		t.Run(name, func(t *testing.T) {
			// The bubble's clock begins in 2000, the ID tokens above were made
			// outside it; none of these cases gets as far as the expiry.
			synctest.Test(t, func(t *testing.T) {
				in := newTenant(t)
				in.token = []step{pending, test.answer}
				c := in.client()
				tokens, err := c.Poll(t.Context(), prompt(t, c), nil)
				if !test.check(err) {
					t.Errorf("err = %v", err)
				}
				if tokens != (Tokens{}) {
					t.Errorf("tokens came beside the error: %+v", tokens)
				}
				if n := len(in.requests("/oauth/token")); n != 2 {
					t.Errorf("%d polls, want 2", n)
				}
				noSecrets(t, err)
			})
		})
	}
}

func is(want error) func(error) bool { return func(err error) bool { return errors.Is(err, want) } }

func unusable(err error) bool {
	var wrong *AnswerError
	return errors.As(err, &wrong) && wrong.What == "token"
}

func refusedAs(code string) func(error) bool {
	return func(err error) bool {
		var refused *RefusedError
		return errors.As(err, &refused) && refused.Code == code && refused.Status != 0 &&
			!errors.Is(err, ErrDenied) && !errors.Is(err, ErrCodeExpired) && !errors.Is(err, ErrSignInAgain)
	}
}

func tokenFault(reason TokenReason) func(error) bool {
	return func(err error) bool {
		var wrong *TokenError
		return errors.As(err, &wrong) && wrong.Reason == reason
	}
}

func TestPollRefusesAnEmptyDeviceCode(t *testing.T) {
	s := newTenant(t)
	if _, err := s.client().Poll(t.Context(), DeviceCode{ExpiresAt: time.Now().Add(time.Hour)}, nil); err == nil {
		t.Error("no error")
	}
	if len(s.calls) != 0 {
		t.Error("something was sent")
	}
}

func TestPollEndsAtItsOwnDeadline(t *testing.T) {
	for name, test := range map[string]struct {
		answer step
		late   time.Duration
	}{
		"the server never reports expiry":          {pending, 0},
		"the server refuses every connection":      {step{err: syscall.ECONNREFUSED}, 0},
		"the server hangs for ever":                {step{hang: true}, lastPollLimit},
		"Retry-After points beyond the code's end": {step{status: 429, header: map[string]string{"Retry-After": "3000"}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTenant(t)
				s.token = []step{test.answer}
				c := s.client()
				code := prompt(t, c)
				_, err := c.Poll(t.Context(), code, nil)
				if !errors.Is(err, ErrCodeExpired) {
					t.Errorf("err = %v", err)
				}
				if late := s.now().Sub(code.ExpiresAt); late < 0 || late > test.late {
					t.Errorf("ended %v after the code's end", late)
				}
			})
		})
	}
}

func TestApprovalInTheLastIntervalCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTenant(t)
		s.device = []step{{body: device("expires_in", "8")}} // one poll at 7.5 s, the last at 8 s
		s.token = []step{pending, {body: s.grant(nil)}}
		c := s.client()
		if _, err := c.Poll(t.Context(), prompt(t, c), nil); err != nil {
			t.Error(err)
		}
	})
}

func TestSleepOfTheComputerCounts(t *testing.T) {
	for name, answer := range map[string]step{
		"in a short pause": pending,
		"in a long pause":  {status: 429, header: map[string]string{"Retry-After": "600"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTenant(t)
				s.token = []step{answer}
				c := s.client()
				code := prompt(t, c)
				time.AfterFunc(7*time.Second, func() { s.sleepComputer(2 * time.Hour) })
				began := time.Now()
				_, err := c.Poll(t.Context(), code, nil)
				if !errors.Is(err, ErrCodeExpired) {
					t.Errorf("err = %v", err)
				}
				if awake := time.Since(began); awake > 7*time.Second+tick {
					t.Errorf("noticed %v after the computer woke", awake-7*time.Second)
				}
				if n := len(s.requests("/oauth/token")); n != 2 {
					t.Errorf("%d polls, want one before the sleep and a last one after it", n)
				}
			})
		})
	}
}

func TestClockSetForwardDoesNotEndTheLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTenant(t)
		s.token = []step{pending, pending, pending, pending, {}}
		c := s.client()
		time.AfterFunc(7*time.Second, func() { // the computer's clock alone
			s.mu.Lock()
			defer s.mu.Unlock()
			s.jump, s.skew = s.jump+2*time.Hour, s.skew-2*time.Hour
		})
		code := prompt(t, c)
		s.token[4] = step{body: s.grant(nil)}
		if _, err := c.Poll(t.Context(), code, nil); err != nil {
			t.Error(err)
		}
	})
}

func TestClockSetBackDoesNotStretchTheWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTenant(t)
		s.token = []step{pending, pending, {body: s.grant(nil)}}
		c := s.client()
		code := prompt(t, c)
		time.AfterFunc(7*time.Second, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.jump, s.skew = s.jump-2*time.Hour, s.skew+2*time.Hour
		})
		began := time.Now()
		if _, err := c.Poll(t.Context(), code, nil); err != nil || time.Since(began) > 20*time.Second {
			t.Errorf("err = %v after %v", err, time.Since(began))
		}
	})
}

func TestCancelIsHonouredWhilePolling(t *testing.T) {
	for name, script := range map[string]step{"between polls": pending, "during a poll": {hang: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTenant(t)
				s.token = []step{script}
				c := s.client()
				code := prompt(t, c)
				ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
				defer cancel()
				began := time.Now()
				_, err := c.Poll(ctx, code, func(err error) { t.Errorf("told of %v", err) })
				if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 8*time.Second {
					t.Errorf("err = %v after %v", err, time.Since(began))
				}
			})
		})
	}
}

func TestGrantedTokensAreNotLostWhileTheKeysCannotBeFetched(t *testing.T) {
	down := step{status: 503}
	t.Run("the keys come back", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newTenant(t)
			s.token = []step{{body: s.grant(nil)}}
			s.jwks = []step{down, {err: syscall.ECONNRESET}, {body: "{}"}, {body: page}, s.jwks[0]}
			c := s.client()
			faults, healed := 0, 0
			tokens, err := c.Poll(t.Context(), prompt(t, c), func(err error) {
				if err == nil {
					healed++
				} else {
					faults++
				}
			})
			if err != nil || tokens.Identity.Username != "alice" || tokens.RefreshToken.Reveal() != "rt-secret-1" {
				t.Errorf("Poll() = %+v, %v", tokens, err)
			}
			if faults != 4 || healed != 1 {
				t.Errorf("%d faults and %d healings told, want 4 and 1", faults, healed)
			}
			if n := len(s.requests("/oauth/token")); n != 1 {
				t.Errorf("%d polls, want 1: the code is spent", n)
			}
		})
	})
	t.Run("the keys stay away", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newTenant(t)
			s.token = []step{{body: s.grant(nil)}}
			s.jwks = []step{down}
			c := s.client()
			code := prompt(t, c)
			tokens, err := c.Poll(t.Context(), code, nil)
			var fault *Fault
			if !errors.As(err, &fault) || tokens.RefreshToken.Empty() || tokens.IDToken.Empty() || tokens.Identity != (Identity{}) {
				t.Errorf("Poll() = %+v, %v", tokens, err)
			}
			if late := s.now().Sub(code.ExpiresAt); late < verifyGrace || late > verifyGrace+time.Minute {
				t.Errorf("gave up %v after the code's end", late)
			}
		})
	})
	t.Run("the user cancels", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newTenant(t)
			s.token = []step{{body: s.grant(nil)}}
			s.jwks = []step{down}
			c := s.client()
			code := prompt(t, c)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			tokens, err := c.Poll(ctx, code, nil)
			if !errors.Is(err, context.DeadlineExceeded) || tokens.RefreshToken.Empty() {
				t.Errorf("Poll() = %+v, %v", tokens, err)
			}
		})
	})
	t.Run("granted after the code's end", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newTenant(t)
			s.device = []step{{body: device("expires_in", "3")}}
			s.token = []step{{body: s.grant(nil), after: 5 * time.Second}}
			s.jwks = []step{down, down, s.jwks[0]}
			c := s.client()
			if tokens, err := c.Poll(t.Context(), prompt(t, c), nil); err != nil || tokens.Identity.Username != "alice" {
				t.Errorf("Poll() = %+v, %v", tokens, err)
			}
		})
	})
}
