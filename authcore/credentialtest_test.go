package authcore

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// testingAgent is an agent whose Hub is at that URL. It need not run: a test of
// credentials asks nothing of the owner.
func testingAgent(t *testing.T, hub string, transport http.RoundTripper) *Agent {
	t.Helper()
	a, err := NewAgent(AgentOptions{
		Environment: Environment{
			Name: "test", Issuer: "http://127.0.0.1:1/", ClientID: "client",
			HubURL: hub, AccessManagerURL: "http://127.0.0.1:2",
		},
		UserAgent: "Bitfount Tray 1.2.3", Transport: transport,
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

var testedKeys = APIKeysAccount{Username: "ada", KeyID: secret.New("id-hub:id-am"), Key: secret.New("key-hub:key-am")}

func TestKeysAreTriedAtTheHubAlone(t *testing.T) {
	for status, want := range map[int]TestOutcome{
		200: TestAccepted, 204: TestAccepted, 401: TestRefused, 403: TestRefused, 302: TestUnclear, 400: TestUnclear, 429: TestUnclear,
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			var got http.Header
			var path string
			requests := 0
			elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				t.Error("the redirect was followed")
			}))
			defer elsewhere.Close()
			hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got, path = r.Header.Clone(), r.Method+" "+r.URL.Path
				requests++
				w.Header().Set("Location", elsewhere.URL)
				w.WriteHeader(status)
			}))
			defer hub.Close()
			a := testingAgent(t, hub.URL, nil)
			result, err := a.TestAPIKeys(t.Context(), testedKeys)
			if err != nil || result.Outcome != want || result.Status != status || "http://"+result.Host != hub.URL {
				t.Errorf("found %+v, error %v", result, err)
			}
			if requests != 1 || path != "GET /api/pods" {
				t.Errorf("%d requests, the last %s", requests, path)
			}
			if got.Get("X-Api-Key-Id") != "id-hub" || got.Get("X-Api-Key") != "key-hub" || got.Get("User-Agent") != "Bitfount Tray 1.2.3" {
				t.Errorf("the Hub got %v", got)
			}
			if s := a.Snapshot(); len(s.Accounts) != 1 || s.Accounts[0].Username != "" {
				t.Error("the keys were kept")
			}
		})
	}
}

type unreachable struct{}

func (unreachable) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}
}

func TestAHubThatIsAwayIsSaidInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := testingAgent(t, "http://127.0.0.1:3", unreachable{})
		began := time.Now()
		result, err := a.TestAPIKeys(t.Context(), testedKeys)
		if err != nil || result.Outcome != TestUnreachable || result.Problem == nil || result.Problem.Code != ProblemUnreachable ||
			result.Problem.Params["Host"] != "127.0.0.1:3" {
			t.Errorf("found %+v, error %v", result, err)
		}
		if took := time.Since(began); took > testTimeout {
			t.Errorf("it took %v", took)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := a.TestAPIKeys(gone, testedKeys); err == nil {
			t.Error("a test that nobody waits for has a result")
		}
	})
}

func TestKeysThatCannotBeAreNotSent(t *testing.T) {
	a := testingAgent(t, "http://127.0.0.1:3", unreachable{})
	for _, k := range []APIKeysAccount{
		{Username: "", KeyID: testedKeys.KeyID, Key: testedKeys.Key},
		{Username: "ada", KeyID: secret.New("with blank"), Key: testedKeys.Key},
		{Username: "ada", KeyID: testedKeys.KeyID},
	} {
		result, err := a.TestAPIKeys(t.Context(), k)
		if err != nil || result.Outcome != TestUnusable || result.Cause == "" || strings.Contains(result.Cause, "with blank") {
			t.Errorf("found %+v, error %v", result, err)
		}
	}
	if _, err := a.TestAPIKeys(t.Context(), APIKeysAccount{Environment: "nowhere"}); err == nil {
		t.Error("an environment that there is not is no error")
	}
	if _, err := a.TestAPIKeys(t.Context(), APIKeysAccount{Account: "nobody"}); err == nil {
		t.Error("an account that there is not is no error")
	}
}

func TestASourceIsAskedAndUnderstood(t *testing.T) {
	a := testingAgent(t, "http://127.0.0.1:3", unreachable{})
	file := filepath.Join(t.TempDir(), "token")
	test := func(content string) CredentialTest {
		t.Helper()
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		result, err := a.TestSource(t.Context(), ExternalJWTAccount{Source: JWTSource{File: file}})
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	expires := time.Now().Add(time.Hour).Truncate(time.Second)
	full := jwtWith(jwt.MapClaims{"exp": expires.Unix(), "iss": "https://issuer.example.org/", usernameClaim: "ada"})
	if got := test(full); got.Outcome != TestUnderstood || !got.Expires.Equal(expires) || got.Username != "ada" || got.Issuer != "https://issuer.example.org/" {
		t.Errorf("found %+v", got)
	}
	if got := test(fmt.Sprintf(`{"token": "opaque", "expires": %d}`, expires.Unix())); got.Outcome != TestUnderstood || !got.Expires.Equal(expires) || got.Username != "" {
		t.Errorf("found %+v", got)
	}
	for _, useless := range []string{"", "opaque", jwtWith(jwt.MapClaims{"exp": time.Now().Unix()})} {
		if got := test(useless); got.Outcome != TestUnusable || got.Cause == "" || strings.Contains(got.Cause, "opaque") {
			t.Errorf("found %+v", got)
		}
	}
	if got, err := a.TestSource(t.Context(), ExternalJWTAccount{}); err != nil || got.Outcome != TestUnusable {
		t.Errorf("no source: found %+v, error %v", got, err)
	}
}
