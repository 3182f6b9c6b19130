package authcore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/oauth"
)

// The session's patience, after that of Bitfount's SDK (3 retries, 20 s).
const (
	// sessionRetries is how often a request is sent again.
	sessionRetries = 3
	// sessionFirstPause before the first retry; it doubles with each, and up
	// to half of it is added at random, so that clients which a fault has
	// stopped together do not come back together.
	sessionFirstPause = 500 * time.Millisecond
	// sessionLongestPause bounds what a server can ask for in Retry-After: a
	// caller waits for the answer.
	sessionLongestPause = 20 * time.Second
	// sessionSilence is how long an attempt may go without a byte in either
	// direction.
	sessionSilence = 20 * time.Second
)

// Session sends requests to the Hub and the Access Manager of one environment
// with a handler's headers on them. It is safe for concurrent use.
//
// Requests whose URL has exactly the scheme, host and port of the
// environment's Hub or Access Manager:
//
//   - get the headers of that service, in place of any of the same names. If the
//     handler is not authenticated it is authenticated first, once for all
//     requests that wait for it, each of them under its own context. If that
//     fails, credentials that still live are used to their end.
//   - are sent again, up to three times, with growing pauses, on a connection
//     error or the status 404, 500, 502, 503 or 504, as Bitfount's SDK does. This
//     is done for idempotent methods (RFC 9110 section 9.2.2) and for requests
//     with an Idempotency-Key header: another could be carried out twice. A
//     pause is 0.5 s at first, or what the server's Retry-After says, at most 20 s.
//   - fail after 20 s without a byte in either direction, and with an
//     *oauth.Fault that names host and issuer if the server's certificate is
//     not trusted.
//   - are sent once more with new credentials after the status 401, if the
//     handler can get others.
//
// A request with a body is sent again only if its GetBody is set, as
// http.NewRequest does for the usual readers.
//
// All other requests pass through unaltered. Since the headers are put on in
// RoundTrip, request by request, a redirect never carries them elsewhere.
type Session struct {
	handler        Handler
	env            Environment
	services       map[origin]export.Service
	transport      http.RoundTripper
	authenticating sharedCall
}

// NewSession makes a session for env. transport carries the requests; nil means
// http.DefaultTransport (see NewTransport for proxies and additional CAs). The
// error is that of an environment that Validate refuses, or of a
// DeviceCodeFlowHandler that signs in to another environment.
func NewSession(h Handler, env Environment, transport http.RoundTripper) (*Session, error) {
	if err := env.Validate(); err != nil {
		return nil, err
	}
	if d, ok := h.(*DeviceCodeFlowHandler); ok {
		if signsIn := d.agent.options.Environment; signsIn.Issuer != env.Issuer || signsIn.HubURL != env.HubURL || signsIn.AccessManagerURL != env.AccessManagerURL {
			return nil, fmt.Errorf("the handler signs in to the environment %q, and its token must not go to %q", signsIn.Name, env.Name)
		}
	}
	if transport == nil {
		transport = http.DefaultTransport
	}
	s := &Session{handler: h, env: env, transport: transport, services: map[origin]export.Service{}}
	for service, raw := range map[export.Service]string{export.Hub: env.HubURL, export.AccessManager: env.AccessManagerURL} {
		u, err := url.Parse(raw)
		if err != nil {
			return nil, err
		}
		o := originOf(u)
		if _, taken := s.services[o]; taken {
			return nil, errors.New("hub_url and access_manager_url have the same origin, so nothing could tell whose headers a request needs")
		}
		s.services[o] = service
	}
	return s, nil
}

// Client returns an HTTP client that sends its requests through s. It has no
// time limit of its own: use the request's context.
func (s *Session) Client() *http.Client { return &http.Client{Transport: s} }

// origin is what RFC 6454 section 4 calls so.
type origin struct{ scheme, host, port string }

func originOf(u *url.URL) origin {
	o := origin{strings.ToLower(u.Scheme), strings.ToLower(u.Hostname()), u.Port()}
	if o.port == "" {
		o.port = map[string]string{"http": "80", "https": "443"}[o.scheme]
	}
	return o
}

// RoundTrip carries out one request as the description of Session says.
func (s *Session) RoundTrip(r *http.Request) (*http.Response, error) {
	service, ok := s.services[originOf(r.URL)]
	if !ok {
		return s.transport.RoundTrip(r)
	}
	headers, err := s.headers(r.Context(), service)
	if err != nil {
		closeBody(r)
		return nil, err
	}
	resp, err := s.send(r, headers)
	if err != nil || resp.StatusCode != http.StatusUnauthorized || !resendable(r) {
		return resp, err
	}
	others, err := s.otherHeaders(r.Context(), service, headers)
	if err != nil || sameHeaders(others, headers) {
		// The refusal is the truest answer that there is.
		return resp, nil
	}
	discard(resp)
	again, err := withNewBody(r)
	if err != nil {
		return nil, err
	}
	return s.send(again, others)
}

// authenticate makes sure that the handler is authenticated.
func (s *Session) authenticate(ctx context.Context) error {
	if s.handler.Authenticated() {
		return nil
	}
	return s.authenticating.do(ctx, func(ctx context.Context) error {
		if s.handler.Authenticated() {
			return nil
		}
		return s.handler.Authenticate(ctx)
	})
}

// headers authenticates and returns the headers. Where nothing new can be had
// and the credentials at hand still live, they are good enough: that is what
// the time between a handler's margin and their end is for.
func (s *Session) headers(ctx context.Context, service export.Service) ([]export.Header, error) {
	failed := s.authenticate(ctx)
	if failed != nil && ctx.Err() != nil {
		return nil, failed
	}
	headers, err := HeadersFor(ctx, s.handler, service)
	if failed != nil && err != nil {
		return nil, failed
	}
	return headers, err
}

// otherHeaders are those for new credentials after a server refused used.
func (s *Session) otherHeaders(ctx context.Context, service export.Service, used []export.Header) ([]export.Header, error) {
	if h, ok := s.handler.(Reauthenticator); ok {
		if err := h.Reauthenticate(ctx, bearerToken(used)); err != nil {
			return nil, err
		}
	}
	return s.headers(ctx, service)
}

func sameHeaders(a, b []export.Header) bool {
	return slices.EqualFunc(a, b, func(x, y export.Header) bool { return x.Name == y.Name && x.Value.Equal(y.Value) })
}

// send sends r with headers, and again where that is harmless and may help.
func (s *Session) send(r *http.Request, headers []export.Header) (*http.Response, error) {
	repeatable := idempotent(r) && resendable(r)
	attempt := r
	for try := 0; ; try++ {
		resp, err := s.attempt(attempt, headers)
		if !repeatable || try == sessionRetries || r.Context().Err() != nil || !passing(resp, err) {
			return resp, err
		}
		after := sessionFirstPause << try
		after += rand.N(after/2 + 1)
		if resp != nil {
			after = max(after, sessionRetryAfter(resp))
			if after > sessionLongestPause {
				return resp, nil
			}
		}
		if deadline, ok := r.Context().Deadline(); ok && time.Until(deadline) < after {
			// There is no time left for another: what there is, is better
			// than an expired context.
			return resp, err
		}
		discard(resp)
		if err := pause(r.Context(), after); err != nil {
			return nil, err
		}
		if attempt, err = withNewBody(r); err != nil {
			return nil, err
		}
	}
}

// passing reports whether a later attempt may have another outcome.
func passing(resp *http.Response, err error) bool {
	if err != nil {
		// A certificate does not get better within seconds.
		_, untrusted := errors.AsType[*oauth.Fault](err)
		return !untrusted
	}
	switch resp.StatusCode {
	case http.StatusNotFound, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// sessionRetryAfter is RFC 9110 section 10.2.3's, zero where there is none.
func sessionRetryAfter(resp *http.Response) time.Duration {
	value := resp.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return time.Until(at)
	}
	return 0
}

var errSilence = fmt.Errorf("nothing was sent or received for %v", sessionSilence)

// attempt sends r once.
func (s *Session) attempt(r *http.Request, headers []export.Header) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	silent := func() { cancel(errSilence) }
	// The caller's request is not ours to write to, and a clone keeps the
	// headers from the requests that a redirect makes of it.
	own := r.Clone(ctx)
	if own.Header == nil {
		own.Header = http.Header{}
	}
	for _, h := range headers {
		own.Header.Set(h.Name, h.Value.Reveal())
	}
	answer := newSilenceLimit(silent)
	if r.Body != nil && r.Body != http.NoBody {
		// The time that the caller's reader takes is the caller's.
		own.Body = &limitedBody{ReadCloser: r.Body, ctx: ctx, before: answer.pause, after: answer.start, closed: func() {}}
	}
	answer.start()
	resp, err := s.transport.RoundTrip(own)
	answer.end()
	if err != nil {
		if errors.Is(context.Cause(ctx), errSilence) {
			err = errSilence
		}
		cancel(nil)
		if fault := certificateFault(r.URL.Hostname(), err); fault != nil {
			err = fault
		}
		return nil, err
	}
	// What callers log about a response should not hold credentials.
	resp.Request = r
	// The time that the caller takes between two reads is the caller's.
	body := newSilenceLimit(silent)
	resp.Body = &limitedBody{
		ReadCloser: resp.Body, ctx: ctx, before: body.start, after: body.pause,
		closed: func() { body.end(); cancel(nil) },
	}
	return resp, nil
}

// silenceLimit calls a function after sessionSilence, counted from the last
// start, unless it is paused or has ended.
type silenceLimit struct {
	mu    sync.Mutex
	timer *time.Timer
	ended bool
}

func newSilenceLimit(silent func()) *silenceLimit {
	l := &silenceLimit{timer: time.AfterFunc(sessionSilence, silent)}
	l.timer.Stop()
	return l
}

func (l *silenceLimit) start() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.timer.Reset(sessionSilence)
	}
}

func (l *silenceLimit) pause() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer.Stop()
}

func (l *silenceLimit) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	l.timer.Stop()
}

// limitedBody is a body whose reads wind a silenceLimit.
type limitedBody struct {
	io.ReadCloser
	ctx                   context.Context //nolint:containedctx // of the attempt
	before, after, closed func()
}

func (b *limitedBody) Read(p []byte) (int, error) {
	b.before()
	n, err := b.ReadCloser.Read(p)
	b.after()
	if err != nil && !errors.Is(err, io.EOF) && errors.Is(context.Cause(b.ctx), errSilence) {
		err = errSilence
	}
	return n, err
}

func (b *limitedBody) Close() error {
	defer b.closed()
	return b.ReadCloser.Close()
}

func idempotent(r *http.Request) bool {
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return r.Header.Get("Idempotency-Key") != ""
}

func resendable(r *http.Request) bool {
	return r.Body == nil || r.Body == http.NoBody || r.GetBody != nil
}

// withNewBody is r, ready to be sent again.
func withNewBody(r *http.Request) (*http.Request, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return r, nil
	}
	body, err := r.GetBody()
	if err != nil {
		return nil, fmt.Errorf("the request's body cannot be sent again: %w", err)
	}
	again := *r
	again.Body = body
	return &again, nil
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}

// discard reads what is left of an answer, within reason, so that its
// connection can be used again.
func discard(resp *http.Response) {
	if resp == nil {
		return
	}
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
	_ = resp.Body.Close()
}

// TokenSource returns the handler's bearer token as golang.org/x/oauth2 wants
// it, authenticating under ctx where needed. Token fails for a handler that has
// none (API keys).
//
// A token's Expiry is always set, and by this computer's clock even where that
// is known to be wrong, so that wrapping the source in oauth2.ReuseTokenSource is
// right, but not needed.
func (s *Session) TokenSource(ctx context.Context) oauth2.TokenSource {
	return sessionTokenSource{ctx, s}
}

type sessionTokenSource struct {
	ctx     context.Context //nolint:containedctx // oauth2.TokenSource has no other way
	session *Session
}

// unknownExpiry is how long a token may be kept that neither its handler nor
// its exp claim says the end of. It is the margin of the externally managed JWT.
const unknownExpiry = externalMargin

func (t sessionTokenSource) Token() (*oauth2.Token, error) {
	headers, err := t.session.headers(t.ctx, export.Hub)
	if err != nil {
		return nil, err
	}
	token := bearerToken(headers)
	if token.Empty() {
		return nil, errors.New("API keys are no OAuth token: use the session's client, or the handler's headers")
	}
	var expiry time.Time
	switch h := t.session.handler.(type) {
	case *DeviceCodeFlowHandler:
		expiry = h.localExpiry()
	case interface{ ExpiresAt() time.Time }:
		expiry = h.ExpiresAt()
	}
	if expiry.IsZero() {
		if expiry, err = unverifiedExpiry(token); err != nil {
			expiry = time.Now().Add(unknownExpiry)
		}
	}
	return &oauth2.Token{AccessToken: token.Reveal(), TokenType: "Bearer", Expiry: expiry}, nil
}

// MessageServiceCredentials puts the message service's metadata on gRPC calls.
// It has the methods of google.golang.org/grpc/credentials.PerRPCCredentials:
//
//	conn, err := grpc.NewClient(target,
//		grpc.WithTransportCredentials(credentials.NewTLS(nil)),
//		grpc.WithPerRPCCredentials(session.MessageServiceCredentials()))
type MessageServiceCredentials struct{ session *Session }

// MessageServiceCredentials returns credentials for gRPC calls. They belong on
// a connection to the message service of the session's environment only.
func (s *Session) MessageServiceCredentials() *MessageServiceCredentials {
	return &MessageServiceCredentials{s}
}

// GetRequestMetadata returns the metadata of one call, authenticating where
// needed. uri is the service that is called; where RequireTransportSecurity is
// false, it must be on this computer.
func (c *MessageServiceCredentials) GetRequestMetadata(ctx context.Context, uri ...string) (map[string]string, error) {
	if !c.RequireTransportSecurity() {
		for _, raw := range uri {
			if u, err := url.Parse(raw); err != nil || secureURL("http://"+u.Host) != nil {
				return nil, errors.New("the credentials of a development environment are for services on this computer only")
			}
		}
	}
	headers, err := c.session.headers(ctx, export.MessageService)
	if err != nil {
		return nil, err
	}
	metadata := make(map[string]string, len(headers))
	for _, h := range headers {
		metadata[h.Name] = h.Value.Reveal()
	}
	return metadata, nil
}

// RequireTransportSecurity is false only in an environment whose Hub is reached
// by plain http, which can only be one on this computer.
func (c *MessageServiceCredentials) RequireTransportSecurity() bool {
	return !strings.HasPrefix(strings.ToLower(c.session.env.HubURL), "http:")
}
