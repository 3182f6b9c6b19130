package authcore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/secret"
	"github.com/bitfount/bitfount-tray/authcore/vault"
)

// The kinds of handlers.
const (
	kindAPIKeys     = "API keys"
	kindDeviceCode  = "device code"
	kindExternalJWT = "external JWT"
)

// conformer makes one kind of handler for the conformance table.
type conformer struct {
	// signedIn makes a handler for the environment that is authenticated as "ada".
	signedIn func(t *testing.T, env Environment) Handler
	// username makes a handler for that username, or refuses to.
	username func(t *testing.T, name string) (Handler, error)
	// token is the token that such a handler has.
	token func(Handler) string
	// left makes a handler whose token has that long to live and no successor.
	left func(t *testing.T, left time.Duration) Handler
	// due makes a handler that is no longer authenticated and gets another
	// token when it is asked to; asked says how often it has got one.
	due func(t *testing.T, env Environment) (h Handler, asked func() int)
	// margin is how much must be left to count as authenticated.
	margin time.Duration
}

const conformanceToken = "eyJ.conformance.token"

// conformers are the handlers that the table runs against. API keys have no
// token, and what is about tokens is left out.
var conformers = map[string]conformer{
	kindAPIKeys: {
		signedIn: func(*testing.T, Environment) Handler {
			return must(NewAPIKeysHandler(secret.New("id-1:id-2:id-3"), secret.New("key-1:key-2"), "ada"))
		},
		username: func(_ *testing.T, name string) (Handler, error) {
			return NewAPIKeysHandler(secret.New("id-1:id-2"), secret.New("key-1:key-2"), name)
		},
	},
	kindExternalJWT: {
		signedIn: func(*testing.T, Environment) Handler { return conformanceExternal(time.Hour) },
		username: func(_ *testing.T, name string) (Handler, error) {
			return NewExternallyManagedJWTHandler(secret.Secret{}, time.Time{}, noToken, name)
		},
		left: func(_ *testing.T, left time.Duration) Handler { return conformanceExternal(left) },
		due: func(*testing.T, Environment) (Handler, func() int) {
			h, source := externalWith(scriptedAnswer{"new", time.Hour, nil})
			h.publish(secret.New("old"), time.Now().Add(30*time.Second))
			return h, func() int { return len(source.asked) }
		},
		margin: time.Minute,
		token:  func(Handler) string { return conformanceToken },
	},
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func noToken(context.Context) (secret.Secret, time.Time, error) {
	return secret.Secret{}, time.Time{}, nil
}

func conformanceExternal(left time.Duration) Handler {
	return must(NewExternallyManagedJWTHandler(secret.New(conformanceToken), time.Now().Add(left), noToken, "ada"))
}

// sent is what a server would read.
func sent(t *testing.T, h Handler, s export.Service) map[string]string {
	t.Helper()
	headers, err := HeadersFor(t.Context(), h, s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	values := map[string]string{}
	for _, header := range headers {
		if header.Name != strings.ToLower(header.Name) {
			t.Errorf("%q is no name for gRPC metadata", header.Name)
		}
		values[header.Name] = header.Value.Reveal()
	}
	return values
}

func wantSent(t *testing.T, got, want map[string]string) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("sends %v, want %v", got, want)
	}
}

// carried sends a request through a session of the handler for the environment
// and returns the credentials that the network sees.
func carried(t *testing.T, h Handler, env Environment, url string) []string {
	t.Helper()
	var got []string
	session := must(NewSession(h, env, roundTripFunc(func(r *http.Request) (*http.Response, error) {
		got = credentialsOf(r)
		return answerWith(r, http.StatusOK), nil
	})))
	resp, err := session.RoundTrip(must(http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)))
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	_ = resp.Body.Close()
	return got
}

func answerWith(r *http.Request, status int) *http.Response {
	return &http.Response{StatusCode: status, Body: http.NoBody, Header: http.Header{}, Request: r}
}

// TestConformance has a row for each sentence of what Bitfount's services
// expect of a handler: first what each handler sends, then the handlers' rules.
// A row runs against every kind of handler that its sentence is about.
func TestConformance(t *testing.T) {
	all, tokens := []string{kindAPIKeys, kindDeviceCode, kindExternalJWT}, []string{kindDeviceCode, kindExternalJWT}
	test := newFakeIssuer().environment()
	bearer := func(s export.Service) func(*testing.T, conformer) {
		return func(t *testing.T, c conformer) {
			h := c.signedIn(t, test)
			want := map[string]string{"authorization": "Bearer " + c.token(h), "user-agent": UserAgent()}
			if s == export.MessageService {
				want = map[string]string{"token": c.token(h)}
			}
			wantSent(t, sent(t, h, s), want)
		}
	}
	rows := []struct {
		sentence string
		of       []string
		check    func(t *testing.T, c conformer)
	}{
		// What each handler sends.
		{"API keys, Hub: x-api-key-id and x-api-key, the part before the first colon of each", []string{kindAPIKeys}, func(t *testing.T, c conformer) {
			wantSent(t, sent(t, c.signedIn(t, test), export.Hub), map[string]string{"x-api-key-id": "id-1", "x-api-key": "key-1", "user-agent": UserAgent()})
		}},
		{"API keys, Access Manager: the same two names, the whole values", []string{kindAPIKeys}, func(t *testing.T, c conformer) {
			wantSent(t, sent(t, c.signedIn(t, test), export.AccessManager), map[string]string{"x-api-key-id": "id-1:id-2:id-3", "x-api-key": "key-1:key-2", "user-agent": UserAgent()})
		}},
		{"API keys, message service: the Hub's pair, as metadata", []string{kindAPIKeys}, func(t *testing.T, c conformer) {
			wantSent(t, sent(t, c.signedIn(t, test), export.MessageService), map[string]string{"x-api-key-id": "id-1", "x-api-key": "key-1"})
		}},
		{"device code, Hub: authorization: Bearer and the access token", []string{kindDeviceCode}, bearer(export.Hub)},
		{"device code, Access Manager: the same", []string{kindDeviceCode}, bearer(export.AccessManager)},
		{"device code, message service: token: the access token", []string{kindDeviceCode}, bearer(export.MessageService)},
		{"external JWT, Hub: authorization: Bearer and the JWT", []string{kindExternalJWT}, bearer(export.Hub)},
		{"external JWT, Access Manager: the same", []string{kindExternalJWT}, bearer(export.AccessManager)},
		{"external JWT, message service: token: the JWT", []string{kindExternalJWT}, bearer(export.MessageService)},
		{"there are three services", all, func(t *testing.T, c conformer) {
			if _, err := HeadersFor(t.Context(), c.signedIn(t, test), "pods"); err == nil {
				t.Error("a fourth service has headers")
			}
		}},
		{"Hub and Access Manager headers also carry user-agent; the metadata does not", all, func(t *testing.T, c conformer) {
			h := c.signedIn(t, test)
			for _, s := range export.Services {
				agent, ok := sent(t, h, s)["user-agent"]
				if ok != (s != export.MessageService) || ok && !strings.HasPrefix(agent, "Bitfount Tray") {
					t.Errorf("%s gets user-agent %q, %v", s, agent, ok)
				}
			}
		}},
		{"API keys come in two halves, and the second never reaches the Hub or the message service", []string{kindAPIKeys}, func(t *testing.T, c conformer) {
			for _, s := range []export.Service{export.Hub, export.MessageService} {
				for name, value := range sent(t, c.signedIn(t, test), s) {
					if strings.Contains(value, "-2") || strings.Contains(value, "-3") || name != headerUserAgent && strings.Contains(value, ":") {
						t.Errorf("%s gets %s with a second half", s, name)
					}
				}
			}
		}},
		{"credentials go only to Hub and Access Manager of the chosen environment: https, or http to the dev pair; the host exactly", all, func(t *testing.T, c conformer) {
			for _, env := range Environments {
				h := c.signedIn(t, env)
				for _, other := range Environments {
					ours := other.HubURL == env.HubURL
					for _, url := range []string{other.HubURL + "/api", other.AccessManagerURL + "/api"} {
						if got := carried(t, h, env, url); (len(got) > 0) != ours {
							t.Errorf("%s: %s gets %v", env.Name, url, got)
						}
						switched := strings.Replace(url, "https:", "http:", 1)
						if switched == url {
							switched = strings.Replace(url, "http:", "https:", 1)
						}
						if got := carried(t, h, env, switched); len(got) > 0 {
							t.Errorf("%s: %s gets %v", env.Name, switched, got)
						}
					}
				}
				if got := carried(t, h, env, env.Issuer+"oauth/token"); len(got) > 0 {
					t.Errorf("the issuer gets %v", got)
				}
			}
		}},
		{"a prefix of a URL is no match: scheme, host and port are compared as parsed", all, func(t *testing.T, c conformer) {
			env := Environments[0]
			h := c.signedIn(t, env)
			for url, ours := range map[string]bool{
				env.HubURL + ".evil.example/":          false,
				env.HubURL + "@evil.example/":          false,
				env.HubURL + ":8443/":                  false,
				env.HubURL + "evil.example/":           false,
				"https://evil.example/" + env.HubURL:   false,
				"https://sub.hub.bitfount.com/":        false,
				env.HubURL + "?x=1":                    true,
				env.HubURL + ":443/":                   true,
				strings.ToUpper(env.HubURL) + "/":      true,
				env.AccessManagerURL + ".evil.example": false,
				env.AccessManagerURL + ":443/":         true,
			} {
				if got := carried(t, h, env, url); (len(got) > 0) != ours {
					t.Errorf("%s gets %v", url, got)
				}
			}
		}},

		// Handlers' rules.
		{"a username must be given, and _default is an error", []string{kindAPIKeys, kindExternalJWT}, func(t *testing.T, c conformer) {
			for _, name := range []string{"", "_default"} {
				if _, err := c.username(t, name); err == nil || !strings.Contains(err.Error(), "username") {
					t.Errorf("username %q: %v", name, err)
				}
			}
			if h, err := c.username(t, "ada"); err != nil || h.Username() != "ada" {
				t.Errorf("username %q: %v", "ada", err)
			}
		}},
		{"device code: _default means whoever signs in", []string{kindDeviceCode}, func(t *testing.T, c conformer) {
			for _, name := range []string{"", "_default"} {
				for _, user := range []string{"ada", "ben"} {
					issuer := newFakeIssuer()
					issuer.user = user
					h := must(newConformanceDevice(t, issuer, name, nil))
					if before := h.Username(); before != "" {
						t.Errorf("before the sign-in the username is %q", before)
					}
					if err := h.Authenticate(t.Context()); err != nil || !h.Authenticated() || h.Username() != user {
						t.Errorf("username %q: signed in as %q, want %q (%v)", name, h.Username(), user, err)
					}
				}
			}
		}},
		{"device code: with another username, a sign-in by somebody else is an error that names both, and nothing is stored", []string{kindDeviceCode}, func(t *testing.T, c conformer) {
			issuer := newFakeIssuer()
			issuer.user = "mallory"
			v := vault.New(vault.Options{Dir: t.TempDir() + "/data", Keyring: &vault.Memory{}})
			h := must(newConformanceDevice(t, issuer, "ada", v))
			err := h.Authenticate(t.Context())
			var p *Problem
			if !errors.As(err, &p) || p.Code != ProblemWrongUser || !strings.Contains(err.Error(), "mallory") || !strings.Contains(err.Error(), "ada") {
				t.Errorf("the error is %v", err)
			}
			if h.Username() != "ada" {
				t.Errorf("the username is %q", h.Username())
			}
			wantNothingKept(t, h, issuer, v)
		}},
		{"the username is the ID token's claim https://www.bitfount.com/username", []string{kindDeviceCode}, func(t *testing.T, c conformer) {
			issuer := newFakeIssuer()
			issuer.user = "dr.amelia.stone" // name, nickname, sub and others say something else
			h := must(newConformanceDevice(t, issuer, AnyUser, nil))
			if err := h.Authenticate(t.Context()); err != nil || h.Username() != "dr.amelia.stone" {
				t.Errorf("Username() = %q, %v", h.Username(), err)
			}
		}},
		{"the username is the one that was given, or that signed in", all, func(t *testing.T, c conformer) {
			if got := c.signedIn(t, test).Username(); got != "ada" {
				t.Errorf("Username() = %q", got)
			}
		}},
		{"the SDK does not verify the ID token's signature; here a forged one is an error, and nothing is stored", []string{kindDeviceCode}, func(t *testing.T, c conformer) {
			issuer := newFakeIssuer()
			issuer.forged = true
			v := vault.New(vault.Options{Dir: t.TempDir() + "/data", Keyring: &vault.Memory{}})
			h := must(newConformanceDevice(t, issuer, AnyUser, v))
			var p *Problem
			if err := h.Authenticate(t.Context()); !errors.As(err, &p) || p.Code != ProblemBadToken {
				t.Errorf("the error is %v", err)
			}
			issuer.set(func(f *fakeIssuer) { clear(f.families) }) // a forger's tokens are not revoked
			wantNothingKept(t, h, issuer, v)
		}},
		{"API keys count as authenticated from creation", []string{kindAPIKeys}, func(t *testing.T, c conformer) {
			if !c.signedIn(t, test).Authenticated() {
				t.Error("not authenticated")
			}
		}},
		{"API keys: authenticate does nothing", []string{kindAPIKeys}, func(t *testing.T, c conformer) {
			h := c.signedIn(t, test)
			before := sent(t, h, export.AccessManager)
			cancelled, cancel := context.WithCancel(t.Context())
			cancel()
			if h.Authenticate(cancelled) != nil || !h.Authenticated() {
				t.Error("not authenticated")
			}
			wantSent(t, sent(t, h, export.AccessManager), before)
		}},
		{"device code: authenticated while more than 10 minutes are left; external JWT: more than 1 minute", tokens, func(t *testing.T, c conformer) {
			for left, want := range map[time.Duration]bool{
				c.margin + time.Second: true, c.margin: false, c.margin - time.Second: false, 0: false, -time.Hour: false,
			} {
				if got := c.left(t, left).Authenticated(); got != want {
					t.Errorf("with %v left: Authenticated() = %v", left, got)
				}
			}
		}},
		{"external JWT: authenticate calls the hook up to 3 times, waiting 1 s, then 2 s, while less than a minute is left", []string{kindExternalJWT}, func(t *testing.T, c conformer) {
			for good, took := range map[int]time.Duration{1: 0, 2: time.Second, 3: 3 * time.Second, 4: 3 * time.Second} {
				answers := slices.Repeat([]scriptedAnswer{{"old", 59 * time.Second, nil}}, good-1)
				h, source := externalWith(append(answers, scriptedAnswer{"good", time.Hour, nil})...)
				began := time.Now()
				err := h.Authenticate(t.Context())
				if (err == nil) != (good <= 3) || h.Authenticated() != (good <= 3) || len(source.asked) != min(good, 3) || time.Since(began) != took {
					t.Errorf("good the %d. time: %v after %d calls in %v", good, err, len(source.asked), time.Since(began))
				}
			}
		}},
		{"external JWT: then it fails, naming the expiry", []string{kindExternalJWT}, func(t *testing.T, c conformer) {
			h, _ := externalWith(scriptedAnswer{"old", 59 * time.Second, nil})
			err := h.Authenticate(t.Context())
			if !errors.Is(err, ErrNotAuthenticated) || !strings.Contains(err.Error(), "2000-01-01 00:01:02 UTC") {
				t.Errorf("the error is %v", err)
			}
		}},
		{"external JWT: a JWT without expiry, or an expiry without JWT, counts as none", []string{kindExternalJWT}, func(t *testing.T, c conformer) {
			for _, half := range []scriptedAnswer{{"jwt", 0, nil}, {"", time.Hour, nil}} {
				h, _ := externalWith(half)
				if err := h.Authenticate(t.Context()); err == nil || h.Authenticated() {
					t.Errorf("%+v from the hook: authenticated, %v", half, err)
				}
				var end time.Time
				if half.left > 0 {
					end = time.Now().Add(half.left)
				}
				h = must(NewExternallyManagedJWTHandler(secret.New(half.token), end, noToken, "ada"))
				if _, err := h.HubHeaders(t.Context()); err == nil || h.Authenticated() {
					t.Errorf("%+v at the start: authenticated, %v", half, err)
				}
			}
		}},
		{"asking for headers without a valid token is an error, never an empty or stale header", tokens, func(t *testing.T, c conformer) {
			fresh, err := c.username(t, "ada")
			if err != nil {
				t.Fatal(err)
			}
			for state, h := range map[string]Handler{"before the first token": fresh, "expired": c.left(t, -time.Second), "expiring now": c.left(t, 0)} {
				for _, s := range export.Services {
					if headers, err := HeadersFor(t.Context(), h, s); !errors.Is(err, ErrNotAuthenticated) || len(headers) > 0 {
						t.Errorf("%s: %s gets %d headers, error %v", state, s, len(headers), err)
					}
				}
			}
		}},
		{"a session authenticates again, under a lock, before a request when the handler is no longer authenticated", tokens, func(t *testing.T, c conformer) {
			h, asked := c.due(t, test)
			old := sent(t, h, export.Hub)["authorization"]
			if h.Authenticated() {
				t.Fatal("still authenticated")
			}
			session := must(NewSession(h, test, roundTripFunc(func(r *http.Request) (*http.Response, error) {
				if got := r.Header.Get("Authorization"); got == "" || got == old {
					t.Error("a request carries the old token")
				}
				return answerWith(r, http.StatusOK), nil
			})))
			var wg sync.WaitGroup
			for range 100 {
				wg.Go(func() {
					resp, err := session.Client().Get(test.HubURL)
					if err != nil {
						t.Error(err)
						return
					}
					_ = resp.Body.Close()
				})
			}
			wg.Wait()
			if n := asked(); n != 1 {
				t.Errorf("authenticated %d times for 100 requests", n)
			}
		}},
		{"the old token is used while it lives and no other can be had", tokens, func(t *testing.T, c conformer) {
			h := c.left(t, c.margin/2)
			if h.Authenticated() {
				t.Fatal("still authenticated")
			}
			if got := carried(t, h, test, test.HubURL); len(got) != 1 {
				t.Errorf("the Hub gets %v", got)
			}
			time.Sleep(c.margin/2 + time.Second)
			session := must(NewSession(h, test, roundTripFunc(func(*http.Request) (*http.Response, error) {
				t.Error("a request was sent with a dead token, or with none")
				return nil, io.ErrUnexpectedEOF
			})))
			if _, err := session.Client().Get(test.HubURL); err == nil {
				t.Error("no error")
			}
		}},
		{"retries: 3, with backoff, on 404, 500, 502, 503, 504 and connection errors", all, func(t *testing.T, c conformer) {
			h := c.signedIn(t, test)
			for _, status := range []int{404, 500, 502, 503, 504, 0} {
				var at []time.Time
				session := must(NewSession(h, test, roundTripFunc(func(r *http.Request) (*http.Response, error) {
					at = append(at, time.Now())
					if len(credentialsOf(r)) == 0 {
						t.Errorf("request %d carries no credentials", len(at))
					}
					if status == 0 {
						return nil, io.ErrUnexpectedEOF
					}
					return answerWith(r, status), nil
				})))
				resp, err := session.Client().Get(test.HubURL)
				if err == nil {
					_ = resp.Body.Close()
				}
				if (err != nil) != (status == 0) || len(at) != 4 {
					t.Errorf("%d: %d requests, %v", status, len(at), err)
				}
				for i, first := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second} {
					if i+1 < len(at) {
						if pause := at[i+1].Sub(at[i]); pause < first || pause > first*3/2 {
							t.Errorf("%d: pause %d is %v", status, i+1, pause)
						}
					}
				}
			}
		}},
		{"a time limit of 20 s", all, func(t *testing.T, c conformer) {
			session := must(NewSession(c.signedIn(t, test), test, roundTripFunc(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			})))
			began := time.Now()
			_, err := session.Client().Post(test.HubURL, "text/plain", nil)
			if err == nil || time.Since(began) != 20*time.Second {
				t.Errorf("%v after %v", err, time.Since(began))
			}
		}},
		{"both variables set select API keys", []string{kindAPIKeys}, func(t *testing.T, c conformer) {
			for _, set := range []struct{ id, key string }{{"", ""}, {"id-1:id-2", ""}, {"", "key-1:key-2"}, {"id-1:id-2", "key-1:key-2"}} {
				t.Setenv("BITFOUNT_API_KEY_ID", set.id)
				t.Setenv("BITFOUNT_API_KEY", set.key)
				id, key, ok := APIKeysFromEnvironment()
				if want := set.id != "" && set.key != ""; ok != want {
					t.Errorf("%+v: selected %v", set, ok)
				}
				if !ok {
					continue
				}
				h := must(NewAPIKeysHandler(id, key, "ada"))
				wantSent(t, sent(t, h, export.MessageService), map[string]string{"x-api-key-id": "id-1", "x-api-key": "key-1"})
			}
		}},

		// What the library adds.
		{"Reauthenticate replaces the token that was refused, and only that", tokens, func(t *testing.T, c conformer) {
			h := c.signedIn(t, test)
			before := sent(t, h, export.MessageService)
			if err := h.(Reauthenticator).Reauthenticate(t.Context(), secret.New("another")); err != nil {
				t.Error(err)
			}
			wantSent(t, sent(t, h, export.MessageService), before)
		}},
	}
	for kind, c := range conformers {
		t.Run(kind, func(t *testing.T) {
			for i, row := range rows {
				if slices.Contains(row.of, kind) {
					t.Run(fmt.Sprintf("%02d %s", i+1, row.sentence), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) { row.check(t, c) })
					})
				}
			}
		})
	}
}
