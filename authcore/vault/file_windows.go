package vault

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// Windows has no O_NOFOLLOW; the checks before opening look at the link itself,
// and making a link takes a right that ordinary users do not have.
const openNoFollow = 0

// checkOwner: a folder under %LocalAppData% inherits an access list that lets
// only its user, the system and administrators in.
func checkOwner(string, fs.FileInfo) error { return nil }

func restrict(string) error { return nil }

func openFile(path string) (f *os.File, err error) {
	err = retry(func() error {
		f, err = os.Open(path)
		return err
	})
	return f, err
}

// replaceFile renames over an existing file and returns when that is on the disk.
func replaceFile(from, to string) error {
	a, err := windows.UTF16PtrFromString(from)
	if err != nil {
		return err
	}
	b, err := windows.UTF16PtrFromString(to)
	if err != nil {
		return err
	}
	err = retry(func() error {
		return windows.MoveFileEx(a, b, windows.MOVEFILE_REPLACE_EXISTING|windows.MOVEFILE_WRITE_THROUGH)
	})
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

// retry repeats what fails because somebody has the file open at this moment: a
// reader of ours for microseconds, a virus scanner for up to a second or two.
// The Go tools wait as long (2 s) for the same reason.
func retry(do func() error) error {
	const longest, pause = 2 * time.Second, 10 * time.Millisecond
	for start := time.Now(); ; time.Sleep(pause) {
		err := do()
		busy := errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_ACCESS_DENIED)
		if !busy || time.Since(start) > longest {
			return err
		}
	}
}

func diskFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) ||
		errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}
