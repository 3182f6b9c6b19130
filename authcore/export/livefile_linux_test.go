package export

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// TestAFileThatCannotBeRemovedIsEmptied makes the folder read-only. Root needs
// to become somebody else for it, as the system asks root for no permission.
func TestAFileThatCannotBeRemovedIsEmptied(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "export-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "headers")
	if err := Write(path, secret.New(canary)); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		for _, name := range []string{dir, path} {
			if err := os.Chown(name, 65534, 65534); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })

	asOwner := func(do func()) {
		if os.Geteuid() == 0 {
			// Of this thread alone; it ends with the goroutine, still locked.
			runtime.LockOSThread()
			if err := syscall.Setfsuid(65534); err != nil {
				t.Error(err)
			}
		}
		do()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		asOwner(func() {
			if err := Remove(path); err == nil || !strings.Contains(err.Error(), "is empty now") {
				t.Errorf("Remove: %v", err)
			}
			holds(t, path, "")
			if err := os.Chmod(path, 0o400); err != nil {
				t.Error(err)
			}
			if err := Remove(path); err == nil || !strings.Contains(err.Error(), "delete it yourself") {
				t.Errorf("Remove of a file that cannot be written: %v", err)
			}
		})
	}()
	<-done
}

// TestAFullDiskCostsNothing writes where there is no room; the old file stays.
func TestAFullDiskCostsNothing(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small disk")
	}
	dir := ownFolder(t)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16k,mode=0700"); err != nil {
		t.Skipf("no small disk can be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
	path := filepath.Join(dir, "headers")
	if err := Write(path, secret.New("old")); err != nil {
		t.Fatal(err)
	}
	err := Write(path, secret.New(strings.Repeat(canary, 10_000)))
	if err == nil || !strings.Contains(err.Error(), "no space left") || strings.Contains(err.Error(), canary) {
		t.Errorf("got %v", err)
	}
	holds(t, path, "old")
	only(t, dir, "headers")
}
