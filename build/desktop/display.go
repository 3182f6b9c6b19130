package desktop

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Display starts an X server without a screen and with nothing on it, for tests
// that need no desktop, and makes it the display of this test, which so cannot be
// parallel. The server ends with the test, or when its process is killed.
func Display(tb testing.TB) *os.Process {
	tb.Helper()
	need(tb, "Xvfb")
	need(tb, "xclip")
	read, write, err := os.Pipe()
	if err != nil {
		tb.Fatal(err)
	}
	defer read.Close()
	cmd := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "320x200x24", "-nolisten", "tcp", "-noreset")
	cmd.ExtraFiles = []*os.File{write}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	_ = write.Close()
	tb.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	// The server writes the number and a newline when it accepts clients.
	number, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		tb.Fatalf("Xvfb did not start: %v", err)
	}
	tb.Setenv("DISPLAY", ":"+strings.TrimSpace(number))
	tb.Setenv("WAYLAND_DISPLAY", "")
	return cmd.Process
}
