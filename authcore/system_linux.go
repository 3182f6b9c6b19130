package authcore

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// systemName is the distribution's name (os-release(5)) and the kernel's version.
func systemName() string {
	name := "Linux"
	data, _ := os.ReadFile("/etc/os-release")
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "PRETTY_NAME="); ok {
			name = strings.Trim(value, `"'`)
		}
	}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		name += ", kernel " + unix.ByteSliceToString(u.Release[:])
	}
	return name
}
