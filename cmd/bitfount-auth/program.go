package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/bitfount/bitfount-tray/authcore/vault"
)

// program is one run of the command line.
type program struct {
	stdin  *os.File
	stdout io.Writer
	stderr *os.File

	// The flags that every command has.
	config, account string

	// vault is that of the saved sessions, once it was opened.
	vault *vault.Vault

	// began is set once arguments and flags made sense.
	began bool
}

func newProgram(stdin *os.File, stdout io.Writer, stderr *os.File) *program {
	return &program{stdin: stdin, stdout: stdout, stderr: stderr}
}

// run carries out one command line and returns the exit code.
func (p *program) run(ctx context.Context, args []string) int {
	root := p.root()
	root.SetArgs(args)
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	used, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	if !p.began {
		err = usageError{fmt.Errorf("%w; see %s --help", err, used.CommandPath())}
	}
	return p.fail(ctx, err)
}

func (p *program) root() *cobra.Command {
	var showVersion bool
	root := &cobra.Command{
		Use:   "bitfount-auth",
		Short: "Sign in to Bitfount and hand headers to scripts and other programs",
		Long: `bitfount-auth signs in to Bitfount and hands headers and tokens to scripts and
other programs. Where Bitfount Tray runs, it asks that; where it does not, it
opens the saved sessions itself.

The answer goes to standard output and nothing else does. Errors are one line
on standard error, with the next step.

Exit codes:
    0  it worked
    1  it failed; trying again is no use before something was changed
    2  the command line is wrong
    3  nobody is signed in, or the session has ended: run bitfount-auth login
    4  it failed for now (network, server, keyring): try again later
  130  it was interrupted (Ctrl-C)
exec and curl end with the exit code of the program that they ran, or 126 if it
cannot be run and 127 if there is none of that name.

Environment variables:
  BITFOUNT_ENVIRONMENT   production, staging, sandbox or dev; chooses among the
                         accounts, and the environment that login signs in to
  BITFOUNT_API_KEY_ID, BITFOUNT_API_KEY
                         both set: headers, exec and curl use these API keys and
                         no saved session, unless --account names one; the user
                         is --username or BITFOUNT_USERNAME`,
		Example: `  bitfount-auth login
  bitfount-auth status
  bitfount-auth headers am --format json
  bitfount-auth exec -- python3 train.py
  bitfount-auth curl https://hub.bitfount.com/api/…`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: func(*cobra.Command, []string) error { p.began = true; return nil },
		Args:              cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if showVersion {
				_, err := fmt.Fprintln(p.stdout, "bitfount-auth", version)
				return err
			}
			return c.Help()
		},
	}
	// Cobra's own flag needs text/template for these words, and with it the linker
	// keeps every method of every type: a fifth of the program, at each start.
	root.Flags().BoolVar(&showVersion, "version", false, "print the version")
	root.PersistentFlags().StringVar(&p.config, "config", "", "read the environment from this configuration `file`")
	root.PersistentFlags().StringVar(&p.account, "account", "", "use this account: its `name`, username or ID, as accounts shows them")
	root.AddCommand(
		p.loginCommand(), p.logoutCommand(), p.statusCommand(),
		p.headersCommand(), p.tokenCommand(), p.execCommand(), p.curlCommand(),
		p.exportCommand(), p.importCommand(), p.accountsCommand(), p.apiKeysCommand(),
		p.doctorCommand(),
	)
	for _, add := range extraCommands {
		root.AddCommand(add())
	}
	return root
}

// extraCommands are those of special builds.
var extraCommands []func() *cobra.Command

// group makes a command that only holds others.
func group(use, short, example string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Example: example, Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		return usageError{fmt.Errorf("%s needs one of its commands; see %s --help", c.Name(), c.CommandPath())}
	}}
	c.AddCommand(commands...)
	return c
}
