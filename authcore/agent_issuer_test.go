package authcore

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// fakeIssuer is an authorisation server inside the test's own time bubble,
// where no socket can be used. It stands in for Bitfount's tenant: device flow,
// rotation with reuse detection, revocation. The real providers are in the
// integration tests.
type fakeIssuer struct {
	env      Environment
	mu       sync.Mutex
	key      *ecdsa.PrivateKey
	user     string
	decision string // "", "approved", "denied"
	life     time.Duration
	interval time.Duration // between polls
	// refreshLife, if not zero, is told with each answer: the time that is left
	// of it since the sign-in or, if prolonging, since the last refresh.
	refreshLife time.Duration
	prolonging  bool
	since       map[string]time.Time // when a family's life began
	clock       time.Duration        // the server's clock minus the local one
	// fault, if set, may answer a request before (or instead of) the server.
	fault func(path string) (*http.Response, error)
	// lost drops that many token answers after the server has acted.
	lost int
	// hang, if set, holds every answer back until it is closed.
	hang chan struct{}
	// noRefresh makes a session one token long; noID leaves the ID token out.
	noRefresh, noID bool
	// forged makes the ID tokens those of somebody without the issuer's key.
	forged bool

	serial   int
	live     map[string]string // refresh token -> family
	dead     map[string]string
	families map[string]bool
	counts   map[string]int
	revoked  []string
}

const fakeClient = "test-client"

func newFakeIssuer() *fakeIssuer {
	return newFakeIssuerOf(Environment{
		Name: "test", Issuer: "https://issuer.test/", ClientID: fakeClient, Scopes: DefaultScopes, Audience: DefaultAudience,
		HubURL: "https://hub.test", AccessManagerURL: "https://am.test",
	})
}

// newFakeIssuerOf stands in for the tenant of that environment.
func newFakeIssuerOf(env Environment) *fakeIssuer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return &fakeIssuer{
		env: env, key: key, user: "dr.amelia", life: 24 * time.Hour, interval: 5 * time.Second,
		live: map[string]string{}, dead: map[string]string{}, families: map[string]bool{}, counts: map[string]int{},
	}
}

func (f *fakeIssuer) environment() Environment { return f.env }

func (f *fakeIssuer) set(change func(*fakeIssuer)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *fakeIssuer) count(path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts[path]
}

// RoundTrip makes the issuer a transport.
func (f *fakeIssuer) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	form := url.Values{}
	if r.Body != nil {
		body, _ := io.ReadAll(r.Body)
		form, _ = url.ParseQuery(string(body))
	}
	f.mu.Lock()
	hang := f.hang
	f.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	name := r.URL.Path
	if g := form.Get("grant_type"); g != "" {
		name += " " + g[strings.LastIndex(g, ":")+1:]
	}
	f.counts[name]++
	if f.fault != nil {
		if resp, err := f.fault(name); resp != nil || err != nil {
			return f.finish(r, resp), err
		}
	}
	resp := f.answer(r.URL.Path, form)
	if f.lost > 0 && r.URL.Path == "/oauth/token" && form.Get("grant_type") == "refresh_token" {
		f.lost--
		return nil, io.ErrUnexpectedEOF
	}
	return f.finish(r, resp), nil
}

func (f *fakeIssuer) finish(r *http.Request, resp *http.Response) *http.Response {
	if resp != nil {
		resp.Request = r
		if resp.Header.Get("Date") == "" {
			resp.Header.Set("Date", time.Now().Add(f.clock).UTC().Format(http.TimeFormat))
		}
	}
	return resp
}

func (f *fakeIssuer) answer(path string, form url.Values) *http.Response {
	switch path {
	case "/.well-known/openid-configuration":
		return reply(200, map[string]any{
			"issuer": f.env.Issuer, "device_authorization_endpoint": f.env.Issuer + "oauth/device/code",
			"token_endpoint": f.env.Issuer + "oauth/token", "revocation_endpoint": f.env.Issuer + "oauth/revoke",
			"jwks_uri": f.env.Issuer + ".well-known/jwks.json",
		})
	case "/.well-known/jwks.json":
		b64 := base64.RawURLEncoding.EncodeToString
		return reply(200, map[string]any{"keys": []any{map[string]any{
			"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "k1",
			"x": b64(f.key.X.FillBytes(make([]byte, 32))), "y": b64(f.key.Y.FillBytes(make([]byte, 32))),
		}}})
	case "/oauth/device/code":
		f.serial++
		return reply(200, map[string]any{
			"device_code": fmt.Sprintf("device-%d", f.serial), "user_code": "ABCD-EFGH",
			"verification_uri":          f.env.Issuer + "activate",
			"verification_uri_complete": f.env.Issuer + "activate?user_code=ABCD-EFGH",
			"expires_in":                900, "interval": int(f.interval / time.Second),
		})
	case "/oauth/revoke":
		token := form.Get("token")
		f.revoked = append(f.revoked, token)
		if family, ok := f.live[token]; ok {
			f.families[family] = false
		}
		return reply(200, nil)
	case "/oauth/token":
		if form.Get("grant_type") == "refresh_token" {
			return f.refresh(form.Get("refresh_token"))
		}
		switch f.decision {
		case "approved":
			f.decision = ""
			f.serial++
			family := fmt.Sprintf("family-%d", f.serial)
			f.families[family] = true
			return f.tokens(family)
		case "denied":
			return reply(403, map[string]any{"error": "access_denied"})
		}
		return reply(403, map[string]any{"error": "authorization_pending"})
	}
	return reply(404, nil)
}

func (f *fakeIssuer) refresh(token string) *http.Response {
	if family, ok := f.dead[token]; ok {
		f.families[family] = false // reuse ends the family
	}
	family, ok := f.live[token]
	if !ok || !f.families[family] {
		f.counts["invalid_grant"]++
		return reply(403, map[string]any{"error": "invalid_grant"})
	}
	delete(f.live, token)
	f.dead[token] = family
	return f.tokens(family)
}

func (f *fakeIssuer) tokens(family string) *http.Response {
	f.serial++
	now := time.Now().Add(f.clock)
	id := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"iss": f.env.Issuer, "aud": f.env.ClientID, "sub": "auth0|" + f.user,
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"https://www.bitfount.com/username": f.user,
		"name":                              "A. Name", "nickname": "nick", "preferred_username": "preferred", "username": "unqualified",
	})
	id.Header["kid"] = "k1"
	key := f.key
	if f.forged {
		key = newFakeIssuerOf(f.env).key
	}
	signed, err := id.SignedString(key)
	if err != nil {
		panic(err)
	}
	refresh := fmt.Sprintf("refresh-%d", f.serial)
	f.live[refresh] = family
	answer := map[string]any{
		"access_token": fmt.Sprintf("access-%d", f.serial), "refresh_token": refresh, "id_token": signed,
		"token_type": "Bearer", "expires_in": int(f.life / time.Second), "scope": DefaultScopes,
	}
	if f.refreshLife > 0 {
		if f.since == nil {
			f.since = map[string]time.Time{}
		}
		if f.since[family].IsZero() || f.prolonging {
			f.since[family] = now
		}
		answer["refresh_expires_in"] = int(f.since[family].Add(f.refreshLife).Sub(now) / time.Second)
	}
	if f.noID {
		delete(answer, "id_token")
	}
	if f.noRefresh {
		delete(f.live, refresh)
		delete(answer, "refresh_token")
	}
	return reply(200, answer)
}

func reply(status int, body any) *http.Response {
	var b []byte
	if body != nil {
		b, _ = json.Marshal(body)
	}
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   io.NopCloser(bytes.NewReader(b)), ContentLength: int64(len(b)),
	}
}

// DemoTenant is an environment with a stand-in for its tenant, whose user
// approves every sign-in at once. It is for the examples of this package.
func DemoTenant(user string) (Environment, http.RoundTripper) {
	issuer := newFakeIssuer()
	issuer.user, issuer.interval = user, time.Second
	issuer.fault = func(string) (*http.Response, error) {
		issuer.decision = "approved"
		return nil, nil
	}
	return issuer.environment(), issuer
}
