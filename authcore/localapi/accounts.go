package localapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// apiKeysRequest is the body of POST /v1/accounts/api-keys, with the keys in
// the open: secret.Secret would redact them.
type apiKeysRequest struct {
	Account     string `json:"account,omitempty"`
	Environment string `json:"environment,omitempty"`
	Username    string `json:"username"`
	KeyID       string `json:"api_key_id"`
	Key         string `json:"api_key"`
}

func apiKeysRequestOf(k authcore.APIKeysAccount) apiKeysRequest {
	return apiKeysRequest{
		Account: k.Account, Environment: k.Environment, Username: k.Username,
		KeyID: k.KeyID.Reveal(), Key: k.Key.Reveal(),
	}
}

func (r apiKeysRequest) account() authcore.APIKeysAccount {
	return authcore.APIKeysAccount{
		Account: r.Account, Environment: r.Environment, Username: r.Username,
		KeyID: secret.New(r.KeyID), Key: secret.New(r.Key),
	}
}

// externalJWTRequest is the body of POST /v1/accounts/external-jwt.
type externalJWTRequest struct {
	Account     string             `json:"account,omitempty"`
	Environment string             `json:"environment,omitempty"`
	Username    string             `json:"username"`
	Source      authcore.JWTSource `json:"source"`
}

func (s *server) setAPIKeys(w http.ResponseWriter, r *http.Request) {
	var body apiKeysRequest
	s.change(w, r, &body, func(ctx context.Context) error {
		return s.backend.SetAPIKeys(ctx, body.account())
	})
}

func (s *server) setExternalJWT(w http.ResponseWriter, r *http.Request) {
	var body externalJWTRequest
	s.change(w, r, &body, func(ctx context.Context) error {
		return s.backend.SetExternalJWT(ctx, authcore.ExternalJWTAccount(body))
	})
}

// testAPIKeys is POST /v1/tests/api-keys, with the body of
// /v1/accounts/api-keys; nothing is kept.
func (s *server) testAPIKeys(w http.ResponseWriter, r *http.Request) {
	var body apiKeysRequest
	s.try(w, r, &body, func(ctx context.Context) (authcore.CredentialTest, error) {
		return s.backend.TestAPIKeys(ctx, body.account())
	})
}

// testExternalJWT is POST /v1/tests/external-jwt, with the body of
// /v1/accounts/external-jwt; nothing is kept.
func (s *server) testExternalJWT(w http.ResponseWriter, r *http.Request) {
	var body externalJWTRequest
	s.try(w, r, &body, func(ctx context.Context) (authcore.CredentialTest, error) {
		return s.backend.TestSource(ctx, authcore.ExternalJWTAccount(body))
	})
}

// try reads a JSON body into value and answers with what test finds.
func (s *server) try(w http.ResponseWriter, r *http.Request, value any, test func(context.Context) (authcore.CredentialTest, error)) {
	body, err := readBody(w, r)
	if err == nil {
		err = decodeBody(body, value)
	}
	if err != nil {
		reject(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), requestLimit)
	defer cancel()
	result, err := test(ctx)
	if err != nil {
		reject(w, err)
		return
	}
	answer(w, result)
}

// change reads a JSON body into value and carries out apply.
func (s *server) change(w http.ResponseWriter, r *http.Request, value any, apply func(context.Context) error) {
	body, err := readBody(w, r)
	if err == nil {
		err = decodeBody(body, value)
	}
	if err != nil {
		reject(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), requestLimit)
	defer cancel()
	if err := apply(ctx); err != nil {
		reject(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// SetAPIKeys gives a pair of API keys to the resident.
func (c *Client) SetAPIKeys(ctx context.Context, k authcore.APIKeysAccount) error {
	return c.post(ctx, "accounts/api-keys", apiKeysRequestOf(k))
}

// TestAPIKeys tries a pair of API keys at the Hub without keeping them. See
// authcore.Agent.TestAPIKeys.
func (c *Client) TestAPIKeys(ctx context.Context, k authcore.APIKeysAccount) (authcore.CredentialTest, error) {
	return c.try(ctx, "tests/api-keys", apiKeysRequestOf(k))
}

// TestSource asks a source of JWTs for one without keeping either. See
// authcore.Agent.TestSource.
func (c *Client) TestSource(ctx context.Context, e authcore.ExternalJWTAccount) (authcore.CredentialTest, error) {
	return c.try(ctx, "tests/external-jwt", externalJWTRequest(e))
}

func (c *Client) try(ctx context.Context, path string, value any) (result authcore.CredentialTest, err error) {
	body, err := json.Marshal(value)
	if err != nil {
		return result, err
	}
	r, err := c.send(ctx, http.MethodPost, path, nil, jsonType, body)
	if err != nil {
		return result, err
	}
	defer r.Body.Close()
	text, err := read(r.Body)
	if err == nil && json.Unmarshal(text, &result) != nil {
		err = errors.New("Bitfount Tray gave an answer that cannot be read")
	}
	return result, err
}

// SetExternalJWT gives a source of JWTs to the resident.
func (c *Client) SetExternalJWT(ctx context.Context, e authcore.ExternalJWTAccount) error {
	return c.post(ctx, "accounts/external-jwt", externalJWTRequest(e))
}

func (c *Client) post(ctx context.Context, path string, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	r, err := c.send(ctx, http.MethodPost, path, nil, jsonType, body)
	if err != nil {
		return err
	}
	return r.Body.Close()
}
