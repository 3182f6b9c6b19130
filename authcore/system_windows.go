package authcore

import (
	"fmt"

	"golang.org/x/sys/windows"
)

// systemName is Windows with its version and build.
func systemName() string {
	v := windows.RtlGetVersion()
	return fmt.Sprintf("Windows %d.%d.%d", v.MajorVersion, v.MinorVersion, v.BuildNumber)
}
