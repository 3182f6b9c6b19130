package localapi

import (
	"context"
	"encoding/json"
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
		return s.backend.SetAPIKeys(ctx, authcore.APIKeysAccount{
			Account: body.Account, Environment: body.Environment, Username: body.Username,
			KeyID: secret.New(body.KeyID), Key: secret.New(body.Key),
		})
	})
}

func (s *server) setExternalJWT(w http.ResponseWriter, r *http.Request) {
	var body externalJWTRequest
	s.change(w, r, &body, func(ctx context.Context) error {
		return s.backend.SetExternalJWT(ctx, authcore.ExternalJWTAccount(body))
	})
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
	return c.post(ctx, "accounts/api-keys", apiKeysRequest{
		Account: k.Account, Environment: k.Environment, Username: k.Username,
		KeyID: k.KeyID.Reveal(), Key: k.Key.Reveal(),
	})
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
