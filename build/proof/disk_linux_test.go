package proof

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/build/desktop"
)

func init() {
	mountSmallDisk = func(dir string) error {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
			return err
		}
		return unix.Mount("small", dir, "tmpfs", 0, "size=64k,mode=0700")
	}
}

// On a full disk the session lives in memory and says so; what was saved before
// stays whole, and once there is room the session is saved by itself.
func TestAFullDiskCostsNoSession(t *testing.T) {
	ownMounts := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	// Containers often lack the right to mount, even for their root.
	try := exec.Command("sh", "-c", `mount --make-rprivate / && mount -t tmpfs -o size=64k small "$0"`, t.TempDir())
	try.SysProcAttr = ownMounts
	if out, err := try.CombinedOutput(); err != nil {
		t.Skipf("no process can be given a small disk of its own here: %v %s", err, out)
	}
	t.Parallel()
	idp := quick(t)
	k := desktop.Keyring(t, desktop.Bus(t))
	o := options(t, idp)
	o.SmallDisk = true
	p := startWith(t, k.Env(), o, ownMounts)
	p.signIn(idp)
	was := p.until("the session to be saved", func(a answer) bool { return a.Snapshot.Storage.Saved })

	filler := filepath.Join(fmt.Sprintf("/proc/%d/root", p.cmd.Process.Pid), o.Dir, "filler")
	if err := fill(filler); err != nil {
		t.Fatal(err)
	}
	// Nothing is rotated that could not be kept, as long as there is time; a
	// sign-in is what its user wants now.
	p.do(authcore.CommandRenew)
	if a := p.until("the full disk to be told", func(a answer) bool {
		return a.storage() == authcore.ProblemDiskFull && a.account().State == authcore.SignedIn
	}); a.Token != was.Token {
		t.Errorf("renewed on a full disk: %+v, storage %+v", a.account(), a.Snapshot.Storage)
	}
	p.signIn(idp)
	a := p.until("the full disk to be told", func(a answer) bool { return a.storage() == authcore.ProblemDiskFull })
	if a.Token == was.Token || a.Token == "" || a.account().State != authcore.SignedIn || a.Snapshot.Storage.Saved {
		t.Errorf("account %+v, storage %+v", a.account(), a.Snapshot.Storage)
	}
	if disk := p.disk(); len(disk.Accounts) != 1 || disk.Accounts[0].AccessToken != was.Token {
		t.Errorf("the session that was saved before is no longer whole: %+v", disk)
	}

	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	p.ask(command{Nudge: true})
	p.untilDisk("the session to be saved by itself", func(s saved) bool {
		return len(s.Accounts) == 1 && s.Accounts[0].AccessToken == a.Token
	})
	p.until("no problem any more", func(a answer) bool { return a.Snapshot.Storage.Saved && a.Snapshot.Storage.Problem == nil })
}

// fill writes a file until the disk is full.
func fill(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	err = errors.Join(f.Close(), onlyFull(err))
	return err
}

// onlyFull is nil for the error of a full disk.
func onlyFull(err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return nil
	}
	return err
}
