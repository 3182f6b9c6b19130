package authcore

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// Handler proves to Bitfount's services who somebody is. It is what the three
// ways in (API keys, device code, a JWT from elsewhere) have in common, and all
// that Session needs. Handlers are safe for concurrent use.
//
// The slices that the three header methods return are shared by all callers
// and must not be written to. Each method returns an error instead of headers
// that are empty or whose token has expired.
type Handler interface {
	// HubHeaders authenticate a request to the Hub.
	HubHeaders(ctx context.Context) ([]export.Header, error)
	// AccessManagerHeaders authenticate a request to the Access Manager.
	AccessManagerHeaders(ctx context.Context) ([]export.Header, error)
	// MessageServiceMetadata authenticates a gRPC call to the message service.
	MessageServiceMetadata(ctx context.Context) ([]export.Header, error)
	// Authenticated reports whether the headers can be used now and for a
	// while to come. Some handlers are authenticated from creation, others
	// have to be authenticated again now and then.
	Authenticated() bool
	// Username is whom the headers speak for. It is empty for a device-code
	// handler that nobody has signed in to yet.
	Username() string
	// Authenticate gets new credentials, which may need the user. It returns
	// early with ctx's error when ctx ends.
	Authenticate(ctx context.Context) error
}

// Reauthenticator is a Handler whose credentials a server can refuse before
// they expire, and which can then get others.
type Reauthenticator interface {
	// Reauthenticate gets other credentials than the token that a server has
	// refused with status 401. If rejected is no longer the current token,
	// somebody else has done so already, and it does nothing.
	Reauthenticate(ctx context.Context, rejected secret.Secret) error
}

// ErrNotAuthenticated is what the header methods return, wrapped, while there
// are no credentials that a server would accept.
var ErrNotAuthenticated = errors.New("not authenticated")

// HeadersFor returns h's headers (for the message service: its metadata) for s.
func HeadersFor(ctx context.Context, h Handler, s export.Service) ([]export.Header, error) {
	switch s {
	case export.Hub:
		return h.HubHeaders(ctx)
	case export.AccessManager:
		return h.AccessManagerHeaders(ctx)
	case export.MessageService:
		return h.MessageServiceMetadata(ctx)
	}
	_, err := export.ParseService(string(s))
	return nil, err
}

// Names of the headers and metadata that Bitfount's services read, in the
// lower case that gRPC metadata must have.
const (
	headerAuthorization = "authorization"
	headerUserAgent     = "user-agent"
	headerToken         = "token"
	headerAPIKeyID      = "x-api-key-id"
	headerAPIKey        = "x-api-key"
)

// bearerPrefix is RFC 6750 section 2.1's.
const bearerPrefix = "Bearer "

// bearerHeaders makes what an access token is sent as: a bearer token
// (RFC 6750 section 2.1) for Hub and Access Manager, the metadata "token" for
// the message service.
func bearerHeaders(s export.Service, token secret.Secret, userAgent string) []export.Header {
	if s == export.MessageService {
		return []export.Header{{Name: headerToken, Value: token}}
	}
	return []export.Header{
		{Name: headerAuthorization, Value: secret.New(bearerPrefix + token.Reveal())},
		{Name: headerUserAgent, Value: secret.New(userAgent)},
	}
}

// bearerToken is the reverse of bearerHeaders for Hub and Access Manager. It is
// empty for headers that carry no bearer token.
func bearerToken(headers []export.Header) secret.Secret {
	for _, h := range headers {
		if h.Name != headerAuthorization {
			continue
		}
		if token, ok := strings.CutPrefix(h.Value.Reveal(), bearerPrefix); ok {
			return secret.New(token)
		}
	}
	return secret.Secret{}
}

// version is set when a release is built:
//
//	go build -ldflags "-X github.com/bitfount/bitfount-tray/authcore.version=1.2.3"
var version string

// UserAgent is what the handlers of this package call themselves in requests:
// "Bitfount Tray", and the version where it is known.
func UserAgent() string { return userAgent() }

var userAgent = sync.OnceValue(func() string {
	v := version
	if info, ok := debug.ReadBuildInfo(); ok && v == "" {
		const module = "github.com/bitfount/bitfount-tray"
		for _, m := range append(info.Deps, &info.Main) {
			if m.Path == module && m.Version != "(devel)" {
				v = m.Version
			}
		}
	}
	return strings.TrimSpace("Bitfount Tray " + v)
})

// checkUsername refuses what cannot be somebody's name where the caller has to
// know it: without a sign-in nothing else tells who the credentials speak for.
func checkUsername(username string) error {
	if username == "" || username == AnyUser {
		return fmt.Errorf("a Bitfount username is needed: %q means “whoever signs in”, and nobody signs in here", AnyUser)
	}
	if strings.TrimSpace(username) != username {
		return errors.New("the username begins or ends with a blank")
	}
	return nil
}

// checkCredential refuses what cannot be the value of a header: it would be
// sent altered, or be read as a second header. The error says where the fault
// is, never what is there.
func checkCredential(what string, value secret.Secret) error {
	v := value.Reveal()
	if v == "" {
		return fmt.Errorf("the %s is empty", what)
	}
	for i := range len(v) {
		fault := ""
		switch c := v[i]; {
		case c == '\r' || c == '\n':
			fault = "a line break"
		case c == 0:
			fault = "a NUL character"
		case c == ' ' || c == '\t':
			fault = "a blank"
		case c < ' ' || c == 0x7f:
			fault = "a control character"
		case c > 0x7f:
			fault = "a character that is not ASCII"
		default:
			continue
		}
		return fmt.Errorf("the %s has %s at position %d of %d: copy it again, without anything around it", what, fault, i+1, len(v))
	}
	return nil
}

// sharedCall lets everybody who asks while a call is under way wait for that
// call and share its result. Each caller's own context is honoured; the call
// itself is cancelled when the last of them has gone. The zero value is ready.
type sharedCall struct {
	mu      sync.Mutex
	current *callUnderWay
}

type callUnderWay struct {
	done    chan struct{}
	err     error // written before done is closed
	waiting int
	cancel  context.CancelFunc
}

func (s *sharedCall) do(ctx context.Context, f func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	c := s.current
	if c == nil {
		// The call outlives the caller that happened to come first.
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		c = &callUnderWay{done: make(chan struct{}), cancel: cancel}
		s.current = c
		go func() {
			c.err = f(own)
			cancel()
			s.mu.Lock()
			defer s.mu.Unlock()
			s.forget(c)
			close(c.done)
		}()
	}
	c.waiting++
	s.mu.Unlock()
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		if c.waiting--; c.waiting == 0 {
			s.forget(c)
			c.cancel()
		}
		return ctx.Err()
	}
}

// forget makes the next caller start a call of its own. s.mu is held.
func (s *sharedCall) forget(c *callUnderWay) {
	if s.current == c {
		s.current = nil
	}
}

// pause waits for d, or returns ctx's error when that ends first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
