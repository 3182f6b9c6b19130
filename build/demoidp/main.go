// Command demoidp is the demo identity provider: an OpenID Connect provider
// that behaves as Bitfount's Auth0 tenant does, with a small Hub and Access
// Manager beside it that accept only valid credentials. Tests and the demo run
// it as a process of its own; it listens on loopback only, keeps everything in
// memory and is never linked into the product.
//
// Four servers, each on its own port:
//
//   - the issuer: /oauth/device/code, /oauth/token, /oauth/revoke,
//     /.well-known/jwks.json, /.well-known/openid-configuration, and the page
//     on which a person approves a sign-in, /activate;
//   - the Hub and the Access Manager: GET /api/whoami;
//   - the control server, by which tests approve without a page, cause faults
//     and read what happened: see control.go and faults.go.
//
// When all four listen it prints one line of JSON with their URLs to standard
// output. It ends on an interrupt, or when its standard input closes and
// -until-stdin-closes was given.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// settings are what the command line chooses about the tenant.
type settings struct {
	clientID      string
	audience      string
	usernameClaim string

	accessLifetime  time.Duration
	refreshLifetime time.Duration
	tellSessionEnd  bool
	codeLifetime    time.Duration
	interval        time.Duration
	rotationLeeway  time.Duration
}

// defaultSettings are the production tenant's public client and Auth0's own
// defaults.
func defaultSettings() settings {
	return settings{
		clientID:        "8iCJ33Kp6hc9ofrXTzr5GLxMRHWrlzZO",
		audience:        "https://hub.bitfount.com/api",
		usernameClaim:   "https://www.bitfount.com/username",
		accessLifetime:  24 * time.Hour,
		refreshLifetime: 30 * 24 * time.Hour,
		codeLifetime:    15 * time.Minute,
		interval:        5 * time.Second,
	}
}

// ready is the line printed when all servers listen.
type ready struct {
	Issuer           string `json:"issuer"`
	HubURL           string `json:"hub_url"`
	AccessManagerURL string `json:"access_manager_url"`
	ControlURL       string `json:"control_url"`
	ClientID         string `json:"client_id"`
	Audience         string `json:"audience"`
	APIKeyID         string `json:"api_key_id"`
	APIKey           string `json:"api_key"`
	PID              int    `json:"pid"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demoidp:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	set := defaultSettings()
	flags := flag.NewFlagSet("demoidp", flag.ContinueOnError)
	flags.SetOutput(stderr)
	listen := flags.String("listen", "127.0.0.1:0", "`address` of the issuer (loopback only; port 0 chooses a free one)")
	hubListen := flags.String("hub-listen", "127.0.0.1:0", "`address` of the Hub")
	amListen := flags.String("am-listen", "127.0.0.1:0", "`address` of the Access Manager")
	controlListen := flags.String("control-listen", "127.0.0.1:0", "`address` of the control server")
	readyFile := flags.String("ready-file", "", "also write the ready line to this `path`")
	writeConfig := flags.String("write-config", "", "write a config.toml for the product to this `path`")
	untilStdin := flags.Bool("until-stdin-closes", false, "end when standard input closes")
	flags.StringVar(&set.clientID, "client-id", set.clientID, "the public client's id")
	flags.StringVar(&set.audience, "audience", set.audience, "the API that access tokens are for")
	flags.StringVar(&set.usernameClaim, "username-claim", set.usernameClaim, "the ID token's claim that holds the username")
	flags.DurationVar(&set.accessLifetime, "access-lifetime", set.accessLifetime, "lifetime of access tokens (whole seconds)")
	flags.DurationVar(&set.refreshLifetime, "refresh-lifetime", set.refreshLifetime, "lifetime of a session, counted from the sign-in; rotation does not extend it")
	flags.BoolVar(&set.tellSessionEnd, "tell-session-end", false, "say in each token answer when the session ends (refresh_expires_in), which Auth0 does not")
	flags.DurationVar(&set.codeLifetime, "code-lifetime", set.codeLifetime, "lifetime of device codes (whole seconds)")
	flags.DurationVar(&set.interval, "interval", set.interval, "polling interval (whole seconds)")
	flags.DurationVar(&set.rotationLeeway, "rotation-leeway", 0, "how long a rotated refresh token still works")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err := set.validate(); err != nil {
		return err
	}

	// The provider library logs routes and every refused request; the journal
	// has those already.
	slog.SetDefault(slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	log := slog.New(slog.NewTextHandler(stderr, nil))

	var listeners []net.Listener
	for _, address := range []string{*listen, *hubListen, *amListen, *controlListen} {
		l, err := listenLoopback(ctx, address)
		if err != nil {
			for _, open := range listeners {
				_ = open.Close()
			}
			return err
		}
		listeners = append(listeners, l)
	}
	base := func(i int) string { return "http://" + listeners[i].Addr().String() }

	program, err := newProgram(set, base(0)+"/", log)
	if err != nil {
		return err
	}
	failed := make(chan error, len(listeners))
	for i, handler := range []http.Handler{program.issuer, program.hub, program.accessManager, program.control} {
		server := &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: 10 * time.Second,
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		}
		defer server.Close()
		go func() { failed <- server.Serve(listeners[i]) }()
	}

	line, err := json.Marshal(ready{
		Issuer: base(0) + "/", HubURL: base(1), AccessManagerURL: base(2), ControlURL: base(3),
		ClientID: set.clientID, Audience: set.audience, APIKeyID: demoAPIKeyID, APIKey: demoAPIKey, PID: os.Getpid(),
	})
	if err != nil {
		return err
	}
	line = append(line, '\n')
	if *writeConfig != "" {
		config := fmt.Sprintf("[environment]\nname = \"demo\"\nissuer = %q\nclient_id = %q\naudience = %q\nhub_url = %q\naccess_manager_url = %q\n",
			base(0)+"/", set.clientID, set.audience, base(1), base(2))
		if err := writeFile(*writeConfig, []byte(config)); err != nil {
			return fmt.Errorf("cannot write the configuration file: %w", err)
		}
	}
	if *readyFile != "" {
		if err := writeFile(*readyFile, line); err != nil {
			return fmt.Errorf("cannot write the ready file: %w", err)
		}
	}
	if _, err := stdout.Write(line); err != nil {
		return err
	}

	closed := make(chan struct{})
	if *untilStdin {
		go func() {
			defer close(closed)
			_, _ = io.Copy(io.Discard, stdin)
		}()
	}
	select {
	case err := <-failed:
		return err
	case <-closed:
	case <-ctx.Done():
	}
	return nil
}

func (s settings) validate() error {
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"access-lifetime", s.accessLifetime}, {"code-lifetime", s.codeLifetime}, {"interval", s.interval},
	} {
		if d.value < time.Second || d.value%time.Second != 0 {
			return fmt.Errorf("-%s %s: give whole seconds, at least 1s", d.name, d.value)
		}
	}
	if s.refreshLifetime <= 0 || s.rotationLeeway < 0 {
		return errors.New("-refresh-lifetime must be positive and -rotation-leeway not negative")
	}
	if s.clientID == "" || s.audience == "" || s.usernameClaim == "" {
		return errors.New("-client-id, -audience and -username-claim must not be empty")
	}
	return nil
}

// listenLoopback refuses every address that another computer could reach.
func listenLoopback(ctx context.Context, address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%q is not an address of the form 127.0.0.1:port: %w", address, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("%q is not a loopback address: this provider signs anybody in as anybody, so it listens on this computer only", address)
	}
	return new(net.ListenConfig).Listen(ctx, "tcp", address)
}

// writeFile replaces path at once, so that a reader never sees half of it.
func writeFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".demoidp-*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	if _, err := temp.Write(data); err != nil {
		_ = temp.Close()
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}
