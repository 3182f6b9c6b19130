package proof

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/vault"
	"github.com/bitfount/bitfount-tray/build/provider"
)

// wrongDeviceAnswers are what no sign-in can begin with.
var wrongDeviceAnswers = map[string]provider.Fault{
	"null":                       {Kind: provider.Body, Body: "null"},
	"an empty object":            {Kind: provider.Body, Body: "{}"},
	"a list":                     {Kind: provider.Body, Body: "[]"},
	"no device_code":             overlay("device_code", nil),
	"no user_code":               overlay("user_code", nil),
	"no verification_uri":        overlay("verification_uri", nil),
	"a number as user_code":      overlay("user_code", 12345678),
	"a list as verification_uri": overlay("verification_uri", []string{"https://auth.example.org/"}),
	"a word as expires_in":       overlay("expires_in", "soon"),
	"interval: -1":               overlay("interval", -1),
	"an http link":               overlay("verification_uri", "http://auth.example.org/activate"),
	"a complete http link":       overlay("verification_uri_complete", "http://auth.example.org/activate?user_code=A"),
	"a file link":                overlay("verification_uri_complete", "file:///etc/passwd"),
	"a javascript link":          overlay("verification_uri_complete", "javascript:alert(1)"),
}

// wrongTokenAnswers are what no sign-in can end with, and what people are told.
var wrongTokenAnswers = map[string]struct {
	fault provider.Fault
	want  authcore.ProblemCode
}{
	"wrong key":          {provider.Fault{Kind: provider.IDToken, IDToken: "wrong_key"}, authcore.ProblemBadToken},
	"algorithm none":     {provider.Fault{Kind: provider.IDToken, IDToken: "alg_none"}, authcore.ProblemBadToken},
	"wrong issuer":       {provider.Fault{Kind: provider.IDToken, IDToken: "wrong_issuer"}, authcore.ProblemBadToken},
	"wrong audience":     {provider.Fault{Kind: provider.IDToken, IDToken: "wrong_audience"}, authcore.ProblemBadToken},
	"expired":            {provider.Fault{Kind: provider.IDToken, IDToken: "expired"}, authcore.ProblemBadToken},
	"no username":        {provider.Fault{Kind: provider.IDToken, IDToken: "no_username"}, authcore.ProblemBadToken},
	"no ID token":        {provider.Fault{Kind: provider.IDToken, IDToken: "missing"}, authcore.ProblemBadDeviceAnswer},
	"no access token":    {overlay("access_token", nil), authcore.ProblemBadDeviceAnswer},
	"another token type": {overlay("token_type", "mac"), authcore.ProblemBadDeviceAnswer},
}

func overlay(field string, value any) provider.Fault {
	return provider.Fault{Kind: provider.Overlay, Fields: map[string]any{field: value}}
}

// Whatever the server answers to a sign-in, people are told what it was, nothing
// is stored, the session that was there lives on, and signing in again works.
func TestAWrongAnswerToASignInLeavesAWayBack(t *testing.T) {
	for name, signedIn := range map[string]bool{"signed out": false, "signed in": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLocal(t)
			before := authcore.SignedOut
			if signedIn {
				l.signIn()
				before = authcore.SignedIn
			}
			token, kept := l.token(), l.stored()
			wrong := func(name string, want authcore.ProblemCode) {
				t.Helper()
				l.until(name+" to be told", func(s *authcore.Snapshot) bool {
					a := s.ActiveAccount()
					return a.State != authcore.Prompting && a.Problem != nil
				})
				a := l.account()
				if a.State != before || a.Prompt != nil || a.Problem.Code != want {
					t.Errorf("%s: %s with %v, want %s with %s", name, a.State, a.Problem, before, want)
				}
				w := a.Problem.Words()
				if text := w.What + w.Meaning + w.Next + a.Problem.Cause; w.Next == "" || strings.Contains(text, "{{") ||
					strings.Contains(text, "eyJ") || strings.Contains(text, "v1.") {
					t.Errorf("%s: people read %+v, with the cause %q", name, w, a.Problem.Cause)
				}
				if l.token() != token || !bytes.Equal(l.stored(), kept) {
					t.Errorf("%s: the session that was there has changed", name)
				}
				l.idp.Reset()
			}
			for name, f := range wrongDeviceAnswers {
				f.Server, f.Path = "issuer", "/oauth/device/code"
				l.idp.Fault(f)
				l.do(authcore.CommandSignIn)
				wrong(name, authcore.ProblemBadDeviceAnswer)
			}
			for name, c := range wrongTokenAnswers {
				if !signedIn && c.want == authcore.ProblemBadToken && name != "wrong key" {
					continue // each takes a poll, and has more to lose over a session
				}
				l.do(authcore.CommandSignIn)
				l.until("a code", func(s *authcore.Snapshot) bool { return s.ActiveAccount().Prompt != nil })
				c.fault.Server, c.fault.Path, c.fault.Grant = "issuer", "/oauth/token", "device_code"
				l.idp.Fault(c.fault)
				l.idp.Approve(l.account().Prompt.UserCode, person)
				wrong(name, c.want)
			}
			l.signIn()
			if now := l.token(); now == "" || now == token {
				t.Error("signing in again brought no new token")
			}
		})
	}
}

// stored is what is in the vault, nil if nothing was ever kept.
func (l *local) stored() []byte {
	l.t.Helper()
	content, err := l.vault.Read(l.t.Context())
	if err != nil && !errors.Is(err, vault.ErrNoVault) {
		l.t.Fatal(err)
	}
	return content
}
