package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/bitfount/bitfount-tray/authcore"
)

func (p *program) accountsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "accounts",
		Short: "List the accounts, choose the active one, rename and remove them",
		Long: `List the accounts: the active one, which the other commands use, is marked with
an asterisk. The columns are ID, name, environment, method and state.`,
		Example: `  bitfount-auth accounts
  bitfount-auth accounts set-active dr.amelia.stone
  bitfount-auth accounts rename dr.amelia.stone "Eye clinic"
  bitfount-auth accounts remove "Eye clinic"`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return p.withSessions(c.Context(), p.listAccounts) },
	}
	c.AddCommand(
		p.accountCommand("set-active account", "Choose the account that the other commands use", "set-active dr.amelia.stone", authcore.CommandSetActive),
		p.accountCommand("rename account name", "Give an account a name of your own; an empty one removes it", `rename dr.amelia.stone "Eye clinic"`, authcore.CommandRename),
		p.accountCommand("remove account", "Sign an account out and forget it", `remove "Eye clinic"`, authcore.CommandRemove),
	)
	return c
}

// accountCommand carries out a command on the account that its first argument
// names. A second argument is the command's text.
func (p *program) accountCommand(use, short, example string, name authcore.CommandName) *cobra.Command {
	n := 1
	if name == authcore.CommandRename {
		n = 2
	}
	return &cobra.Command{Use: use, Short: short, Example: "  bitfount-auth accounts " + example, Args: cobra.ExactArgs(n), RunE: func(c *cobra.Command, args []string) error {
		return p.withSessions(c.Context(), func(ctx context.Context, s sessions) error {
			snapshot, err := s.snapshot(ctx)
			if err != nil {
				return err
			}
			a, err := byName(snapshot.Accounts, args[0])
			if err != nil {
				return err
			}
			command := authcore.Command{Name: name, Account: a.ID}
			if len(args) == 2 {
				command.Text = args[1]
			}
			return s.do(ctx, command)
		})
	}}
}

func (p *program) listAccounts(ctx context.Context, s sessions) error {
	snapshot, err := s.snapshot(ctx)
	if err != nil {
		return err
	}
	if problem := snapshot.Storage.Problem; problem != nil && !s.resident() {
		return problem // which accounts there are, nobody knows
	}
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, a := range snapshot.Accounts {
		mark := " "
		if a.ID == snapshot.Active {
			mark = "*"
		}
		fmt.Fprintf(w, "%s %s\t%s\t%s\t%s\t%s\n", mark, a.ID, oneLine(title(a)), a.Environment, a.Method, a.State)
	}
	return w.Flush()
}
