//go:build unix

package export

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// checkFolder decides who could put another file in the place of ours.
func checkFolder(folder *os.Root, path string) error {
	info, err := folder.Stat(".")
	if err != nil {
		return fmt.Errorf("the folder %s cannot be looked at: %w", path, err)
	}
	owner := info.Sys().(*syscall.Stat_t)
	if owner.Uid != uint32(os.Geteuid()) {
		return fmt.Errorf("the folder %s belongs to another user: choose one of your own", path)
	}
	const groupWrite, otherWrite = 0o020, 0o002
	mode := info.Mode().Perm()
	if mode&otherWrite != 0 || mode&groupWrite != 0 && !isOwnGroup(owner.Gid) {
		return fmt.Errorf("other users may write to the folder %s: choose another, or close it by chmod go-w %[1]s", path)
	}
	return nil
}

// isOwnGroup knows the "user private groups" of many Linux distributions,
// where folders are made with mode 0775 for a group of one.
func isOwnGroup(gid uint32) bool {
	u, err := user.Current()
	if err != nil || u.Gid != strconv.FormatUint(uint64(gid), 10) {
		return false
	}
	g, err := user.LookupGroupId(u.Gid)
	return err == nil && g.Name == u.Username
}

// isPrivate reports whether a file is one that makePrivate has made.
func isPrivate(info fs.FileInfo) bool {
	owner := info.Sys().(*syscall.Stat_t)
	return info.Mode() == 0o600 && owner.Uid == uint32(os.Geteuid())
}

// makePrivate sets the mode regardless of the umask, and reads it again: file
// systems without modes accept it and change nothing, or refuse.
func makePrivate(file *os.File) error {
	chmodErr := file.Chmod(0o600)
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.Mode().Perm() != 0o600 {
		return errors.Join(errors.New("this place cannot keep files private: choose a folder on this computer's own disk"), chmodErr)
	}
	return nil
}

func rename(folder *os.Root, from, to string) error { return folder.Rename(from, to) }

// syncFolder puts a rename on the disk. Some network file systems cannot, and
// the content itself is safe already, so an error changes nothing.
func syncFolder(folder *os.Root) {
	if dir, err := folder.Open("."); err == nil {
		_ = dir.Sync()
		_ = dir.Close()
	}
}
