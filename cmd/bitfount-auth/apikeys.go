package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

func (p *program) apiKeysCommand() *cobra.Command {
	var username string
	set := &cobra.Command{
		Use:   "set",
		Short: "Keep a pair of API keys, and use them",
		Long: `Keep a pair of API keys as an account, and make it the active one. The keys are
asked for at the terminal, where they do not show, or read from standard input:
two lines (API key ID, API key), or the lines that the Hub shows,
  export BITFOUNT_API_KEY_ID=…
  export BITFOUNT_API_KEY=…
They are never taken from the command line, which every user of the computer can
see. They are kept encrypted, as sessions are.`,
		Example: `  bitfount-auth apikeys set --username dr.amelia.stone
  bitfount-auth apikeys set --username dr.amelia.stone <keys.env`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			account, err := p.readAPIKeys(username)
			if err != nil {
				return err
			}
			return p.withSessions(c.Context(), func(ctx context.Context, s sessions) error { return p.setAPIKeys(ctx, s, account) })
		},
	}
	set.Flags().StringVar(&username, "username", "", "the `user` whom the keys belong to (BITFOUNT_USERNAME)")
	clear := &cobra.Command{
		Use: "clear", Short: "Forget an account's API keys",
		Long: `Forget the API keys of the account that --account names, or of the only account
that has some. They stay valid at the Hub until they are deleted there.`,
		Example: "  bitfount-auth apikeys clear", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return p.withSessions(c.Context(), p.clearAPIKeys) },
	}
	return group("apikeys", "Keep API keys instead of signing in", "  bitfount-auth apikeys set --username dr.amelia.stone", set, clear)
}

func (p *program) readAPIKeys(username string) (authcore.APIKeysAccount, error) {
	account := authcore.APIKeysAccount{Username: username}
	if account.Username == "" {
		account.Username = os.Getenv(usernameVariable)
	}
	terminal := term.IsTerminal(int(p.stdin.Fd()))
	if account.Username == "" && !terminal {
		return account, usageError{errors.New("The keys' owner is missing: add --username, or set " + usernameVariable + ".")}
	}
	var err error
	if !terminal {
		account.KeyID, account.Key, err = parseAPIKeys(p.stdin)
		return account, err
	}
	if account.Username == "" {
		fmt.Fprint(p.stderr, "Username: ")
		line, err := bufio.NewReader(p.stdin).ReadString('\n')
		if account.Username = strings.TrimSpace(line); err != nil || account.Username == "" {
			return account, usageError{errors.New("No username was given. Run it again, or add --username.")}
		}
	}
	if account.KeyID, err = p.askSecret("API key ID: "); err == nil {
		account.Key, err = p.askSecret("API key: ")
	}
	return account, err
}

// askSecret reads a line at the terminal without showing it.
func (p *program) askSecret(prompt string) (secret.Secret, error) {
	fmt.Fprint(p.stderr, prompt)
	line, err := term.ReadPassword(int(p.stdin.Fd()))
	fmt.Fprintln(p.stderr)
	if err != nil {
		return secret.Secret{}, err
	}
	return secret.New(strings.TrimSpace(string(line))), nil
}

// maxAPIKeys is far more than two keys and their names have.
const maxAPIKeys = 64 << 10

// parseAPIKeys reads two lines, or assignments as a POSIX shell or a .env file
// has them, in any order. Errors repeat nothing of what was read.
func parseAPIKeys(r io.Reader) (id, key secret.Secret, err error) {
	data, err := io.ReadAll(io.LimitReader(r, maxAPIKeys+1))
	if err != nil {
		return id, key, fmt.Errorf("Standard input cannot be read: %w", err)
	}
	if len(data) > maxAPIKeys {
		return id, key, usageError{errors.New("Standard input is too long for a pair of API keys.")}
	}
	var plain []string
	for line := range strings.Lines(strings.TrimPrefix(string(data), "\ufeff")) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, assigned := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "export ")), "=")
		value = unquote(strings.TrimSpace(value))
		switch {
		case assigned && strings.TrimSpace(name) == authcore.APIKeyIDVariable:
			id = secret.New(value)
		case assigned && strings.TrimSpace(name) == authcore.APIKeyVariable:
			key = secret.New(value)
		default:
			plain = append(plain, line)
		}
	}
	if id.Empty() && key.Empty() && len(plain) == 2 {
		return secret.New(plain[0]), secret.New(plain[1]), nil
	}
	if id.Empty() || key.Empty() || len(plain) > 0 {
		return secret.Secret{}, secret.Secret{}, usageError{fmt.Errorf("Standard input must be two lines, the API key ID and the API key, or the two lines export %s=… and export %s=….",
			authcore.APIKeyIDVariable, authcore.APIKeyVariable)}
	}
	return id, key, nil
}

func unquote(value string) string {
	for _, q := range []string{"'", `"`} {
		if len(value) >= 2 && strings.HasPrefix(value, q) && strings.HasSuffix(value, q) {
			return value[1 : len(value)-1]
		}
	}
	return value
}

func (p *program) setAPIKeys(ctx context.Context, s sessions, account authcore.APIKeysAccount) error {
	// Checked here, so that a wrong key is said in the same words everywhere.
	if _, err := authcore.NewAPIKeysHandler(account.KeyID, account.Key, account.Username); err != nil {
		return usageError{err}
	}
	snapshot, err := s.snapshot(ctx)
	if err != nil {
		return err
	}
	switch {
	case p.account != "":
		a, err := byName(snapshot.Accounts, p.account)
		if err != nil {
			return err
		}
		account.Account = a.ID
	case p.named():
		e, err := p.namedEnvironment()
		if err != nil {
			return err
		}
		account.Environment = e.Name
	}
	if err := s.setAPIKeys(ctx, account); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "The API keys of %s are kept.\n", oneLine(account.Username))
	return err
}

func (p *program) clearAPIKeys(ctx context.Context, s sessions) error {
	snapshot, err := s.snapshot(ctx)
	if err != nil {
		return err
	}
	var candidates []authcore.Account
	for _, a := range snapshot.Accounts {
		if a.Method == authcore.MethodAPIKeys {
			candidates = append(candidates, a)
		}
	}
	var account authcore.Account
	switch {
	case p.account != "":
		if account, err = byName(candidates, p.account); err != nil {
			return err
		}
	case len(candidates) == 0:
		p.say("No API keys are kept.")
		return nil
	case len(candidates) > 1:
		return usageError{errors.New("Several accounts have API keys. Choose one with --account; bitfount-auth accounts lists them.")}
	default:
		account = candidates[0]
	}
	if err := s.do(ctx, authcore.Command{Name: authcore.CommandRemove, Account: account.ID}); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "The API keys of %s are forgotten.\n", oneLine(title(account)))
	return err
}
