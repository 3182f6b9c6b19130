package export

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// Temporary files are named by these and a hash of the target's name, so that
// people recognise them and Write finds what a crash has left.
const (
	temporaryPrefix = ".bitfount-tray-"
	temporarySuffix = ".tmp"
)

// abandonedAfter is the age at which another process's temporary file is what
// a crash has left: writing one takes milliseconds, on a bad disk seconds.
const abandonedAfter = time.Minute

// Write replaces the file at path, or makes it, so that a reader sees all of
// the old content or all of the new, and never a part. Its mode is 0600 each
// time, on Windows its access list names the user and the system only. The
// content is on the disk when Write returns. It is safe for concurrent use,
// also by several processes; the last one wins.
//
// The path must be absolute and its folder must exist. Write refuses, with an
// error that says what to do:
//
//   - a file or a folder that is a symbolic link (links further up are
//     followed; they cannot lead it into a folder that it refuses),
//   - a folder of another user or one that others can write, with the sticky
//     bit or without, so not directly in /tmp; a group that bears the user's
//     own name and is their primary group is nobody else,
//   - a place that cannot keep files private, such as a memory stick without
//     file modes.
//
// Access lists beyond modes are not looked at, nor are those of folders on
// Windows, where only the file itself is protected.
func Write(path string, content secret.Secret) error {
	folder, name, err := openFolder(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := checkFolder(folder, filepath.Dir(path)); err != nil {
		return err
	}
	sweep(folder, name, abandonedAfter)
	return replaceContent(folder, name, content)
}

// Holds reports whether the file is already as Write would leave it: the same
// content, and as private. It is false where that cannot be known, such as for
// every file on Windows, whose access lists are not read.
func Holds(path string, content secret.Secret) bool {
	folder, name, err := openFolder(path)
	if err != nil {
		return false
	}
	defer folder.Close()
	before, err := folder.Lstat(name)
	if err != nil || checkFolder(folder, filepath.Dir(path)) != nil || !isPrivate(before) || before.Size() != int64(len(content.Reveal())) {
		return false
	}
	file, err := folder.Open(name)
	if err != nil {
		return false
	}
	defer file.Close()
	opened, err := file.Stat()
	if err != nil || !os.SameFile(before, opened) {
		return false
	}
	data, err := io.ReadAll(io.LimitReader(file, before.Size()+1))
	return err == nil && secret.New(string(data)).Equal(content)
}

// Test finds out whether Write could write the file, without touching it: it
// makes the same checks, and writes and removes a temporary file.
func Test(path string) error {
	folder, name, err := openFolder(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := checkFolder(folder, filepath.Dir(path)); err != nil {
		return err
	}
	temporary, err := writeTemporary(folder, name, secret.New("test\n"))
	if err != nil {
		return err
	}
	if err := folder.Remove(temporary); err != nil {
		return fmt.Errorf("a test file in %s cannot be removed again: %w", filepath.Dir(path), err)
	}
	return nil
}

// Remove takes the file away, and every temporary file that belongs to it. It
// is first replaced by an empty one, so that a reader sees all of it or nothing.
// Where the folder has become read-only, the file is emptied in place: that a
// credential goes matters more than what a reader sees, and the error says that
// an empty file stays. A missing file or folder is no error.
func Remove(path string) error {
	folder, name, err := openFolder(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer folder.Close()
	sweep(folder, name, 0)
	if _, err := folder.Lstat(name); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := replaceContent(folder, name, secret.Secret{}); err != nil {
		if emptyErr := emptyInPlace(folder, name); emptyErr != nil {
			return fmt.Errorf("the file %s still holds what was exported, delete it yourself: %w", path, emptyErr)
		}
	}
	if err := folder.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the file %s is empty now, but cannot be deleted: %w", path, err)
	}
	syncFolder(folder)
	return nil
}

// openFolder pins the folder of path, so that what is checked and what is
// written to are the same one even if its name is given to another meanwhile.
func openFolder(path string) (folder *os.Root, name string, err error) {
	if !filepath.IsAbs(path) || strings.HasSuffix(path, string(filepath.Separator)) {
		return nil, "", fmt.Errorf("%q is not the whole path of a file", path)
	}
	dir, name := filepath.Split(filepath.Clean(path))
	dir = filepath.Clean(dir)
	before, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", fmt.Errorf("the folder %s does not exist: make it, or choose another: %w", dir, err)
	}
	if err != nil {
		return nil, "", fmt.Errorf("the folder %s cannot be looked at: %w", dir, err)
	}
	if !before.IsDir() {
		return nil, "", fmt.Errorf("%s is a link or a file and not a folder: choose the folder itself", dir)
	}
	folder, err = os.OpenRoot(dir)
	if err != nil {
		return nil, "", fmt.Errorf("the folder %s cannot be opened: %w", dir, err)
	}
	opened, err := folder.Stat(".")
	if err != nil || !os.SameFile(before, opened) {
		_ = folder.Close()
		return nil, "", fmt.Errorf("the folder %s was exchanged while it was opened: try again", dir)
	}
	return folder, name, nil
}

// replaceContent writes a temporary file beside the target and renames it.
func replaceContent(folder *os.Root, name string, content secret.Secret) error {
	path := filepath.Join(folder.Name(), name)
	switch info, err := folder.Lstat(name); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("the file %s cannot be looked at: %w", path, err)
	case info.Mode().Type() == fs.ModeSymlink:
		return fmt.Errorf("%s is a link: choose the file that it points to, or remove it", path)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a file: choose another name", path)
	}
	temporary, err := writeTemporary(folder, name, content)
	if err != nil {
		return err
	}
	if err := rename(folder, temporary, name); err != nil {
		_ = folder.Remove(temporary)
		return fmt.Errorf("the file %s cannot be replaced: %w", path, err)
	}
	syncFolder(folder)
	return nil
}

// writeTemporary makes a private file, and writes to it only once it is.
func writeTemporary(folder *os.Root, name string, content secret.Secret) (temporary string, err error) {
	temporary = temporaryStem(name) + rand.Text() + temporarySuffix
	file, err := folder.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("a file in %s cannot be made: %w", folder.Name(), err)
	}
	err = errors.Join(makePrivate(file), writeSynced(file, content), file.Close())
	if err != nil {
		_ = folder.Remove(temporary)
		return "", fmt.Errorf("a file in %s cannot be written: %w", folder.Name(), err)
	}
	return temporary, nil
}

func writeSynced(file *os.File, content secret.Secret) error {
	if _, err := file.WriteString(content.Reveal()); err != nil {
		return err
	}
	return file.Sync()
}

// emptyInPlace cuts a file that cannot be replaced. It goes through no link.
func emptyInPlace(folder *os.Root, name string) error {
	info, err := folder.Lstat(name)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for its reader
		return errors.New("it is a link or no file")
	}
	file, err := folder.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	opened, err := file.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(info, opened) {
		return errors.New("it was exchanged meanwhile")
	}
	if err := file.Truncate(0); err != nil {
		return err
	}
	return file.Sync()
}

// temporaryStem has the same length for every name, so that a long one leaves
// room for the rest.
func temporaryStem(name string) string {
	sum := sha256.Sum256([]byte(name))
	return temporaryPrefix + hex.EncodeToString(sum[:6]) + "-"
}

// sweep removes temporary files of a target that are older than age. That it
// fails is no reason not to write.
func sweep(folder *os.Root, name string, age time.Duration) {
	dir, err := folder.Open(".")
	if err != nil {
		return
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return
	}
	for _, n := range names {
		if !strings.HasPrefix(n, temporaryStem(name)) || !strings.HasSuffix(n, temporarySuffix) {
			continue
		}
		if info, err := folder.Lstat(n); err == nil && time.Since(info.ModTime()) >= age {
			_ = folder.Remove(n)
		}
	}
}
