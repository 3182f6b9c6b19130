package clipboard

import (
	"context"
	"errors"
	"os"
	"os/exec"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// put chooses the way: Wayland's own where its tool is installed, else X11,
// which XWayland offers on Wayland too.
func put(ctx context.Context, text secret.Secret) (claim, error) {
	if os.Getenv("WAYLAND_DISPLAY") != "" {
		if tool, err := exec.LookPath("wl-copy"); err == nil {
			return putWayland(ctx, tool, text)
		}
	}
	if os.Getenv("DISPLAY") != "" {
		return putX11(ctx, text)
	}
	if os.Getenv("WAYLAND_DISPLAY") != "" {
		return nil, errors.New("there is neither wl-copy (package wl-clipboard) nor XWayland")
	}
	return nil, errors.New("there is no display: neither WAYLAND_DISPLAY nor DISPLAY is set")
}
