package authcore

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// GetToken is a hook that asks another program, or another part of this one,
// for a JWT and the time at which it expires. It should return when ctx ends.
// CommandSource, FileSource and EnvironmentSource have one each, as their
// method GetToken.
type GetToken func(ctx context.Context) (token secret.Secret, expires time.Time, err error)

// Rules of the externally managed JWT, as Bitfount's SDK has them.
const (
	// externalMargin is how much of its life a JWT must have left to count
	// as authenticated, so that it does not expire on its way.
	externalMargin = time.Minute
	// externalTries is how often a source is asked for a JWT that lives long
	// enough. Between the tries are externalPauses: a source that caches its
	// token may need a moment to notice that it is old.
	externalTries = 3
)

var externalPauses = [externalTries - 1]time.Duration{time.Second, 2 * time.Second}

// ExternallyManagedJWTHandler authenticates with a JWT that something else
// keeps fresh. The JWT is neither verified nor stored here.
type ExternallyManagedJWTHandler struct {
	username  string
	userAgent string
	getToken  GetToken
	// now is the wall clock, or the agent's corrected one.
	now     func() time.Time
	current atomic.Pointer[externalJWT]
	asking  sharedCall
}

// externalJWT is what readers get without a lock: made once, never changed.
type externalJWT struct {
	token                   secret.Secret
	expires                 time.Time
	hub, am, messageService []export.Header
}

// NewExternallyManagedJWTHandler makes a handler for username. jwt and expires
// are what is at hand already; if either is missing, both count as missing, and
// Authenticate gets the first JWT. get must not be nil.
//
// It is an error if the username is empty or "_default", or if jwt cannot be
// the value of a header.
func NewExternallyManagedJWTHandler(jwt secret.Secret, expires time.Time, get GetToken, username string) (*ExternallyManagedJWTHandler, error) {
	return newExternalJWTHandler(jwt, expires, get, username, UserAgent(), time.Now)
}

func newExternalJWTHandler(jwt secret.Secret, expires time.Time, get GetToken, username, userAgent string, now func() time.Time) (*ExternallyManagedJWTHandler, error) {
	if err := checkUsername(username); err != nil {
		return nil, err
	}
	if get == nil {
		return nil, errors.New("the hook that gets a JWT is missing")
	}
	h := &ExternallyManagedJWTHandler{username: username, userAgent: userAgent, getToken: get, now: now}
	if !jwt.Empty() && !expires.IsZero() {
		if err := checkCredential("JWT", jwt); err != nil {
			return nil, err
		}
		h.publish(jwt, expires)
	}
	return h, nil
}

func (h *ExternallyManagedJWTHandler) publish(token secret.Secret, expires time.Time) {
	h.current.Store(&externalJWT{
		token: token,
		// Without its monotonic part, so that time spent asleep counts.
		expires:        expires.Round(0),
		hub:            bearerHeaders(export.Hub, token, h.userAgent),
		am:             bearerHeaders(export.AccessManager, token, h.userAgent),
		messageService: bearerHeaders(export.MessageService, token, h.userAgent),
	})
}

// live returns the JWT while it has not expired.
func (h *ExternallyManagedJWTHandler) live() (*externalJWT, error) {
	j := h.current.Load()
	if j == nil {
		return nil, fmt.Errorf("%w: there is no JWT yet", ErrNotAuthenticated)
	}
	if !h.now().Before(j.expires) {
		return nil, fmt.Errorf("%w: the JWT expired at %s", ErrNotAuthenticated, describeExpiry(j.expires))
	}
	return j, nil
}

// HubHeaders are authorization and user-agent. Without a JWT, or with one that
// has expired, the error wraps ErrNotAuthenticated.
func (h *ExternallyManagedJWTHandler) HubHeaders(context.Context) ([]export.Header, error) {
	j, err := h.live()
	if err != nil {
		return nil, err
	}
	return j.hub, nil
}

// AccessManagerHeaders are authorization and user-agent. Without a JWT, or with
// one that has expired, the error wraps ErrNotAuthenticated.
func (h *ExternallyManagedJWTHandler) AccessManagerHeaders(context.Context) ([]export.Header, error) {
	j, err := h.live()
	if err != nil {
		return nil, err
	}
	return j.am, nil
}

// MessageServiceMetadata is the pair "token". Without a JWT, or with one that
// has expired, the error wraps ErrNotAuthenticated.
func (h *ExternallyManagedJWTHandler) MessageServiceMetadata(context.Context) ([]export.Header, error) {
	j, err := h.live()
	if err != nil {
		return nil, err
	}
	return j.messageService, nil
}

// Authenticated reports whether the JWT has more than a minute left.
func (h *ExternallyManagedJWTHandler) Authenticated() bool {
	j := h.current.Load()
	return j != nil && j.expires.Sub(h.now()) > externalMargin
}

// Username is the one that the handler was made with.
func (h *ExternallyManagedJWTHandler) Username() string { return h.username }

// ExpiresAt is when the current JWT expires, or zero without one.
func (h *ExternallyManagedJWTHandler) ExpiresAt() time.Time {
	if j := h.current.Load(); j != nil {
		return j.expires
	}
	return time.Time{}
}

// Authenticate asks the source for a JWT with more than a minute left: up to
// three times, 1 s and 2 s apart. If there is none after that, the error names
// the expiry of the last one. An error of the source is returned at once. In
// both cases a JWT that the handler has and that still lives stays in use.
//
// Callers that come while the source is being asked share the answer.
func (h *ExternallyManagedJWTHandler) Authenticate(ctx context.Context) error {
	return h.asking.do(ctx, h.ask)
}

// Reauthenticate is Authenticate if rejected is still the current JWT.
func (h *ExternallyManagedJWTHandler) Reauthenticate(ctx context.Context, rejected secret.Secret) error {
	return h.asking.do(ctx, func(ctx context.Context) error {
		// Looked at here, so that no caller asks again for what the call
		// before this one has brought.
		if j := h.current.Load(); j != nil && !j.token.Equal(rejected) {
			return nil
		}
		return h.ask(ctx)
	})
}

func (h *ExternallyManagedJWTHandler) ask(ctx context.Context) error {
	var expires time.Time
	for try := range externalTries {
		if try > 0 {
			if err := pause(ctx, externalPauses[try-1]); err != nil {
				return err
			}
		}
		token, until, err := h.getToken(ctx)
		if err != nil {
			return fmt.Errorf("the source of the JWT failed: %w", err)
		}
		if token.Empty() {
			until = time.Time{}
		}
		expires = until
		if until.IsZero() || until.Sub(h.now()) <= externalMargin {
			continue
		}
		if err := checkCredential("JWT", token); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		h.publish(token, until)
		return nil
	}
	if expires.IsZero() {
		return fmt.Errorf("%w: the source was asked %d times and gave no JWT with an expiry", ErrNotAuthenticated, externalTries)
	}
	return fmt.Errorf("%w: the source was asked %d times, and its JWT still expires at %s, which is not more than a minute away",
		ErrNotAuthenticated, externalTries, describeExpiry(expires))
}

func describeExpiry(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
