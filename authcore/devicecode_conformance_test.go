package authcore

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func init() {
	conformers["device code"] = conformer{
		signedIn: func(t *testing.T) Handler { return conformanceDevice(t, newFakeIssuer(), "ada") },
		username: func(t *testing.T, name string) (Handler, error) {
			return newConformanceDevice(t, newFakeIssuer(), name)
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
		margin: 10 * time.Minute,
		bearer: true,
		token: func(h Handler) string {
			agent := h.(*DeviceCodeFlowHandler).agent
			return (*agent.credentials.Load())[agent.Snapshot().Active].token.Reveal()
		},
		anyUser: true,
	}
}

// newConformanceDevice makes a handler whose user approves at once, as the
// user that the issuer knows.
func newConformanceDevice(t *testing.T, issuer *fakeIssuer, username string) (*DeviceCodeFlowHandler, error) {
	t.Helper()
	h, err := NewDeviceCodeFlowHandler(DeviceCodeFlowOptions{
		Environment: issuer.environment(), Username: username, Transport: issuer, UserAgent: UserAgent(),
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

func conformanceDevice(t *testing.T, issuer *fakeIssuer, username string) Handler {
	t.Helper()
	issuer.set(func(f *fakeIssuer) { f.user = "ada" })
	h := must(newConformanceDevice(t, issuer, username))
	if err := h.Authenticate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return h
}

func TestDeviceCodeDefaultMeansWhoeverSignsIn(t *testing.T) {
	for _, name := range []string{"", AnyUser} {
		synctest.Test(t, func(t *testing.T) {
			h := conformanceDevice(t, newFakeIssuer(), name)
			if !h.Authenticated() || h.Username() != "ada" {
				t.Errorf("username %q: signed in as %q", name, h.Username())
			}
		})
	}
}

func TestDeviceCodeSignInBySomebodyElseNamesBothAndStoresNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newFakeIssuer()
		issuer.set(func(f *fakeIssuer) { f.user = "mallory" })
		h := must(newConformanceDevice(t, issuer, "ada"))
		err := h.Authenticate(t.Context())
		if err == nil || !strings.Contains(err.Error(), "mallory") || !strings.Contains(err.Error(), "ada") {
			t.Errorf("the error is %v", err)
		}
		if _, err := h.HubHeaders(t.Context()); err == nil || h.Authenticated() || h.Username() != "ada" {
			t.Errorf("signed in as %q", h.Username())
		}
	})
}
