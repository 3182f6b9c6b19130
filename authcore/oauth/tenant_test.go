package oauth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

const (
	testIssuer = "https://auth.example.org/"
	testClient = "client-1"
	deviceBody = `{"device_code":"dc-secret","user_code":"ABCD-EFGH","verification_uri":"https://auth.example.org/activate",` +
		`"verification_uri_complete":"https://auth.example.org/activate?user_code=ABCD-EFGH","expires_in":900,"interval":5}`
	pendingBody = `{"error":"authorization_pending","error_description":"User has yet to authorize device code."}`
)

// The tests' signing keys, made once: RSA keys are slow to make.
var (
	rsaKey, otherRSAKey, weakRSAKey = makeRSA(2048), makeRSA(2048), makeRSA(1024)
	ecKey                           = makeEC(elliptic.P256())
	ec384Key                        = makeEC(elliptic.P384())
)

func makeRSA(bits int) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key
}

func makeEC(curve elliptic.Curve) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

func base64url(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }

func rsaJWK(id string, key *rsa.PrivateKey) string {
	return fmt.Sprintf(`{"kty":"RSA","use":"sig","alg":"RS256","kid":%q,"n":%q,"e":%q}`,
		id, base64url(key.N), base64url(big.NewInt(int64(key.E))))
}

func ecJWK(id, curve string, key *ecdsa.PrivateKey) string {
	raw, err := key.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	half := (len(raw) - 1) / 2
	encode := base64.RawURLEncoding.EncodeToString
	return fmt.Sprintf(`{"kty":"EC","kid":%q,"crv":%q,"x":%q,"y":%q}`, id, curve, encode(raw[1:1+half]), encode(raw[1+half:]))
}

func jwks(list ...string) string { return `{"keys":[` + strings.Join(list, ",") + `]}` }

// step is one answer of a scripted tenant.
type step struct {
	status int // 200 if 0
	header map[string]string
	body   string
	err    error         // instead of an answer
	after  time.Duration // before the answer
	hang   bool          // no answer at all
	cut    bool          // the body ends early
	do     func()        // runs when the request arrives
}

// call is one request that the tenant has seen.
type call struct {
	at, answered time.Time
	path         string
	form         url.Values
	header       http.Header
	url          string
}

// tenant is an authorization server as an http.RoundTripper: it stands in for
// the network, whose faults and delays no real server gives on demand. The
// last step of a script repeats for ever.
type tenant struct {
	t                                        testing.TB
	discovery, device, token, revoke, jwks   []step
	skew                                     time.Duration // server minus local clock
	jump                                     time.Duration // how far the wall clock was moved, for both
	noDate                                   bool
	mu                                       sync.Mutex
	calls                                    []call
	discoveries, devices, polls, revs, fetch int
}

func newTenant(t testing.TB) *tenant {
	return &tenant{
		t:         t,
		discovery: []step{{status: 404, body: "not found"}},
		device:    []step{{body: deviceBody}},
		token:     []step{{status: 403, body: pendingBody}},
		revoke:    []step{{}},
		jwks:      []step{{body: jwks(rsaJWK("rsa-1", rsaKey), ecJWK("ec-1", "P-256", ecKey))}},
	}
}

func (s *tenant) client() *Client {
	s.t.Helper()
	c, err := New(Config{
		Issuer: testIssuer, ClientID: testClient, Scopes: "profile openid offline_access",
		Audience: "https://hub.example.org/api", HTTP: &http.Client{Transport: s},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	c.wall = func() time.Time {
		s.mu.Lock()
		defer s.mu.Unlock()
		return time.Now().Round(0).Add(s.jump)
	}
	return c
}

// now is the server's time.
func (s *tenant) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Round(0).Add(s.skew + s.jump)
}

func (s *tenant) sleepComputer(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jump += d
}

func (s *tenant) RoundTrip(req *http.Request) (*http.Response, error) {
	seen := call{at: time.Now(), path: req.URL.Path, header: req.Header, url: req.URL.String()}
	if req.Body != nil {
		raw, _ := io.ReadAll(req.Body)
		seen.form, _ = url.ParseQuery(string(raw))
	}
	s.mu.Lock()
	script, n := s.script(req.URL.Path)
	index := len(s.calls)
	s.calls = append(s.calls, seen)
	next := script[min(*n, len(script)-1)]
	*n++
	s.mu.Unlock()

	if next.do != nil {
		next.do()
	}
	if next.hang {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	if next.after > 0 {
		select {
		case <-time.After(next.after):
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
	s.mu.Lock()
	s.calls[index].answered = time.Now()
	s.mu.Unlock()
	if next.err != nil {
		return nil, next.err
	}
	header := http.Header{}
	if !s.noDate {
		header.Set("Date", s.now().UTC().Format(http.TimeFormat))
	}
	for name, value := range next.header {
		header.Set(name, value)
	}
	var body io.Reader = strings.NewReader(next.body)
	if next.cut {
		body = io.MultiReader(body, brokenBody{})
	}
	return &http.Response{
		StatusCode: max(next.status, 200), Header: header, Body: io.NopCloser(body), Request: req, ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func (s *tenant) script(path string) ([]step, *int) {
	switch path {
	case "/.well-known/openid-configuration":
		return s.discovery, &s.discoveries
	case "/oauth/device/code", "/found/device":
		return s.device, &s.devices
	case "/oauth/token", "/found/token":
		return s.token, &s.polls
	case "/oauth/revoke", "/found/revoke":
		return s.revoke, &s.revs
	case "/.well-known/jwks.json", "/found/keys":
		return s.jwks, &s.fetch
	}
	s.t.Errorf("unexpected request of %s", path)
	return []step{{status: 404}}, new(int)
}

// requests returns what was sent to that path.
func (s *tenant) requests(path string) []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []call
	for _, c := range s.calls {
		if c.path == path {
			list = append(list, c)
		}
	}
	return list
}

// claims of a good ID token, changed by edit.
func (s *tenant) claims(edit func(jwt.MapClaims)) jwt.MapClaims {
	now := s.now()
	claims := jwt.MapClaims{
		"iss": testIssuer, "aud": testClient, "sub": "auth0|1", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		usernameClaim: "alice",
	}
	if edit != nil {
		edit(claims)
	}
	return claims
}

func sign(t testing.TB, method jwt.SigningMethod, id string, key any, claims jwt.Claims) secret.Secret {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	if id != "" {
		token.Header["kid"] = id
	}
	raw, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return secret.New(raw)
}

func (s *tenant) idToken(edit func(jwt.MapClaims)) string {
	s.t.Helper()
	return sign(s.t, jwt.SigningMethodRS256, "rsa-1", rsaKey, s.claims(edit)).Reveal()
}

// grant is a good token answer, with fields replaced; nil removes one.
func (s *tenant) grant(change map[string]any) string {
	s.t.Helper()
	answer := map[string]any{
		"access_token": "at-secret-1", "refresh_token": "rt-secret-1", "id_token": s.idToken(nil),
		"expires_in": 86400, "token_type": "Bearer", "scope": "openid profile",
	}
	maps.Copy(answer, change)
	for name, value := range change {
		if value == nil {
			delete(answer, name)
		}
	}
	raw, err := json.Marshal(answer)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(raw)
}

// prompt requests a device code that must be good.
func prompt(t testing.TB, c *Client) DeviceCode {
	t.Helper()
	code, err := c.RequestDeviceCode(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// noSecrets fails if an error shows what no error may show.
func noSecrets(t testing.TB, err error) {
	t.Helper()
	if err == nil {
		return
	}
	for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
		if strings.Contains(text, "-secret") || strings.Contains(text, "eyJ") {
			t.Errorf("the error shows a secret: %s", text)
		}
	}
}
