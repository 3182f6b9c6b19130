//go:build unix

package vault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// openNoFollow makes opening fail where a symbolic link is in the way.
const openNoFollow = syscall.O_NOFOLLOW

// checkOwner refuses another user's folder: that user could swap the file, and
// a file that root leaves in it could not be replaced by its user later.
func checkOwner(dir string, info fs.FileInfo) error {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to another user (%d, not %d)", dir, stat.Uid, os.Geteuid())
	}
	return nil
}

// restrict gives the folder to its user alone.
func restrict(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil || info.Mode().Perm() == 0o700 {
		return err
	}
	return os.Chmod(dir, 0o700)
}

// openFile opens for reading. O_NONBLOCK keeps a named pipe, put there after the
// check of the caller's, from blocking.
func openFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|openNoFollow|syscall.O_NONBLOCK, 0)
}

// replaceFile renames, and returns when the folder's entry is on the disk too.
func replaceFile(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(to))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func diskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
