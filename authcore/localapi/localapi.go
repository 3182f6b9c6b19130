// Package localapi is how the window, the command line and scripts of one user
// talk to the resident of the same user: HTTP over a Unix socket, on Windows
// 10 and later too.
//
//	GET  /v1/snapshot                 the state once, as JSON
//	     (Accept: text/event-stream)  the state now and after every change
//	POST /v1/commands/{name}          a command, as JSON
//	POST /v1/accounts/api-keys        an account with API keys, as JSON
//	POST /v1/accounts/external-jwt    an account whose JWT comes from elsewhere
//	POST /v1/tests/api-keys           what the Hub says to keys, without keeping them
//	POST /v1/tests/external-jwt       what a source of JWTs gives, likewise
//	GET  /v1/headers/{service}        ?format= &min_valid=20m &account=
//	GET  /v1/token                    ?min_valid=20m &account=
//
// Every request carries the header Bitfount-Tray and the host name
// bitfount-tray, so that no web page can make one:
//
//	curl --unix-socket "$SOCKET" -H 'Bitfount-Tray: 1' http://bitfount-tray/v1/snapshot
//
// An error is a JSON object with a problem (its code is for programs) and its
// words for people.
//
// The package carries authcore's types and decides nothing about sessions. It
// protects against other users of the computer and against web pages, not
// against other programs of the same user.
package localapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// Version is the version of the routes, the 1 in /v1/. It grows only when a
// client of the last version would be misled.
const Version = 1

const (
	// host is what requests must name, so that DNS rebinding finds nothing.
	host = "bitfount-tray"
	// marker is a header that browsers send nowhere without asking first (a
	// CORS preflight, which is never granted here). Its value is the client's
	// Version.
	marker = "Bitfount-Tray"

	eventStream = "text/event-stream"
	jsonType    = "application/json"

	eventSnapshot = "snapshot"
	eventFocus    = "focus"
)

const (
	// maxCommand bounds a command's body: a path and a label, with much room.
	maxCommand = 64 << 10
	// maxAnswer bounds what a client reads of one answer or one event: a
	// snapshot with a day of events is some tens of kilobytes.
	maxAnswer = 8 << 20
	// maxMinValid is longer than any access token is known to live.
	maxMinValid = 30 * 24 * time.Hour

	// requestLimit is the longest that a command or a renewal for headers may
	// take: three tries of 20 s with their pauses.
	requestLimit = 75 * time.Second
	// transferLimit is the longest that one body, answer or event may take
	// between two processes of one computer, one of them perhaps swapped out.
	transferLimit = 10 * time.Second
	// keepAlive is the pause between comments on a silent stream. A client
	// gives a stream up after three times that.
	keepAlive = 15 * time.Second
	// endGrace is how long answers under way may take when the server ends.
	endGrace = time.Second
)

// ErrRunning says that a resident answers at the socket already.
var ErrRunning = errors.New("Bitfount Tray is running already")

// ErrNotRunning says that no resident answers at the socket.
var ErrNotRunning = errors.New("Bitfount Tray is not running")

// Backend is what the server serves. All functions are called concurrently and
// must be safe for that; all but Focus are required. An error that is an
// *authcore.Problem reaches the client as that; of any other, the text arrives
// as the cause of an internal problem, so it must hold no secret.
type Backend struct {
	// Snapshot returns the present state. The server does not change it.
	Snapshot func() *authcore.Snapshot
	// Subscribe delivers the present state at once and then every newer one;
	// a slow reader misses the ones between. cancel ends it and frees what it
	// holds. The stream ends if the channel is closed.
	Subscribe func() (updates <-chan *authcore.Snapshot, cancel func())
	// Do carries a command out, or starts it.
	Do func(context.Context, authcore.Command) error
	// SetAPIKeys and SetExternalJWT keep an account.
	SetAPIKeys     func(context.Context, authcore.APIKeysAccount) error
	SetExternalJWT func(context.Context, authcore.ExternalJWTAccount) error
	// TestAPIKeys and TestSource try credentials without keeping them.
	TestAPIKeys func(context.Context, authcore.APIKeysAccount) (authcore.CredentialTest, error)
	TestSource  func(context.Context, authcore.ExternalJWTAccount) (authcore.CredentialTest, error)
	// Headers returns the headers of a service, renewing first if need be.
	Headers func(context.Context, HeaderQuery) ([]export.Header, error)
	// Token returns an access token and when it expires (zero if never).
	Token func(context.Context, TokenQuery) (token secret.Secret, expires time.Time, err error)
	// Focus, if not nil, reaches the windows that watch.
	Focus *Focus
}

// HeaderQuery asks for headers.
type HeaderQuery struct {
	// Account is an ID; empty means the active account.
	Account string
	Service export.Service
	// MinValid is how long the headers must stay valid, from 0 to 30 days.
	MinValid time.Duration
}

// TokenQuery asks for an access token; the fields are those of HeaderQuery.
type TokenQuery struct {
	Account  string
	MinValid time.Duration
}

// Focus passes the wish to see the window on to the windows that are open. The
// zero value is ready for use, and safe for concurrent use.
type Focus struct {
	mu      sync.Mutex
	windows map[chan struct{}]struct{}
}

// Request asks every open window to come to the front, without waiting, and
// returns how many there are: with none, it is time to start one.
func (f *Focus) Request() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	for w := range f.windows {
		select {
		case w <- struct{}{}:
		default: // it has a request that it did not read yet
		}
	}
	return len(f.windows)
}

// join adds a window. A nil Focus never asks for anything.
func (f *Focus) join() (requests <-chan struct{}, leave func()) {
	if f == nil {
		return nil, func() {}
	}
	w := make(chan struct{}, 1)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.windows == nil {
		f.windows = map[chan struct{}]struct{}{}
	}
	f.windows[w] = struct{}{}
	return w, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.windows, w)
	}
}

// The bodies of answers, shared by server and client.
type (
	headersAnswer struct {
		Headers []wireHeader `json:"headers"`
	}
	// wireHeader carries a header's value in the open: secret.Secret would
	// redact it.
	wireHeader struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	tokenAnswer struct {
		Token   string    `json:"token"`
		Expires time.Time `json:"expires,omitzero"`
	}
	errorAnswer struct {
		Problem *authcore.Problem `json:"problem"`
		// Words are for people who call the API by hand; clients make their
		// own from the problem.
		Words authcore.Words `json:"words"`
	}
)

// badRequest says what is wrong with a request.
func badRequest(format string, args ...any) *authcore.Problem {
	return &authcore.Problem{
		Code:   authcore.ProblemBadRequest,
		Params: map[string]string{"Reason": fmt.Sprintf(format, args...)},
	}
}

// asProblem makes every error a Problem, so that clients need to know one form.
func asProblem(err error) *authcore.Problem {
	var p *authcore.Problem
	if errors.As(err, &p) {
		return p
	}
	return &authcore.Problem{Code: authcore.ProblemInternal, Cause: err.Error()}
}

// status is for people with curl; programs go by the problem's code.
func status(p *authcore.Problem) int {
	switch p.Code {
	case authcore.ProblemBadRequest:
		return http.StatusBadRequest
	case authcore.ProblemClientOutdated, authcore.ProblemResidentOutdated:
		return http.StatusNotFound
	case authcore.ProblemInternal:
		return http.StatusInternalServerError
	}
	return http.StatusConflict
}
