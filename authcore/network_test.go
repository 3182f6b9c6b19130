package authcore

import (
	"bufio"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http/httpproxy"

	"github.com/bitfount/bitfount-tray/authcore/oauth"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// connectProxy is a proxy that asks for a password and leads every host to
// one server.
type connectProxy struct {
	*httptest.Server
	target string
	user   string // "user:password"; empty asks for nothing

	mu    sync.Mutex
	asked []string
}

func newConnectProxy(t *testing.T, target, user string) *connectProxy {
	p := &connectProxy{target: target, user: user}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *connectProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Method+" "+r.Host)
	p.mu.Unlock()
	if p.user != "" && r.Header.Get("Proxy-Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte(p.user)) {
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	if r.Method != http.MethodConnect {
		_, _ = io.WriteString(w, "through the proxy")
		return
	}
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer server.Close()
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer client.Close()
	_, _ = io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(server, bufio.NewReader(buffered)); _ = server.Close() }()
	_, _ = io.Copy(client, server)
}

// tlsServer says which protocol a request came by. Its certificate is for
// example.com and 127.0.0.1, and is issued by itself.
func tlsServer(t *testing.T) (server *httptest.Server, caBundle string) {
	server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }))
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	caBundle = filepath.Join(t.TempDir(), "ca.pem")
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(caBundle, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return server, caBundle
}

func fetch(t *testing.T, o NetworkOptions, url string) (string, error) {
	t.Helper()
	transport, err := NewTransport(o)
	if err != nil {
		t.Fatal(err)
	}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport, Timeout: 30 * time.Second}).Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return resp.Status, err
	}
	return string(body), err
}

// noProxies makes the environment say nothing about proxies.
func noProxies(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy", "REQUEST_METHOD"} {
		t.Setenv(name, "")
	}
}

func TestRequestsGoThroughTheProxy(t *testing.T) {
	server, ca := tlsServer(t)
	const user = "ada:pa%24%24word"
	proxy := newConnectProxy(t, server.Listener.Addr().String(), "ada:pa$$word")
	address := proxy.Listener.Addr().String()

	t.Run("from the settings", func(t *testing.T) {
		noProxies(t)
		if got, err := fetch(t, NetworkOptions{Proxy: "http://" + user + "@" + address, CABundle: ca}, "https://example.com/"); got != "HTTP/2.0" {
			t.Errorf("%q, %v", got, err)
		}
	})
	t.Run("without a scheme", func(t *testing.T) {
		noProxies(t)
		if got, err := fetch(t, NetworkOptions{Proxy: user + "@" + address, CABundle: ca}, "https://example.com/"); got != "HTTP/2.0" {
			t.Errorf("%q, %v", got, err)
		}
	})
	t.Run("from the environment", func(t *testing.T) {
		noProxies(t)
		t.Setenv("HTTPS_PROXY", "http://"+user+"@"+address)
		t.Setenv("HTTP_PROXY", "http://"+user+"@"+address)
		if got, err := fetch(t, NetworkOptions{CABundle: ca}, "https://example.com/"); got != "HTTP/2.0" {
			t.Errorf("%q, %v", got, err)
		}
		if got, err := fetch(t, NetworkOptions{}, "http://example.com/"); got != "through the proxy" {
			t.Errorf("plain http: %q, %v", got, err)
		}
	})
	t.Run("wrong password", func(t *testing.T) {
		noProxies(t)
		_, err := fetch(t, NetworkOptions{Proxy: "http://ada:canary@" + address, CABundle: ca}, "https://example.com/")
		if err == nil || strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), "Proxy Authentication Required") {
			t.Errorf("the error is %v", err)
		}
		if host, is := oauth.ProxyOf(err); !is || host != address {
			t.Errorf("it is the fault of %q, %v", host, is)
		}
	})
	t.Run("proxy is down", func(t *testing.T) {
		noProxies(t)
		down := newConnectProxy(t, "", "")
		down.Close()
		_, err := fetch(t, NetworkOptions{Proxy: "http://ada:canary@" + down.Listener.Addr().String()}, "https://example.com/")
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("the error is %v", err)
		}
		if host, is := oauth.ProxyOf(err); !is || host != down.Listener.Addr().String() {
			t.Errorf("it is the fault of %q, %v", host, is)
		}
		_, err = fetch(t, NetworkOptions{Proxy: "http://proxy.invalid:3128"}, "https://example.com/")
		if host, is := oauth.ProxyOf(err); !is || host != "proxy.invalid" {
			t.Errorf("it is the fault of %q, %v (%v)", host, is, err)
		}
	})
	if len(proxy.asked) != 5 {
		t.Errorf("the proxy was asked %q", proxy.asked)
	}
}

func TestExceptionsAreReachedWithoutTheProxy(t *testing.T) {
	noProxies(t)
	for name, c := range map[string]struct {
		options NetworkOptions
		noProxy string
	}{
		"settings":    {NetworkOptions{Proxy: "http://proxy:8080", NoProxy: "intranet.example, .inside.example,10.0.0.0/8"}, ""},
		"environment": {NetworkOptions{}, "intranet.example, .inside.example,10.0.0.0/8"},
		"a proxy of the settings, exceptions of the environment": {NetworkOptions{Proxy: "http://proxy:8080"}, "intranet.example, .inside.example,10.0.0.0/8"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.noProxy != "" {
				if c.options.Proxy == "" {
					t.Setenv("HTTPS_PROXY", "http://proxy:8080")
				}
				t.Setenv("NO_PROXY", c.noProxy)
			}
			transport := must(NewTransport(c.options))
			for host, through := range map[string]bool{
				"hub.bitfount.com": true, "intranet.example": false, "a.inside.example": false, "inside.example": true,
				"10.1.2.3": false, "11.1.2.3": true, "localhost": false, "127.0.0.1": false,
			} {
				proxy, err := transport.Proxy(&http.Request{URL: &url.URL{Scheme: "https", Host: host}})
				if err != nil || (proxy != nil) != through {
					t.Errorf("%s: %v, %v", host, proxy, err)
				}
			}
		})
	}
}

func TestBadNetworkOptionsAreRefusedWithoutShowingAPassword(t *testing.T) {
	noProxies(t)
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("canary\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		options     NetworkOptions
		environment string
		want        string
	}{
		"scheme":           {NetworkOptions{Proxy: "ftp://ada:canary@proxy:21"}, "", "the proxy in the settings"},
		"port":             {NetworkOptions{Proxy: "http://ada:canary@proxy:port"}, "", "the proxy in the settings"},
		"escape":           {NetworkOptions{Proxy: "http://ada:canary%zz@proxy:1"}, "", "the proxy in the settings"},
		"no host":          {NetworkOptions{Proxy: "http://ada:canary@"}, "", "the proxy in the settings"},
		"blank":            {NetworkOptions{Proxy: " "}, "", "the proxy in the settings"},
		"environment":      {NetworkOptions{}, "http://ada:canary@proxy:port", "HTTPS_PROXY"},
		"missing bundle":   {NetworkOptions{CABundle: empty + ".missing"}, "", "cannot be read"},
		"bundle of naught": {NetworkOptions{CABundle: empty}, "", "no certificate in PEM form"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("HTTPS_PROXY", c.environment)
			_, err := NewTransport(c.options)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary") {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestTheCABundleIsTrustedBesidesTheSystem(t *testing.T) {
	noProxies(t)
	server, ca := tlsServer(t)
	if got, err := fetch(t, NetworkOptions{CABundle: ca}, server.URL); got != "HTTP/2.0" {
		t.Errorf("with the bundle: %q, %v", got, err)
	}
	_, err := fetch(t, NetworkOptions{}, server.URL)
	fault := certificateFault("127.0.0.1", err)
	if fault == nil || fault.Kind != oauth.FaultCertificate || !strings.Contains(fault.Error(), "127.0.0.1") || !strings.Contains(fault.Error(), "Acme Co") {
		t.Errorf("without it: %v", err)
	}
	if f := certificateFault("h", errors.New("reset")); f != nil {
		t.Errorf("a reset is %v", f)
	}
}

func TestTheSystemsProxyIsAskedForOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		settings := httpproxy.Config{HTTPSProxy: "http://one:1", HTTPProxy: "nonsense://x"}
		choose := systemProxyFunc(func() httpproxy.Config { asked++; return settings })
		get := func(scheme string) string {
			u, err := choose(&http.Request{URL: &url.URL{Scheme: scheme, Host: "example.org"}})
			if err != nil {
				t.Fatal(err)
			}
			if u == nil {
				return ""
			}
			return u.Host
		}
		for range 3 {
			if got := get("https"); got != "one:1" {
				t.Errorf("https goes to %q", got)
			}
		}
		if got := get("http"); got != "" {
			t.Errorf("nonsense is a proxy: %q", got)
		}
		settings = httpproxy.Config{HTTPSProxy: "nonsense://y"}
		time.Sleep(systemProxyLife)
		if got := get("https"); got != "one:1" || asked != 1 {
			t.Errorf("asked %d times within a minute", asked)
		}
		time.Sleep(time.Second)
		if got := get("https"); got != "" || asked != 2 {
			t.Errorf("a minute later: %q, asked %d times", got, asked)
		}
	})
}

func TestWhatSystemsSayAboutProxies(t *testing.T) {
	type config = httpproxy.Config
	for name, c := range map[string]struct{ got, want config }{
		"Windows, nothing":  {parseWinINet("", ""), config{}},
		"Windows, one":      {parseWinINet("proxy:8080", "<local>;*.example.org;10.0.0.1"), config{HTTPProxy: "http://proxy:8080", HTTPSProxy: "http://proxy:8080", NoProxy: ".example.org,10.0.0.1"}},
		"Windows, each":     {parseWinINet("http=a:1;https=b:2;ftp=c:3;socks=d:4", ""), config{HTTPProxy: "http://a:1", HTTPSProxy: "http://b:2"}},
		"Windows, URL":      {parseWinINet("https=http://b:2", ""), config{HTTPSProxy: "http://b:2"}},
		"Windows, SOCKS":    {parseWinINet("socks=d:4", ""), config{HTTPSProxy: "socks5://d:4"}},
		"Windows, nonsense": {parseWinINet("https=;;=", ";"), config{}},
		"macOS, nothing":    {parseScutil("<dictionary> {\n  FTPPassive : 1\n  HTTPSEnable : 0\n  HTTPSProxy : old\n}\n"), config{}},
		"macOS, all": {parseScutil(`<dictionary> {
  ExceptionsList : <array> {
    0 : *.local
    1 : 169.254/16
  }
  ExcludeSimpleHostnames : 0
  HTTPEnable : 1
  HTTPPort : 8080
  HTTPProxy : proxy.example.org
  HTTPSEnable : 1
  HTTPSPort : 8443
  HTTPSProxy : fd00::1
}
`), config{HTTPProxy: "http://proxy.example.org:8080", HTTPSProxy: "http://[fd00::1]:8443", NoProxy: ".local,169.254/16"}},
		"macOS, SOCKS":   {parseScutil("<dictionary> {\n  SOCKSEnable : 1\n  SOCKSPort : 1080\n  SOCKSProxy : s\n}"), config{HTTPSProxy: "socks5://s:1080"}},
		"GNOME, nothing": {parseGSettings("org.gnome.system.proxy mode 'none'\norg.gnome.system.proxy.https host 'old'\n"), config{}},
		"GNOME, PAC":     {parseGSettings("org.gnome.system.proxy mode 'auto'\norg.gnome.system.proxy autoconfig-url 'http://x/'\n"), config{}},
		"GNOME, all": {parseGSettings(`org.gnome.system.proxy mode 'manual'
org.gnome.system.proxy ignore-hosts ['localhost', '127.0.0.0/8', '*.example.org']
org.gnome.system.proxy.http host 'a'
org.gnome.system.proxy.http port 8080
org.gnome.system.proxy.https host 'b'
org.gnome.system.proxy.https port 8443
org.gnome.system.proxy.socks host ''
org.gnome.system.proxy.socks port 0
`), config{HTTPProxy: "http://a:8080", HTTPSProxy: "http://b:8443", NoProxy: "localhost,127.0.0.0/8,.example.org"}},
		"GNOME, SOCKS": {parseGSettings("org.gnome.system.proxy mode 'manual'\norg.gnome.system.proxy.socks host 's'\norg.gnome.system.proxy.socks port 1080\n"), config{HTTPSProxy: "socks5://s:1080"}},
		"GNOME, password": {parseGSettings(`org.gnome.system.proxy mode 'manual'
org.gnome.system.proxy.http host 'a'
org.gnome.system.proxy.http port 8080
org.gnome.system.proxy.http use-authentication true
org.gnome.system.proxy.http authentication-user 'ada'
org.gnome.system.proxy.http authentication-password "it's a \\ \"@\""
org.gnome.system.proxy.https host 'a'
org.gnome.system.proxy.https port 8443
org.gnome.system.proxy.socks host 'other'
`), config{HTTPProxy: "http://ada:it%27s%20a%20%5C%20%22%40%22@a:8080", HTTPSProxy: "http://ada:it%27s%20a%20%5C%20%22%40%22@a:8443"}},
		"GNOME, password of another host": {parseGSettings("org.gnome.system.proxy mode 'manual'\norg.gnome.system.proxy.http host 'a'\norg.gnome.system.proxy.http use-authentication true\n" +
			"org.gnome.system.proxy.http authentication-user 'ada'\norg.gnome.system.proxy.https host 'b'\norg.gnome.system.proxy.https port 1\n"),
			config{HTTPProxy: "http://ada:@a", HTTPSProxy: "http://b:1"}},
		"KDE, nothing": {parseKIO(""), config{}},
		"KDE, none":    {parseKIO("[Proxy Settings]\nProxyType=0\nhttpsProxy=http://old 1\n"), config{}},
		"KDE, PAC":     {parseKIO("[Proxy Settings]\nProxyType=2\nProxy Config Script=http://x/\nhttpsProxy=http://old 1\n"), config{}},
		"KDE, all": {parseKIO(`[$Version]
update_info=x
[Other]
httpsProxy=http://wrong 1
[Proxy Settings]
NoProxyFor=localhost,*.example.org, 10.0.0.1
ProxyType[$i]=1
httpProxy=http://ada:pa%24@a 8080
httpsProxy[$i]=http://b:8443
socksProxy=socks://s 1080
`), config{HTTPProxy: "http://ada:pa%24@a:8080", HTTPSProxy: "http://b:8443", NoProxy: "localhost,.example.org,10.0.0.1"}},
		"KDE, SOCKS":    {parseKIO("[Proxy Settings]\nProxyType=1\nsocksProxy=socks://s 1080\n"), config{HTTPSProxy: "socks5://s:1080"}},
		"KDE, reversed": {parseKIO("[Proxy Settings]\nProxyType=1\nReversedException=true\nhttpsProxy=http://b 1\n"), config{}},
		"KDE, junk":     {parseKIO("=\n[\nProxyType=1\nx"), config{}},
		"GNOME, junk":   {parseGSettings("warning\n\nx y\n"), config{}},
	} {
		if c.got != c.want {
			t.Errorf("%s: %+v, want %+v", name, c.got, c.want)
		}
	}
}

func TestThisSystemsSettingsCanBeRead(t *testing.T) {
	// Whatever they are here, every request has an answer.
	choose := systemProxyFunc(systemProxy)
	if _, err := choose(&http.Request{URL: &url.URL{Scheme: "https", Host: "example.org"}}); err != nil {
		t.Error(err)
	}
}

// A proxy that refuses is not the server, and nothing was sent: people are told
// which proxy, and the renewal leaves no mark behind.
func TestARefusingProxyIsNamedAndCostsNothing(t *testing.T) {
	noProxies(t)
	proxy := newConnectProxy(t, "127.0.0.1:1", "ada:secret")
	transport := must(NewTransport(NetworkOptions{Proxy: proxy.URL}))
	t.Cleanup(transport.CloseIdleConnections)
	env := Environments[0]
	env.Issuer = "https://auth.example.com/"
	a := must(NewAgent(AgentOptions{Environment: env, Transport: transport}))
	client := must(a.client(env))
	_, err := client.Refresh(t.Context(), secret.New("refresh"))
	fault, ok := errors.AsType[*oauth.Fault](err)
	if !ok || fault.Kind != oauth.FaultProxy || fault.Host != "auth.example.com" || fault.Status != 0 {
		t.Fatalf("the error is %v", err)
	}
	p := a.problem(err, env)
	if p.Code != ProblemProxy || !strings.Contains(p.Error(), proxy.Listener.Addr().String()) || !strings.Contains(p.Error(), "auth.example.com") || !strings.Contains(p.Cause, "407") {
		t.Errorf("problem = %v", p)
	}
	if !notProcessed(err) {
		t.Error("the server may have used the refresh token")
	}
	if p := a.hubProblem(err, env); p.Code != ProblemProxy {
		t.Errorf("a test of credentials says %v", p)
	}
}

func TestWhichOfTheEnvironmentsProxiesCounts(t *testing.T) {
	for name, c := range map[string]struct {
		set         map[string]string
		https, http string
	}{
		"one for https":      {map[string]string{"HTTPS_PROXY": "http://s:1"}, "s:1", ""},
		"one for each":       {map[string]string{"HTTPS_PROXY": "http://s:1", "HTTP_PROXY": "http://p:2"}, "s:1", "p:2"},
		"small letters":      {map[string]string{"https_proxy": "http://s:1"}, "s:1", ""},
		"one for all":        {map[string]string{"ALL_PROXY": "socks5://a:3"}, "a:3", "a:3"},
		"small, one for all": {map[string]string{"all_proxy": "a:3"}, "a:3", "a:3"},
		"the nearer counts":  {map[string]string{"ALL_PROXY": "http://a:3", "HTTPS_PROXY": "http://s:1"}, "s:1", "a:3"},
	} {
		t.Run(name, func(t *testing.T) {
			noProxies(t)
			for variable, value := range c.set {
				t.Setenv(variable, value)
			}
			transport := must(NewTransport(NetworkOptions{}))
			for scheme, want := range map[string]string{"https": c.https, "http": c.http} {
				proxy, err := transport.Proxy(&http.Request{URL: &url.URL{Scheme: scheme, Host: "hub.bitfount.com"}})
				got := ""
				if proxy != nil {
					got = proxy.Host
				}
				if err != nil || got != want {
					t.Errorf("%s goes to %q, want %q (%v)", scheme, got, want, err)
				}
			}
		})
	}
}
