//go:build man

package main

import (
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// The libraries behind this command would cost every start of bitfount-auth a
// sixth of its time, so it is in a build of its own, for packages:
//
//	go run -tags man ./cmd/bitfount-auth man folder
func init() { extraCommands = append(extraCommands, manCommand) }

// manCommand writes the manual pages.
func manCommand() *cobra.Command {
	return &cobra.Command{
		Use: "man folder", Short: "Write the manual pages to a folder", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			root := c.Root()
			// A date would make two builds of one version differ.
			root.DisableAutoGenTag = true
			return doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "Bitfount Tray " + version, Manual: "Bitfount Tray"}, args[0])
		},
	}
}
