//go:build unix

package main

import (
	"fmt"
	"syscall"
)

// runInstead replaces this process by the program, so that its exit code,
// signals and terminal are its own.
func runInstead(_ *program, file string, args, environment []string) error {
	err := syscall.Exec(file, args, environment)
	return codeError{fmt.Errorf("%s cannot be run: %w", file, err), exitCannotRun}
}
