package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// Tokens is what the token endpoint granted (RFC 6749 section 5.1). Times are
// on the server's clock (Client.ClockOffset).
type Tokens struct {
	AccessToken secret.Secret
	// RefreshToken is empty if the server gave none.
	RefreshToken secret.Secret
	// IDToken is there after Poll; after Refresh only if the server sent one.
	IDToken secret.Secret
	// IssuedAt and ExpiresAt bound the access token's life. A server that does
	// not tell it is taken to mean one hour.
	IssuedAt, ExpiresAt time.Time
	// RefreshExpiresAt is zero unless the server tells when the refresh token
	// ends (refresh_expires_in or refresh_token_expires_in, both non-standard).
	RefreshExpiresAt time.Time
	// Scope is what was granted: as asked for, if the server does not say.
	Scope string
	// Identity is from the verified ID token. It is empty after a Refresh
	// without one, or when the issuer's keys could not be fetched.
	Identity Identity
}

const (
	// defaultTokenLife is for servers that leave the RECOMMENDED expires_in out:
	// short enough to be true of nearly all, long enough not to renew in a loop.
	defaultTokenLife = time.Hour
	// refreshKeysLimit bounds what a refresh waits for the issuer's keys: only
	// the caller can bring the new refresh token into safety.
	refreshKeysLimit = 5 * time.Second
)

// Refresh trades a refresh token for new tokens (RFC 6749 section 6). If the
// answer holds no new refresh token, the old one stays. An ID token is
// optional; if there is one it is verified.
//
// The tenant rotates refresh tokens: once the request is sent, the old token may
// be dead and the answer hold the only copy of the next. So use a token once,
// store the result before anything else, and end the context only when the
// session may be lost.
//
// ErrSignInAgain is the only error that condemns the token. *Fault and
// *RefusedError mean that the server did not use it. Beside an *AnswerError or a
// *TokenError (an ID token that is wrong), Tokens.RefreshToken, if not empty, is
// the one that the server now expects. If the issuer's keys cannot be fetched
// within 5 s, the tokens come without Identity and without an error.
func (c *Client) Refresh(ctx context.Context, refreshToken secret.Secret) (Tokens, error) {
	const what = "token"
	if refreshToken.Empty() {
		return Tokens{}, fmt.Errorf("%w: there is no refresh token", ErrSignInAgain)
	}
	e, err := c.endpoints(ctx)
	if err != nil {
		return Tokens{}, err
	}
	// The keys first: fetched afterwards, they would hold up the new token.
	c.prepareKeys(ctx)
	f, _, err := c.post(ctx, what, e.token, url.Values{
		"grant_type":    {"refresh_token"},
		"refresh_token": {refreshToken.Reveal()},
	}, requestLimit)
	var refused *RefusedError
	if errors.As(err, &refused) && (refused.Code == "invalid_grant" || refused.Code == "invalid_request") {
		// dex says invalid_request of a refresh token that it does not know.
		return Tokens{}, fmt.Errorf("%w: %w", ErrSignInAgain, refused)
	}
	if err != nil {
		return Tokens{}, err
	}
	tokens, err := c.parseTokens(f, refreshToken)
	if err != nil {
		return tokens, &AnswerError{What: what, Err: err}
	}
	if tokens.IDToken.Empty() {
		return tokens, nil
	}
	limited, cancel := context.WithTimeout(ctx, refreshKeysLimit)
	defer cancel()
	identity, err := c.VerifyIDToken(limited, tokens.IDToken)
	var wrong *TokenError
	if errors.As(err, &wrong) {
		return tokens, err
	}
	tokens.Identity = identity
	return tokens, nil
}

// parseTokens reads a token answer. Beside an error the result holds the
// refresh token alone, if there was a usable one.
func (c *Client) parseTokens(f fields, old secret.Secret) (Tokens, error) {
	refresh, err := f.text("refresh_token")
	if err != nil {
		return Tokens{}, err
	}
	var only Tokens // what is returned beside an error
	t := Tokens{RefreshToken: old, Scope: c.config.Scopes, IssuedAt: c.now()}
	if refresh != "" {
		if !visible(refresh) {
			return Tokens{}, errors.New("refresh_token is not printable")
		}
		t.RefreshToken = secret.New(refresh)
		only.RefreshToken = t.RefreshToken
	}
	access, err := f.text("access_token")
	if err != nil {
		return only, err
	}
	if !visible(access) {
		return only, errors.New("access_token is missing or not printable")
	}
	t.AccessToken = secret.New(access)
	kind, err := f.text("token_type")
	if err != nil {
		return only, err
	}
	if !strings.EqualFold(kind, "Bearer") {
		return only, errors.New("token_type is not Bearer")
	}
	life, err := f.seconds("expires_in", defaultTokenLife)
	if err != nil {
		return only, err
	}
	if life <= 0 {
		return only, errors.New("expires_in is not positive")
	}
	t.ExpiresAt = t.IssuedAt.Add(life)
	id, err := f.text("id_token")
	if err != nil {
		return only, err
	}
	t.IDToken = secret.New(id)
	scope, err := f.text("scope")
	if err != nil {
		return only, err
	}
	if scope != "" {
		t.Scope = scope
	}
	for _, name := range []string{"refresh_expires_in", "refresh_token_expires_in"} {
		// Non-standard, so a strange value is no reason to refuse tokens.
		if life, err := f.seconds(name, 0); err == nil && life > 0 {
			t.RefreshExpiresAt = t.IssuedAt.Add(life)
		}
	}
	return t, nil
}

// Revoke ends the grant of a refresh token at the server (RFC 7009). Access
// tokens live on until they expire. A token that the server does not know
// counts as revoked. The error is the context's, a *Fault or a *RefusedError.
func (c *Client) Revoke(ctx context.Context, refreshToken secret.Secret) error {
	if refreshToken.Empty() {
		return nil
	}
	e, err := c.endpoints(ctx)
	if err != nil {
		return err
	}
	_, a, err := c.post(ctx, "revocation", e.revocation, url.Values{"token": {refreshToken.Reveal()}}, requestLimit)
	// RFC 7009 section 2.2: the status says it all and the body means nothing,
	// unless it is the page of something in between.
	var refused *RefusedError
	if a != nil && a.status < 300 && !errors.As(err, &refused) && !a.page() {
		return nil
	}
	return err
}

// page reports whether the body is a web page.
func (a *answer) page() bool {
	return strings.HasPrefix(http.DetectContentType(a.body), "text/html") ||
		len(a.body) > 0 && strings.HasPrefix(a.header.Get("Content-Type"), "text/html")
}
