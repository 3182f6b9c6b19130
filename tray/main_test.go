package tray

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// children are the other processes of the tests, which this binary plays when
// TRAY_TEST_CHILD names one: a tray needs the main goroutine and runs once in a
// process, and a window is a process of its own.
var children = map[string]func(){
	"no-opengl": func() { sayNoOpenGL(); os.Exit(2) },
	"invisible": func() { sayNoOpenGL(); <-time.After(time.Hour) },
	"stay":      func() { <-time.After(time.Hour) },
	"end":       func() {},
	// "end, stay" ends soon the first time and stays the next.
	"end, stay": func() {
		trace, err := os.OpenFile(os.Getenv("TRAY_TEST_TRACE"), os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			<-time.After(time.Hour)
		}
		_ = trace.Close()
		<-time.After(300 * time.Millisecond)
	},
}

func sayNoOpenGL() {
	fmt.Fprintln(os.Stderr, "Fyne error:  window creation error\n  Cause: APIUnavailable: GLX: GLX extension not found")
}

func TestMain(m *testing.M) {
	// The tests read English, whatever their reader does.
	os.Setenv("LC_ALL", "C")
	os.Setenv("LANGUAGE", "")
	if child, ok := children[os.Getenv("TRAY_TEST_CHILD")]; ok {
		child()
		os.Exit(0)
	}
	os.Exit(m.Run())
}
