package authcore

import (
	"strings"

	"golang.org/x/net/http/httpproxy"
)

// The three functions here read what Windows, macOS and GNOME say about
// proxies. They are the same on every system, so that every system tests them.

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
func parseGSettings(printed string) httpproxy.Config {
	values := map[string]string{}
	for line := range strings.Lines(printed) {
		fields := strings.SplitN(strings.TrimSpace(line), " ", 3)
		if len(fields) == 3 {
			values[strings.TrimPrefix(fields[0], "org.gnome.system.proxy")+" "+fields[1]] = strings.Trim(fields[2], "'")
		}
	}
	if values[" mode"] != "manual" {
		return httpproxy.Config{}
	}
	proxy := func(kind, scheme string) string {
		return proxyURL(scheme, values["."+kind+" host"], values["."+kind+" port"])
	}
	c := httpproxy.Config{HTTPProxy: proxy("http", "http"), HTTPSProxy: proxy("https", "http")}
	if c.HTTPSProxy == "" {
		c.HTTPSProxy = proxy("socks", "socks5")
	}
	c.NoProxy = noProxyList(strings.FieldsFunc(values[" ignore-hosts"], func(r rune) bool { return strings.ContainsRune("[]', ", r) }))
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
