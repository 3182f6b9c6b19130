package export

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// checkFolder has nothing to ask: see Write.
func checkFolder(*os.Root, string) error { return nil }

// isPrivate does not read access lists.
func isPrivate(fs.FileInfo) bool { return false }

// makePrivate replaces the access list that the file has inherited by one of
// the user and the system. It is set by name, since the handle that Go opens
// may not change it; the name is random and the file still empty.
func makePrivate(file *os.File) error {
	me, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return err
	}
	descriptor, err := windows.SecurityDescriptorFromString(fmt.Sprintf("D:P(A;;FA;;;%s)(A;;FA;;;SY)", me.User.Sid))
	if err != nil {
		return err
	}
	list, _, err := descriptor.DACL()
	if err != nil {
		return err
	}
	err = windows.SetNamedSecurityInfo(file.Name(), windows.SE_FILE_OBJECT,
		windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, list, nil)
	if err != nil {
		return fmt.Errorf("this place cannot keep files private, choose a folder on this computer's own disk: %w", err)
	}
	return nil
}

// rename tries again for a second: a program that reads the file at this
// moment, or a virus scanner, keeps it from being replaced.
func rename(folder *os.Root, from, to string) error {
	for tries := 0; ; tries++ {
		err := folder.Rename(from, to)
		if tries == 20 || !errors.Is(err, windows.ERROR_SHARING_VIOLATION) && !errors.Is(err, windows.ERROR_ACCESS_DENIED) {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// syncFolder has nothing to do: NTFS writes renames to its journal.
func syncFolder(*os.Root) {}
