package vault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func init() {
	childModes["small disk"] = onSmallDisk
	childModes["other user"] = asOtherUser
}

// report prints what went wrong in a child; nothing means that all went well.
func report(what string, err error, want ...string) {
	if got := kindsOf(err); strings.Join(got, ",") != strings.Join(want, ",") {
		fmt.Printf("%s: got kinds %q (%v), want %q\n", what, got, err, want)
	}
}

// succeeds runs a child that prints nothing when all went well.
func succeeds(t *testing.T, mode string, o childOptions, attributes *syscall.SysProcAttr) {
	t.Helper()
	cmd := childCommand(mode, os.Environ(), o)
	cmd.SysProcAttr = attributes
	out, err := cmd.Output()
	if errors.Is(err, syscall.EPERM) || strings.HasPrefix(string(out), "skip: ") {
		t.Skipf("this machine does not allow it: %v %s", err, out)
	}
	if err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestFullDisk gives a child a disk of 64 kB in a mount namespace of its own.
func TestFullDisk(t *testing.T) {
	attributes := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		attributes.Cloneflags |= syscall.CLONE_NEWUSER
		attributes.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		attributes.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	succeeds(t, "small disk", childOptions{Dir: newDir(t), Entries: map[string]string{}}, attributes)
}

func onSmallDisk() {
	o := optionsOfChild()
	ctx := context.Background()
	if err := os.Mkdir(o.Dir, 0o700); err != nil {
		panic(err)
	}
	if err := syscall.Mount("", "/", "", syscall.MS_PRIVATE|syscall.MS_REC, ""); err != nil {
		fmt.Println("skip:", err)
		return
	}
	if err := syscall.Mount("small", o.Dir, "tmpfs", 0, "size=64k,mode=0700"); err != nil {
		fmt.Println("skip:", err)
		return
	}
	v := o.vault()
	small, large := strings.Repeat("s", 10_000), strings.Repeat("l", 100_000)
	report("a write that fits", save(ctx, v, []byte(small)))
	report("a write that does not fit", save(ctx, v, []byte(large)), "disk full")
	if _, err := os.Lstat(filepath.Join(o.Dir, newName)); !os.IsNotExist(err) {
		fmt.Println("the failed write left its file behind:", err)
	}
	content, err := v.Read(ctx)
	if report("the read after it", err); string(content) != small {
		fmt.Printf("the read after it gave %d bytes\n", len(content))
	}
	report("a write that fits again", save(ctx, v, []byte(small)))

	if err := syscall.Mount("small", o.Dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, "size=64k,mode=0700"); err != nil {
		fmt.Println("skip:", err)
		return
	}
	_, err = v.Read(ctx)
	report("a read on a read-only disk", err)
	l, err := v.Lock(ctx)
	if err == nil {
		err = l.Write(ctx, []byte(small))
	}
	report("a write on a read-only disk", err, "unwritable")
	_, err = v.SetAside()
	report("setting aside on a read-only disk", err, "unwritable")
}

// TestOtherUser runs as root only: a child gives its rights up.
func TestOtherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	// Not t.TempDir, which is below a folder that only root may enter.
	dir, err := os.MkdirTemp("/tmp", "bt-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	succeeds(t, "other user", childOptions{Dir: dir, Entries: map[string]string{}}, nil)
}

func asOtherUser() {
	const nobody = 65534
	o := optionsOfChild()
	ctx := context.Background()
	dir := o.Dir
	o.Dir = filepath.Join(dir, "roots")
	roots := o.vault()
	report("root's write", save(ctx, roots, []byte("tokens")))
	if err := os.Chmod(roots.dir, 0o777); err != nil {
		panic(err)
	}
	o.Dir = filepath.Join(dir, "theirs")
	theirs := o.vault()
	report("a write for somebody else", save(ctx, theirs, []byte("tokens")))
	if err := os.Chown(theirs.dir, nobody, nobody); err != nil {
		panic(err)
	}
	_, err := theirs.Read(ctx)
	report("root's read in a user's folder", err, "unreadable")
	_, err = theirs.Lock(ctx)
	report("root's lock in a user's folder", err, "unwritable")

	if err := syscall.Setuid(nobody); err != nil {
		panic(err)
	}
	_, err = roots.Read(ctx)
	report("a user's read in root's folder", err, "unreadable")
	_, err = theirs.Read(ctx)
	report("a user's read of root's file", err, "unreadable")
	_, err = theirs.Lock(ctx)
	report("a user's lock with root's lock file", err, "unwritable")
	o.Dir = filepath.Join("/root", "x")
	_, err = o.vault().Lock(ctx)
	report("a lock below a closed folder", err, "unwritable")
	_, err = o.vault().Read(ctx)
	report("a read below a closed folder", err, "unreadable")
}
