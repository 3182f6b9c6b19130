package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
)

// usernameVariable names the user whom API keys from the environment belong to.
const usernameVariable = "BITFOUNT_USERNAME"

// credentialFlags are what every command has that hands out headers.
type credentialFlags struct {
	minValid time.Duration
	username string
}

const minValidUsage = "renew first unless the token stays valid for this `time`, such as 20m"

func (f *credentialFlags) add(c *cobra.Command) {
	c.Flags().DurationVar(&f.minValid, "min-valid", 0, minValidUsage)
	c.Flags().StringVar(&f.username, "username", "", "the `user` whom API keys from the environment belong to (BITFOUNT_USERNAME)")
}

func checkMinValid(d time.Duration) error {
	if d < 0 {
		return usageError{errors.New("--min-valid must not be negative")}
	}
	return nil
}

func (p *program) headersCommand() *cobra.Command {
	var flags credentialFlags
	var format string
	c := &cobra.Command{
		Use:   "headers [hub|am|message-service]",
		Short: "Print the headers for a Bitfount service",
		Long: `Print the headers for the Hub (unless another service is named), the Access
Manager (am) or the message service, renewing the session first where needed.

Formats:
` + formatList(),
		Example: `  bitfount-auth headers
  bitfount-auth headers am --format json
  bitfount-auth headers --format curl-config | curl -K - https://hub.bitfount.com/api/…
  eval "$(bitfount-auth headers --format shell)"
  bitfount-auth headers message-service --min-valid 20m`,
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		ValidArgs: serviceNames(),
		RunE: func(c *cobra.Command, args []string) error {
			f, err := export.ParseFormat(format)
			if err := errors.Join(err, checkMinValid(flags.minValid)); err != nil {
				return usageError{err}
			}
			service := export.Hub
			if len(args) == 1 {
				service = export.Service(args[0])
			}
			sets, err := p.headers(c.Context(), flags, service)
			if err != nil {
				return err
			}
			text, err := export.Render(f, service, sets[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(p.stdout, text.Reveal())
			return err
		},
	}
	c.Flags().StringVar(&format, "format", string(export.FormatHeaders), "write the headers in this `format`")
	completeFlag(c, "format", formatNames())
	flags.add(c)
	return c
}

func formatList() string {
	var b strings.Builder
	for _, f := range export.Formats {
		fmt.Fprintf(&b, "  %-12s %s\n", f, f.Description())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func formatNames() (names []string) {
	for _, f := range export.Formats {
		names = append(names, string(f))
	}
	return names
}

func serviceNames() (names []string) {
	for _, s := range export.Services {
		names = append(names, string(s))
	}
	return names
}

func completeFlag(c *cobra.Command, flag string, values []string) {
	// The error is that of a flag that there is not.
	_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// headers are those of each of the services, from API keys in the environment
// or from a session.
func (p *program) headers(ctx context.Context, flags credentialFlags, services ...export.Service) ([][]export.Header, error) {
	keys, err := p.environmentKeys(flags.username)
	if err != nil {
		return nil, err
	}
	if keys != nil {
		return headersOf(ctx, keys, services)
	}
	var all [][]export.Header
	err = p.withSessions(ctx, func(ctx context.Context, s sessions) error {
		account, err := p.accountID(ctx, s)
		if err != nil {
			return err
		}
		all, err = sessionHeaders(ctx, s, account, flags.minValid, services)
		return err
	})
	return all, err
}

func sessionHeaders(ctx context.Context, s sessions, account string, minValid time.Duration, services []export.Service) ([][]export.Header, error) {
	all := make([][]export.Header, len(services))
	for i, service := range services {
		var err error
		if all[i], err = s.headers(ctx, account, service, minValid); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func headersOf(ctx context.Context, h *authcore.APIKeysHandler, services []export.Service) ([][]export.Header, error) {
	all := make([][]export.Header, len(services))
	for i, service := range services {
		var err error
		if all[i], err = authcore.HeadersFor(ctx, h, service); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// environmentKeys is a handler of the API keys in the environment, nil unless
// both variables are set. An account that was named comes before them.
func (p *program) environmentKeys(username string) (*authcore.APIKeysHandler, error) {
	id, key, ok := authcore.APIKeysFromEnvironment()
	if !ok || p.account != "" {
		return nil, nil
	}
	if username == "" {
		username = os.Getenv(usernameVariable)
	}
	if username == "" {
		return nil, usageError{fmt.Errorf("%s and %s are set, but not whose they are: add --username, or set %s",
			authcore.APIKeyIDVariable, authcore.APIKeyVariable, usernameVariable)}
	}
	h, err := authcore.NewAPIKeysHandler(id, key, username)
	if err != nil {
		return nil, usageError{fmt.Errorf("The API keys in the environment cannot be used: %w", err)}
	}
	return h, nil
}

func (p *program) tokenCommand() *cobra.Command {
	var minValid time.Duration
	var asJSON bool
	c := &cobra.Command{
		Use:   "token",
		Short: "Print the access token",
		Long: `Print the access token, renewing it first where needed.

With --json it is printed with its expiry, as an object with the members "token"
and "expires" (RFC 3339, UTC): what the external-JWT hook of the Bitfount SDK
returns, and what Bitfount Tray itself takes from a command.`,
		Example: `  bitfount-auth token --min-valid 20m
  bitfount-auth token --json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkMinValid(minValid); err != nil {
				return err
			}
			return p.withSessions(c.Context(), func(ctx context.Context, s sessions) error {
				return p.token(ctx, s, minValid, asJSON)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the token and its expiry as JSON")
	c.Flags().DurationVar(&minValid, "min-valid", 0, minValidUsage)
	return c
}

func (p *program) token(ctx context.Context, s sessions, minValid time.Duration, asJSON bool) error {
	account, err := p.accountID(ctx, s)
	if err != nil {
		return err
	}
	token, expires, err := s.token(ctx, account, minValid)
	if err != nil {
		if snapshot, unknown := s.snapshot(ctx); unknown == nil {
			if a, unknown := p.find(snapshot); unknown == nil && a.Method == authcore.MethodAPIKeys {
				return errors.New("This account uses API keys, which are no token. Use bitfount-auth headers.")
			}
		}
		return err
	}
	if !asJSON {
		_, err = fmt.Fprintln(p.stdout, token.Reveal())
		return err
	}
	return json.NewEncoder(p.stdout).Encode(struct {
		Token   string `json:"token"`
		Expires string `json:"expires"`
	}{token.Reveal(), pythonTime(expires)})
}

// pythonTime is RFC 3339 in UTC as datetime.fromisoformat reads it since
// Python 3.7, which "Z" is not before Python 3.11.
func pythonTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05+00:00") }
