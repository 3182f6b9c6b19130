package authcore

import (
	"context"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// conformer makes one kind of handler for the conformance table.
type conformer struct {
	// signedIn makes a handler that is authenticated as "ada".
	signedIn func(t *testing.T) Handler
	// username makes a handler for that username, or refuses to.
	username func(t *testing.T, name string) (Handler, error)
	// left makes a handler whose token has that long to live; not for API keys.
	left func(t *testing.T, left time.Duration) Handler
	// margin is how much must be left to count as authenticated.
	margin time.Duration
	// bearer says that the handler sends a token, else it sends API keys.
	bearer bool
	// token is the token that such a handler has.
	token func(Handler) string
	// anyUser says that "_default" is a username.
	anyUser bool
}

const conformanceToken = "eyJ.conformance.token"

// conformers are the handlers that the table runs against.
var conformers = map[string]conformer{
	"API keys": {
		signedIn: func(t *testing.T) Handler {
			return must(NewAPIKeysHandler(secret.New("id-1:id-2:id-3"), secret.New("key-1:key-2"), "ada"))
		},
		username: func(_ *testing.T, name string) (Handler, error) {
			return NewAPIKeysHandler(secret.New("id-1:id-2"), secret.New("key-1:key-2"), name)
		},
	},
	"external JWT": {
		signedIn: func(t *testing.T) Handler { return conformanceExternal(t, "ada", time.Hour) },
		username: func(_ *testing.T, name string) (Handler, error) {
			return NewExternallyManagedJWTHandler(secret.Secret{}, time.Time{}, noToken, name)
		},
		left:   func(t *testing.T, left time.Duration) Handler { return conformanceExternal(t, "ada", left) },
		margin: time.Minute,
		bearer: true,
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

func conformanceExternal(t *testing.T, username string, left time.Duration) Handler {
	t.Helper()
	return must(NewExternallyManagedJWTHandler(secret.New(conformanceToken), time.Now().Add(left), noToken, username))
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

// TestConformance has a row for each rule of what handlers send and do.
func TestConformance(t *testing.T) {
	all := func(conformer) bool { return true }
	tokens := func(c conformer) bool { return c.bearer }
	keys := func(c conformer) bool { return !c.bearer }
	rules := []struct {
		rule    string
		applies func(conformer) bool
		check   func(t *testing.T, c conformer)
	}{
		{"API keys: the Hub gets x-api-key-id and x-api-key, the part before the first colon of each", keys, func(t *testing.T, c conformer) {
			wantSent(t, sent(t, c.signedIn(t), export.Hub), map[string]string{"x-api-key-id": "id-1", "x-api-key": "key-1", "user-agent": UserAgent()})
		}},
		{"API keys: the Access Manager gets the same two names with the whole values", keys, func(t *testing.T, c conformer) {
			wantSent(t, sent(t, c.signedIn(t), export.AccessManager), map[string]string{"x-api-key-id": "id-1:id-2:id-3", "x-api-key": "key-1:key-2", "user-agent": UserAgent()})
		}},
		{"API keys: the message service gets the Hub's pair as metadata", keys, func(t *testing.T, c conformer) {
			wantSent(t, sent(t, c.signedIn(t), export.MessageService), map[string]string{"x-api-key-id": "id-1", "x-api-key": "key-1"})
		}},
		{"API keys: the second half never reaches the Hub or the message service", keys, func(t *testing.T, c conformer) {
			for _, s := range []export.Service{export.Hub, export.MessageService} {
				for name, value := range sent(t, c.signedIn(t), s) {
					if strings.Contains(value, "-2") || strings.Contains(value, "-3") || name != headerUserAgent && strings.Contains(value, ":") {
						t.Errorf("%s gets %s with a second half", s, name)
					}
				}
			}
		}},
		{"tokens: Hub and Access Manager get authorization: Bearer <token>", tokens, func(t *testing.T, c conformer) {
			h := c.signedIn(t)
			want := map[string]string{"authorization": "Bearer " + c.token(h), "user-agent": UserAgent()}
			wantSent(t, sent(t, h, export.Hub), want)
			wantSent(t, sent(t, h, export.AccessManager), want)
		}},
		{"tokens: the message service gets token: <token>", tokens, func(t *testing.T, c conformer) {
			h := c.signedIn(t)
			wantSent(t, sent(t, h, export.MessageService), map[string]string{"token": c.token(h)})
		}},
		{"Hub and Access Manager headers also carry user-agent, the metadata does not", all, func(t *testing.T, c conformer) {
			h := c.signedIn(t)
			for _, s := range export.Services {
				agent, ok := sent(t, h, s)["user-agent"]
				if ok != (s != export.MessageService) || ok && !strings.HasPrefix(agent, "Bitfount Tray") {
					t.Errorf("%s gets user-agent %q, %v", s, agent, ok)
				}
			}
		}},
		{"a username must be given, and _default is an error, except for the device code", all, func(t *testing.T, c conformer) {
			for _, name := range []string{"", "_default"} {
				if _, err := c.username(t, name); (err == nil) != c.anyUser {
					t.Errorf("username %q: %v", name, err)
				}
			}
			if h, err := c.username(t, "ada"); err != nil || h.Username() != "ada" {
				t.Errorf("username %q: %v", "ada", err)
			}
		}},
		{"the username is the user's", all, func(t *testing.T, c conformer) {
			if got := c.signedIn(t).Username(); got != "ada" {
				t.Errorf("Username() = %q", got)
			}
		}},
		{"API keys count as authenticated from creation; Authenticate does nothing", keys, func(t *testing.T, c conformer) {
			h := c.signedIn(t)
			before := sent(t, h, export.AccessManager)
			cancelled, cancel := context.WithCancel(t.Context())
			cancel()
			if !h.Authenticated() || h.Authenticate(cancelled) != nil || !h.Authenticated() {
				t.Error("not authenticated")
			}
			wantSent(t, sent(t, h, export.AccessManager), before)
		}},
		{"tokens: authenticated while more than the margin is left", tokens, func(t *testing.T, c conformer) {
			for left, want := range map[time.Duration]bool{
				c.margin + time.Second: true, c.margin: false, c.margin - time.Second: false, 0: false, -time.Hour: false,
			} {
				if got := c.left(t, left).Authenticated(); got != want {
					t.Errorf("with %v left: Authenticated() = %v", left, got)
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
					if headers, err := HeadersFor(t.Context(), h, s); err == nil || len(headers) > 0 {
						t.Errorf("%s: %s gets %d headers, error %v", state, s, len(headers), err)
					}
				}
			}
		}},
		{"tokens: Reauthenticate replaces the token that was refused, and only that", tokens, func(t *testing.T, c conformer) {
			h := c.signedIn(t)
			before := sent(t, h, export.MessageService)
			if err := h.(Reauthenticator).Reauthenticate(t.Context(), secret.New("another")); err != nil {
				t.Error(err)
			}
			wantSent(t, sent(t, h, export.MessageService), before)
		}},
		{"there are three services", all, func(t *testing.T, c conformer) {
			if _, err := HeadersFor(t.Context(), c.signedIn(t), "pods"); err == nil {
				t.Error("a fourth service has headers")
			}
		}},
	}
	for name, c := range conformers {
		t.Run(name, func(t *testing.T) {
			for _, r := range rules {
				if r.applies(c) {
					t.Run(r.rule, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { r.check(t, c) }) })
				}
			}
		})
	}
}

func wantSent(t *testing.T, got, want map[string]string) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("sends %v, want %v", got, want)
	}
}
