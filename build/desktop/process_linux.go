package desktop

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// dieWithParent makes the kernel end the child when this process dies, even by
// SIGKILL or a panic, and keeps a terminal's Ctrl+C away from it: the desktop
// is taken down in order.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

func terminate(p *os.Process) { _ = p.Signal(syscall.SIGTERM) }

// killMarked ends every process that inherited variable in its environment:
// what the parts have started on their own.
func killMarked(variable string) {
	for _, pid := range withEnvironment(variable) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

func withEnvironment(variable string) []int {
	var pids []int
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range files {
		env, err := os.ReadFile(f)
		if err != nil || !slices.ContainsFunc(bytes.Split(env, []byte{0}), func(kv []byte) bool { return string(kv) == variable }) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f))); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Running returns the process IDs of the desktop's descendants that have one of
// these program names.
func (d *Desktop) Running(names ...string) ([]int, error) {
	var found []int
	for _, pid := range withEnvironment(marker + "=" + d.dir) {
		name, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
		if err == nil && slices.Contains(names, string(bytes.TrimSpace(name))) {
			found = append(found, pid)
		}
	}
	return found, nil
}
