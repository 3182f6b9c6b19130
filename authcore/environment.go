package authcore

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"
)

// Environment is one Bitfount installation: where people sign in and where
// credentials may be sent. The four public ones are in Environments; a custom
// one comes from a configuration file.
type Environment struct {
	// Name is "production", "staging", "sandbox", "dev", or the custom one's own.
	Name string
	// Issuer is the OpenID Connect issuer, compared exactly with the ID
	// token's (Auth0's ends in "/").
	Issuer string
	// ClientID of the public client; there is no client secret.
	ClientID string
	// Scopes, separated by blanks, and Audience of the access token.
	Scopes   string
	Audience string
	// HubURL and AccessManagerURL are the only places that credentials go to.
	HubURL           string
	AccessManagerURL string
}

// What every Bitfount environment asks for.
const (
	DefaultScopes   = "profile openid offline_access"
	DefaultAudience = "https://hub.bitfount.com/api"
)

// Names of the environment variables that choose an environment and, both set,
// API keys.
const (
	EnvironmentVariable = "BITFOUNT_ENVIRONMENT"
	APIKeyIDVariable    = "BITFOUNT_API_KEY_ID"
	APIKeyVariable      = "BITFOUNT_API_KEY"
)

// Environments are the public ones, production first.
var Environments = []Environment{
	bitfount("production", "auth.bitfount.com", "8iCJ33Kp6hc9ofrXTzr5GLxMRHWrlzZO", "https://hub.bitfount.com", "https://am.hub.bitfount.com"),
	bitfount("staging", "auth.staging.bitfount.com", "Wk4XZHDKfY8F3OYcKdagIHETt6JYwX08", "https://hub.staging.bitfount.com", "https://am.hub.staging.bitfount.com"),
	bitfount("sandbox", "auth.sandbox.bitfount.com", "nPU5aIZIOYqqYhUNX84j9OjKpUOnqfRB", "https://hub.sandbox.bitfount.com", "https://am.hub.sandbox.bitfount.com"),
	bitfount("dev", "auth.sandbox.bitfount.com", "nPU5aIZIOYqqYhUNX84j9OjKpUOnqfRB", "http://localhost:3000", "http://localhost:3001"),
}

func bitfount(name, authDomain, clientID, hub, am string) Environment {
	return Environment{
		Name: name, Issuer: "https://" + authDomain + "/", ClientID: clientID,
		Scopes: DefaultScopes, Audience: DefaultAudience, HubURL: hub, AccessManagerURL: am,
	}
}

// EnvironmentByName finds a public environment. The empty name is production;
// any other unknown name is an error that lists the four.
func EnvironmentByName(name string) (Environment, error) {
	if name == "" {
		return Environments[0], nil
	}
	names := make([]string, len(Environments))
	for i, e := range Environments {
		if e.Name == name {
			return e, nil
		}
		names[i] = e.Name
	}
	return Environment{}, fmt.Errorf("there is no Bitfount environment %q: set %s to %s, or leave it empty for production",
		name, EnvironmentVariable, strings.Join(names, ", "))
}

// configFile is the part of the configuration file that makes an environment:
//
//	[environment]
//	name = "hospital-test"
//	auth_domain = "auth.example.org"   # or issuer = "https://auth.example.org/"
//	client_id = "…"
//	hub_url = "https://hub.example.org"
//	access_manager_url = "https://am.example.org"
//	scopes = "profile openid offline_access"        # optional
//	audience = "https://hub.bitfount.com/api"       # optional
type configFile struct {
	Environment *struct {
		Name             string `toml:"name"`
		AuthDomain       string `toml:"auth_domain"`
		Issuer           string `toml:"issuer"`
		ClientID         string `toml:"client_id"`
		HubURL           string `toml:"hub_url"`
		AccessManagerURL string `toml:"access_manager_url"`
		Scopes           string `toml:"scopes"`
		Audience         string `toml:"audience"`
	} `toml:"environment"`
}

// ChooseEnvironment applies the rules of precedence: a set BITFOUNT_ENVIRONMENT
// (chosen) wins, then the [environment] table of the configuration file at
// configPath if there is one, then production. A missing file is no error; one
// that cannot be read or understood is, and the error says where and what to
// write.
func ChooseEnvironment(chosen, configPath string) (Environment, error) {
	if chosen != "" {
		return EnvironmentByName(chosen)
	}
	data, err := os.ReadFile(configPath)
	if configPath == "" || errors.Is(err, os.ErrNotExist) {
		return EnvironmentByName("")
	}
	if err != nil {
		return Environment{}, fmt.Errorf("the configuration file cannot be read: %w", err)
	}
	return parseEnvironment(data, configPath)
}

func parseEnvironment(data []byte, path string) (Environment, error) {
	var file configFile
	if err := toml.Unmarshal(data, &file); err != nil {
		return Environment{}, fmt.Errorf("the configuration file %s is not valid TOML: %w", path, err)
	}
	c := file.Environment
	if c == nil {
		return EnvironmentByName("")
	}
	e := Environment{
		Name: c.Name, Issuer: c.Issuer, ClientID: c.ClientID, Scopes: c.Scopes, Audience: c.Audience,
		HubURL: c.HubURL, AccessManagerURL: c.AccessManagerURL,
	}
	if e.Issuer == "" && c.AuthDomain != "" {
		e.Issuer = "https://" + c.AuthDomain + "/"
	}
	if e.Name == "" {
		e.Name = "custom"
	}
	if e.Scopes == "" {
		e.Scopes = DefaultScopes
	}
	if e.Audience == "" {
		e.Audience = DefaultAudience
	}
	if err := e.Validate(); err != nil {
		return Environment{}, fmt.Errorf("the [environment] table in %s: %w", path, err)
	}
	return e, nil
}

// Validate checks that nothing is missing and that every URL is https, or http
// to a loopback address.
func (e Environment) Validate() error {
	if e.ClientID == "" {
		return errors.New("client_id is missing")
	}
	for _, u := range []struct{ name, value string }{
		{"issuer (or auth_domain)", e.Issuer}, {"hub_url", e.HubURL}, {"access_manager_url", e.AccessManagerURL},
	} {
		if u.value == "" {
			return fmt.Errorf("%s is missing", u.name)
		}
		if err := secureURL(u.value); err != nil {
			return fmt.Errorf("%s: %w", u.name, err)
		}
	}
	return nil
}

// secureURL accepts https anywhere and http on loopback: credentials sent
// otherwise could be read on the way (RFC 6749 section 1.6).
func secureURL(raw string) error {
	u, err := url.Parse(raw)
	if err != nil {
		return fmt.Errorf("%q is not a URL", raw)
	}
	if u.Host == "" || u.User != nil {
		return fmt.Errorf("%q is not a URL of the form https://host", raw)
	}
	switch u.Scheme {
	case "https":
		return nil
	case "http":
		host := u.Hostname()
		if ip := net.ParseIP(host); host == "localhost" || (ip != nil && ip.IsLoopback()) {
			return nil
		}
		return fmt.Errorf("%q must begin with https:// (http:// is for this computer only)", raw)
	}
	return fmt.Errorf("%q must begin with https://", raw)
}

// ConfigPath is where the configuration file of a user is looked for.
func (p Paths) ConfigPath() string { return filepath.Join(p.Config, "config.toml") }
