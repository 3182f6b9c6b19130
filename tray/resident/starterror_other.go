//go:build !windows

package resident

// ShowStartError has nothing to do: what a program writes to standard error is
// in the terminal or in the session's log.
func ShowStartError(error) {}
