package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The servers that faults and statistics name.
const (
	serverIssuer        = "issuer"
	serverHub           = "hub"
	serverAccessManager = "am"
)

// The kinds of faults.
const (
	// faultStatus answers Status, with an OAuth Error and RetryAfter where given.
	faultStatus = "status"
	// faultDrop resets the connection; the request is not processed.
	faultDrop = "drop"
	// faultDropAfter processes the request and then resets the connection: the
	// server has rotated, the answer never arrives.
	faultDropAfter = "drop_after"
	// faultDelay waits DelayMillis before processing.
	faultDelay = "delay"
	// faultCaptivePortal answers 200 with a Wi-Fi sign-in page.
	faultCaptivePortal = "captive_portal"
	// faultRedirect answers 307 to Location.
	faultRedirect = "redirect"
	// faultIDToken makes the ID token wrong as IDToken names it.
	faultIDToken = "id_token"
	// faultDate moves the Date header alone by OffsetSeconds.
	faultDate = "date"
	// faultBody processes the request and answers Body instead, with the real
	// status or Status.
	faultBody = "body"
	// faultOverlay processes the request and writes Fields over the members of
	// the JSON answer; a null removes the member.
	faultOverlay = "overlay"
	// faultNoDiscovery answers 404 to the discovery request.
	faultNoDiscovery = "no_discovery"
	// faultDown resets every connection of the chosen servers.
	faultDown = "down"
)

var faultKinds = []string{
	faultStatus, faultDrop, faultDropAfter, faultDelay, faultCaptivePortal, faultRedirect,
	faultIDToken, faultDate, faultBody, faultOverlay, faultNoDiscovery, faultDown,
}

// fault is something that goes wrong on demand. Where several match a request
// they all act, in the order in which they were set.
type fault struct {
	Kind string `json:"kind"`
	// Server is issuer, hub or am; empty means all three.
	Server string `json:"server,omitempty"`
	// Path is exact; empty means every path.
	Path string `json:"path,omitempty"`
	// Grant is a grant_type, or "device_code" for the long name of that one;
	// empty means every request.
	Grant string `json:"grant,omitempty"`
	// Times is how many requests it meets; 0 means until the faults are reset.
	Times int `json:"times,omitempty"`

	Status        int                        `json:"status,omitempty"`
	Error         string                     `json:"error,omitempty"`
	RetryAfter    string                     `json:"retry_after,omitempty"`
	DelayMillis   int                        `json:"delay_millis,omitempty"`
	Location      string                     `json:"location,omitempty"`
	IDToken       string                     `json:"id_token,omitempty"`
	OffsetSeconds int                        `json:"offset_seconds,omitempty"`
	Body          string                     `json:"body,omitempty"`
	Fields        map[string]json.RawMessage `json:"fields,omitempty"`
}

func (f fault) validate() error {
	switch {
	case !slices.Contains(faultKinds, f.Kind):
		return fmt.Errorf("there is no fault %q: choose one of %s", f.Kind, strings.Join(faultKinds, ", "))
	case f.Kind == faultStatus && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("status %d is none", f.Status)
	case f.Kind == faultIDToken && !slices.Contains(idTokenFaults, f.IDToken):
		return fmt.Errorf("there is no id_token %q: choose one of %s", f.IDToken, strings.Join(idTokenFaults, ", "))
	case f.Kind == faultRedirect && f.Location == "":
		return fmt.Errorf("a redirect needs a location")
	case f.Times < 0:
		return fmt.Errorf("times must not be negative")
	case f.Server != "" && !slices.Contains([]string{serverIssuer, serverHub, serverAccessManager}, f.Server):
		return fmt.Errorf("there is no server %q: choose %s, %s or %s", f.Server, serverIssuer, serverHub, serverAccessManager)
	}
	return nil
}

func (f fault) matches(server, path, grant string) bool {
	if f.Kind == faultNoDiscovery && path != discoveryPath {
		return false
	}
	if f.Kind == faultIDToken && path != tokenPath {
		return false
	}
	return (f.Server == "" || f.Server == server) && (f.Path == "" || f.Path == path) &&
		(f.Grant == "" || f.Grant == strings.TrimPrefix(grant, "urn:ietf:params:oauth:grant-type:") || f.Grant == grant)
}

func kinds(faults []fault) []string {
	var names []string
	for _, f := range faults {
		names = append(names, f.Kind)
	}
	return names
}

// faultList holds the faults that are set. It is safe for concurrent use.
type faultList struct {
	mu     sync.Mutex
	faults []fault
}

func (l *faultList) add(f fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = append(l.faults, f)
}

func (l *faultList) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = nil
}

// take returns the faults that meet this request and counts them down.
func (l *faultList) take(server, path, grant string) []fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	var taken, left []fault
	for _, f := range l.faults {
		if !f.matches(server, path, grant) {
			left = append(left, f)
			continue
		}
		taken = append(taken, f)
		if f.Times != 1 {
			f.Times = max(f.Times-1, 0)
			left = append(left, f)
		}
	}
	l.faults = left
	return taken
}

type idTokenFaultKey struct{}

func idTokenFault(ctx context.Context) string {
	kind, _ := ctx.Value(idTokenFaultKey{}).(string)
	return kind
}

const captivePortal = `<!DOCTYPE html>
<html><head><title>Guest Wi-Fi</title></head>
<body><h1>Welcome to the guest Wi-Fi</h1><p>Accept the terms of use to go online.</p></body></html>
`

// answer keeps a response until the faults have had their say.
type answer struct {
	header  http.Header
	status  int
	body    bytes.Buffer
	server  string
	path    string
	offset  time.Duration
	dropped bool
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(data []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(data)
}

// replace throws away what was written.
func (a *answer) replace(status int, contentType, body string) {
	a.status = status
	a.header.Set("Content-Type", contentType)
	a.body.Reset()
	a.body.WriteString(body)
}

// through processes the request, unless a fault answers in its place, and then
// lets the faults change the answer.
func (a *answer) through(faults []fault, next http.Handler, r *http.Request) {
	for _, f := range faults {
		switch f.Kind {
		case faultDelay:
			select {
			case <-time.After(time.Duration(f.DelayMillis) * time.Millisecond):
			case <-r.Context().Done():
			}
		case faultIDToken:
			r = r.WithContext(context.WithValue(r.Context(), idTokenFaultKey{}, f.IDToken))
		case faultDrop, faultDown:
			a.dropped = true
		case faultStatus:
			a.refuse(f)
		case faultNoDiscovery:
			a.replace(http.StatusNotFound, "text/plain; charset=utf-8", "Not Found\n")
		case faultCaptivePortal:
			a.replace(http.StatusOK, "text/html; charset=utf-8", captivePortal)
		case faultRedirect:
			a.header.Set("Location", f.Location)
			a.replace(http.StatusTemporaryRedirect, "text/plain; charset=utf-8", "")
		}
		if a.dropped || a.status != 0 {
			break
		}
	}
	if !a.dropped && a.status == 0 {
		next.ServeHTTP(a, r)
		a.WriteHeader(http.StatusOK)
	}
	for _, f := range faults {
		switch f.Kind {
		case faultDropAfter:
			a.dropped = true
		case faultDate:
			a.offset = time.Duration(f.OffsetSeconds) * time.Second
		case faultBody:
			status := a.status
			if f.Status != 0 {
				status = f.Status
			}
			a.replace(status, "application/json", f.Body)
		case faultOverlay:
			a.overlay(f.Fields)
		}
	}
}

func (a *answer) refuse(f fault) {
	if f.RetryAfter != "" {
		a.header.Set("Retry-After", f.RetryAfter)
	}
	code := f.Error
	if f.Status == http.StatusTooManyRequests {
		a.header.Set("X-Ratelimit-Limit", "100")
		a.header.Set("X-Ratelimit-Remaining", "0")
		a.header.Set("X-Ratelimit-Reset", strconv.FormatInt(time.Now().Add(a.offset).Unix()+1, 10))
		if code == "" {
			code = "too_many_requests"
		}
	}
	if code == "" {
		a.replace(f.Status, "text/plain; charset=utf-8", http.StatusText(f.Status)+"\n")
		return
	}
	body, _ := json.Marshal(map[string]string{"error": code, "error_description": "This fault was asked for."})
	a.replace(f.Status, "application/json", string(body))
}

func (a *answer) overlay(fields map[string]json.RawMessage) {
	var members map[string]json.RawMessage
	if json.Unmarshal(a.body.Bytes(), &members) != nil || members == nil {
		return
	}
	maps.Copy(members, fields)
	maps.DeleteFunc(members, func(_ string, value json.RawMessage) bool { return string(value) == "null" })
	body, err := json.Marshal(members)
	if err == nil {
		a.replace(a.status, "application/json", string(body))
	}
}

// shownStatus is the status that the client sees; 0 where it sees none.
func (a *answer) shownStatus() int {
	if a.dropped {
		return 0
	}
	return a.status
}

// oauthError is the "error" member of a JSON answer.
func (a *answer) oauthError() string {
	var body struct {
		Error string `json:"error"`
	}
	_ = json.Unmarshal(a.body.Bytes(), &body)
	return body.Error
}

// send writes the answer, or resets the connection.
func (a *answer) send(w http.ResponseWriter) {
	if a.dropped {
		reset(w)
		return
	}
	maps.Copy(w.Header(), a.header)
	w.Header().Set("Date", time.Now().Add(a.offset).UTC().Format(http.TimeFormat))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body.Bytes())
}

// reset ends the connection without a word. ErrAbortHandler does it where the
// connection itself cannot be had.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		// No time to linger: the peer gets a reset, not an orderly end.
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
