package authcore

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpproxy"

	"github.com/bitfount/bitfount-tray/authcore/oauth"
)

// NetworkOptions say how to get out of a network such as a hospital's. The zero
// value does what the environment variables and the system's settings say.
type NetworkOptions struct {
	// Proxy is the URL of a proxy for everything, with user name and password
	// in it where it asks for them: http, https or socks5. If it is empty, the
	// variables HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY apply, and if
	// none of the first three is set, the system's settings, with NO_PROXY added
	// to their exceptions.
	Proxy string
	// NoProxy lists hosts that are reached without Proxy, in the form of the
	// variable NO_PROXY: "intranet.example, .example.org, 10.0.0.0/8". If it is
	// empty, that variable applies.
	NoProxy string
	// CABundle is the path of a PEM file with certificates that are trusted
	// besides the system's, such as that of a proxy that inspects traffic.
	CABundle string
}

// Time limits of a connection. An attempt of a Session may take 20 s; half of
// that for each of the two things that come before the first byte leaves room
// for a second address of the host.
const (
	dialTimeLimit = 10 * time.Second
	// tlsTimeLimit is also net/http.DefaultTransport's.
	tlsTimeLimit = 10 * time.Second
	// idleTimeLimit is under the 2 to 4 minutes after which common firewalls
	// forget a connection without saying so. It is DefaultTransport's, too.
	idleTimeLimit = 90 * time.Second
	// pingAfter and pingTimeLimit find an HTTP/2 connection that died while
	// the computer slept, before a request waits for it in vain.
	pingAfter     = 15 * time.Second
	pingTimeLimit = 5 * time.Second
	// systemProxyLife is how long the system's settings are believed: a laptop
	// moves between networks, and asking can mean to start a program.
	systemProxyLife = time.Minute
)

// NewTransport makes an HTTP transport (HTTP/1.1 and HTTP/2) with proxies and
// additional CAs. It is an error if the proxy's URL is not one, or if the CA
// bundle cannot be read or holds no certificate. No error repeats the proxy's
// password.
//
// Proxy auto-configuration files (PAC) are not evaluated, and a proxy's
// password is sent as Basic authentication (RFC 7617) only: where the system
// asks for more, name a proxy.
func NewTransport(o NetworkOptions) (*http.Transport, error) {
	proxy, err := o.proxy()
	if err != nil {
		return nil, err
	}
	roots, err := o.roots()
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: dialTimeLimit}
	return &http.Transport{
		Proxy:                 proxy,
		DialContext:           dialer.DialContext,
		TLSClientConfig:       &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   tlsTimeLimit,
		IdleConnTimeout:       idleTimeLimit,
		ExpectContinueTimeout: time.Second,
		MaxIdleConnsPerHost:   4, // three services and the issuer, few requests
		// A transport with a dialer of its own is HTTP/1.1 otherwise.
		ForceAttemptHTTP2: true,
		HTTP2:             &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeLimit},
		OnProxyConnectResponse: func(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
			if answer.StatusCode != http.StatusOK {
				return &oauth.ProxyError{Proxy: proxy.Host, Status: answer.Status}
			}
			return nil
		},
	}, nil
}

// proxy answers which proxy a request goes through, nil for none.
func (o NetworkOptions) proxy() (func(*http.Request) (*url.URL, error), error) {
	environment := environmentProxy()
	if o.Proxy != "" {
		c := &httpproxy.Config{HTTPProxy: o.Proxy, HTTPSProxy: o.Proxy, NoProxy: o.NoProxy}
		if c.NoProxy == "" {
			c.NoProxy = environment.NoProxy
		}
		return proxyFunc(c, "the proxy in the settings")
	}
	if environment.HTTPProxy != "" || environment.HTTPSProxy != "" {
		return proxyFunc(environment, "the proxy in the environment variable HTTPS_PROXY, HTTP_PROXY or ALL_PROXY")
	}
	return systemProxyFunc(func() httpproxy.Config {
		c := systemProxy()
		c.NoProxy = strings.Trim(c.NoProxy+","+environment.NoProxy, ",")
		return c
	}), nil
}

// environmentProxy is what the environment variables say. ALL_PROXY, which curl
// and Bitfount's SDK know too, counts where the others are not set.
func environmentProxy() *httpproxy.Config {
	c := httpproxy.FromEnvironment()
	all := os.Getenv("ALL_PROXY")
	if all == "" {
		all = os.Getenv("all_proxy")
	}
	if c.HTTPSProxy == "" {
		c.HTTPSProxy = all
	}
	if c.HTTPProxy == "" {
		c.HTTPProxy = all
	}
	return c
}

// proxyFunc refuses what is no proxy now, rather than with every request. The
// cause is left out, since it would quote the URL with its password.
func proxyFunc(c *httpproxy.Config, what string) (func(*http.Request) (*url.URL, error), error) {
	for _, raw := range []string{c.HTTPProxy, c.HTTPSProxy} {
		if raw != "" && !validProxy(raw) {
			return nil, fmt.Errorf("%s is not of the form http://host:port or http://user:password@host:port", what)
		}
	}
	choose := c.ProxyFunc()
	return func(r *http.Request) (*url.URL, error) { return choose(r.URL) }, nil
}

// validProxy also accepts "host:port", as the environment variables have it.
func validProxy(raw string) bool {
	if !strings.Contains(raw, "://") {
		raw = "http://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" {
		return false
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
		return true
	}
	return false
}

// systemProxyFunc asks the system at most once in systemProxyLife. Settings
// that cannot be read or understood mean no proxy.
func systemProxyFunc(ask func() httpproxy.Config) func(*http.Request) (*url.URL, error) {
	var (
		mu     sync.Mutex
		asked  time.Time
		choose func(*url.URL) (*url.URL, error)
	)
	return func(r *http.Request) (*url.URL, error) {
		mu.Lock()
		defer mu.Unlock()
		if now := time.Now().Round(0); choose == nil || now.Sub(asked).Abs() > systemProxyLife {
			c := ask()
			if !validProxy(c.HTTPProxy) {
				c.HTTPProxy = ""
			}
			if !validProxy(c.HTTPSProxy) {
				c.HTTPSProxy = ""
			}
			choose, asked = c.ProxyFunc(), now
		}
		return choose(r.URL)
	}
}

// roots is nil, which means the system's, unless there is a bundle.
func (o NetworkOptions) roots() (*x509.CertPool, error) {
	if o.CABundle == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(o.CABundle)
	if err != nil {
		return nil, fmt.Errorf("the CA bundle cannot be read: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		// No system pool: the bundle alone is still better than nothing.
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("the CA bundle %s holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)", o.CABundle)
	}
	return pool, nil
}

// certificateFault is the fault of a server (or of something in between) whose
// certificate was refused, or nil if err is another.
func certificateFault(host string, err error) *oauth.Fault {
	refused, ok := errors.AsType[*tls.CertificateVerificationError](err)
	if !ok {
		return nil
	}
	f := &oauth.Fault{Kind: oauth.FaultCertificate, Host: host, Err: refused}
	if chain := refused.UnverifiedCertificates; len(chain) > 0 {
		f.CertificateIssuer = chain[0].Issuer.CommonName
		if f.CertificateIssuer == "" {
			f.CertificateIssuer = chain[0].Issuer.String()
		}
	}
	return f
}

// proxyURL joins what systems keep apart. An empty host gives "".
func proxyURL(scheme, host, port string) string {
	host = strings.TrimSpace(host)
	if host == "" {
		return ""
	}
	if port != "" && port != "0" {
		host = net.JoinHostPort(strings.Trim(host, "[]"), port)
	}
	return scheme + "://" + host
}
