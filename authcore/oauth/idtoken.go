package oauth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// Identity is who signed in, from a verified ID token.
type Identity struct {
	// Subject is the issuer's own name for the user ("sub").
	Subject string
	// Username is Bitfount's: one printable line.
	Username string
}

// usernameClaim holds the Bitfount username in an ID token.
const usernameClaim = "https://www.bitfount.com/username"

const (
	// idTokenLeeway is for what is left of a clock difference after correction.
	idTokenLeeway = time.Minute
	// maxUsername is generous: Bitfount's are e-mail addresses or short names.
	maxUsername = 256
	// keysLife: Auth0 advises to cache keys for 5 to 10 minutes.
	keysLife = 10 * time.Minute
	// unknownKeyPause is the least time between two fetches that unknown key IDs cause.
	unknownKeyPause = 30 * time.Second
	// minRSABits is what RFC 7518 section 3.3 demands.
	minRSABits = 2048
)

// algorithms that are accepted. "none" and the HMAC ones are not: a public
// client has no secret, and an RSA key taken for one would make everybody a signer.
var algorithms = []string{jwt.SigningMethodRS256.Alg(), jwt.SigningMethodES256.Alg()}

var errUnknownKey = errors.New("the issuer has no such key")

// VerifyIDToken checks an ID token by OpenID Connect Core section 3.1.3.7:
// RS256 or ES256 with one of the issuer's keys, the exact issuer, this client as
// the audience, not expired (corrected clock, a minute of leeway), a subject and
// a Bitfount username. The error is a *TokenError, the context's, or a *Fault
// when the issuer's keys cannot be fetched.
func (c *Client) VerifyIDToken(ctx context.Context, raw secret.Secret) (Identity, error) {
	claims := jwt.MapClaims{}
	parser := jwt.NewParser(
		jwt.WithValidMethods(algorithms),
		jwt.WithIssuer(c.config.Issuer),
		jwt.WithAudience(c.config.ClientID),
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(idTokenLeeway),
		jwt.WithTimeFunc(c.now),
	)
	token, err := parser.ParseWithClaims(raw.Reveal(), claims, func(t *jwt.Token) (any, error) {
		if _, critical := t.Header["crit"]; critical { // RFC 7515 section 4.1.11
			return nil, errors.New("the token demands an extension")
		}
		id, _ := t.Header["kid"].(string)
		found, err := c.verificationKeys(ctx, id, t.Method.Alg())
		return jwt.VerificationKeySet{Keys: found}, err
	})
	if err != nil {
		return Identity{}, judge(ctx, token, err)
	}
	wrong := func(text string) (Identity, error) {
		return Identity{}, &TokenError{Reason: TokenClaims, Err: errors.New(text)}
	}
	if party, present := claims["azp"]; present && party != c.config.ClientID {
		return wrong("it was issued to another client")
	}
	var identity Identity
	if identity.Subject, _ = claims["sub"].(string); identity.Subject == "" {
		return wrong("the subject is missing")
	}
	if identity.Username, _ = claims[usernameClaim].(string); identity.Username == "" {
		return wrong("the Bitfount username is missing")
	}
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	if len(identity.Username) > maxUsername || strings.ContainsFunc(identity.Username, unprintable) {
		return wrong("the Bitfount username is not printable")
	}
	return identity, nil
}

// judge sorts golang-jwt's errors.
func judge(ctx context.Context, token *jwt.Token, err error) error {
	var fault *Fault
	if errors.As(err, &fault) {
		return fault
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return ctx.Err()
	}
	reason := TokenMalformed
	switch {
	case errors.Is(err, jwt.ErrTokenMalformed):
	case token == nil || token.Method == nil || !slices.Contains(algorithms, token.Method.Alg()):
		reason = TokenAlgorithm
	case errors.Is(err, errUnknownKey):
		reason = TokenKey
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		reason = TokenSignature
	case errors.Is(err, jwt.ErrTokenInvalidIssuer):
		reason = TokenIssuer
	case errors.Is(err, jwt.ErrTokenInvalidAudience):
		reason = TokenAudience
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		reason = TokenClaims
	case errors.Is(err, jwt.ErrTokenExpired):
		reason = TokenExpired
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		reason = TokenNotYet
	case errors.Is(err, jwt.ErrTokenInvalidClaims):
		reason = TokenClaims
	}
	return &TokenError{Reason: reason, Err: errors.New(clean(err.Error(), maxCause))}
}

// keys is the issuer's JSON Web Key Set (RFC 7517).
//
// jwkset reads the keys. Its HTTP client is not used: it fetches in a goroutine
// of its own for as long as the program runs, reads bodies without bound, and
// says no more of a failure than that there was one.
type keys struct {
	gate
	set []signingKey
	// fetched is when set came; forced is when an unknown key ID last caused a fetch.
	fetched, forced time.Time
}

type signingKey struct {
	id, algorithm string
	key           any
}

// prepareKeys fetches the keys if they are not at hand, for at most 5 s.
func (c *Client) prepareKeys(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, refreshKeysLimit)
	defer cancel()
	k := &c.keys
	if k.enter(limited) != nil {
		return
	}
	defer k.leave()
	if c.older(k.fetched, keysLife) {
		_ = c.fetchKeys(limited) // whoever needs them will try again and say why not
	}
}

// verificationKeys returns the keys of that ID for that algorithm, or all for
// the algorithm if the token names no ID. An unknown ID makes it fetch again,
// because issuers begin to use a new key at any time.
func (c *Client) verificationKeys(ctx context.Context, id, algorithm string) ([]jwt.VerificationKey, error) {
	k := &c.keys
	if err := k.enter(ctx); err != nil {
		return nil, err
	}
	defer k.leave()
	fresh := c.older(k.fetched, keysLife)
	if fresh {
		if err := c.fetchKeys(ctx); err != nil {
			return nil, err
		}
	}
	found := k.match(id, algorithm)
	if len(found) == 0 && !fresh && c.older(k.forced, unknownKeyPause) {
		k.forced = c.wall()
		if err := c.fetchKeys(ctx); err != nil {
			k.forced = time.Time{} // a fetch that failed has not answered the question
			return nil, err
		}
		found = k.match(id, algorithm)
	}
	if len(found) == 0 {
		return nil, errUnknownKey
	}
	return found, nil
}

// older reports whether then is further away than age; a clock that was set
// back makes everything old.
func (c *Client) older(then time.Time, age time.Duration) bool {
	since := c.wall().Sub(then)
	return since < 0 || since >= age
}

func (k *keys) match(id, algorithm string) []jwt.VerificationKey {
	var found []jwt.VerificationKey
	for _, s := range k.set {
		if s.algorithm == algorithm && (id == "" || s.id == id) {
			found = append(found, s.key)
		}
	}
	return found
}

// fetchKeys replaces the set. Every failure is a *Fault or the context's error:
// the tokens that wait for the keys are not to blame.
func (c *Client) fetchKeys(ctx context.Context) error {
	e, err := c.endpoints(ctx)
	if err != nil {
		return err
	}
	f, a, err := c.get(ctx, e.keys)
	if err != nil {
		return err
	}
	set := parseKeys(f)
	if len(set) == 0 {
		return a.fault(FaultBusy, errors.New("no signing key is published"))
	}
	c.keys.set, c.keys.fetched = set, c.wall()
	return nil
}

// parseKeys reads a JSON Web Key Set and leaves out what it does not know or
// trust, as RFC 7517 section 5 says.
func parseKeys(f fields) []signingKey {
	var list []json.RawMessage
	if json.Unmarshal(f["keys"], &list) != nil {
		return nil
	}
	var set []signingKey
	for _, raw := range list {
		var m jwkset.JWKMarshal
		if json.Unmarshal(raw, &m) != nil || m.USE != "" && m.USE != jwkset.UseSig {
			continue
		}
		// The keys came from the issuer over TLS; certificates add nothing.
		m.X5C, m.X5T, m.X5TS256, m.X5U = nil, "", "", ""
		jwk, err := jwkset.NewJWKFromMarshal(m, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
		if err != nil {
			continue
		}
		s := signingKey{id: m.KID, key: jwk.Key()}
		switch key := s.key.(type) {
		case *rsa.PublicKey:
			if key.N.BitLen() >= minRSABits {
				s.algorithm = jwt.SigningMethodRS256.Alg()
			}
		case *ecdsa.PublicKey:
			if key.Curve == elliptic.P256() {
				s.algorithm = jwt.SigningMethodES256.Alg()
			}
		}
		if s.algorithm == "" || m.ALG != "" && m.ALG.String() != s.algorithm {
			continue
		}
		set = append(set, s)
	}
	return set
}
