package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bitfount/bitfount-tray/authcore/export"
)

func (p *program) execCommand() *cobra.Command {
	var flags credentialFlags
	c := &cobra.Command{
		Use:   "exec -- command [argument]…",
		Short: "Run a program with the headers in its environment",
		Long: `Run a program with the headers of all three services in its environment. Nobody
else sees them: they are neither on a command line nor in a file. The headers
are those of the start; a program that runs for longer than a token lives asks
again, by bitfount-auth headers or token.

The variables are, for a session
  ` + strings.Join(variables("authorization", "user-agent", "token"), "\n  ") + `
and for API keys
  ` + strings.Join(variables("x-api-key-id", "x-api-key", ""), "\n  ") + `
Each holds the header's whole value, with its "Bearer ".`,
		Example: `  bitfount-auth exec -- python3 train.py
  bitfount-auth exec --min-valid 2h -- ./nightly.sh --all`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkMinValid(flags.minValid); err != nil {
				return err
			}
			file, err := findProgram(args[0])
			if err != nil {
				return err
			}
			sets, err := p.headers(c.Context(), flags, export.Services...)
			if err != nil {
				return err
			}
			environment := os.Environ()
			for i, service := range export.Services {
				environment = withHeaders(environment, service, sets[i])
			}
			return runInstead(p, file, args, environment)
		},
	}
	// What follows the command's name is the command's own.
	c.Flags().SetInterspersed(false)
	flags.add(c)
	return c
}

// variables are the names for a help text: two headers for each service, or
// only for the message service.
func variables(first, second, only string) (names []string) {
	for _, service := range export.Services {
		if service == export.MessageService && only != "" {
			names = append(names, export.VariableName(service, only))
			continue
		}
		names = append(names, export.VariableName(service, first)+", "+export.VariableName(service, second))
	}
	return names
}

// withHeaders replaces a service's variables in an environment. Those that the
// headers do not set are taken out too: they are of an earlier session.
func withHeaders(environment []string, service export.Service, headers []export.Header) []string {
	stale := map[string]bool{}
	for _, name := range []string{"authorization", "user-agent", "token", "x-api-key-id", "x-api-key"} {
		stale[export.VariableName(service, name)] = true
	}
	environment = slices.DeleteFunc(environment, func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return stale[name]
	})
	for _, h := range headers {
		environment = append(environment, export.VariableName(service, h.Name)+"="+h.Value.Reveal())
	}
	return environment
}

// findProgram looks a program up, before anything is asked of a session.
func findProgram(name string) (string, error) {
	file, err := exec.LookPath(name)
	switch {
	case err == nil:
		return file, nil
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return "", codeError{fmt.Errorf("There is no program %q. Check its name, and PATH.", name), exitNoProgram}
	}
	return "", codeError{fmt.Errorf("%s cannot be run: %w", name, err), exitCannotRun}
}
