// Package provider starts the demo identity provider of build/demoidp for
// tests, as a process of its own on free loopback ports, with its Hub and
// Access Manager. It is for tests only and never part of the product.
package provider

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Options choose what the provider does differently. The zero value is
// Bitfount's production client at a tenant with Auth0's defaults.
type Options struct {
	// ClientID, Audience and UsernameClaim are Bitfount's where empty.
	ClientID, Audience, UsernameClaim string

	// AccessLifetime (24 h where zero), CodeLifetime (15 min) and Interval
	// (5 s) are whole seconds, at least one.
	AccessLifetime, CodeLifetime, Interval time.Duration
	// RefreshLifetime counts from the sign-in; 30 days where zero.
	RefreshLifetime time.Duration
	// RotationLeeway is how long a rotated refresh token still works; zero is
	// not at all.
	RotationLeeway time.Duration
}

func (o Options) flags() []string {
	var flags []string
	for _, f := range []struct{ name, value string }{
		{"client-id", o.ClientID}, {"audience", o.Audience}, {"username-claim", o.UsernameClaim},
	} {
		if f.value != "" {
			flags = append(flags, "-"+f.name, f.value)
		}
	}
	for _, f := range []struct {
		name  string
		value time.Duration
	}{
		{"access-lifetime", o.AccessLifetime}, {"code-lifetime", o.CodeLifetime}, {"interval", o.Interval},
		{"refresh-lifetime", o.RefreshLifetime}, {"rotation-leeway", o.RotationLeeway},
	} {
		if f.value != 0 {
			flags = append(flags, "-"+f.name, f.value.String())
		}
	}
	return flags
}

// Provider is a running demo identity provider. Its methods are for the test's
// own goroutine; they fail the test where something that must work does not.
type Provider struct {
	// Issuer ends in "/".
	Issuer           string `json:"issuer"`
	HubURL           string `json:"hub_url"`
	AccessManagerURL string `json:"access_manager_url"`
	ControlURL       string `json:"control_url"`
	ClientID         string `json:"client_id"`
	Audience         string `json:"audience"`
	// APIKeyID and APIKey are the demo API keys, each with both halves.
	APIKeyID string `json:"api_key_id"`
	APIKey   string `json:"api_key"`

	tb      testing.TB
	options Options
	log     log
	process *process
}

// process is one run of the program.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	ended chan struct{}
}

// Start builds the provider, once per test process, starts it, and stops it
// when the test ends. It skips the test, with the reason, on a machine that
// lacks the go command or cannot get the provider's modules.
func Start(tb testing.TB, options Options) *Provider {
	tb.Helper()
	if _, err := binary(); errors.Is(err, errMissing) {
		tb.Skip("the demo identity provider cannot be built here: ", err)
	} else if err != nil {
		tb.Fatal("the demo identity provider does not build: ", err)
	}
	p := &Provider{tb: tb, options: options}
	tb.Cleanup(p.Kill)
	p.start()
	return p
}

// start runs the program, on the former ports if there are any.
func (p *Provider) start() {
	p.tb.Helper()
	path, err := binary()
	if err != nil {
		p.tb.Fatal(err)
	}
	args := append([]string{"-until-stdin-closes"}, p.options.flags()...)
	for _, f := range []struct{ flag, url string }{
		{"-listen", p.Issuer}, {"-hub-listen", p.HubURL}, {"-am-listen", p.AccessManagerURL}, {"-control-listen", p.ControlURL},
	} {
		if f.url != "" {
			args = append(args, f.flag, strings.TrimSuffix(strings.TrimPrefix(f.url, "http://"), "/"))
		}
	}
	cmd := exec.Command(path, args...)
	cmd.Stderr = &p.log
	// The provider ends with its standard input, so it never outlives a test
	// process that was killed.
	stdin, err := cmd.StdinPipe()
	if err != nil {
		p.tb.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		p.tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.tb.Fatal(err)
	}
	run := &process{cmd: cmd, stdin: stdin, ended: make(chan struct{})}
	p.process = run
	line := make(chan []byte, 1)
	go func() {
		defer close(run.ended)
		reader := bufio.NewReader(stdout)
		first, _ := reader.ReadBytes('\n')
		line <- first
		_, _ = io.Copy(io.Discard, reader)
		_ = cmd.Wait()
	}()
	select {
	case first := <-line:
		if err := json.Unmarshal(first, p); err != nil {
			p.Kill()
			p.tb.Fatalf("the demo identity provider did not start:\n%s", p.Log())
		}
	case <-time.After(30 * time.Second): // its keys take under a second, a loaded machine more
		p.Kill()
		p.tb.Fatalf("the demo identity provider was not ready after 30 s:\n%s", p.Log())
	}
}

// Kill ends the provider at once, as a crash or a power cut would. Its ports
// refuse connections from then on. It may be called again.
func (p *Provider) Kill() {
	if p.process == nil {
		return
	}
	_ = p.process.cmd.Process.Kill()
	_ = p.process.stdin.Close()
	<-p.process.ended
	p.process = nil
}

// Restart ends the provider and starts it again on the same ports. It has
// forgotten everything: sessions, codes, keys, faults and counters.
func (p *Provider) Restart() {
	p.tb.Helper()
	p.Kill()
	p.start()
}

// Config writes a configuration file for the product to path, which makes this
// provider its environment, named "demo".
func (p *Provider) Config(path string) {
	p.tb.Helper()
	config := fmt.Sprintf("[environment]\nname = \"demo\"\nissuer = %q\nclient_id = %q\naudience = %q\nhub_url = %q\naccess_manager_url = %q\n",
		p.Issuer, p.ClientID, p.Audience, p.HubURL, p.AccessManagerURL)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.tb.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		p.tb.Fatal(err)
	}
}

// Approve approves a sign-in as the user, without the page.
func (p *Provider) Approve(userCode, username string) {
	p.tb.Helper()
	p.command("approve", map[string]any{"user_code": userCode, "username": username})
}

// Deny declines a sign-in, without the page.
func (p *Provider) Deny(userCode string) {
	p.tb.Helper()
	p.command("deny", map[string]any{"user_code": userCode})
}

// Fault makes something go wrong until it has met Times requests, or until
// Reset.
func (p *Provider) Fault(f Fault) {
	p.tb.Helper()
	p.command("faults", f)
}

// Reset ends all faults, sets the clock right and the counters to zero.
// Sessions live on.
func (p *Provider) Reset() {
	p.tb.Helper()
	p.command("reset", nil)
}

// EndSessions makes the refresh tokens of a user worthless, or all for the
// empty name, as an administrator does who ends somebody's sessions. Access
// tokens live on.
func (p *Provider) EndSessions(username string) {
	p.tb.Helper()
	p.command("end-sessions", map[string]any{"username": username})
}

// RevokeAccess makes the Hub and the Access Manager refuse every access token
// issued until now.
func (p *Provider) RevokeAccess() {
	p.tb.Helper()
	p.command("revoke-access", nil)
}

// RotateKeys makes the provider sign with a key that nobody has seen yet.
func (p *Provider) RotateKeys() {
	p.tb.Helper()
	p.command("rotate-keys", nil)
}

// Clock makes the provider's clock wrong by offset (whole seconds): the Date
// header, the times in tokens, and what the Hub takes for now. To the product
// it looks as if this computer's clock were wrong the other way.
func (p *Provider) Clock(offset time.Duration) {
	p.tb.Helper()
	p.command("clock", map[string]any{"offset_seconds": int(offset / time.Second)})
}

// Log is what the provider has logged so far, over all its runs.
func (p *Provider) Log() string { return p.log.String() }

// control reaches the control server whatever the proxy settings of the test's
// environment. Every request has a connection of its own: one kept from before
// a restart would fail.
var control = &http.Client{
	Timeout:   30 * time.Second,
	Transport: &http.Transport{DisableKeepAlives: true},
}

func (p *Provider) command(name string, body any) {
	p.tb.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		p.tb.Fatal(err)
	}
	response, err := control.Post(p.ControlURL+"/control/"+name, "application/json", bytes.NewReader(data))
	if err != nil {
		p.tb.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10))
		p.tb.Fatalf("the demo identity provider refused %q: %s", name, bytes.TrimSpace(text))
	}
}

// Stats is what the provider has counted since its start or the last Reset.
type Stats struct {
	// Requests counts by server ("issuer", "hub", "am"), then by path.
	Requests map[string]map[string]int `json:"requests"`
	// Outcomes counts device_code_issued, authorization_pending, slow_down,
	// access_denied, expired_token, signed_in, refreshed, reuse_detected,
	// invalid_grant, revoked, whoami_accepted, whoami_refused and
	// second_half_at_hub.
	Outcomes map[string]int `json:"outcomes"`
	// Recent are the newest 500 requests, oldest first.
	Recent []Request `json:"recent"`
}

// Request is one request that the provider saw. It holds no secret.
type Request struct {
	Time   time.Time `json:"time"`
	Server string    `json:"server"`
	Method string    `json:"method"`
	Path   string    `json:"path"`
	Grant  string    `json:"grant"`
	// Status is 0 where the connection was dropped instead of an answer.
	Status int `json:"status"`
	// Error is the "error" member of a JSON answer.
	Error  string   `json:"error"`
	Faults []string `json:"faults"`
	Millis int64    `json:"millis"`
}

// Stats asks the provider what it has counted.
func (p *Provider) Stats() Stats {
	p.tb.Helper()
	response, err := control.Get(p.ControlURL + "/control/stats")
	if err != nil {
		p.tb.Fatal(err)
	}
	defer response.Body.Close()
	var s Stats
	if err := json.NewDecoder(response.Body).Decode(&s); err != nil {
		p.tb.Fatal(err)
	}
	return s
}

// log collects what the program writes. It is safe for concurrent use.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(data)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
