package resident

import "golang.org/x/sys/windows"

// Harden keeps Windows Error Reporting from showing its dialog for this process
// and, with it, from offering a dump of memory that holds tokens.
func Harden() {
	windows.SetErrorMode(windows.SEM_FAILCRITICALERRORS | windows.SEM_NOGPFAULTERRORBOX)
}
