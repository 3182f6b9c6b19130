//go:build !linux

package desktop

import (
	"errors"
	"os"
	"os/exec"
)

func dieWithParent(*exec.Cmd) {}

func terminate(p *os.Process) { _ = p.Kill() }

func killMarked(string) {}

// Running works on Linux alone.
func (d *Desktop) Running(...string) ([]int, error) { return nil, errors.ErrUnsupported }
