package vault

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// checkDir refuses a folder that others could have put there. A missing one is
// fs.ErrNotExist.
func checkDir(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a folder", dir)
	}
	return checkOwner(dir, info)
}

// makeDir makes the folder if it is missing, and sees to its mode every time.
func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := checkDir(dir); err != nil {
		return err
	}
	return restrict(dir)
}

// readFile reads a whole file, never through a symbolic link. The error is
// fs.ErrNotExist, ErrUnreadable or ErrDamaged.
func readFile(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err != nil {
		return nil, because(ErrUnreadable, err)
	}
	if !info.Mode().IsRegular() {
		return nil, because(ErrUnreadable, fmt.Errorf("%s is not a regular file", path))
	}
	f, err := openFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err != nil {
		return nil, because(ErrUnreadable, err)
	}
	defer f.Close()
	// The sealed form is larger than the content by header, nonce and tag.
	const most = maxContent + maxHeader + 64
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, because(ErrUnreadable, err)
	}
	if len(data) > most {
		return nil, because(ErrDamaged, fmt.Errorf("it is larger than %d bytes", most))
	}
	return data, nil
}

// writeFile replaces the vault's file in dir as a whole. The caller holds the
// lock, so one fixed name is enough for the new file, and one that a killed
// process left there unfinished is nobody's.
func writeFile(dir string, data []byte) error {
	path, target := filepath.Join(dir, newName), filepath.Join(dir, fileName)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|openNoFollow, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = replaceFile(path, target)
	}
	if err != nil {
		_ = os.Remove(path)
	}
	return err
}

// syncFile puts on the disk what another process has written.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|openNoFollow, 0) // Windows syncs only what may be written
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// writeError sorts an error of a write.
func writeError(err error) error {
	if diskFull(err) {
		return because(ErrDiskFull, err)
	}
	return because(ErrUnwritable, err)
}
