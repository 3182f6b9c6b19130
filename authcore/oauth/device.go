package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// DeviceCode is the answer to a device authorization request (RFC 8628 section
// 3.2), checked. Times are on the server's clock (Client.ClockOffset).
type DeviceCode struct {
	// Code is what Poll sends; it is a secret.
	Code secret.Secret
	// UserCode is shown to the user: not empty, one printable line.
	UserCode string
	// VerificationURI is https, or http on this computer. The complete one holds
	// the user code too; it equals the other if the server sent none.
	VerificationURI, VerificationURIComplete string
	IssuedAt, ExpiresAt                      time.Time
	// Interval between polls, 1 to 60 s.
	Interval time.Duration
}

const (
	// defaultInterval and slowDownStep are from RFC 8628 sections 3.2 and 3.5.
	defaultInterval = 5 * time.Second
	slowDownStep    = 5 * time.Second
	minInterval     = time.Second
	maxInterval     = time.Minute
	// defaultCodeLife is Auth0's, for servers that leave the REQUIRED
	// expires_in out; maxCodeLife keeps a forgotten sign-in from polling on for weeks.
	defaultCodeLife = 900 * time.Second
	maxCodeLife     = 24 * time.Hour
	// pollMargin is added to every interval: strict servers count it from their
	// last answer, some by a clock of whole seconds, and polling exactly every
	// 5.000 s was measured to earn a slow_down. Counted from when that answer has
	// arrived, the next request cannot come too early; a tenth of a second is for
	// clocks that do not run alike.
	pollMargin = 100 * time.Millisecond
	// lastPollLimit is how long after the code's end an answer to the last poll
	// is waited for.
	lastPollLimit = 10 * time.Second
	// verifyGrace is how long after the code's end granted tokens wait for the
	// issuer's keys.
	verifyGrace = 5 * time.Minute
	// maxUserCode: real ones have 6 to 12 characters.
	maxUserCode = 64
)

// RequestDeviceCode asks for a device code (RFC 8628 section 3.1). The error is
// the context's, a *Fault, a *RefusedError or an *AnswerError.
func (c *Client) RequestDeviceCode(ctx context.Context) (DeviceCode, error) {
	e, err := c.endpoints(ctx)
	if err != nil {
		return DeviceCode{}, err
	}
	form := url.Values{}
	if c.config.Scopes != "" {
		form.Set("scope", c.config.Scopes)
	}
	if c.config.Audience != "" {
		form.Set("audience", c.config.Audience)
	}
	const what = "device authorization"
	f, _, err := c.post(ctx, what, e.device, form, requestLimit)
	if err != nil {
		return DeviceCode{}, err
	}
	code, err := parseDeviceCode(f, c.now())
	if err != nil {
		return DeviceCode{}, &AnswerError{What: what, Err: err}
	}
	return code, nil
}

// parseDeviceCode checks every field before anything of it is shown or opened.
func parseDeviceCode(f fields, now time.Time) (DeviceCode, error) {
	d := DeviceCode{IssuedAt: now}
	code, err := f.text("device_code")
	if err != nil {
		return DeviceCode{}, err
	}
	if !visible(code) {
		return DeviceCode{}, errors.New("device_code is missing or not printable")
	}
	d.Code = secret.New(code)
	if d.UserCode, err = f.text("user_code"); err != nil {
		return DeviceCode{}, err
	}
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	if strings.TrimSpace(d.UserCode) == "" || len(d.UserCode) > maxUserCode || strings.ContainsFunc(d.UserCode, unprintable) {
		return DeviceCode{}, errors.New("user_code is missing or not printable")
	}
	if d.VerificationURI, err = f.text("verification_uri"); err != nil {
		return DeviceCode{}, err
	}
	if _, err = secureURL(d.VerificationURI, true); err != nil {
		return DeviceCode{}, fmt.Errorf("verification_uri %w", err)
	}
	if d.VerificationURIComplete, err = f.text("verification_uri_complete"); err != nil {
		return DeviceCode{}, err
	}
	if d.VerificationURIComplete == "" {
		d.VerificationURIComplete = d.VerificationURI
	}
	if _, err = secureURL(d.VerificationURIComplete, true); err != nil {
		return DeviceCode{}, fmt.Errorf("verification_uri_complete %w", err)
	}
	life, err := f.seconds("expires_in", defaultCodeLife)
	if err != nil {
		return DeviceCode{}, err
	}
	if life <= 0 {
		return DeviceCode{}, errors.New("expires_in is not positive")
	}
	d.ExpiresAt = now.Add(min(life, maxCodeLife))
	if d.Interval, err = f.seconds("interval", defaultInterval); err != nil {
		return DeviceCode{}, err
	}
	switch {
	case d.Interval < 0:
		return DeviceCode{}, errors.New("interval is negative")
	case d.Interval == 0:
		d.Interval = defaultInterval
	}
	d.Interval = min(max(d.Interval, minInterval), maxInterval)
	return d, nil
}

// Poll asks once an interval whether the user has approved (RFC 8628 section
// 3.4) and returns the verified tokens. The interval counts from the last
// answer. It ends with ErrDenied, ErrCodeExpired, *RefusedError, *AnswerError or
// *TokenError, or with the context's error. Everything that heals by itself is
// retried until the code's ExpiresAt on the wall clock, when the server is asked
// one last time.
//
// trouble may be nil. It is called in Poll's own goroutine with the *Fault each
// time that one happens, and with nil when the next answer is good.
//
// Once granted, tokens are not lost while the issuer's keys cannot be fetched:
// this is retried until 5 minutes after the code's end. If they still cannot,
// or the context ends first, Poll returns the tokens, without Identity, beside
// the *Fault or the context's error: pass the ID token to VerifyIDToken later, or
// the refresh token to Revoke. Tokens whose ID token is wrong are not returned.
func (c *Client) Poll(ctx context.Context, code DeviceCode, trouble func(error)) (Tokens, error) {
	const what = "token"
	if code.Code.Empty() {
		return Tokens{}, &AnswerError{What: "device authorization", Err: errors.New("device_code is missing")}
	}
	interval := code.Interval
	if interval <= 0 {
		interval = defaultInterval
	}
	report := reporter(trouble)
	pause, faults := interval, 0
	for {
		if err := c.wait(ctx, min(pause+pollMargin, code.ExpiresAt.Sub(c.now()))); err != nil {
			return Tokens{}, err
		}
		e, err := c.endpoints(ctx)
		if err != nil {
			return Tokens{}, err
		}
		f, a, err := c.post(ctx, what, e.token, url.Values{
			"grant_type":  {"urn:ietf:params:oauth:grant-type:device_code"},
			"device_code": {code.Code.Reveal()},
		}, min(requestLimit, max(0, code.ExpiresAt.Sub(c.now()))+lastPollLimit))

		var fault *Fault
		var refused *RefusedError
		switch {
		case err == nil:
			report(nil)
			tokens, err := c.parseTokens(f, secret.Secret{})
			if err == nil && tokens.IDToken.Empty() {
				err = errors.New("id_token is missing")
			}
			if err != nil {
				return Tokens{}, &AnswerError{What: what, Err: err}
			}
			return c.identify(ctx, tokens, code.ExpiresAt, report)
		case errors.As(err, &fault):
			faults++
			pause = max(backoff(interval, faults), fault.RetryAfter)
			report(fault)
		case errors.As(err, &refused):
			report(nil)
			faults = 0
			switch refused.Code {
			case "authorization_pending":
				pause = interval
			case "slow_down":
				interval += slowDownStep // for this and all later polls
				pause = max(interval, a.retryAfter())
			case "access_denied":
				return Tokens{}, fmt.Errorf("%w: %w", ErrDenied, refused)
			case "expired_token", "invalid_grant":
				// Auth0 says expired_token once and invalid_grant from then on.
				return Tokens{}, fmt.Errorf("%w: %w", ErrCodeExpired, refused)
			default:
				return Tokens{}, refused
			}
		default:
			return Tokens{}, err
		}
		if !c.now().Before(code.ExpiresAt) {
			return Tokens{}, ErrCodeExpired
		}
	}
}

// reporter turns a callback into one that may be nil and hears of healing once.
func reporter(trouble func(error)) func(*Fault) {
	troubled := false
	return func(f *Fault) {
		switch {
		case trouble == nil:
		case f != nil:
			troubled = true
			trouble(f)
		case troubled:
			troubled = false
			trouble(nil)
		}
	}
}

// identify verifies the ID token of fresh tokens, retrying while the keys
// cannot be fetched.
func (c *Client) identify(ctx context.Context, tokens Tokens, codeEnd time.Time, report func(*Fault)) (Tokens, error) {
	end := codeEnd
	if now := c.now(); end.Before(now) {
		end = now
	}
	end = end.Add(verifyGrace)
	for faults := 0; ; faults++ {
		identity, err := c.VerifyIDToken(ctx, tokens.IDToken)
		var fault *Fault
		var wrong *TokenError
		switch {
		case err == nil:
			report(nil)
			tokens.Identity = identity
			return tokens, nil
		case errors.As(err, &wrong):
			return Tokens{}, err
		case !errors.As(err, &fault) || !c.now().Before(end):
			return tokens, err
		}
		report(fault)
		if err := c.wait(ctx, max(backoff(time.Second, faults), fault.RetryAfter)); err != nil {
			return tokens, err
		}
	}
}
