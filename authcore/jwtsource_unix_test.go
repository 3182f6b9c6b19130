//go:build unix

package authcore

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

const brokenPipe = syscall.SIGPIPE

// running reports whether a process is there and no zombie: in a container,
// nobody may collect an orphan.
func running(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return true // no /proc: believe the signal
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}
