package authcore

import (
	"bufio"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpproxy"
)

// The functions here read what Windows, macOS, GNOME and KDE say about proxies.
// They are the same on every system, so that every system tests them.

// parseWinINet reads the values ProxyServer and ProxyOverride of the registry
// key Internet Settings: "host:port" for everything, or
// "http=host:port;https=host:port;socks=host:port"; and a list of exceptions
// separated by semicolons, in which "<local>" means names without a dot.
func parseWinINet(server, override string) httpproxy.Config {
	var c httpproxy.Config
	for part := range strings.FieldsFuncSeq(server, func(r rune) bool { return r == ';' || r == ' ' }) {
		scheme, address, each := strings.Cut(part, "=")
		if !each {
			c.HTTPProxy, c.HTTPSProxy = withScheme("http", part), withScheme("http", part)
			continue
		}
		switch strings.ToLower(scheme) {
		case "http":
			c.HTTPProxy = withScheme("http", address)
		case "https":
			c.HTTPSProxy = withScheme("http", address)
		case "socks":
			if c.HTTPSProxy == "" {
				c.HTTPSProxy = withScheme("socks5", address)
			}
		}
	}
	c.NoProxy = noProxyList(strings.FieldsFunc(override, func(r rune) bool { return r == ';' }))
	return c
}

func withScheme(scheme, address string) string {
	if address == "" || strings.Contains(address, "://") {
		return address
	}
	return scheme + "://" + address
}

// parseScutil reads what `scutil --proxy` prints:
//
//	<dictionary> {
//	  ExceptionsList : <array> {
//	    0 : *.local
//	  }
//	  HTTPSEnable : 1
//	  HTTPSPort : 8080
//	  HTTPSProxy : proxy.example.org
//	}
func parseScutil(printed string) httpproxy.Config {
	values := map[string]string{}
	var exceptions []string
	inExceptions := false
	for line := range strings.Lines(printed) {
		line = strings.TrimSpace(line)
		if line == "}" {
			inExceptions = false
			continue
		}
		key, value, ok := strings.Cut(line, " : ")
		switch {
		case !ok:
		case key == "ExceptionsList":
			inExceptions = true
		case inExceptions:
			exceptions = append(exceptions, value)
		default:
			values[key] = value
		}
	}
	proxy := func(kind, scheme string) string {
		if values[kind+"Enable"] != "1" {
			return ""
		}
		return proxyURL(scheme, values[kind+"Proxy"], values[kind+"Port"])
	}
	c := httpproxy.Config{HTTPProxy: proxy("HTTP", "http"), HTTPSProxy: proxy("HTTPS", "http"), NoProxy: noProxyList(exceptions)}
	if c.HTTPSProxy == "" {
		c.HTTPSProxy = proxy("SOCKS", "socks5")
	}
	return c
}

// parseGSettings reads what `gsettings list-recursively org.gnome.system.proxy`
// prints, one "schema key value" a line:
//
//	org.gnome.system.proxy mode 'manual'
//	org.gnome.system.proxy ignore-hosts ['localhost', '127.0.0.0/8']
//	org.gnome.system.proxy.https host 'proxy.example.org'
//	org.gnome.system.proxy.https port 8080
//
// User name and password are kept for the HTTP proxy only, and apply to that
// host for https too.
func parseGSettings(printed string) httpproxy.Config {
	values := map[string]string{}
	for line := range strings.Lines(printed) {
		fields := strings.SplitN(strings.TrimSpace(line), " ", 3)
		if len(fields) == 3 {
			values[strings.TrimPrefix(fields[0], "org.gnome.system.proxy")+" "+fields[1]] = gvariantString(fields[2])
		}
	}
	if values[" mode"] != "manual" {
		return httpproxy.Config{}
	}
	proxy := func(kind, scheme string) string {
		host := values["."+kind+" host"]
		raw := proxyURL(scheme, host, values["."+kind+" port"])
		if values[".http use-authentication"] != "true" || host != values[".http host"] || raw == "" {
			return raw
		}
		user := url.UserPassword(values[".http authentication-user"], values[".http authentication-password"])
		return strings.Replace(raw, "://", "://"+user.String()+"@", 1)
	}
	c := httpproxy.Config{HTTPProxy: proxy("http", "http"), HTTPSProxy: proxy("https", "http")}
	if c.HTTPSProxy == "" {
		c.HTTPSProxy = proxy("socks", "socks5")
	}
	c.NoProxy = noProxyList(strings.FieldsFunc(values[" ignore-hosts"], func(r rune) bool { return strings.ContainsRune("[]', ", r) }))
	return c
}

// gvariantString takes the quotes off a string as GLib prints it, in which the
// quote and the backslash are escaped.
func gvariantString(text string) string {
	if len(text) < 2 || text[0] != '\'' && text[0] != '"' || text[len(text)-1] != text[0] {
		return text
	}
	return strings.NewReplacer(`\\`, `\`, `\'`, `'`, `\"`, `"`).Replace(text[1 : len(text)-1])
}

// parseKIO reads KDE's file kioslaverc, in which a port follows its host after
// a blank or a colon:
//
//	[Proxy Settings]
//	ProxyType=1
//	httpsProxy=http://proxy.example.org 8080
//	NoProxyFor=localhost,.example.org
//
// Type 1 is a proxy that was set by hand. The list of exceptions can be turned
// into one of hosts that alone go through the proxy, which cannot be said here:
// then there is no proxy.
func parseKIO(file string) httpproxy.Config {
	values, group := map[string]string{}, ""
	lines := bufio.NewScanner(strings.NewReader(file))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			group = line
		} else if key, value, ok := strings.Cut(line, "="); ok && group == "[Proxy Settings]" {
			// "[$i]" and the like after a key are an administrator's marks.
			key, _, _ = strings.Cut(strings.TrimSpace(key), "[")
			values[key] = strings.TrimSpace(value)
		}
	}
	if values["ProxyType"] != "1" || values["ReversedException"] == "true" {
		return httpproxy.Config{}
	}
	proxy := func(key, scheme string) string {
		address := strings.Join(strings.Fields(values[key]), ":")
		// KDE says "socks"; the name with the version is what Go knows.
		return withScheme(scheme, strings.TrimPrefix(address, "socks://"))
	}
	c := httpproxy.Config{HTTPProxy: proxy("httpProxy", "http"), HTTPSProxy: proxy("httpsProxy", "http")}
	if c.HTTPSProxy == "" {
		c.HTTPSProxy = proxy("socksProxy", "socks5")
	}
	c.NoProxy = noProxyList(strings.FieldsFunc(values["NoProxyFor"], func(r rune) bool { return r == ',' || r == ' ' }))
	return c
}

// noProxyList writes exceptions as NO_PROXY has them: "*.example.org" there is
// ".example.org", and "<local>" cannot be said.
func noProxyList(exceptions []string) string {
	var list []string
	for _, e := range exceptions {
		e = strings.TrimPrefix(strings.TrimSpace(e), "*")
		if e != "" && e != "<local>" {
			list = append(list, e)
		}
	}
	return strings.Join(list, ",")
}
