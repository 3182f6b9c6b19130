package oauth

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// endpoints of one issuer.
type endpoints struct{ device, token, revocation, keys string }

// discovery remembers the endpoints.
type discovery struct {
	gate
	known endpoints
	// until is when to ask again: soon after a failure.
	until, asked time.Time
}

const (
	// discoveryLife: endpoints move in years; a resident runs for weeks.
	discoveryLife = 24 * time.Hour
	// discoveryRetry spares the polls of one login a second failing request each.
	discoveryRetry = time.Minute
)

// auth0Endpoints are the paths that Auth0 documents, for when discovery fails.
func (c *Client) auth0Endpoints() endpoints {
	base := strings.TrimSuffix(c.config.Issuer, "/")
	return endpoints{
		device:     base + "/oauth/device/code",
		token:      base + "/oauth/token",
		revocation: base + "/oauth/revoke",
		keys:       base + "/.well-known/jwks.json",
	}
}

// endpoints returns the discovered ones, or Auth0's while discovery fails; a
// document that was good once stays in use until a newer one is. The error is
// the context's.
func (c *Client) endpoints(ctx context.Context) (endpoints, error) {
	d := &c.discovery
	if err := d.enter(ctx); err != nil {
		return endpoints{}, err
	}
	defer d.leave()
	now := c.wall()
	if !d.until.IsZero() && now.Before(d.until) && !now.Before(d.asked) {
		return d.known, nil
	}
	found, err := c.discover(ctx)
	if ctx.Err() != nil {
		return endpoints{}, ctx.Err()
	}
	d.asked = c.wall()
	switch {
	case err == nil:
		d.known, d.until = found, d.asked.Add(discoveryLife)
	case d.known == endpoints{}:
		d.known, d.until = c.auth0Endpoints(), d.asked.Add(discoveryRetry)
	default:
		d.until = d.asked.Add(discoveryRetry)
	}
	return d.known, nil
}

// discover fetches and checks the metadata document (OpenID Connect Discovery
// section 4). One that names another issuer, or an endpoint that secrets must
// not be sent to, is refused as a whole. What it leaves out is where Auth0 has it.
func (c *Client) discover(ctx context.Context) (endpoints, error) {
	f, _, err := c.get(ctx, strings.TrimSuffix(c.config.Issuer, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return endpoints{}, err
	}
	if issuer, _ := f.text("issuer"); issuer != c.config.Issuer {
		return endpoints{}, &AnswerError{What: "discovery", Err: fmt.Errorf("it is of another issuer")}
	}
	e := c.auth0Endpoints()
	for name, place := range map[string]*string{
		"device_authorization_endpoint": &e.device,
		"token_endpoint":                &e.token,
		"revocation_endpoint":           &e.revocation,
		"jwks_uri":                      &e.keys,
	} {
		if !f.has(name) {
			continue
		}
		raw, err := f.text(name)
		if err == nil {
			_, err = secureURL(raw, loopback(c.issuer))
		}
		if err != nil {
			return endpoints{}, &AnswerError{What: "discovery", Err: fmt.Errorf("%s %w", name, err)}
		}
		*place = raw
	}
	return e, nil
}
