package authcore

import (
	"os"
	"strings"
)

// systemUpdates reports whether this program lies where only packages of the
// system's put programs, which then updates it.
func systemUpdates() bool {
	program, err := os.Executable()
	return err == nil && systemPlace(program)
}

// systemPlace knows the Filesystem Hierarchy Standard (section 4.9: /usr/local
// is the administrator's own), Flatpak, Snap and Nix.
func systemPlace(program string) bool {
	if strings.HasPrefix(program, "/usr/local/") {
		return false
	}
	for _, place := range []string{"/usr/", "/bin/", "/app/", "/snap/", "/nix/store/", "/gnu/store/"} {
		if strings.HasPrefix(program, place) {
			return true
		}
	}
	return false
}
