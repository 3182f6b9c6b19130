package oauth

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Outcomes that only the user can change. They may wrap the *RefusedError that
// the server sent, so test for them (errors.Is) before testing for that type.
var (
	// ErrDenied: the user declined the sign-in (RFC 8628 section 3.5, access_denied).
	ErrDenied = errors.New("the sign-in was declined")
	// ErrCodeExpired: the device code was not approved in its lifetime.
	ErrCodeExpired = errors.New("the sign-in code has expired")
	// ErrSignInAgain: the server refused the refresh token for good.
	ErrSignInAgain = errors.New("the server has ended the session")
)

// FaultKind divides the faults that heal by themselves.
type FaultKind string

// The kinds of Fault.
const (
	// FaultUnreachable: no answer. DNS, refused, reset, cut short, timed out.
	FaultUnreachable FaultKind = "unreachable"
	// FaultBusy: the server says that it cannot answer now (5xx, 429).
	FaultBusy FaultKind = "busy"
	// FaultCaptivePortal: an answer that no authorization server gives (a web
	// page, a redirect), so something between answered in its place.
	FaultCaptivePortal FaultKind = "captive-portal"
	// FaultCertificate: the server's certificate is not trusted; nothing was sent.
	FaultCertificate FaultKind = "certificate"
	// FaultProxy: the proxy on the way was not there, or did not let the
	// connection through; nothing was sent.
	FaultProxy FaultKind = "proxy"
)

// Fault is a failure that heals by itself: trying again later is right, and
// nothing that was stored has become wrong.
//
// It never matches context.Canceled or context.DeadlineExceeded: those always
// mean the caller's own context.
type Fault struct {
	Kind FaultKind
	// Host is the host (and port, if not the usual one) that was asked.
	Host string
	// CertificateIssuer names who issued the refused certificate (FaultCertificate).
	CertificateIssuer string
	// Proxy is the proxy's host and port, or empty if it is not known (FaultProxy).
	Proxy string
	// Status is the HTTP status, or 0 when there was no answer.
	Status int
	// RetryAfter is how long the server asks to wait (RFC 9110 section
	// 10.2.3): 0 when it did not say, at most an hour.
	RetryAfter time.Duration
	// Err is the technical cause. It holds no secret and nothing of a body.
	Err error
}

func (f *Fault) Error() string {
	var b strings.Builder
	switch f.Kind {
	case FaultBusy:
		fmt.Fprintf(&b, "%s is busy", f.Host)
	case FaultCaptivePortal:
		fmt.Fprintf(&b, "something answered in the place of %s", f.Host)
	case FaultCertificate:
		fmt.Fprintf(&b, "the certificate of %s, issued by %q, is not trusted", f.Host, f.CertificateIssuer)
	case FaultProxy:
		fmt.Fprintf(&b, "the proxy on the way to %s does not let through", f.Host)
	default:
		fmt.Fprintf(&b, "%s cannot be reached", f.Host)
	}
	if f.Status != 0 {
		fmt.Fprintf(&b, " (HTTP status %d)", f.Status)
	}
	if f.Err != nil {
		b.WriteString(": " + f.Err.Error())
	}
	return b.String()
}

// Unwrap returns the technical cause.
func (f *Fault) Unwrap() error { return f.Err }

// ProxyError is a proxy's refusal to let a connection through. A transport
// whose OnProxyConnectResponse returns one lets the refusal be told from that of
// a server.
type ProxyError struct {
	// Proxy is its host and port, Status what it answered, such as "407 Proxy
	// Authentication Required".
	Proxy, Status string
}

func (e *ProxyError) Error() string {
	return fmt.Sprintf("the proxy %s answered %s", e.Proxy, clean(e.Status, maxErrorCode))
}

// AnswerError is an answer of the server that cannot be used.
type AnswerError struct {
	// What was being read: "device authorization" or "token".
	What string
	Err  error
}

func (e *AnswerError) Error() string {
	return fmt.Sprintf("the %s answer cannot be used: %v", e.What, e.Err)
}

// Unwrap returns what is wrong with the answer.
func (e *AnswerError) Unwrap() error { return e.Err }

// TokenReason says why an ID token was refused.
type TokenReason string

// The reasons of a TokenError, in the order of the checks (OpenID Connect Core
// section 3.1.3.7).
const (
	TokenMalformed TokenReason = "malformed"
	TokenAlgorithm TokenReason = "algorithm" // not RS256 or ES256
	TokenKey       TokenReason = "key"       // no such key at the issuer
	TokenSignature TokenReason = "signature"
	TokenIssuer    TokenReason = "issuer"
	TokenAudience  TokenReason = "audience"
	TokenExpired   TokenReason = "expired"
	TokenNotYet    TokenReason = "not-yet-valid"
	TokenClaims    TokenReason = "claims" // one that we need is missing or wrong
)

// TokenError is an ID token that does not verify. It is never transient.
type TokenError struct {
	Reason TokenReason
	Err    error
}

func (e *TokenError) Error() string {
	return fmt.Sprintf("the ID token cannot be verified (%s): %v", e.Reason, e.Err)
}

// Unwrap returns the cause.
func (e *TokenError) Unwrap() error { return e.Err }

// RefusedError is an OAuth error answer (RFC 6749 section 5.2) that means none
// of the sentinels, for example invalid_client.
type RefusedError struct {
	// Code is the "error" parameter, Description "error_description". Both are
	// bounded in length and free of control characters, of whatever secret the
	// request carried, and of anything that looks like a token.
	Code, Description string
	Status            int
}

func (e *RefusedError) Error() string {
	text := fmt.Sprintf("the server answered %q (HTTP status %d)", e.Code, e.Status)
	if e.Description != "" {
		text += ": " + e.Description
	}
	return text
}

// Bounds of foreign text in our errors. A description is a sentence; 200
// characters hold any that Auth0 documents.
const (
	maxDescription = 200
	maxErrorCode   = 64
	maxCause       = 300
)

// clean makes foreign text fit for an error: one line, bounded, printable.
func clean(text string, most int) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r) || r == unicode.ReplacementChar
	}), " ")
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most-1]) + "…"
	}
	return text
}
