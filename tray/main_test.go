package tray

import (
	"fmt"
	"os"
	"testing"
)

// TestMain lets this binary play the other processes of the tests: a tray needs
// the main goroutine and runs once in a process, and a window is a process of
// its own.
func TestMain(m *testing.M) {
	switch os.Getenv("TRAY_TEST_CHILD") {
	case "":
		os.Exit(m.Run())
	case "no-opengl":
		fmt.Fprintln(os.Stderr, "Fyne error:  window creation error\n  Cause: APIUnavailable: GLX: GLX extension not found")
		os.Exit(2)
	case "stay":
		select {}
	case "end":
		os.Exit(0)
	case "tray":
		runTray()
	}
}
