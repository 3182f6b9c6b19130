package window

import (
	"testing"

	"github.com/bitfount/bitfount-tray/authcore"
)

func TestStartFaultTellsNoDisplayFromNoOpenGL(t *testing.T) {
	for cause, want := range map[string]authcore.ProblemCode{
		"NotInitialized: The GLFW library is not initialized": authcore.ProblemNoDisplay,
		"APIUnavailable: GLX: GLX extension not found":        authcore.ProblemNoWindow,
		"the graphics library could not create a window":      authcore.ProblemNoWindow,
	} {
		if got := startFault(cause); got.Code != want || got.Cause != cause {
			t.Errorf("%q is %s, want %s", cause, got.Code, want)
		}
	}
}
