package oauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// These tests run over real sockets and real TLS on loopback: what net/http
// makes of a bad day is not ours to imagine.

// serve starts a plain server and a client whose issuer it is.
func serve(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return dial(t, server.URL, server.Client())
}

func dial(t *testing.T, issuer string, client *http.Client) *Client {
	t.Helper()
	c, err := New(Config{Issuer: issuer, ClientID: testClient, HTTP: client})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// refresh is one exchange with the secret that no error may show.
func refresh(t *testing.T, c *Client) *Fault {
	t.Helper()
	_, err := c.Refresh(t.Context(), oldRefresh)
	noSecrets(t, err)
	var fault *Fault
	if !errors.As(err, &fault) {
		t.Fatalf("err = %v, want a fault", err)
	}
	return fault
}

func TestRealUnknownAuthority(t *testing.T) {
	var reached atomic.Bool
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	server.Config.ErrorLog = quiet()
	server.StartTLS()
	defer server.Close()
	fault := refresh(t, dial(t, server.URL, nil)) // without the server's CA
	host := strings.TrimPrefix(server.URL, "https://")
	if fault.Kind != FaultCertificate || fault.Host != host || fault.CertificateIssuer != "O=Acme Co" {
		t.Errorf("got %+v", fault)
	}
	if reached.Load() {
		t.Error("a request was sent to a server that is not trusted")
	}
}

func TestRealTLSServerOfATrustedCA(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/oauth/device/code" {
			fmt.Fprint(w, deviceBody)
			return
		}
		http.NotFound(w, r)
	}))
	defer server.Close()
	c := dial(t, server.URL, server.Client())
	prompt(t, c)
	if offset, known := c.ClockOffset(); offset != 0 || !known {
		t.Errorf("ClockOffset() = %v, %v of a server with the same clock", offset, known)
	}
}

func TestRealPlainServerWhereTLSBelongs(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	c := dial(t, strings.Replace(server.URL, "http:", "https:", 1), nil)
	if fault := refresh(t, c); fault.Kind != FaultCaptivePortal {
		t.Errorf("got %+v", fault)
	}
}

func TestRealRefusedConnection(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	fault := refresh(t, dial(t, "http://"+address, nil))
	if fault.Kind != FaultUnreachable || fault.Host != address || fault.Status != 0 {
		t.Errorf("got %+v", fault)
	}
}

func TestRealResetInTheMiddle(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = conn.(*net.TCPConn).SetLinger(0) // close by RST
		conn.Close()
	})
	if fault := refresh(t, c); fault.Kind != FaultUnreachable {
		t.Errorf("got %+v", fault)
	}
}

func TestRealAnswersThatAreNotHTTP(t *testing.T) {
	for name, raw := range map[string]string{
		"no status line": "rt-secret-0\r\n\r\n",
		"no header":      "HTTP/1.1 200 OK\r\nrt-secret-0\r\n\r\n",
		"a wrong length": "HTTP/1.1 200 OK\r\nContent-Length: rt-secret-0\r\n\r\n",
		"a wrong coding": "HTTP/1.1 200 OK\r\nTransfer-Encoding: rt-secret-0\r\n\r\n",
		"a short body":   "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"a\":\"rt-secret-0\"",
		"a bad chunk":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nrt-secret-0\r\n",
		"false gzip":     "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 11\r\n\r\nrt-secret-0",
	} {
		t.Run(name, func(t *testing.T) {
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					http.NotFound(w, r)
					return
				}
				conn, buffer, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				_, _ = buffer.WriteString(raw)
				_ = buffer.Flush()
			})
			if fault := refresh(t, c); fault.Kind != FaultUnreachable {
				t.Errorf("got %+v", fault)
			}
		})
	}
}

func TestRealRedirectsAreNeverFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			var stolen atomic.Int32
			thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stolen.Add(1) }))
			defer thief.Close()
			c := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, thief.URL, status) })
			fault := refresh(t, c)
			if fault.Kind != FaultCaptivePortal || fault.Status != status {
				t.Errorf("got %+v", fault)
			}
			if _, err := c.RequestDeviceCode(t.Context()); err == nil {
				t.Error("the device request went through")
			}
			if err := c.Revoke(t.Context(), oldRefresh); err == nil {
				t.Error("the revocation went through")
			}
			if n := stolen.Load(); n != 0 {
				t.Errorf("%d requests were redirected", n)
			}
		})
	}
}

func TestRealEndlessBodyIsCutOff(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			http.NotFound(w, r)
			return
		}
		block := []byte(strings.Repeat("<p>", 10_000))
		for {
			if _, err := w.Write(block); err != nil {
				return // the client has hung up
			}
		}
	})
	if fault := refresh(t, c); fault.Kind != FaultCaptivePortal {
		t.Errorf("got %+v", fault)
	}
}

func TestRealHangingServerIsCancelled(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			http.NotFound(w, r)
			return
		}
		_ = r.ParseForm() // the server notices the end only once the body is read
		<-r.Context().Done()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.RequestDeviceCode(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("err = %v", err)
	}
}

func TestRealTimeOutOfTheTransportIsAFault(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		<-r.Context().Done()
	}))
	defer server.Close()
	c := dial(t, server.URL, &http.Client{Transport: &http.Transport{ResponseHeaderTimeout: 20 * time.Millisecond}})
	fault := refresh(t, c)
	if fault.Kind != FaultUnreachable || errors.Is(fault, context.DeadlineExceeded) {
		t.Errorf("got %+v", fault)
	}
}

func TestRealLoginAndRenewalOverSockets(t *testing.T) {
	s := newTenant(t)
	var polls atomic.Int32
	var issuer string
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"token_endpoint":%q,"jwks_uri":%q}`, issuer, issuer+"token", issuer+"keys")
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, s.jwks[0].body) })
	mux.HandleFunc("POST /oauth/device/code", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, device("interval", "1"))
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("grant_type") != "refresh_token" && polls.Add(1) == 1 {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, pendingBody)
			return
		}
		fmt.Fprint(w, s.grant(map[string]any{"id_token": s.idToken(func(m jwt.MapClaims) { m["iss"] = issuer })}))
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	issuer = server.URL + "/"
	c := dial(t, issuer, server.Client())
	// The interval is the server's to choose and 1 s the shortest, so this test
	// hands Poll a shorter one.
	code := prompt(t, c)
	code.Interval = time.Millisecond
	tokens, err := c.Poll(t.Context(), code, nil)
	if err != nil || tokens.Identity.Username != "alice" {
		t.Fatalf("Poll() = %+v, %v", tokens, err)
	}
	if tokens, err = c.Refresh(t.Context(), tokens.RefreshToken); err != nil || tokens.Identity.Username != "alice" {
		t.Fatalf("Refresh() = %+v, %v", tokens, err)
	}
}

func TestRedactionKnowsEveryFormOfASecret(t *testing.T) {
	form := url.Values{"refresh_token": {"short"}, "client_id": {"client-1"}}
	long := strings.Repeat("aB3_", 10)
	for text, want := range map[string]string{
		"the token short is bad":        "the token [redacted] is bad",
		"the token " + long + " is bad": "the token [redacted] is bad",
		"client client-1 is unknown":    "client client-1 is unknown",
	} {
		if got := redact(text, form, 100); got != want {
			t.Errorf("redact(%q) = %q", text, got)
		}
	}
	if got := redact(secret.Redacted, form, 100); got != secret.Redacted {
		t.Errorf("got %q", got)
	}
}

// quiet swallows the server's own report of the handshake that must fail.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
