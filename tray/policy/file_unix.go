//go:build unix

package policy

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// largest is far more than a policy has.
const largest = 1 << 20

// trustedOwner owns what is believed. Tests, which are not root, replace it.
var trustedOwner uint32 = 0

// readTrusted reads a file that nobody but its owner root can have written, in
// a folder of which the same holds. A symbolic link is followed: what it leads
// to is judged.
func readTrusted(path string) ([]byte, error) {
	// A pipe in its place must not keep the program from starting.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", path)
	}
	folder := filepath.Dir(path)
	around, err := os.Stat(folder)
	if err != nil {
		return nil, err
	}
	for _, one := range []struct {
		path string
		info os.FileInfo
	}{{path, info}, {folder, around}} {
		if err := untrusted(one.path, one.info); err != nil {
			return nil, err
		}
	}
	data, err := io.ReadAll(io.LimitReader(f, largest+1))
	if err == nil && len(data) > largest {
		err = fmt.Errorf("%s has more than %d bytes", path, largest)
	}
	return data, err
}

// untrusted says why a file or folder could hold what no administrator wrote.
func untrusted(path string, info os.FileInfo) error {
	if owner := info.Sys().(*syscall.Stat_t).Uid; owner != trustedOwner {
		return fmt.Errorf("%s belongs to user %d, not to root: give it to root (chown root %[1]s)", path, owner)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s can be written by others than root: take that right away (chmod go-w %[1]s)", path)
	}
	return nil
}
