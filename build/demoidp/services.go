package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// The demo's API keys, each in its two halves: the second is for the Access
// Manager alone. They open nothing but these two demo services.
const (
	demoAPIKeyID = "demo-key-id-first-half:demo-key-id-second-half"
	demoAPIKey   = "demo-key-first-half:demo-key-second-half"
	// demoAPIKeyUser is whom the demo API keys belong to.
	demoAPIKeyUser = "dr.amelia.stone"
)

// apiKeyCheck judges a pair of API keys; the error is a plain reason.
type apiKeyCheck func(id, key string) error

// errSecondHalf is worse than a refusal: a secret went where it must not go.
var errSecondHalf = errors.New("the API key came with its second half, which is for the Access Manager alone and must never reach the Hub")

func hubAPIKeys(id, key string) error {
	firstID, secondID, _ := strings.Cut(demoAPIKeyID, ":")
	first, second, _ := strings.Cut(demoAPIKey, ":")
	switch {
	case strings.Contains(id+key, ":"), strings.Contains(id+key, secondID), strings.Contains(id+key, second):
		return errSecondHalf
	case id != firstID || key != first:
		return errors.New("the API key is not known")
	}
	return nil
}

func accessManagerAPIKeys(id, key string) error {
	if id != demoAPIKeyID || key != demoAPIKey {
		return errors.New("the API key is not known: the Access Manager wants both halves")
	}
	return nil
}

// service is the Hub or the Access Manager: GET /api/whoami says whose the
// credentials are, or refuses with 401 and a plain reason.
func (t *tenant) service(name string, keys apiKeyCheck) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/whoami", func(w http.ResponseWriter, r *http.Request) {
		username, method, err := t.whoami(r.Context(), r.Header, keys)
		if err != nil {
			t.journal.count(outcomeWhoamiRefused)
			if errors.Is(err, errSecondHalf) {
				t.journal.count(outcomeSecondHalfSeen)
				t.journal.log.Error("THE SECOND HALF OF AN API KEY REACHED THE HUB")
			}
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		t.journal.count(outcomeWhoami)
		writeJSON(w, http.StatusOK, map[string]string{
			"service": name, "username": username, "method": method, "user_agent": r.UserAgent(),
		})
	})
	return mux
}

// whoami accepts exactly one sort of credentials, each header once, and a
// user-agent.
func (t *tenant) whoami(ctx context.Context, header http.Header, keys apiKeyCheck) (username, method string, err error) {
	for _, name := range []string{"Authorization", "X-Api-Key-Id", "X-Api-Key", "User-Agent"} {
		if len(header.Values(name)) > 1 {
			return "", "", errors.New("the header " + strings.ToLower(name) + " came more than once")
		}
	}
	authorization, id, key := header.Get("Authorization"), header.Get("X-Api-Key-Id"), header.Get("X-Api-Key")
	switch {
	case header.Get("User-Agent") == "":
		return "", "", errors.New("the header user-agent is missing")
	case authorization != "" && id+key != "":
		return "", "", errors.New("both an access token and API keys came: send one of them")
	case authorization == "" && id+key == "":
		return "", "", errors.New("no credentials came: send authorization, or x-api-key-id and x-api-key")
	case authorization == "":
		return demoAPIKeyUser, "api_keys", keys(id, key)
	}
	token, ok := strings.CutPrefix(authorization, "Bearer ")
	if !ok {
		return "", "", errors.New(`the header authorization must be "Bearer" and an access token`)
	}
	username, err = t.verifyAccessToken(ctx, token)
	return username, "access_token", err
}
