package authcore

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/oauth"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// pipeNetwork is a network in memory, so that real HTTP servers and clients
// can run in a synctest bubble. Hosts are "host:port".
type pipeNetwork struct {
	mu     sync.Mutex
	hosts  map[string]chan net.Conn
	dialed []string
}

func newPipeNetwork() *pipeNetwork { return &pipeNetwork{hosts: map[string]chan net.Conn{}} }

func (n *pipeNetwork) dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	n.dialed = append(n.dialed, address)
	host := n.hosts[address]
	n.mu.Unlock()
	if host == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	}
	client, server := net.Pipe()
	select {
	case host <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (n *pipeNetwork) count(address string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(n.dialed), func(d string) bool { return d != address }))
}

// serve runs a server at that address until the test ends.
func (n *pipeNetwork) serve(t *testing.T, address string, h http.HandlerFunc) {
	l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	n.mu.Lock()
	n.hosts[address] = l.conns
	n.mu.Unlock()
	server := &http.Server{Handler: h}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close(); <-ended })
}

type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

// sessionBench is a session for the dev environment on a network in memory.
type sessionBench struct {
	network *pipeNetwork
	session *Session
	client  *http.Client
}

func newSessionBench(t *testing.T, h Handler) *sessionBench {
	n := newPipeNetwork()
	transport := &http.Transport{DialContext: n.dial}
	t.Cleanup(transport.CloseIdleConnections)
	s := must(NewSession(h, must(EnvironmentByName("dev")), transport))
	return &sessionBench{n, s, s.Client()}
}

const (
	devHub = "localhost:3000"
	devAM  = "localhost:3001"
)

// externalWith makes a handler that gets its tokens from answers.
func externalWith(answers ...scriptedAnswer) (*ExternallyManagedJWTHandler, *scriptedSource) {
	source := &scriptedSource{answers: answers}
	return must(NewExternallyManagedJWTHandler(secret.Secret{}, time.Time{}, source.getToken, "ada")), source
}

func (b *sessionBench) get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := b.client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// credentialsOf are the names of the credentials that a request carries.
func credentialsOf(r *http.Request) []string {
	var names []string
	for _, name := range []string{"Authorization", "X-Api-Key-Id", "X-Api-Key", "Token"} {
		if v := r.Header.Get(name); v != "" {
			names = append(names, name+"="+v)
		}
	}
	return names
}

func TestHeadersGoToTheExactOriginsOnly(t *testing.T) {
	handler := must(NewAPIKeysHandler(secret.New("id:2"), secret.New("key:2"), "ada"))
	production := must(EnvironmentByName("production"))
	custom := production
	custom.HubURL, custom.AccessManagerURL = "https://Hub.Example.org:8443/base", "https://am.example.org:443"
	const hub, am, none = "X-Api-Key-Id=id X-Api-Key=key", "X-Api-Key-Id=id:2 X-Api-Key=key:2", ""
	for _, c := range []struct {
		env  Environment
		url  string
		want string
	}{
		{production, "https://hub.bitfount.com/api/x?y", hub},
		{production, "https://hub.bitfount.com", hub},
		{production, "https://hub.bitfount.com:443/", hub},
		{production, "HTTPS://HUB.Bitfount.COM/", hub},
		{production, "https://user:pw@hub.bitfount.com/", hub},
		{production, "https://am.hub.bitfount.com/api", am},
		{production, "http://hub.bitfount.com/", none},
		{production, "http://hub.bitfount.com:443/", none},
		{production, "https://hub.bitfount.com:8443/", none},
		{production, "https://hub.bitfount.com.evil.example/", none},
		{production, "https://hub.bitfount.com@evil.example/", none},
		{production, "https://evil.example/https://hub.bitfount.com/", none},
		{production, "https://evil.example#hub.bitfount.com", none},
		{production, "https://xhub.bitfount.com/", none},
		{production, "https://x.hub.bitfount.com/", none},
		{production, "https://bitfount.com/", none},
		{production, "https://hub.bitfount.com./", none},
		{production, "https://auth.bitfount.com/oauth/token", none},
		{production, "https://hub.staging.bitfount.com/", none},
		{production, "http://localhost:3000/", none},
		{must(EnvironmentByName("staging")), "https://hub.staging.bitfount.com/", hub},
		{must(EnvironmentByName("sandbox")), "https://am.hub.sandbox.bitfount.com/", am},
		{must(EnvironmentByName("dev")), "http://localhost:3000/", hub},
		{must(EnvironmentByName("dev")), "http://localhost:3001/", am},
		{must(EnvironmentByName("dev")), "http://localhost:3002/", none},
		{must(EnvironmentByName("dev")), "http://127.0.0.1:3000/", none},
		{must(EnvironmentByName("dev")), "https://localhost:3000/", none},
		{must(EnvironmentByName("dev")), "https://hub.bitfount.com/", none},
		{custom, "https://hub.example.org:8443/elsewhere", hub},
		{custom, "https://hub.example.org/base", none},
		{custom, "https://am.example.org/", am},
	} {
		var got *http.Request
		session := must(NewSession(handler, c.env, roundTripFunc(func(r *http.Request) (*http.Response, error) {
			got = r
			return &http.Response{StatusCode: 200, Body: http.NoBody, Header: http.Header{}, Request: r}, nil
		})))
		r := must(http.NewRequest(http.MethodGet, c.url, nil))
		resp, err := session.RoundTrip(r)
		if err != nil {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		_ = resp.Body.Close()
		if have := strings.Join(credentialsOf(got), " "); have != c.want {
			t.Errorf("%s, %s: carries %q, want %q", c.env.Name, c.url, have, c.want)
		}
		if ours := got.Header.Get("User-Agent") == UserAgent(); ours != (c.want != none) {
			t.Errorf("%s: user-agent %q", c.url, got.Header.Get("User-Agent"))
		}
		if len(r.Header) > 0 || len(resp.Request.Header) > 0 && c.want != none {
			t.Errorf("%s: the caller's request or response shows headers", c.url)
		}
	}
}

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestRedirectsCarryNoHeadersElsewhere(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, target := range []string{
			"http://elsewhere.example/", "http://sub.localhost:3000/", "http://localhost:3002/", "http://localhost/", "http://LOCALHOST:3002/",
		} {
			t.Run(fmt.Sprintf("%d to %s", status, target), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := newSessionBench(t, must(NewAPIKeysHandler(secret.New("id:2"), secret.New("key:2"), "ada")))
					b.network.serve(t, devHub, func(w http.ResponseWriter, r *http.Request) {
						if len(credentialsOf(r)) != 2 {
							t.Error("the Hub gets no headers")
						}
						http.Redirect(w, r, target, status)
					})
					reached := 0
					elsewhere := func(_ http.ResponseWriter, r *http.Request) {
						reached++
						if got := credentialsOf(r); len(got) > 0 || r.Header.Get("User-Agent") == UserAgent() {
							t.Errorf("%s gets %v", r.Host, r.Header)
						}
					}
					for _, address := range []string{"elsewhere.example:80", "sub.localhost:3000", "localhost:3002", "localhost:80", "LOCALHOST:3002"} {
						b.network.serve(t, address, elsewhere)
					}
					resp, err := b.client.Post("http://"+devHub+"/x", "text/plain", strings.NewReader("body"))
					if err != nil {
						t.Fatal(err)
					}
					_ = resp.Body.Close()
					if reached != 1 {
						t.Errorf("reached %d times", reached)
					}
				})
			})
		}
	}
}

func TestARedirectToTheAccessManagerGetsItsOwnHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSessionBench(t, must(NewAPIKeysHandler(secret.New("id:2"), secret.New("key:2"), "ada")))
		b.network.serve(t, devHub, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://"+devAM+"/", http.StatusFound)
		})
		b.network.serve(t, devAM, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, credentialsOf(r)) })
		if _, got := b.get(t, "http://"+devHub+"/"); got != "[X-Api-Key-Id=id:2 X-Api-Key=key:2]" {
			t.Errorf("the Access Manager gets %s", got)
		}
	})
}

func TestTheSessionAuthenticatesBeforeARequestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler, source := externalWith(scriptedAnswer{"one", time.Hour, nil}, scriptedAnswer{"two", time.Hour, nil})
		b := newSessionBench(t, handler)
		b.network.serve(t, devHub, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, credentialsOf(r)) })
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if _, got := b.get(t, "http://"+devHub+"/"); got != "[Authorization=Bearer one]" {
					t.Errorf("the Hub gets %s", got)
				}
			})
		}
		all.Wait()
		if len(source.asked) != 1 {
			t.Errorf("the source was asked %d times", len(source.asked))
		}
		time.Sleep(59 * time.Minute) // one minute left: no longer authenticated
		if _, got := b.get(t, "http://"+devHub+"/"); got != "[Authorization=Bearer two]" {
			t.Errorf("an hour later the Hub gets %s", got)
		}
	})
}

func TestAFailedAuthenticationSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fault := errors.New("no smart card")
		handler, _ := externalWith(scriptedAnswer{"", 0, fault})
		b := newSessionBench(t, handler)
		body := &closeRecorder{Reader: strings.NewReader("x")}
		_, err := b.client.Post("http://"+devHub+"/", "text/plain", body)
		if !errors.Is(err, fault) {
			t.Errorf("the error is %v", err)
		}
		if b.network.count(devHub) != 0 || !body.closed {
			t.Errorf("dialed %d times; body closed: %v", b.network.count(devHub), body.closed)
		}
	})
}

type closeRecorder struct {
	io.Reader
	closed bool
}

func (c *closeRecorder) Close() error { c.closed = true; return nil }

func TestAWaitingCallerCanLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := func(ctx context.Context) (secret.Secret, time.Time, error) {
			<-ctx.Done()
			return secret.Secret{}, time.Time{}, ctx.Err()
		}
		b := newSessionBench(t, must(NewExternallyManagedJWTHandler(secret.Secret{}, time.Time{}, hang, "ada")))
		start := time.Now()
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() {
				patience := time.Duration(i+1) * time.Second
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				r := must(http.NewRequestWithContext(ctx, http.MethodGet, "http://"+devHub+"/", nil))
				_, err := b.client.Do(r)
				if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != patience {
					t.Errorf("caller %d left with %v after %v", i, err, time.Since(start))
				}
			})
		}
		all.Wait()
	})
}

func TestRefusedTokensAreReplacedOnce(t *testing.T) {
	for name, c := range map[string]struct {
		answers []scriptedAnswer // after the first
		body    io.Reader
		method  string
		status  int
		got     string
		asked   int
	}{
		"GET":                     {[]scriptedAnswer{{"good", time.Hour, nil}}, nil, "GET", 200, "", 2},
		"POST, body sent again":   {[]scriptedAnswer{{"good", time.Hour, nil}}, strings.NewReader("body"), "POST", 200, "body", 2},
		"POST, body not repeated": {[]scriptedAnswer{{"good", time.Hour, nil}}, io.MultiReader(strings.NewReader("body")), "POST", 401, "refused", 1},
		"new one is refused, too": {[]scriptedAnswer{{"bad again", time.Hour, nil}}, nil, "GET", 401, "refused", 2},
		"source has no other":     {[]scriptedAnswer{{"bad", time.Hour, nil}}, nil, "GET", 401, "refused", 2},
		"source fails":            {[]scriptedAnswer{{"", 0, errors.New("down")}}, nil, "GET", 401, "refused", 2},
		"source has an old one":   {[]scriptedAnswer{{"old", time.Second, nil}}, nil, "GET", 401, "refused", 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				handler, source := externalWith(append([]scriptedAnswer{{"bad", time.Hour, nil}}, c.answers...)...)
				b := newSessionBench(t, handler)
				b.network.serve(t, devHub, func(w http.ResponseWriter, r *http.Request) {
					if r.Header.Get("Authorization") != "Bearer good" {
						w.WriteHeader(http.StatusUnauthorized)
						fmt.Fprint(w, "refused")
						return
					}
					_, _ = io.Copy(w, r.Body)
				})
				resp, err := b.client.Do(must(http.NewRequestWithContext(t.Context(), c.method, "http://"+devHub+"/", c.body)))
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				body, _ := io.ReadAll(resp.Body)
				if resp.StatusCode != c.status || string(body) != c.got || len(source.asked) != c.asked {
					t.Errorf("status %d, body %q, source asked %d times; want %d, %q, %d",
						resp.StatusCode, body, len(source.asked), c.status, c.got, c.asked)
				}
			})
		})
	}
}

func TestManyRefusalsOfOneTokenAskForAnotherOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler, source := externalWith(scriptedAnswer{"bad", time.Hour, nil}, scriptedAnswer{"good", time.Hour, nil}, scriptedAnswer{"too many", time.Hour, nil})
		b := newSessionBench(t, handler)
		b.network.serve(t, devHub, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer good" {
				w.WriteHeader(http.StatusUnauthorized)
			}
		})
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if status, _ := b.get(t, "http://"+devHub+"/"); status != http.StatusOK {
					t.Errorf("status %d", status)
				}
			})
		}
		all.Wait()
		if len(source.asked) != 2 {
			t.Errorf("the source was asked %d times", len(source.asked))
		}
	})
}

func TestRefusedAPIKeysAreNotSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSessionBench(t, must(NewAPIKeysHandler(secret.New("id"), secret.New("key"), "ada")))
		requests := 0
		b.network.serve(t, devHub, func(w http.ResponseWriter, _ *http.Request) { requests++; w.WriteHeader(401) })
		if status, _ := b.get(t, "http://"+devHub+"/"); status != 401 || requests != 1 {
			t.Errorf("status %d after %d requests", status, requests)
		}
	})
}

func TestPassingFaultsAreRetried(t *testing.T) {
	keys := must(NewAPIKeysHandler(secret.New("id"), secret.New("key"), "ada"))
	again := func(status int) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { w.WriteHeader(status) }
	}
	hangUp := func(w http.ResponseWriter) { panic(http.ErrAbortHandler) }
	busy := func(after string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { w.Header().Set("Retry-After", after); w.WriteHeader(503) }
	}
	for name, c := range map[string]struct {
		method   string
		key      string // Idempotency-Key
		body     io.Reader
		faults   int // how many requests fail
		fault    func(http.ResponseWriter)
		status   int // 0: an error
		requests int
		least    time.Duration
		most     time.Duration
	}{
		"404 once":             {"GET", "", nil, 1, again(404), 200, 2, 500 * time.Millisecond, 750 * time.Millisecond},
		"500 twice":            {"GET", "", nil, 2, again(500), 200, 3, 1500 * time.Millisecond, 2250 * time.Millisecond},
		"502 three times":      {"HEAD", "", nil, 3, again(502), 200, 4, 3500 * time.Millisecond, 5250 * time.Millisecond},
		"503 for ever":         {"GET", "", nil, 99, again(503), 503, 4, 3500 * time.Millisecond, 5250 * time.Millisecond},
		"504 once":             {"DELETE", "", nil, 1, again(504), 200, 2, 500 * time.Millisecond, 750 * time.Millisecond},
		"hang-up once":         {"GET", "", nil, 1, hangUp, 200, 2, 500 * time.Millisecond, 750 * time.Millisecond},
		"hang-up for ever":     {"GET", "", nil, 99, hangUp, 0, 4, 3500 * time.Millisecond, 5250 * time.Millisecond},
		"PUT with a body":      {"PUT", "", strings.NewReader("body"), 1, again(500), 200, 2, 500 * time.Millisecond, 750 * time.Millisecond},
		"PUT, body once":       {"PUT", "", io.MultiReader(strings.NewReader("body")), 1, again(500), 500, 1, 0, 0},
		"POST":                 {"POST", "", strings.NewReader("body"), 1, again(500), 500, 1, 0, 0},
		"POST, idempotent":     {"POST", "k", strings.NewReader("body"), 1, again(500), 200, 2, 500 * time.Millisecond, 750 * time.Millisecond},
		"POST, hang-up":        {"POST", "", strings.NewReader("body"), 1, hangUp, 0, 1, 0, 0},
		"PATCH":                {"PATCH", "", strings.NewReader("body"), 1, again(503), 503, 1, 0, 0},
		"400":                  {"GET", "", nil, 1, again(400), 400, 1, 0, 0},
		"403":                  {"GET", "", nil, 1, again(403), 403, 1, 0, 0},
		"501":                  {"GET", "", nil, 1, again(501), 501, 1, 0, 0},
		"Retry-After in s":     {"GET", "", nil, 1, busy("7"), 200, 2, 7 * time.Second, 7 * time.Second},
		"Retry-After a date":   {"GET", "", nil, 1, busy("Sat, 01 Jan 2000 00:00:09 GMT"), 200, 2, 9 * time.Second, 9 * time.Second},
		"Retry-After too long": {"GET", "", nil, 1, busy("3600"), 503, 1, 0, 0},
		"Retry-After nonsense": {"GET", "", nil, 1, busy("soon"), 200, 2, 500 * time.Millisecond, 750 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newSessionBench(t, keys)
				requests := 0
				b.network.serve(t, devHub, func(w http.ResponseWriter, r *http.Request) {
					body, _ := io.ReadAll(r.Body)
					if c.body != nil && string(body) != "body" || len(credentialsOf(r)) != 2 {
						t.Errorf("request %d has body %q and %v", requests, body, credentialsOf(r))
					}
					if requests++; requests <= c.faults {
						c.fault(w)
					}
				})
				r := must(http.NewRequestWithContext(t.Context(), c.method, "http://"+devHub+"/", c.body))
				if c.key != "" {
					r.Header.Set("Idempotency-Key", c.key)
				}
				start := time.Now()
				resp, err := b.client.Do(r)
				took := time.Since(start)
				status := 0
				if err == nil {
					status = resp.StatusCode
					_ = resp.Body.Close()
				}
				if status != c.status || requests != c.requests {
					t.Errorf("status %d (%v) after %d requests, want %d after %d", status, err, requests, c.status, c.requests)
				}
				if took < c.least || took > c.most {
					t.Errorf("took %v, want %v to %v", took, c.least, c.most)
				}
			})
		})
	}
}

func TestRetriesEndWithTheCallersPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSessionBench(t, must(NewAPIKeysHandler(secret.New("id"), secret.New("key"), "ada")))
		b.network.serve(t, devHub, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		resp, err := b.client.Do(must(http.NewRequestWithContext(ctx, http.MethodGet, "http://"+devHub+"/", nil)))
		if err != nil || resp.StatusCode != 503 {
			t.Fatalf("the last answer is lost: %v", err)
		}
		_ = resp.Body.Close()

		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		_, err = b.client.Do(must(http.NewRequestWithContext(ctx, http.MethodGet, "http://"+devHub+"/", nil)))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled request: %v", err)
		}
	})
}

func TestSilenceEndsAnAttemptAndWorkDoesNot(t *testing.T) {
	keys := must(NewAPIKeysHandler(secret.New("id"), secret.New("key"), "ada"))
	post := func(t *testing.T, b *sessionBench, body io.Reader) (string, error) {
		resp, err := b.client.Do(must(http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+devHub+"/", body)))
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		// The caller's own time does not count.
		time.Sleep(time.Minute)
		data, err := io.ReadAll(resp.Body)
		return string(data), err
	}
	for name, c := range map[string]struct {
		server func(w http.ResponseWriter, r *http.Request)
		body   io.Reader
		want   string
		err    error
		took   time.Duration
	}{
		"no answer": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, nil, "", errSilence, 20 * time.Second},
		"an answer after 19 s": {func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(19 * time.Second)
			fmt.Fprint(w, "late")
		}, nil, "late", nil, 79 * time.Second},
		"a slow answer": {func(w http.ResponseWriter, _ *http.Request) {
			for range 5 {
				fmt.Fprint(w, "x")
				_ = http.NewResponseController(w).Flush()
				time.Sleep(15 * time.Second)
			}
		}, nil, "xxxxx", nil, 120 * time.Second}, // the network in memory holds no byte for the sleeping caller
		"an answer that stops": {func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "x")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, nil, "x", errSilence, 80 * time.Second},
		"a slow upload": {func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) },
			&slowReader{parts: 5, pause: 15 * time.Second}, "xxxxx", nil, 135 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newSessionBench(t, keys)
				b.network.serve(t, devHub, c.server)
				start := time.Now()
				got, err := post(t, b, c.body)
				if got != c.want || !errors.Is(err, c.err) || time.Since(start) != c.took {
					t.Errorf("%q, %v after %v; want %q, %v after %v", got, err, time.Since(start), c.want, c.err, c.took)
				}
			})
		})
	}
}

// slowReader gives one byte after each pause.
type slowReader struct {
	parts int
	pause time.Duration
}

func (r *slowReader) Read(p []byte) (int, error) {
	if r.parts == 0 {
		return 0, io.EOF
	}
	r.parts--
	time.Sleep(r.pause)
	return copy(p, "x"), nil
}

func TestAnUntrustedCertificateIsNamedAndNotRetried(t *testing.T) {
	var requests atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	env := must(EnvironmentByName("production"))
	env.HubURL = server.URL
	keys := must(NewAPIKeysHandler(secret.New("id"), secret.New("key"), "ada"))

	session := must(NewSession(keys, env, must(NewTransport(NetworkOptions{}))))
	_, err := session.Client().Get(server.URL)
	fault, ok := errors.AsType[*oauth.Fault](err)
	if !ok || fault.Kind != oauth.FaultCertificate || fault.Host != "127.0.0.1" || fault.CertificateIssuer != "O=Acme Co" {
		t.Errorf("the error is %v", err)
	}

	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	session = must(NewSession(keys, env, &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}))
	resp, err := session.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests arrived", n)
	}
}

func TestSessionsThatCannotWorkAreRefused(t *testing.T) {
	keys := must(NewAPIKeysHandler(secret.New("id"), secret.New("key"), "ada"))
	env := must(EnvironmentByName("production"))
	env.HubURL = "http://hub.bitfount.com"
	if _, err := NewSession(keys, env, nil); err == nil {
		t.Error("accepted a Hub over plain http")
	}
	env.HubURL = env.AccessManagerURL + ":443/hub"
	if _, err := NewSession(keys, env, nil); err == nil || !strings.Contains(err.Error(), "same origin") {
		t.Errorf("one origin for two services: %v", err)
	}
	issuer := newFakeIssuer()
	device := must(newConformanceDevice(t, issuer, AnyUser, nil))
	if _, err := NewSession(device, Environments[0], nil); err == nil || !strings.Contains(err.Error(), `"test"`) || !strings.Contains(err.Error(), `"production"`) {
		t.Errorf("a handler of another environment: %v", err)
	}
	elsewhere := issuer.environment()
	elsewhere.AccessManagerURL = "https://elsewhere.example"
	if _, err := NewSession(device, elsewhere, nil); err == nil {
		t.Error("a token may go to an Access Manager that is not its environment's")
	}
	if _, err := NewSession(device, issuer.environment(), nil); err != nil {
		t.Errorf("its own environment: %v", err)
	}
	if _, err := NewSession(keys, Environments[0], nil); err != nil {
		t.Errorf("without a transport: %v", err)
	}
}

func TestABodyThatCannotBeMadeAgainIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSessionBench(t, must(NewAPIKeysHandler(secret.New("id"), secret.New("key"), "ada")))
		b.network.serve(t, devHub, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) })
		r := must(http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+devHub+"/", bytes.NewReader([]byte("x"))))
		gone := errors.New("the file is gone")
		r.GetBody = func() (io.ReadCloser, error) { return nil, gone }
		if _, err := b.client.Do(r); !errors.Is(err, gone) {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestTokenSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := must(EnvironmentByName("dev"))
		handler, source := externalWith(scriptedAnswer{"one", time.Hour, nil}, scriptedAnswer{"two", time.Hour, nil})
		tokens := must(NewSession(handler, env, nil)).TokenSource(t.Context())
		reused := oauth2.ReuseTokenSource(nil, tokens)
		end := time.Now().Add(time.Hour)
		for range 3 {
			token, err := reused.Token()
			if err != nil || token.AccessToken != "one" || token.Type() != "Bearer" || !token.Expiry.Equal(end) {
				t.Fatalf("a token until %v, %v", token.Expiry, err)
			}
		}
		time.Sleep(time.Hour)
		if token, err := reused.Token(); err != nil || token.AccessToken != "two" || len(source.asked) != 2 {
			t.Errorf("an hour later: %v, asked %d times", err, len(source.asked))
		}

		exp := time.Now().Add(10 * time.Minute).Truncate(time.Second)
		for token, want := range map[string]time.Time{
			jwtWith(jwt.MapClaims{"exp": exp.Unix()}): exp,
			"opaque": time.Now().Add(time.Minute),
		} {
			got, err := must(NewSession(handlerWithoutExpiry{token}, env, nil)).TokenSource(t.Context()).Token()
			if err != nil || !got.Expiry.Equal(want) {
				t.Errorf("without a handler that tells: until %v, want %v, %v", got.Expiry, want, err)
			}
		}

		keys := must(NewAPIKeysHandler(secret.New("id"), secret.New("key"), "ada"))
		if _, err := must(NewSession(keys, env, nil)).TokenSource(t.Context()).Token(); err == nil {
			t.Error("API keys are an OAuth token")
		}
		down, _ := externalWith(scriptedAnswer{"", 0, errors.New("down")})
		if _, err := must(NewSession(down, env, nil)).TokenSource(t.Context()).Token(); err == nil {
			t.Error("a token of a source that is down")
		}
	})
}

// handlerWithoutExpiry is a handler of somebody else's making.
type handlerWithoutExpiry struct{ token string }

func (h handlerWithoutExpiry) HubHeaders(context.Context) ([]export.Header, error) {
	return bearerHeaders(export.Hub, secret.New(h.token), "x"), nil
}
func (h handlerWithoutExpiry) AccessManagerHeaders(ctx context.Context) ([]export.Header, error) {
	return h.HubHeaders(ctx)
}
func (h handlerWithoutExpiry) MessageServiceMetadata(context.Context) ([]export.Header, error) {
	return nil, errors.New("none")
}
func (handlerWithoutExpiry) Authenticated() bool                { return true }
func (handlerWithoutExpiry) Username() string                   { return "ada" }
func (handlerWithoutExpiry) Authenticate(context.Context) error { return nil }

func TestMessageServiceCredentials(t *testing.T) {
	keys := must(NewAPIKeysHandler(secret.New("id:2"), secret.New("key:2"), "ada"))
	production := must(NewSession(keys, Environments[0], nil)).MessageServiceCredentials()
	if !production.RequireTransportSecurity() {
		t.Error("production credentials may travel in the clear")
	}
	metadata, err := production.GetRequestMetadata(t.Context(), "https://messaging.bitfount.com/service")
	if err != nil {
		t.Fatal(err)
	}
	wantSent(t, metadata, map[string]string{"x-api-key-id": "id", "x-api-key": "key"})

	dev := must(NewSession(keys, must(EnvironmentByName("dev")), nil)).MessageServiceCredentials()
	if dev.RequireTransportSecurity() {
		t.Error("the dev environment needs TLS")
	}
	for uri, ok := range map[string]bool{
		"https://localhost:5000/service": true, "https://127.0.0.1:5000/service": true, "https://[::1]:5000/x": true,
		"https://example.org/service": false, "https://localhost.example.org/service": false, "https://10.0.0.1/x": false, "://": false,
	} {
		if _, err := dev.GetRequestMetadata(t.Context(), uri); (err == nil) != ok {
			t.Errorf("%s: %v", uri, err)
		}
	}
	if _, err := must(NewSession(handlerWithoutExpiry{"t"}, Environments[0], nil)).MessageServiceCredentials().GetRequestMetadata(t.Context()); err == nil {
		t.Error("no error without metadata")
	}
}

func TestOriginsAreParsedNotCompared(t *testing.T) {
	for a, b := range map[string]string{
		"https://h/":     "https://H:443/x",
		"http://h":       "http://h:80",
		"https://[::1]/": "https://[::1]:443/",
	} {
		if x, y := originOf(must(url.Parse(a))), originOf(must(url.Parse(b))); x != y {
			t.Errorf("%v and %v differ", x, y)
		}
	}
}
