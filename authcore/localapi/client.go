package localapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// Client talks to the resident at one socket. It holds no connection between
// calls and is safe for concurrent use. Its methods return ErrNotRunning if no
// resident answers, an *authcore.Problem if the resident refused, and the
// context's error if that ended first. Without a deadline in the context, a
// call takes at most 90 seconds.
type Client struct {
	http http.Client
}

// NewClient makes a client without connecting. path is authcore.Paths.Socket.
func NewClient(path string) *Client {
	return &Client{http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, path) },
			// A connection costs some 50 µs, and one that was kept could be
			// that of a resident that has ended since.
			DisableKeepAlives:     true,
			DisableCompression:    true,
			ResponseHeaderTimeout: requestLimit + 15*time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Snapshot returns the present state.
func (c *Client) Snapshot(ctx context.Context) (*authcore.Snapshot, error) {
	s := new(authcore.Snapshot)
	if err := c.get(ctx, "snapshot", nil, s); err != nil {
		return nil, err
	}
	return s, nil
}

// Do sends a command and waits until the resident has carried it out or
// refused it.
func (c *Client) Do(ctx context.Context, command authcore.Command) error {
	return c.post(ctx, "commands/"+url.PathEscape(string(command.Name)), command)
}

// quitLimit is how long a resident may take to end: a renewal under way is
// waited for.
const quitLimit = 15 * time.Second

// Quit ends the resident and returns when it answers no more, so that what comes
// next, such as an update, can start another. Without a resident it does
// nothing. It takes at most 15 seconds; the error is then the context's.
func (c *Client) Quit(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, quitLimit)
	defer cancel()
	err := c.Do(ctx, authcore.Command{Name: authcore.CommandQuit})
	for err == nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
		_, err = c.Snapshot(ctx)
	}
	if refused, ok := errors.AsType[*authcore.Problem](err); ok {
		return refused
	}
	return ctx.Err() // nil: not running, or cut off in the middle of an answer
}

// Headers returns the headers of a service, renewed first if need be.
func (c *Client) Headers(ctx context.Context, q HeaderQuery) ([]export.Header, error) {
	var wire headersAnswer
	if err := c.get(ctx, "headers/"+url.PathEscape(string(q.Service)), parameters(q.Account, q.MinValid), &wire); err != nil {
		return nil, err
	}
	headers := make([]export.Header, len(wire.Headers))
	for i, h := range wire.Headers {
		headers[i] = export.Header{Name: h.Name, Value: secret.New(h.Value)}
	}
	return headers, nil
}

// HeadersText returns the headers of a service in a format.
func (c *Client) HeadersText(ctx context.Context, q HeaderQuery, f export.Format) (secret.Secret, error) {
	query := parameters(q.Account, q.MinValid)
	query.Set("format", string(f))
	r, err := c.send(ctx, http.MethodGet, "headers/"+url.PathEscape(string(q.Service)), query, "", nil)
	if err != nil {
		return secret.Secret{}, err
	}
	defer r.Body.Close()
	text, err := read(r.Body)
	return secret.New(string(text)), err
}

// Token returns an access token, renewed first if need be, and when it
// expires; zero if it does not.
func (c *Client) Token(ctx context.Context, q TokenQuery) (secret.Secret, time.Time, error) {
	var wire tokenAnswer
	if err := c.get(ctx, "token", parameters(q.Account, q.MinValid), &wire); err != nil {
		return secret.Secret{}, time.Time{}, err
	}
	return secret.New(wire.Token), wire.Expires, nil
}

// Update is one message of a stream: a new state, or the wish that the window
// come to the front.
type Update struct {
	// Snapshot is nil when Focus is true.
	Snapshot *authcore.Snapshot
	Focus    bool
}

// Watch yields the present state and then every newer one. It ends with the
// first error, io.EOF if the resident has ended; connecting again is for the
// caller to decide. A stream on which not even a keep-alive arrives for 45
// seconds is an error too. Breaking out of the loop ends the stream.
func (c *Client) Watch(ctx context.Context) iter.Seq2[Update, error] { return c.watch(ctx, nil) }

// WatchAsWindow is Watch for a window: it counts as open for Focus.Request,
// and gets updates with Focus set.
func (c *Client) WatchAsWindow(ctx context.Context) iter.Seq2[Update, error] {
	return c.watch(ctx, url.Values{eventFocus: {"1"}})
}

var errSilent = errors.New("Bitfount Tray does not answer any more")

func (c *Client) watch(ctx context.Context, query url.Values) iter.Seq2[Update, error] {
	return func(yield func(Update, error) bool) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		silence := time.AfterFunc(3*keepAlive, func() { cancel(errSilent) })
		defer silence.Stop()
		r, err := c.send(ctx, http.MethodGet, "snapshot", query, "", nil)
		if err != nil {
			yield(Update{}, causeOf(ctx, err))
			return
		}
		defer r.Body.Close()
		lines := bufio.NewScanner(r.Body)
		lines.Buffer(nil, maxAnswer)
		var event string
		for lines.Scan() {
			silence.Reset(3 * keepAlive)
			name, value, _ := strings.Cut(lines.Text(), ": ")
			if name == "event" {
				event = value
			}
			if name != "data" {
				continue
			}
			update := Update{Focus: event == eventFocus}
			if event == eventSnapshot {
				update.Snapshot = new(authcore.Snapshot)
				if err := json.Unmarshal([]byte(value), update.Snapshot); err != nil {
					yield(Update{}, fmt.Errorf("Bitfount Tray sent a state that cannot be read: %w", err))
					return
				}
			}
			if event != eventSnapshot && !update.Focus {
				continue // an event of a newer resident
			}
			if !yield(update, nil) {
				return
			}
		}
		err = lines.Err()
		if err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
			err = io.EOF
		}
		yield(Update{}, causeOf(ctx, err))
	}
}

// causeOf prefers why a context ended to what that did to a connection.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

func parameters(account string, minValid time.Duration) url.Values {
	query := url.Values{}
	if account != "" {
		query.Set("account", account)
	}
	if minValid != 0 {
		query.Set("min_valid", minValid.String())
	}
	return query
}

// get decodes a JSON answer into value.
func (c *Client) get(ctx context.Context, path string, query url.Values, value any) error {
	r, err := c.send(ctx, http.MethodGet, path, query, jsonType, nil)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	body, err := read(r.Body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, value); err != nil {
		// The body may hold a token; the decoder's error could quote it.
		return errors.New("Bitfount Tray gave an answer that cannot be read")
	}
	return nil
}

// send makes one request and returns its answer only if that is a success.
// kind is the media type of both bodies, empty for a stream.
func (c *Client) send(ctx context.Context, method, path string, query url.Values, kind string, body []byte) (*http.Response, error) {
	target := url.URL{Scheme: "http", Host: host, Path: "/v" + strconv.Itoa(Version) + "/", RawQuery: query.Encode()}
	r, err := http.NewRequestWithContext(ctx, method, target.JoinPath(path).String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set(marker, strconv.Itoa(Version))
	r.Header.Set("Accept", eventStream)
	if kind != "" {
		r.Header.Set("Accept", kind)
		r.Header.Set("Content-Type", kind)
	}
	response, err := c.http.Do(r)
	if err != nil {
		var wrapped *url.Error // its text repeats the query, which people need not see
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return nil, err
	}
	if response.StatusCode/100 == 2 {
		return response, nil
	}
	defer response.Body.Close()
	var failure errorAnswer
	text, err := read(response.Body)
	if err != nil || json.Unmarshal(text, &failure) != nil || failure.Problem == nil {
		return nil, fmt.Errorf("Bitfount Tray answered %s without saying why", response.Status)
	}
	return nil, failure.Problem
}

func read(body io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(body, maxAnswer+1))
	if err == nil && len(data) > maxAnswer {
		err = errors.New("Bitfount Tray gave an answer that is too long")
	}
	return data, err
}
