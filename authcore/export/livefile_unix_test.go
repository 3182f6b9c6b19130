//go:build unix

package export

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

func TestTheModeIsSetEveryTime(t *testing.T) {
	path := filepath.Join(ownFolder(t), "headers")
	for _, umask := range []int{0, 0o777} {
		old := syscall.Umask(umask)
		err := Write(path, secret.New("x"))
		syscall.Umask(old)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("umask %04o: mode %v, error %v", umask, info.Mode(), err)
		}
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAFileThatHoldsItAlreadyIsKnown(t *testing.T) {
	dir := ownFolder(t)
	path := filepath.Join(dir, "headers")
	content := secret.New(canary)
	if Holds(path, content) {
		t.Error("a file that is not there")
	}
	if err := Write(path, content); err != nil {
		t.Fatal(err)
	}
	if !Holds(path, content) {
		t.Error("what Write has just left is not known")
	}
	for _, other := range []string{"", canary + "x", strings.ToUpper(canary)} {
		if Holds(path, secret.New(other)) {
			t.Errorf("%q counts as the same", other)
		}
	}
	spoilt := func(name string, errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		if Holds(path, content) {
			t.Errorf("%s counts as the same", name)
		}
	}
	spoilt("a file that others can read", os.Chmod(path, 0o644))
	spoilt("one in a folder that others can write", os.Chmod(path, 0o600), os.Chmod(dir, 0o777))
	spoilt("a link to it", os.Chmod(dir, 0o700), os.Rename(path, path+".real"), os.Symlink(path+".real", path))
}

func TestAFolderThatOthersCanWriteIsRefused(t *testing.T) {
	for _, mode := range []os.FileMode{0o777, 0o702, 0o777 | os.ModeSticky} {
		dir := ownFolder(t)
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "headers")
		for _, err := range []error{Write(path, secret.New(canary)), Test(path)} {
			if err == nil || !strings.Contains(err.Error(), "chmod go-w "+dir) {
				t.Errorf("mode %v: %v", mode, err)
			}
		}
		only(t, dir)
	}
	dir := ownFolder(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(dir, "headers"), secret.New("x")); err != nil {
		t.Errorf("others may look: %v", err)
	}
}

func TestAGroupThatIsTheUserAloneMayWrite(t *testing.T) {
	dir := ownFolder(t)
	if err := os.Chmod(dir, 0o775); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "headers")
	own := isOwnGroup(uint32(os.Getegid()))
	if err := Write(path, secret.New("x")); (err == nil) != own {
		t.Errorf("the user's own group (%v): %v", own, err)
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can give the folder to another group")
	}
	if err := os.Chown(dir, 0, 65534); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, secret.New("x")); err == nil || !strings.Contains(err.Error(), "other users") {
		t.Errorf("another group: %v", err)
	}
}

func TestAFolderOfAnotherUserIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		if err := Write("/usr/headers", secret.New("x")); err == nil || !strings.Contains(err.Error(), "another user") {
			t.Errorf("got %v", err)
		}
		return
	}
	dir := ownFolder(t)
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(dir, "headers"), secret.New("x")); err == nil || !strings.Contains(err.Error(), "another user") {
		t.Errorf("got %v", err)
	}
	only(t, dir)
}

func TestAPipeIsNotReplaced(t *testing.T) {
	path := filepath.Join(ownFolder(t), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, secret.New("x")); err == nil || !strings.Contains(err.Error(), "not a file") {
		t.Errorf("Write: %v", err)
	}
	if _, err := ReadTokenFile(path); err == nil || !strings.Contains(err.Error(), "not a file") {
		t.Errorf("ReadTokenFile: %v", err)
	}
	if err := Remove(path); err == nil {
		t.Error("Remove removes it")
	}
	if _, err := os.Lstat(path); err != nil {
		t.Error(err)
	}
}
