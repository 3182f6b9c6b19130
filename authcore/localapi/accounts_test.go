package localapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

func TestAccountsArriveWithTheirSecrets(t *testing.T) {
	var keys authcore.APIKeysAccount
	var source authcore.ExternalJWTAccount
	b := newResident().backend()
	b.SetAPIKeys = func(_ context.Context, k authcore.APIKeysAccount) error { keys = k; return nil }
	b.SetExternalJWT = func(_ context.Context, e authcore.ExternalJWTAccount) error {
		source = e
		return &authcore.Problem{Code: authcore.ProblemBadSource}
	}
	path, _ := serve(t, b)
	client := NewClient(path)

	wantKeys := authcore.APIKeysAccount{
		Account: "1", Environment: "dev", Username: "ada", KeyID: secret.New("id:" + canary), Key: secret.New("key:" + canary),
	}
	if err := client.SetAPIKeys(t.Context(), wantKeys); err != nil || keys != wantKeys {
		t.Errorf("got %+v, error %v", keys, err)
	}
	wantSource := authcore.ExternalJWTAccount{Username: "ada", Source: authcore.JWTSource{Command: []string{"a", "b c"}}}
	var p *authcore.Problem
	err := client.SetExternalJWT(t.Context(), wantSource)
	if !errors.As(err, &p) || p.Code != authcore.ProblemBadSource || !reflect.DeepEqual(source, wantSource) {
		t.Errorf("got %+v, error %v", source, err)
	}

	// Tests take the same, and bring back what was found.
	found := authcore.CredentialTest{Outcome: authcore.TestRefused, Host: "hub.example.org", Status: 401}
	b.TestAPIKeys = func(_ context.Context, k authcore.APIKeysAccount) (authcore.CredentialTest, error) {
		keys = k
		return found, nil
	}
	b.TestSource = func(_ context.Context, e authcore.ExternalJWTAccount) (authcore.CredentialTest, error) {
		source = e
		return authcore.CredentialTest{}, &authcore.Problem{Code: authcore.ProblemBadSource}
	}
	path, _ = serve(t, b)
	client = NewClient(path)
	keys, source = authcore.APIKeysAccount{}, authcore.ExternalJWTAccount{}
	if result, err := client.TestAPIKeys(t.Context(), wantKeys); err != nil || keys != wantKeys || result != found {
		t.Errorf("got %+v, found %+v, error %v", keys, result, err)
	}
	if _, err := client.TestSource(t.Context(), wantSource); !errors.As(err, &p) || !reflect.DeepEqual(source, wantSource) {
		t.Errorf("got %+v, error %v", source, err)
	}

	keys = authcore.APIKeysAccount{}
	for _, body := range []string{
		`{"api_key": ["` + canary + `"]}`, `{"api_key": "` + canary, `{"api_key": "` + canary + `"} "` + canary + `"`, `"` + canary + `"`,
	} {
		status, answer := request(t, path, func(r *http.Request) {
			r.Method, r.URL.Path = http.MethodPost, "/v1/accounts/api-keys"
			r.Header.Set("Content-Type", jsonType)
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		})
		if status != http.StatusBadRequest || strings.Contains(answer, canary) || keys != (authcore.APIKeysAccount{}) {
			t.Errorf("a bad body: %d %s", status, answer)
		}
	}
}

// TestCurlUsesTheAPI runs the example of the package's documentation.
func TestCurlUsesTheAPI(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	path, _ := serve(t, newResident().backend())
	out, err := exec.Command(curl, "-sSf", "--unix-socket", path, "-H", "Bitfount-Tray: 1", "http://bitfount-tray/v1/snapshot").CombinedOutput()
	if err != nil || !strings.Contains(string(out), `"version":"1.2.3"`) {
		t.Errorf("%s (%v)", out, err)
	}
}
