package authcore

import (
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/windows"
)

const brokenPipe = syscall.SIGPIPE // which Windows never sends

// running reports whether a process has not ended.
func running(pid int) bool {
	process, err := windows.OpenProcess(windows.SYNCHRONIZE, false, uint32(pid))
	if err != nil {
		return false
	}
	defer windows.CloseHandle(process)
	event, err := windows.WaitForSingleObject(process, 0)
	return err == nil && event == uint32(windows.WAIT_TIMEOUT)
}

func TestBatchFilesAreRefused(t *testing.T) {
	for path, refused := range map[string]bool{`C:\a.bat`: true, `C:\a.CMD`: true, `C:\a.exe`: false} {
		if err := refuseShellScript(path); (err != nil) != refused || err != nil && !strings.Contains(err.Error(), "batch") {
			t.Errorf("%s: %v", path, err)
		}
	}
}
