package oauth

import (
	"context"
	"errors"
	"time"

	"net/http"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// Config names one tenant and one public client.
type Config struct {
	Issuer   string
	ClientID string
	Scopes   string
	Audience string
	HTTP     *http.Client
}

// Client speaks to one issuer.
type Client struct{}

// DeviceCode is the answer to a device authorization request.
type DeviceCode struct {
	Code                    secret.Secret
	UserCode                string
	VerificationURI         string
	VerificationURIComplete string
	IssuedAt, ExpiresAt     time.Time
	Interval                time.Duration
}

// Identity is who signed in.
type Identity struct{ Subject, Username string }

// Tokens is what the token endpoint granted.
type Tokens struct {
	AccessToken, RefreshToken, IDToken secret.Secret
	IssuedAt, ExpiresAt                time.Time
	RefreshExpiresAt                   time.Time
	Scope                              string
	Identity                           Identity
}

var errNotYet = errors.New("not built yet")

// New checks the configuration.
func New(Config) (*Client, error) { return &Client{}, nil }

// RequestDeviceCode asks for a device code.
func (c *Client) RequestDeviceCode(context.Context) (DeviceCode, error) {
	return DeviceCode{}, errNotYet
}

// Poll waits for the user.
func (c *Client) Poll(_ context.Context, _ DeviceCode, trouble func(error)) (Tokens, error) {
	return Tokens{}, errNotYet
}

// Refresh renews.
func (c *Client) Refresh(context.Context, secret.Secret) (Tokens, error) { return Tokens{}, errNotYet }

// Revoke ends a session at the server.
func (c *Client) Revoke(context.Context, secret.Secret) error { return errNotYet }

// VerifyIDToken checks an ID token.
func (c *Client) VerifyIDToken(context.Context, secret.Secret) (Identity, error) {
	return Identity{}, errNotYet
}

// ClockOffset is server minus local time.
func (c *Client) ClockOffset() (offset time.Duration, known bool) { return 0, false }
