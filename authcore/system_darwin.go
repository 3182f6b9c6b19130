package authcore

import "golang.org/x/sys/unix"

// systemName is macOS with its version.
func systemName() string {
	version, err := unix.Sysctl("kern.osproductversion")
	if err != nil {
		return "macOS"
	}
	return "macOS " + version
}
