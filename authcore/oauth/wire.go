package oauth

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// Limits of one exchange.
const (
	// requestLimit bounds a POST with its answer. A refresh that is cut off may
	// cost the session (the answer held the only copy of the next token), so it
	// is longer than the slowest answer worth waiting for.
	requestLimit = 30 * time.Second
	// lookupLimit bounds a GET of metadata or keys, which small files answer.
	lookupLimit = 10 * time.Second
	// maxBody bounds an answer. The largest real ones, three JWTs or a set of
	// keys with certificates, are some tens of kilobytes.
	maxBody = 1 << 20
	// maxRetryAfter bounds what a server can make us wait.
	maxRetryAfter = time.Hour
)

// answer is one HTTP answer, completely read.
type answer struct {
	host     string
	status   int
	header   http.Header
	body     []byte
	exchange exchange
}

// send makes one request and reads the answer. The error is the context's, or
// a *Fault when no complete answer came.
func (c *Client) send(ctx context.Context, method, endpoint string, form url.Values, limit time.Duration) (*answer, error) {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(limited, method, endpoint, body)
	if err != nil {
		return nil, &Fault{Kind: FaultUnreachable, Host: c.issuer.Host, Err: errors.New("the endpoint is not a URL")}
	}
	req.Header.Set("Accept", "application/json")
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	a := &answer{host: req.URL.Host}
	a.exchange.sent, a.exchange.sentWall = time.Now(), c.wall()
	resp, err := c.http.Do(req)
	if err == nil {
		a.exchange.answered, a.exchange.answeredWall = time.Now(), c.wall()
		a.status, a.header = resp.StatusCode, resp.Header
		a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
		_ = resp.Body.Close()
	}
	switch {
	case err == nil:
		return a, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case limited.Err() != nil:
		return nil, a.fault(FaultUnreachable, fmt.Errorf("no complete answer within %v", limit))
	}
	return nil, a.broken(err)
}

// fault makes a Fault of this answer.
func (a *answer) fault(kind FaultKind, err error) *Fault {
	return &Fault{Kind: kind, Host: a.host, Status: a.status, RetryAfter: a.retryAfter(), Err: err}
}

// broken judges the error of an exchange that gave no answer.
func (a *answer) broken(err error) *Fault {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // the rest repeats the URL
	}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		f := a.fault(FaultCertificate, errors.New(clean(certificate.Err.Error(), maxCause)))
		if chain := certificate.UnverifiedCertificates; len(chain) > 0 {
			issuer := chain[0].Issuer
			name := issuer.CommonName
			if name == "" {
				name = issuer.String()
			}
			f.CertificateIssuer = clean(name, maxErrorCode)
		}
		return f
	}
	var record tls.RecordHeaderError
	if errors.Is(err, http.ErrSchemeMismatch) || errors.As(err, &record) {
		return a.fault(FaultCaptivePortal, errors.New("the answer was not encrypted"))
	}
	if proxy, is := ProxyOf(err); is {
		f := a.fault(FaultProxy, safeCause(err))
		f.Proxy = proxy
		return f
	}
	return a.fault(FaultUnreachable, safeCause(err))
}

// ProxyOf reports whether err is that of a proxy, and not of the server behind
// it: one that refused (*ProxyError) or that was not there. host is the proxy's
// host and port as far as the error tells.
func ProxyOf(err error) (host string, is bool) {
	var refused *ProxyError
	if errors.As(err, &refused) {
		return refused.Proxy, true
	}
	var outer, dial *net.OpError
	if !errors.As(err, &outer) || outer.Op != "proxyconnect" { // net/http's
		return "", false
	}
	var dns *net.DNSError
	switch {
	case errors.As(outer.Err, &dns):
		host = dns.Name
	case errors.As(outer.Err, &dial) && dial.Addr != nil:
		host = dial.Addr.String()
	}
	return host, true
}

// safeCause keeps a transport's error fit to be shown. net/http quotes the
// bytes of an answer that is not HTTP, which could be anything; and a time-out
// of the network must not look like the caller's deadline.
func safeCause(err error) error {
	text := clean(err.Error(), maxCause)
	if quote := strings.IndexByte(text, '"'); quote >= 0 {
		text = text[:quote] + "…"
	}
	if before, _, quoted := strings.Cut(text, "malformed"); quoted {
		text = before + "malformed HTTP answer"
	}
	if text != err.Error() || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return errors.New(text)
	}
	return err
}

// retryAfter reads Retry-After (RFC 9110 section 10.2.3), seconds or a date; a
// date is measured from the answer's own Date.
func (a *answer) retryAfter() time.Duration {
	value := strings.TrimSpace(a.header.Get("Retry-After"))
	var d time.Duration
	if n, err := strconv.Atoi(value); err == nil {
		d = time.Duration(min(n, int(maxRetryAfter/time.Second))) * time.Second
	} else if until, err := http.ParseTime(value); err == nil {
		if date, err := http.ParseTime(a.header.Get("Date")); err == nil {
			d = until.Sub(date)
		}
	}
	return min(max(d, 0), maxRetryAfter)
}

// get fetches a JSON object that needs no secret.
func (c *Client) get(ctx context.Context, endpoint string) (fields, *answer, error) {
	a, err := c.send(ctx, http.MethodGet, endpoint, nil, lookupLimit)
	if err != nil {
		return nil, nil, err
	}
	f, _ := a.fields()
	switch {
	case a.busy():
		return nil, a, a.fault(FaultBusy, nil)
	case a.status != http.StatusOK || f == nil:
		return nil, a, a.fault(FaultCaptivePortal, errors.New("the answer is not the JSON object asked for"))
	}
	return f, a, nil
}

// post sends a form to an OAuth endpoint and judges the answer. The error is
// the context's, a *Fault, a *RefusedError, or an *AnswerError if what came with
// success is JSON but no object. The answer is nil if none came.
func (c *Client) post(ctx context.Context, what, endpoint string, form url.Values, limit time.Duration) (fields, *answer, error) {
	form.Set("client_id", c.config.ClientID) // how a public client names itself, RFC 6749 section 3.2.1
	a, err := c.send(ctx, http.MethodPost, endpoint, form, limit)
	if err != nil {
		return nil, nil, err
	}
	f, err := a.fields()
	if f != nil {
		c.learn(a.header, a.exchange)
	}
	code, _ := f.text("error")
	switch {
	case a.status == http.StatusNetworkAuthenticationRequired: // RFC 6585 section 6
		return nil, a, a.fault(FaultCaptivePortal, nil)
	case a.busy() && code != "slow_down":
		return nil, a, a.fault(FaultBusy, nil)
	case a.status >= 300 && a.status < 400:
		return nil, a, a.fault(FaultCaptivePortal, errors.New("the answer is a redirect, which is not followed"))
	case code == "server_error", code == "temporarily_unavailable", code == "too_many_requests":
		return nil, a, a.fault(FaultBusy, fmt.Errorf("the server answered %q", code))
	case code != "":
		// Some servers send errors with status 200, so the status decides nothing here.
		description, _ := f.text("error_description")
		return nil, a, &RefusedError{
			Code:        redact(code, form, maxErrorCode),
			Description: redact(description, form, maxDescription),
			Status:      a.status,
		}
	case err != nil && a.status < 300 && json.Valid(a.body):
		return nil, a, &AnswerError{What: what, Err: err}
	case err != nil || a.status >= 300:
		return nil, a, a.fault(FaultCaptivePortal, errors.New("the answer is not one of an authorization server"))
	}
	return f, a, nil
}

// busy reports whether the status says "not now".
func (a *answer) busy() bool {
	switch a.status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return a.status >= 500
}

// tokenLike matches what no sentence holds: a run that could be a token or code.
var tokenLike = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[A-Za-z0-9_.~+/=%-]{32,}`) })

// redact makes a server's text safe to show: some servers repeat the token
// that they refuse.
func redact(text string, form url.Values, most int) string {
	for _, name := range []string{"device_code", "refresh_token", "token"} {
		if sent := form.Get(name); sent != "" {
			text = strings.ReplaceAll(text, sent, secret.Redacted)
		}
	}
	return clean(tokenLike().ReplaceAllString(text, secret.Redacted), most)
}

// fields is a JSON object, read name by name: encoding/json would match names
// in any case, and one wrong type would hide all the others.
type fields map[string]json.RawMessage

// fields parses the body. No object is nil and an error.
func (a *answer) fields() (fields, error) {
	var f fields
	if err := json.Unmarshal(a.body, &f); err != nil || f == nil || len(a.body) > maxBody {
		return nil, errors.New("it is not a JSON object")
	}
	return f, nil
}

func (f fields) has(name string) bool {
	raw, ok := f[name]
	return ok && string(raw) != "null"
}

// text returns a string, empty if it is absent. The error names the field only.
func (f fields) text(name string) (string, error) {
	var s string
	if f.has(name) && json.Unmarshal(f[name], &s) != nil {
		return "", fmt.Errorf("%s is not a string", name)
	}
	return s, nil
}

// seconds returns a number of seconds, also if it is written as a string. An
// absent one is the default. It is bounded to ten years, far below what
// time.Duration holds.
func (f fields) seconds(name string, byDefault time.Duration) (time.Duration, error) {
	if !f.has(name) {
		return byDefault, nil
	}
	const most = 10 * 365 * 24 * 3600
	wrong := fmt.Errorf("%s is not a number of seconds", name)
	raw := f[name]
	var quoted string
	if json.Unmarshal(raw, &quoted) == nil {
		raw = json.RawMessage(quoted)
	}
	var n float64
	if json.Unmarshal(raw, &n) != nil || string(raw) == "null" {
		return 0, wrong
	}
	return time.Duration(min(max(n, -most), most) * float64(time.Second)), nil
}

// visible reports whether s is a non-empty string of visible ASCII characters,
// as bearer tokens and device codes are (RFC 6750 section 2.1, RFC 6749
// appendix A). Anything else could break out of a header or a line.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}
