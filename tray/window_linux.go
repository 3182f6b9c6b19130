package tray

import (
	"os"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
)

// displayProblem says so at once where there is nothing to open a window on.
func displayProblem() *authcore.Problem {
	if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		return &authcore.Problem{Code: authcore.ProblemNoDisplay, Cause: "neither DISPLAY nor WAYLAND_DISPLAY is set", Since: time.Now()}
	}
	return nil
}
