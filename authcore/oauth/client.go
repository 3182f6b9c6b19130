package oauth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Config names one tenant and one public client.
type Config struct {
	// Issuer is the issuer identifier, https (http on loopback only), compared
	// exactly with the discovery document's and the ID token's. Auth0's ends in "/".
	Issuer string
	// ClientID of a public client (RFC 6749 section 2.1): there is no secret.
	ClientID string
	// Scopes, separated by blanks. Without "openid" no ID token comes, and Poll
	// needs one; without "offline_access" no refresh token.
	Scopes string
	// Audience of the access token (Auth0's request parameter); may be empty.
	Audience string
	// HTTP is optional. Only its Transport is used (proxy, certificates):
	// time limits, no redirects, no cookies and bounded bodies are set here.
	HTTP *http.Client
}

// Client speaks to one issuer. It is safe for concurrent use.
type Client struct {
	config Config
	http   *http.Client
	issuer *url.URL
	// wall is the computer's clock without its monotonic part, since what a
	// server judges goes on while a laptop sleeps.
	wall func() time.Time

	clock     clock
	discovery discovery
	keys      keys
}

// New checks the configuration and makes a Client. It sends nothing: endpoints
// are discovered when they are first needed.
func New(config Config) (*Client, error) {
	if config.ClientID == "" {
		return nil, errors.New("the client ID is missing")
	}
	issuer, err := secureURL(config.Issuer, true)
	if err != nil {
		return nil, fmt.Errorf("the issuer: %w", err)
	}
	if issuer.RawQuery != "" || issuer.Fragment != "" {
		// OpenID Connect Discovery section 2.
		return nil, fmt.Errorf("the issuer %q must have no query and no fragment", config.Issuer)
	}
	own := &http.Client{
		// A redirect would carry the device code or refresh token to a place
		// that nobody chose. It is answered as a fault instead.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if config.HTTP != nil {
		own.Transport = config.HTTP.Transport
	}
	return &Client{
		config:    config,
		http:      own,
		issuer:    issuer,
		wall:      func() time.Time { return time.Now().Round(0) },
		discovery: discovery{gate: newGate()},
		keys:      keys{gate: newGate()},
	}, nil
}

// now is the server's time, as well as it is known.
func (c *Client) now() time.Time {
	offset, _ := c.ClockOffset()
	return c.wall().Add(offset)
}

// tick bounds one stretch of waiting. A timer does not run while the computer
// sleeps, so after waking it would wait for what was left of it; looking at the
// wall clock every 15 s makes that 15 s at most.
const tick = 15 * time.Second

// wait pauses for d of the wall clock or of the time that the computer was
// awake, whichever ends first: a clock that is set back must not stretch it.
func (c *Client) wait(ctx context.Context, d time.Duration) error {
	began, wall := time.Now(), c.wall()
	for {
		left := d - max(time.Since(began), c.wall().Sub(wall))
		if err := ctx.Err(); err != nil || left <= 0 {
			return err
		}
		timer := time.NewTimer(min(left, tick))
		select {
		case <-ctx.Done():
			timer.Stop()
		case <-timer.C:
		}
	}
}

// backoff is the pause after the n-th fault in a row: doubled each time (RFC
// 8628 section 3.5), but at most 30 s, so that a healed network is noticed
// while the user still looks at the window.
func backoff(first time.Duration, n int) time.Duration {
	const most = 30 * time.Second
	pause := first
	for ; n > 0 && pause < most; n-- {
		pause *= 2
	}
	return max(first, min(pause, most))
}

// gate is a mutex that a context can give up on, for guarding HTTP.
type gate chan struct{}

func newGate() gate { return make(gate, 1) }

func (g gate) enter(ctx context.Context) error {
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g gate) leave() { <-g }

// secureURL accepts https anywhere and, if plain says so, http to this
// computer: whatever is sent otherwise could be read on the way (RFC 6749
// section 1.6), and other schemes would start programs.
func secureURL(raw string, plain bool) (*url.URL, error) {
	const longest = 2048 // characters; what every browser opens
	if raw == "" {
		return nil, errors.New("is missing")
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Opaque != "" || len(raw) > longest {
		return nil, errors.New("is not a URL of the form https://host")
	}
	if u.Scheme == "https" || u.Scheme == "http" && plain && loopback(u) {
		return u, nil
	}
	return nil, errors.New("must begin with https:// (http:// is for this computer only)")
}

func loopback(u *url.URL) bool {
	host := u.Hostname()
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// clock is what the Date headers told so far.
type clock struct {
	sync.Mutex
	offset time.Duration
	known  bool
}

const (
	// smallOffset is below what matters and near what can be measured: Date has
	// whole seconds, the way there and back takes some tenths, and no lifetime
	// here is decided by less than the ID token's leeway. Taking it for zero
	// keeps the times of a well-set computer free of measuring noise.
	smallOffset = 5 * time.Second
	// sameOffset is how far two measurements of the same clock can differ: each
	// is half a second off for the missing fraction, plus the way.
	sameOffset = 2 * time.Second
	// longestTrip is the longest exchange that is taken for a measurement: its
	// half is the error.
	longestTrip = 6 * time.Second
)

// ClockOffset returns the server's time minus this computer's, from the Date
// header (RFC 9110 section 6.6.1) of the issuer's answers to POST requests;
// answers to GET may come from a cache and be old. An offset below 5 s counts
// as 0. known is false until an answer has told it. Safe for concurrent use.
func (c *Client) ClockOffset() (offset time.Duration, known bool) {
	c.clock.Lock()
	defer c.clock.Unlock()
	if c.clock.offset.Abs() < smallOffset {
		return 0, c.clock.known
	}
	return c.clock.offset, c.clock.known
}

// SetClockOffset tells the client what is known of the server's clock from
// elsewhere: this computer's clock was set, or another client has measured it.
// The next answer's own measurement takes its place. Safe for concurrent use.
func (c *Client) SetClockOffset(offset time.Duration) {
	c.clock.Lock()
	defer c.clock.Unlock()
	c.clock.offset = offset
}

// exchange is when a request was sent and its answer's header arrived.
type exchange struct {
	sent, answered         time.Time // with monotonic part
	sentWall, answeredWall time.Time
}

// learn takes one measurement of the server's clock.
func (c *Client) learn(header http.Header, e exchange) {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return
	}
	trip, wallTrip := e.answered.Sub(e.sent), e.answeredWall.Sub(e.sentWall)
	if trip > longestTrip || (wallTrip-trip).Abs() > time.Second {
		return // too slow to tell, or the clock was set or the computer slept meanwhile
	}
	// Date is cut to whole seconds and was written about half-way.
	offset := date.Add(time.Second / 2).Sub(e.sentWall.Add(trip / 2))
	c.clock.Lock()
	defer c.clock.Unlock()
	if !c.clock.known || (offset-c.clock.offset).Abs() > sameOffset {
		c.clock.offset, c.clock.known = offset, true
	}
}
