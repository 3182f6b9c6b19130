package desktop

import (
	"context"
	"fmt"
	"os/exec"
)

// Module is the product's package: what Build builds for the product itself.
const Module = "github.com/bitfount/bitfount-tray"

// Build builds a package of this module to a file, with the flags that GOFLAGS
// holds and those given.
func Build(ctx context.Context, pkg, file string, flags ...string) error {
	argv := append([]string{"build", "-o", file}, flags...)
	if out, err := exec.CommandContext(ctx, "go", append(argv, pkg)...).CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// Command prepares a program to be started on this desktop. It dies with this
// process at the latest.
func (d *Desktop) Command(file string, args ...string) *exec.Cmd {
	cmd := exec.Command(file, args...)
	cmd.Env = d.Env()
	cmd.Dir = d.dir
	dieWithParent(cmd)
	return cmd
}
