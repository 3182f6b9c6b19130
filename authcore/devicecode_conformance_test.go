package authcore

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/vault"
)

func init() {
	conformers[kindDeviceCode] = conformer{
		signedIn: func(t *testing.T, env Environment) Handler { return conformanceDevice(t, newFakeIssuerOf(env), "ada") },
		username: func(t *testing.T, name string) (Handler, error) {
			return newConformanceDevice(t, newFakeIssuer(), name, nil)
		},
		left: func(t *testing.T, left time.Duration) Handler {
			issuer := newFakeIssuer()
			issuer.life = time.Hour
			h := conformanceDevice(t, issuer, "ada")
			// From now on nothing can be renewed, so that the token runs out.
			issuer.set(func(f *fakeIssuer) {
				f.fault = func(string) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }
			})
			time.Sleep(issuer.life - left)
			synctest.Wait()
			return h
		},
		due: func(t *testing.T, env Environment) (Handler, func() int) {
			issuer := newFakeIssuerOf(env)
			issuer.life = time.Hour
			h := conformanceDevice(t, issuer, "ada")
			// As if the computer had slept: the renewal ahead of need did not come.
			if err := h.agent.call(t.Context(), func() error {
				h.agent.account("").renewAt = h.agent.now().Add(time.Hour)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(issuer.life - 9*time.Minute)
			return h, func() int { return issuer.count("/oauth/token refresh_token") }
		},
		margin: 10 * time.Minute,
		token: func(h Handler) string {
			agent := h.(*DeviceCodeFlowHandler).agent
			return agent.credentials.Load().active.token.Reveal()
		},
	}
}

// newConformanceDevice makes a handler whose user approves at once, as the
// user that the issuer knows.
func newConformanceDevice(t *testing.T, issuer *fakeIssuer, username string, v *vault.Vault) (*DeviceCodeFlowHandler, error) {
	t.Helper()
	h, err := NewDeviceCodeFlowHandler(DeviceCodeFlowOptions{
		Environment: issuer.environment(), Username: username, Transport: issuer, UserAgent: UserAgent(), Vault: v,
		Prompt: func(context.Context, DevicePrompt) error {
			issuer.set(func(f *fakeIssuer) { f.decision = "approved" })
			return nil
		},
	})
	if err == nil {
		t.Cleanup(func() { _ = h.Close() })
	}
	return h, err
}

func conformanceDevice(t *testing.T, issuer *fakeIssuer, username string) *DeviceCodeFlowHandler {
	t.Helper()
	issuer.set(func(f *fakeIssuer) { f.user = "ada" })
	h := must(newConformanceDevice(t, issuer, username, nil))
	if err := h.Authenticate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return h
}

// wantNothingKept checks that a sign-in which was refused has left nothing: no
// header, nothing in the vault, and no grant at the issuer.
func wantNothingKept(t *testing.T, h *DeviceCodeFlowHandler, issuer *fakeIssuer, v *vault.Vault) {
	t.Helper()
	for _, s := range export.Services {
		if headers, err := HeadersFor(t.Context(), h, s); err == nil || len(headers) > 0 {
			t.Errorf("%s gets %d headers, error %v", s, len(headers), err)
		}
	}
	if h.Authenticated() {
		t.Error("authenticated")
	}
	time.Sleep(time.Second) // the server is told in the background
	synctest.Wait()
	doc, err := store{v}.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range doc.Accounts {
		if !r.empty() || r.IDToken != "" {
			t.Errorf("the vault holds tokens of %q", r.Username)
		}
	}
	if len(doc.Revocations) > 0 {
		t.Error("the vault holds a refresh token that is still to be revoked")
	}
	issuer.set(func(f *fakeIssuer) {
		for family, lives := range f.families {
			if lives {
				t.Errorf("the issuer was not told to forget %s", family)
			}
		}
	})
}

// recorder notes the forms that a transport carries.
type recorder struct {
	http.RoundTripper
	mu    sync.Mutex
	forms map[string]url.Values // by URL
}

func (r *recorder) RoundTrip(q *http.Request) (*http.Response, error) {
	form := url.Values{}
	if q.GetBody != nil {
		body, _ := q.GetBody()
		data, _ := io.ReadAll(body)
		form, _ = url.ParseQuery(string(data))
	}
	r.mu.Lock()
	if r.forms == nil {
		r.forms = map[string]url.Values{}
	}
	r.forms[q.URL.String()] = form
	r.mu.Unlock()
	return r.RoundTripper.RoundTrip(q)
}

// The reference's parameters are auth_domain, client_id, scopes, audience and
// username, each with a default.
func TestTheDeviceCodeHandlerHasTheReferencesParameters(t *testing.T) {
	custom := Environment{
		Name: "hospital", Issuer: "https://auth.hospital.test/", ClientID: "hospital-client", Scopes: "openid offline_access", Audience: "https://hospital.test/api",
		HubURL: "https://hub.hospital.test", AccessManagerURL: "https://am.hospital.test",
	}
	sparse := custom
	sparse.Scopes, sparse.Audience = "", ""
	for name, c := range map[string]struct {
		environment                        Environment
		username                           string
		domain, clientID, scopes, audience string
		signsIn                            string
		wantName                           string
		fails                              bool
	}{
		"defaults":            {Environment{}, "", "auth.bitfount.com", "8iCJ33Kp6hc9ofrXTzr5GLxMRHWrlzZO", "profile openid offline_access", "https://hub.bitfount.com/api", "ada", "ada", false},
		"_default":            {Environment{}, "_default", "auth.bitfount.com", "8iCJ33Kp6hc9ofrXTzr5GLxMRHWrlzZO", "profile openid offline_access", "https://hub.bitfount.com/api", "ben", "ben", false},
		"all given":           {custom, "ada", "auth.hospital.test", "hospital-client", "openid offline_access", "https://hospital.test/api", "ada", "ada", false},
		"scopes left out":     {sparse, "ada", "auth.hospital.test", "hospital-client", "profile openid offline_access", "https://hub.bitfount.com/api", "ada", "ada", false},
		"username of another": {custom, "ada", "auth.hospital.test", "hospital-client", "openid offline_access", "https://hospital.test/api", "ben", "ada", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				env := c.environment
				if env == (Environment{}) {
					env = Environments[0]
				}
				issuer := newFakeIssuerOf(env)
				issuer.user = c.signsIn
				wire := &recorder{RoundTripper: issuer}
				h := must(NewDeviceCodeFlowHandler(DeviceCodeFlowOptions{
					Environment: c.environment, Username: c.username, Transport: wire,
					Prompt: func(context.Context, DevicePrompt) error {
						issuer.set(func(f *fakeIssuer) { f.decision = "approved" })
						return nil
					},
				}))
				defer h.Close()
				if err := h.Authenticate(t.Context()); (err != nil) != c.fails {
					t.Errorf("Authenticate: %v", err)
				}
				if got := h.Username(); got != c.wantName {
					t.Errorf("username %q", got)
				}
				asked := wire.forms["https://"+c.domain+"/oauth/device/code"]
				for name, want := range map[string]string{"client_id": c.clientID, "scope": c.scopes, "audience": c.audience} {
					if got := asked.Get(name); got != want {
						t.Errorf("%s = %q, want %q", name, got, want)
					}
				}
			})
		})
	}
}

// The reference's attributes are access_token_expires_at, device_code,
// device_code_arrival_time, id_token, refresh_token, token_file and
// token_request_interval.
func TestTheDeviceCodeHandlerHasTheReferencesAttributes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newFakeIssuer()
		v := vault.New(vault.Options{Dir: t.TempDir() + "/data", Keyring: &vault.Memory{}})
		h := must(newConformanceDevice(t, issuer, AnyUser, v))
		before := must(h.Attributes(t.Context()))
		if before != (DeviceCodeFlowAttributes{TokenFile: v.Path()}) {
			t.Errorf("before the sign-in: %+v", before)
		}
		began := time.Now()
		if err := h.Authenticate(t.Context()); err != nil {
			t.Fatal(err)
		}
		at := must(h.Attributes(t.Context()))
		if !at.DeviceCodeArrivalTime.Equal(began) || at.DeviceCode.Reveal() != "device-1" || at.TokenRequestInterval != 5*time.Second {
			t.Errorf("device code %q of %v, interval %v", at.DeviceCode.Reveal(), at.DeviceCodeArrivalTime, at.TokenRequestInterval)
		}
		if want := time.Now().Add(24 * time.Hour); !at.AccessTokenExpiresAt.Equal(want) || at.TokenFile != v.Path() {
			t.Errorf("expires at %v, want %v; file %q", at.AccessTokenExpiresAt, want, at.TokenFile)
		}
		if !strings.HasPrefix(at.IDToken.Reveal(), "eyJ") || !strings.HasPrefix(at.RefreshToken.Reveal(), "refresh-") {
			t.Error("the tokens are missing")
		}
		if text := printed(at); strings.Contains(text, "refresh-") || strings.Contains(text, "eyJ") || strings.Contains(text, "device-1") {
			t.Errorf("printed as %s", text)
		}

		time.Sleep(20 * time.Hour)
		renewed := must(h.Attributes(t.Context()))
		if !renewed.AccessTokenExpiresAt.After(at.AccessTokenExpiresAt) || renewed.RefreshToken.Equal(at.RefreshToken) || !renewed.DeviceCode.Equal(at.DeviceCode) {
			t.Error("a renewal has not changed what it must, or more")
		}
		_ = h.Close()
		if _, err := h.Attributes(t.Context()); !errors.Is(err, ErrStopped) {
			t.Errorf("after Close: %v", err)
		}
		without := must(newConformanceDevice(t, newFakeIssuer(), AnyUser, nil))
		if at := must(without.Attributes(t.Context())); at.TokenFile != "" {
			t.Errorf("without a vault the file is %q", at.TokenFile)
		}
	})
}
