package main

import (
	"errors"
	"fmt"
	"os/exec"
)

// runInstead runs the program and ends with its exit code: Windows cannot
// replace a process. Ctrl-C reaches the program by itself, since it shares the
// console.
func runInstead(p *program, file string, args, environment []string) error {
	cmd := exec.Command(file)
	cmd.Args, cmd.Env = args, environment
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.stdin, p.stdout, p.stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit):
		return exitError(exit.ExitCode())
	}
	return codeError{fmt.Errorf("%s cannot be run: %w", file, err), exitCannotRun}
}
