package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/crypto"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// idTokenLifetime is Auth0's default.
const idTokenLifetime = 10 * time.Hour

// signingKey is one RSA key of the tenant.
type signingKey struct {
	id      string
	private *rsa.PrivateKey
}

func newSigningKey() (signingKey, error) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	return signingKey{id: rand.Text(), private: private}, err
}

func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k signingKey) Key() any                                    { return k.private }
func (k signingKey) ID() string                                  { return k.id }

// keyring holds the published keys. The first signs. It is safe for concurrent
// use.
type keyring struct {
	mu   sync.Mutex
	keys []signingKey
}

// newKeyring makes two keys, because a tenant publishes several.
func newKeyring() (*keyring, error) {
	k := new(keyring)
	return k, errors.Join(k.rotate(), k.rotate())
}

// rotate makes a new key the one that signs. The former ones stay published.
func (k *keyring) rotate() error {
	key, err := newSigningKey()
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys = append([]signingKey{key}, k.keys...)
	return nil
}

func (k *keyring) current() signingKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keys[0]
}

func (k *keyring) public() *jose.JSONWebKeySet {
	k.mu.Lock()
	defer k.mu.Unlock()
	set := new(jose.JSONWebKeySet)
	for _, key := range k.keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{KeyID: key.id, Algorithm: string(jose.RS256), Use: "sig", Key: &key.private.PublicKey})
	}
	return set
}

// VerifySignature makes the keyring an oidc.KeySet.
func (k *keyring) VerifySignature(_ context.Context, jws *jose.JSONWebSignature) ([]byte, error) {
	id, alg := oidc.GetKeyIDAndAlg(jws)
	key, err := oidc.FindMatchingKey(id, oidc.KeyUseSignature, alg, k.public().Keys...)
	if err != nil {
		return nil, err
	}
	return jws.Verify(&key)
}

func sign(claims map[string]any, key signingKey) (string, error) {
	signer, err := op.SignerFromKey(key)
	if err != nil {
		return "", err
	}
	return crypto.Sign(claims, signer)
}

// unsigned is a token with the algorithm "none" (RFC 7519 section 6).
func unsigned(claims map[string]any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))
	return header + "." + base64.RawURLEncoding.EncodeToString(payload) + ".", nil
}

// subject is a user's stable identifier, of the form that Auth0 gives it.
func subject(username string) string {
	sum := sha256.Sum256([]byte(username))
	return "auth0|" + hex.EncodeToString(sum[:12])
}

// newAccessToken makes a JWT whose audience is a list, as Auth0 does when an
// API was asked for together with "openid".
func (t *tenant) newAccessToken(s *session) (string, error) {
	id := rand.Text()
	audience := []string{t.issuer + "userinfo"}
	if s.audience != "" {
		audience = []string{s.audience, t.issuer + "userinfo"}
	}
	now := t.now()
	token, err := sign(map[string]any{
		"iss": t.issuer, "sub": subject(s.username), "aud": audience, "azp": t.set.clientID, "jti": id,
		"iat": now.Unix(), "exp": now.Add(t.set.accessLifetime).Unix(), "scope": oidc.SpaceDelimitedArray(s.scopes).String(),
	}, t.keys.current())
	if err != nil {
		return "", err
	}
	t.sessions.addAccessToken(id, s.username)
	return token, nil
}

// What can be wrong with an ID token, on demand.
const (
	idTokenWrongKey      = "wrong_key"
	idTokenAlgNone       = "alg_none"
	idTokenWrongIssuer   = "wrong_issuer"
	idTokenWrongAudience = "wrong_audience"
	idTokenExpired       = "expired"
	idTokenNoUsername    = "no_username"
	idTokenMissing       = "missing"
)

var idTokenFaults = []string{
	idTokenWrongKey, idTokenAlgNone, idTokenWrongIssuer, idTokenWrongAudience, idTokenExpired, idTokenNoUsername, idTokenMissing,
}

// newIDToken makes the ID token, with the named thing wrong about it.
func (t *tenant) newIDToken(s *session, wrong string) (string, error) {
	now, key := t.now(), t.keys.current()
	claims := map[string]any{
		"iss": t.issuer, "sub": subject(s.username), "aud": t.set.clientID,
		"iat": now.Unix(), "exp": now.Add(idTokenLifetime).Unix(), "auth_time": s.signedIn.Add(t.clockOffset()).Unix(),
		"name": s.username, "nickname": s.username, t.set.usernameClaim: s.username,
	}
	switch wrong {
	case idTokenMissing:
		return "", nil
	case idTokenAlgNone:
		return unsigned(claims)
	case idTokenWrongKey:
		stray, err := newSigningKey()
		if err != nil {
			return "", err
		}
		key.private = stray.private
	case idTokenWrongIssuer:
		claims["iss"] = "https://somebody-else.example/"
	case idTokenWrongAudience:
		claims["aud"] = "another-client"
	case idTokenExpired:
		claims["iat"], claims["exp"] = now.Add(-2*idTokenLifetime).Unix(), now.Add(-idTokenLifetime).Unix()
	case idTokenNoUsername:
		delete(claims, t.set.usernameClaim)
	}
	return sign(claims, key)
}

// verifyAccessToken returns whose token it is. The error is a plain reason.
func (t *tenant) verifyAccessToken(ctx context.Context, token string) (string, error) {
	verifier := op.NewAccessTokenVerifier(t.issuer, t.keys)
	verifier.Offset = t.clockOffset()
	claims, err := op.VerifyAccessToken[*oidc.AccessTokenClaims](ctx, token, verifier)
	if errors.Is(err, oidc.ErrExpired) {
		return "", errors.New("the access token has expired")
	}
	if err != nil {
		return "", errors.New("the access token is not one of this provider's: " + reason(err))
	}
	found := false
	for _, audience := range claims.Audience {
		found = found || audience == t.set.audience
	}
	if !found {
		return "", fmt.Errorf("the access token is not for %s", t.set.audience)
	}
	username, ok := t.sessions.accessTokenUser(claims.JWTID)
	if !ok {
		return "", errors.New("the access token has been revoked")
	}
	return username, nil
}

// reason names the kind of failure only: the library's own text may quote the
// token.
func reason(err error) string {
	switch {
	case errors.Is(err, oidc.ErrIssuerInvalid):
		return "another issuer"
	case errors.Is(err, oidc.ErrParse):
		return "no JWT"
	}
	return "the signature does not verify"
}
