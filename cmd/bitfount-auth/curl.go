package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bitfount/bitfount-tray/authcore/export"
)

// curlOptions are the options of curl that are passed on, and whether each
// takes a value. A list of what is allowed, because curl has 250 options and
// gets more: one that is not understood could hide a second URL, follow a
// redirect with our headers, print them, or read another configuration.
var curlOptions = map[string]bool{
	"-s": false, "--silent": false, "-S": false, "--show-error": false,
	"-f": false, "--fail": false, "--fail-with-body": false,
	"-i": false, "--include": false, "-I": false, "--head": false, "-G": false, "--get": false,
	"-#": false, "--progress-bar": false, "--no-progress-meter": false, "-N": false, "--no-buffer": false,
	"-4": false, "--ipv4": false, "-6": false, "--ipv6": false, "--http1.1": false, "--http2": false,
	"-O": false, "--remote-name": false, "-J": false, "--remote-header-name": false, "-R": false, "--remote-time": false,
	"-g": false, "--globoff": false, "--compressed": false, "--create-dirs": false, "--no-clobber": false,
	"--retry-all-errors": false, "--retry-connrefused": false, "--path-as-is": false,

	"--url": true, "-X": true, "--request": true,
	"-d": true, "--data": true, "--data-ascii": true, "--data-binary": true, "--data-raw": true, "--data-urlencode": true,
	"--json": true, "-F": true, "--form": true, "--form-string": true, "-T": true, "--upload-file": true, "--url-query": true,
	"-H": true, "--header": true, "-A": true, "--user-agent": true, "-e": true, "--referer": true,
	"-o": true, "--output": true, "--output-dir": true, "-D": true, "--dump-header": true, "-w": true, "--write-out": true,
	"-m": true, "--max-time": true, "--connect-timeout": true, "-y": true, "--speed-time": true, "-Y": true, "--speed-limit": true,
	"--limit-rate": true, "--retry": true, "--retry-delay": true, "--retry-max-time": true,
	"-r": true, "--range": true, "-C": true, "--continue-at": true, "-z": true, "--time-cond": true,
	"-x": true, "--proxy": true, "--noproxy": true, "--cacert": true, "--capath": true,
}

// readsFiles are the options whose value can name standard input, which
// carries the headers.
var readsFiles = map[string]bool{
	"-d": true, "--data": true, "--data-ascii": true, "--data-binary": true, "--data-urlencode": true, "--json": true,
	"-F": true, "--form": true, "-T": true, "--upload-file": true, "-H": true, "--header": true, "--url-query": true,
	"-w": true, "--write-out": true,
}

// refusedOptions get a reason of their own.
var refusedOptions = map[string]string{
	"-L": followReason, "--location": followReason, "--location-trusted": followReason,
	"-K":     "standard input carries the headers, and another configuration could send them elsewhere",
	"--next": "run bitfount-auth curl once for each request",
	"-k":     insecureReason, "--insecure": insecureReason,
	"-v": traceReason, "--verbose": traceReason, "--trace": traceReason, "--trace-ascii": traceReason,
}

const (
	insecureReason = "without a checked certificate, anybody on the way could read the headers; name the CA with --cacert"
	followReason   = "curl would send the headers along to wherever the redirect leads; look at the answer with -i and ask again"
	traceReason    = "curl would print the headers; -i and -D show the answer's headers"
)

func (p *program) curlCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "curl [--account name] [--min-valid time] [--username user] [option of curl]… URL…",
		Short: "Run curl with the headers for a Bitfount service",
		Long: `Run curl with the headers for the Hub or the Access Manager, whichever the URL
belongs to. The headers go to curl on its standard input and are never on a
command line.

The URL must begin with the account's own Hub or Access Manager URL; headers go
nowhere else, so redirects are not followed, and ~/.curlrc is not read. Most
options of curl are passed on; one that could print the headers or send them
elsewhere is refused. Bodies come from arguments or files (-d @file), because
standard input is taken.

The exit code is curl's own.`,
		Example: `  bitfount-auth curl -s https://hub.bitfount.com/api/…
  bitfount-auth curl --min-valid 20m --json @body.json https://am.hub.bitfount.com/api/…`,
		DisableFlagParsing: true,
		RunE: func(c *cobra.Command, args []string) error {
			line, err := p.parseCurl(args)
			if err != nil {
				return usageError{fmt.Errorf("%w; see bitfount-auth curl --help", err)}
			}
			if line.help {
				return c.Help()
			}
			return p.curl(c.Context(), line)
		},
	}
	return c
}

// curlLine is a command line of curl that was understood.
type curlLine struct {
	flags credentialFlags
	help  bool
	urls  []string
	args  []string
}

// parseCurl takes our own flags out and checks the rest. Options must be
// written in full: curl completes long ones that are cut short.
func (p *program) parseCurl(args []string) (curlLine, error) {
	var line curlLine
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if arg == "--" {
			continue // curl has no use for it either
		}
		if len(arg) < 2 || arg[0] != '-' {
			line.urls = append(line.urls, arg)
			continue
		}
		name, value, attached := arg, "", false
		if strings.HasPrefix(arg, "--") {
			if own := ownCurlFlags[strings.SplitN(arg, "=", 2)[0]]; own {
				name, value, attached = strings.Cut(arg, "=")
			}
		} else {
			name = arg[:2]
			value, attached = arg[2:], len(arg) > 2
		}
		takes, known := curlOptions[name]
		takes = takes || ownCurlFlags[name]
		if !known && !ownCurlFlags[name] {
			if name == "-h" || name == "--help" {
				line.help = true
				return line, nil
			}
			if reason := refusedOptions[name]; reason != "" {
				return line, fmt.Errorf("curl's option %s is refused: %s", name, reason)
			}
			return line, fmt.Errorf("curl's option %s is not passed on", name)
		}
		if !takes {
			line.args = append(line.args, name)
			if attached { // -sS is -s -S
				args = append([]string{"-" + value}, args...)
			}
			continue
		}
		if !attached {
			if len(args) == 0 {
				return line, fmt.Errorf("%s needs a value", name)
			}
			value, args = args[0], args[1:]
		}
		if readsFiles[name] && readsStandardInput(value) {
			return line, fmt.Errorf("%s cannot read standard input, which carries the headers: put it into a file", name)
		}
		if err := p.takeCurl(&line, name, value); err != nil {
			return line, err
		}
	}
	if len(line.urls) == 0 {
		return line, errors.New("there is no URL")
	}
	return line, nil
}

// ownCurlFlags are those of bitfount-auth; each takes a value.
var ownCurlFlags = map[string]bool{"--account": true, "--config": true, "--min-valid": true, "--username": true}

func (p *program) takeCurl(line *curlLine, name, value string) (err error) {
	switch name {
	case "--account":
		p.account = value
	case "--config":
		p.config = value
	case "--username":
		line.flags.username = value
	case "--min-valid":
		line.flags.minValid, err = time.ParseDuration(value)
		err = errors.Join(err, checkMinValid(line.flags.minValid))
	case "--url":
		line.urls = append(line.urls, value)
	default:
		line.args = append(line.args, name, value)
	}
	return err
}

// readsStandardInput says whether a value is "-" where curl takes a file name:
// alone, or after one of the characters that introduce one.
func readsStandardInput(value string) bool {
	if value == "-" || value == "." {
		return true
	}
	for _, sign := range []string{"@", "<"} {
		for rest := value; ; {
			_, after, found := strings.Cut(rest, sign)
			if !found {
				break
			}
			if file, _, _ := strings.Cut(after, ";"); strings.Trim(file, `"`) == "-" || strings.HasPrefix(after, "/dev/stdin") {
				return true
			}
			rest = after
		}
	}
	return false
}

func (p *program) curl(ctx context.Context, line curlLine) error {
	program, err := exec.LookPath("curl")
	if err != nil {
		return codeError{errors.New("There is no program curl. Install it, or use bitfount-auth headers."), exitNoProgram}
	}
	var service export.Service
	var headers [][]export.Header
	keys, err := p.environmentKeys(line.flags.username)
	if err != nil {
		return err
	}
	if keys != nil {
		e, err := p.namedEnvironment()
		if err != nil {
			return err
		}
		if service, err = serviceOf(line.urls, e.HubURL, e.AccessManagerURL); err != nil {
			return err
		}
		if headers, err = headersOf(ctx, keys, []export.Service{service}); err != nil {
			return err
		}
	} else {
		err = p.withSessions(ctx, func(ctx context.Context, s sessions) error {
			snapshot, err := s.snapshot(ctx)
			if err != nil {
				return err
			}
			a, err := p.find(snapshot)
			if err != nil {
				return err
			}
			if service, err = serviceOf(line.urls, a.HubURL, a.AccessManagerURL); err != nil {
				return err
			}
			headers, err = sessionHeaders(ctx, s, a.ID, line.flags.minValid, []export.Service{service})
			return err
		})
		if err != nil {
			return err
		}
	}
	config, err := export.Render(export.FormatCurlConfig, service, headers[0])
	if err != nil {
		return err
	}
	// -q keeps ~/.curlrc out, which may follow redirects or be verbose.
	args := append([]string{"-q", "-K", "-"}, line.args...)
	for _, u := range line.urls {
		args = append(args, "--url", u)
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdin = strings.NewReader(curlLimits(line.urls[0]) + config.Reveal())
	cmd.Stdout, cmd.Stderr = p.stdout, p.stderr
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &exit):
		return exitError(exit.ExitCode())
	case err != nil:
		return codeError{fmt.Errorf("curl cannot be run: %w", err), exitCannotRun}
	}
	return nil
}

// curlLimits is the head of curl's configuration. The protocol is the URL's
// own; an http URL is one of this computer, which no proxy may see.
func curlLimits(raw string) string {
	scheme, _, _ := strings.Cut(strings.ToLower(raw), ":")
	limits := "proto = \"=" + scheme + "\"\nmax-redirs = 0\n"
	if scheme == "http" {
		limits += "noproxy = \"*\"\n"
	}
	return limits
}

// serviceOf finds the service that the URLs belong to, by their origins. The
// comparison is of text, so that curl and we cannot read a URL differently:
// after the origin comes a slash or nothing.
func serviceOf(urls []string, hub, accessManager string) (export.Service, error) {
	origins := map[export.Service]string{export.Hub: originOf(hub), export.AccessManager: originOf(accessManager)}
	var services []export.Service
	for _, u := range urls {
		at := slices.IndexFunc(export.Services, func(s export.Service) bool { return origins[s] != "" && isBelow(u, origins[s]) })
		if at < 0 {
			return "", usageError{fmt.Errorf("The headers must not be sent to %q. The URL must begin with %s/ or %s/.",
				oneLine(u), origins[export.Hub], origins[export.AccessManager])}
		}
		services = append(services, export.Services[at])
	}
	if services = slices.Compact(services); len(services) != 1 {
		return "", usageError{errors.New("The URLs belong to two services, whose headers may differ. Run bitfount-auth curl once for each.")}
	}
	return services[0], nil
}

func isBelow(u, origin string) bool {
	return len(u) >= len(origin) && strings.EqualFold(u[:len(origin)], origin) && (len(u) == len(origin) || u[len(origin)] == '/')
}
