package main

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Auth0's paths.
const (
	deviceCodePath = "/oauth/device/code"
	tokenPath      = "/oauth/token"
	revokePath     = "/oauth/revoke"
	keysPath       = "/.well-known/jwks.json"
	discoveryPath  = "/.well-known/openid-configuration"
	activatePath   = "/activate"
)

// tenant answers as Bitfount's Auth0 tenant does. The library routes, parses
// and checks requests and calls the methods below; what it does not call stays
// unimplemented.
type tenant struct {
	op.UnimplementedServer

	set      settings
	issuer   string
	journal  *journal
	sessions *sessions
	keys     *keyring
	// offset of the tenant's clock from this computer's, in nanoseconds. It
	// moves the times on the wire (Date, iat, exp) and no lifetime.
	offset atomic.Int64
}

func newTenant(set settings, issuer string, j *journal) (*tenant, error) {
	keys, err := newKeyring()
	if err != nil {
		return nil, err
	}
	return &tenant{set: set, issuer: issuer, journal: j, sessions: newSessions(set, j), keys: keys}, nil
}

func (t *tenant) clockOffset() time.Duration { return time.Duration(t.offset.Load()) }

// now is the time by the tenant's clock.
func (t *tenant) now() time.Time { return time.Now().Add(t.clockOffset()) }

func (t *tenant) endpoints() op.Endpoints {
	return op.Endpoints{
		DeviceAuthorization: op.NewEndpoint(deviceCodePath),
		Token:               op.NewEndpoint(tokenPath),
		Revocation:          op.NewEndpoint(revokePath),
		JwksURI:             op.NewEndpoint(keysPath),
	}
}

func (t *tenant) Discovery(context.Context, *op.Request[struct{}]) (*op.Response, error) {
	at := func(path string) string { return t.issuer + path[1:] }
	return op.NewResponse(&oidc.DiscoveryConfiguration{
		Issuer:                            t.issuer,
		AuthorizationEndpoint:             at("/authorize"),
		TokenEndpoint:                     at(tokenPath),
		DeviceAuthorizationEndpoint:       at(deviceCodePath),
		RevocationEndpoint:                at(revokePath),
		JwksURI:                           at(keysPath),
		ScopesSupported:                   []string{"openid", "profile", "offline_access"},
		ResponseTypesSupported:            []string{"code"},
		GrantTypesSupported:               []oidc.GrantType{oidc.GrantTypeDeviceCode, oidc.GrantTypeRefreshToken},
		SubjectTypesSupported:             []string{"public"},
		IDTokenSigningAlgValuesSupported:  []string{"RS256"},
		TokenEndpointAuthMethodsSupported: []oidc.AuthMethod{oidc.AuthMethodNone},
		ClaimsSupported:                   []string{"iss", "sub", "aud", "iat", "exp", "auth_time", t.set.usernameClaim},
	}), nil
}

func (t *tenant) Keys(context.Context, *op.Request[struct{}]) (*op.Response, error) {
	return op.NewResponse(t.keys.public()), nil
}

// VerifyClient admits the one public client. It has no secret, so it must not
// pretend to: a client library that guesses at Basic authentication is refused
// as a strict server refuses it.
func (t *tenant) VerifyClient(_ context.Context, r *op.Request[op.ClientCredentials]) (op.Client, error) {
	if r.Data.ClientSecret != "" || r.Data.ClientAssertion != "" || r.Header.Get("Authorization") != "" {
		return nil, op.NewStatusError(oidc.ErrInvalidClient().
			WithDescription("This client is public: send client_id in the body, and nothing else to authenticate."), http.StatusUnauthorized)
	}
	if r.Data.ClientID != t.set.clientID {
		return nil, op.NewStatusError(oidc.ErrUnauthorizedClient().
			WithDescription("Unauthorized or unknown client"), http.StatusForbidden)
	}
	return publicClient{id: t.set.clientID}, nil
}

// DeviceAuthorization answers the device authorization request (RFC 8628
// section 3.1). The audience is Auth0's own parameter.
func (t *tenant) DeviceAuthorization(_ context.Context, r *op.ClientRequest[oidc.DeviceAuthorizationRequest]) (*op.Response, error) {
	audience := r.PostForm.Get("audience")
	if audience != "" && audience != t.set.audience {
		return nil, op.NewStatusError(oidc.ErrAccessDenied().
			WithDescription("Service not found: %s", audience), http.StatusForbidden)
	}
	g, err := t.sessions.start(r.Data.Scopes, audience)
	if err != nil {
		return nil, err
	}
	page := t.issuer + activatePath[1:]
	return t.answer(&oidc.DeviceAuthorizationResponse{
		DeviceCode:              g.deviceCode,
		UserCode:                g.userCode,
		VerificationURI:         page,
		VerificationURIComplete: page + "?" + url.Values{"user_code": {g.userCode}}.Encode(),
		ExpiresIn:               int(t.set.codeLifetime / time.Second),
		Interval:                int(t.set.interval / time.Second),
	}), nil
}

// DeviceToken answers one poll (RFC 8628 section 3.4).
func (t *tenant) DeviceToken(ctx context.Context, r *op.ClientRequest[oidc.DeviceAccessTokenRequest]) (*op.Response, error) {
	s, err := t.sessions.poll(r.Data.DeviceCode)
	if err != nil {
		return nil, err
	}
	refresh := ""
	if slices.Contains(s.scopes, oidc.ScopeOfflineAccess) {
		refresh = t.sessions.newRefreshToken(s)
	}
	return t.tokens(ctx, s, refresh)
}

// RefreshToken answers a refresh (RFC 6749 section 6) with a new refresh token.
func (t *tenant) RefreshToken(ctx context.Context, r *op.ClientRequest[oidc.RefreshTokenRequest]) (*op.Response, error) {
	s, refresh, err := t.sessions.rotate(r.Data.RefreshToken)
	if err != nil {
		return nil, err
	}
	return t.tokens(ctx, s, refresh)
}

// Revocation answers 200 with an empty body whatever the token (RFC 7009
// section 2.2).
func (t *tenant) Revocation(_ context.Context, r *op.ClientRequest[oidc.RevocationRequest]) (*op.Response, error) {
	t.sessions.revoke(r.Data.Token)
	return t.answer(nil), nil
}

func (t *tenant) tokens(ctx context.Context, s *session, refresh string) (*op.Response, error) {
	access, err := t.newAccessToken(s)
	if err != nil {
		return nil, err
	}
	id := ""
	if slices.Contains(s.scopes, oidc.ScopeOpenID) {
		if id, err = t.newIDToken(s, idTokenFault(ctx)); err != nil {
			return nil, err
		}
	}
	answer := tokenAnswer{AccessTokenResponse: oidc.AccessTokenResponse{
		AccessToken:  access,
		TokenType:    oidc.BearerToken,
		RefreshToken: refresh,
		ExpiresIn:    uint64(t.set.accessLifetime / time.Second),
		IDToken:      id,
		Scope:        s.scopes,
	}}
	if t.set.tellSessionEnd {
		answer.RefreshExpiresIn = int64(time.Until(s.expires) / time.Second)
	}
	return t.answer(answer), nil
}

// tokenAnswer can say when the session ends, as Keycloak does. Auth0 does not.
type tokenAnswer struct {
	oidc.AccessTokenResponse
	RefreshExpiresIn int64 `json:"refresh_expires_in,omitempty"`
}

// answer adds the headers that Auth0's answers carry.
func (t *tenant) answer(data any) *op.Response {
	response := op.NewResponse(data)
	response.Header.Set("Cache-Control", "no-store")
	response.Header.Set("X-Ratelimit-Limit", "100")
	response.Header.Set("X-Ratelimit-Remaining", "99")
	response.Header.Set("X-Ratelimit-Reset", strconv.FormatInt(t.now().Unix()+1, 10))
	return response
}

// publicClient is the tenant's one client. The library asks only these of it
// in the flows that exist here; the embedded interface is nil.
type publicClient struct {
	op.Client
	id string
}

func (c publicClient) GetID() string { return c.id }

func (c publicClient) AuthMethod() oidc.AuthMethod { return oidc.AuthMethodNone }

func (c publicClient) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeDeviceCode, oidc.GrantTypeRefreshToken}
}
