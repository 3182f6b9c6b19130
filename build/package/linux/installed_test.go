package linux

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/localapi"
	"github.com/bitfount/bitfount-tray/build/desktop"
	"github.com/bitfount/bitfount-tray/build/trial"
)

var (
	debianRoot = flag.String("root", "", "a tar archive of a fresh Debian, in which the package is tried (make package-test)")
	oldPackage = flag.String("old", "", "the .deb to install first")
	newPackage = flag.String("new", "", "the .deb to upgrade to")
	tarball    = flag.String("tarball", "", "the .tar.gz to go on with after the package's removal")
)

const (
	// person is one of those whom the demo provider's page offers.
	person = "dr.amelia.stone"
	// patience bounds one step of the product on a loaded machine.
	patience = 45 * time.Second
)

// The package as a user has it: installed with what it depends on and nothing
// else, used, upgraded, and removed again. The desktop around it is outside of
// the Debian root, so that none of its libraries helps the product.
func TestThePackageFromInstallingToRemoving(t *testing.T) {
	switch {
	case *debianRoot == "":
		t.Skip("this needs a fresh Debian: make package-test")
	case os.Getuid() != 0:
		t.Skip("only root can install packages into a Debian root")
	}
	if err := desktop.Check(); err != nil {
		t.Skip(err)
	}
	ctx := t.Context()
	r := newRoot(t, *debianRoot)
	before := r.files()

	r.apt("update")
	r.install(*oldPackage)
	installed := strings.Fields(r.run("dpkg", "-L", "bitfount-tray"))
	oldVersion := r.run("bitfount-auth", "--version")

	d := desktop.New(t, desktop.Options{})
	folder := t.TempDir()
	programs, err := trial.Build(ctx, folder)
	ok(t, err)
	programs.Product = r.program(folder, "/usr/bin/bitfount-tray")
	log, err := d.LogFile("demoidp")
	ok(t, err)
	defer log.Close()
	provider, err := programs.StartProvider(ctx, filepath.Join(d.ConfigHome(), "bitfount-tray", "config.toml"), log, "-interval", "1s")
	ok(t, err)
	defer provider.Stop()

	t.Log("start and sign in")
	resident, err := programs.Start(ctx, d, "--hidden")
	ok(t, err)
	defer func() { resident.Kill() }()
	ok(t, resident.Tray.Click(ctx, "Sign in…"))
	var link, code string
	ok(t, desktop.Until(ctx, patience, "the browser and the code", func() error {
		tip, err := resident.Tray.Tooltip(ctx)
		code = regexp.MustCompile(`\b[A-Z0-9]{4}-[A-Z0-9]{4}\b`).FindString(tip)
		if links := d.Opened(); len(links) > 0 {
			link = links[0]
		}
		if err == nil && (link == "" || code == "") {
			err = fmt.Errorf("the tooltip says %q, and the browser was asked for %q", tip, link)
		}
		return err
	}))
	ok(t, trial.Approve(ctx, link, code, person))
	signedIn(t, resident)

	t.Log("the window opens")
	opensWindow(t, d, resident, "installed")

	t.Log("start at login")
	client := localapi.NewClient(filepath.Join(d.RuntimeDir(), "bitfount-tray", "api.sock"))
	ok(t, client.Do(ctx, authcore.Command{Name: authcore.CommandSet, Setting: "start_at_login", Text: "true"}))
	entry := filepath.Join(d.ConfigHome(), "autostart", "bitfount-tray.desktop")
	if !r.starts(entry) {
		t.Error("desktops do not start the program at login")
	}

	t.Log("upgrade while it runs")
	r.install(*newPackage)
	if now := r.run("bitfount-auth", "--version"); now == oldVersion {
		t.Errorf("after the upgrade the version is still %s", now)
	}
	signedIn(t, resident)
	// The old program is still in memory, and the window is the new one.
	opensWindow(t, d, resident, "upgraded")
	quit(t, resident)
	resident, err = programs.Start(ctx, d, "--hidden")
	ok(t, err)
	signedIn(t, resident)
	status := r.command("bitfount-auth", "status")
	status.Env = d.Env()
	if out, err := status.CombinedOutput(); err != nil || !strings.Contains(string(out), person) {
		t.Errorf("bitfount-auth status says %s (%v)", out, err)
	}
	if len(d.Opened()) != 1 {
		t.Error("the upgrade asked for another sign-in")
	}
	if !r.starts(entry) {
		t.Error("after the upgrade desktops do not start the program at login any more")
	}
	quit(t, resident)

	t.Log("remove")
	vault, err := os.ReadDir(filepath.Join(d.DataHome(), "bitfount-tray"))
	ok(t, err)
	r.apt("purge", "-y", "bitfount-tray")
	kept, err := os.ReadDir(filepath.Join(d.DataHome(), "bitfount-tray"))
	ok(t, err)
	if len(vault) == 0 || len(kept) != len(vault) {
		t.Errorf("the user had %v, and after the removal has %v", vault, kept)
	}
	if r.starts(entry) {
		t.Errorf("desktops would start the program that is gone: %s", entry)
	}
	for _, path := range installed {
		if info, err := os.Lstat(filepath.Join(r.dir, path)); err == nil && !info.IsDir() {
			t.Errorf("%s is left", path)
		}
	}
	for path := range r.files() {
		if !before[path] && strings.Contains(path, "bitfount") {
			t.Errorf("%s is left", path)
		}
	}
	for _, folder := range []string{"/etc", "/var/lib", "/root", "/home"} {
		out, err := r.command("grep", "-rlsi", "--exclude-dir=lists", "bitfount", folder).Output()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Error(err)
		}
		if found := strings.TrimSpace(string(out)); found != "" {
			t.Errorf("these files still speak of the package: %s", found)
		}
	}

	t.Log("the tarball in ~/.local")
	local := filepath.Join(r.dir, "root", ".local")
	ok(t, os.MkdirAll(local, 0o755))
	if out, err := exec.Command("tar", "-C", local, "--strip-components=1", "-xf", *tarball).CombinedOutput(); err != nil {
		t.Fatalf("unpacking %s: %v\n%s", *tarball, err, out)
	}
	programs.Product = r.program(folder, "/root/.local/bin/bitfount-tray")
	resident, err = programs.Start(ctx, d, "--hidden")
	ok(t, err)
	signedIn(t, resident)
	if text, err := os.ReadFile(entry); err != nil || !r.starts(entry) {
		t.Errorf("starting at login was not mended: %s, %v", text, err)
	}
	quit(t, resident)
}

func signedIn(t *testing.T, resident *trial.Resident) {
	t.Helper()
	err := desktop.Until(t.Context(), patience, "the tray to say who is signed in", func() error {
		tip, err := resident.Tray.Tooltip(t.Context())
		if err == nil && !strings.Contains(tip, person) {
			err = fmt.Errorf("the tooltip says %q", tip)
		}
		return err
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, resident.Log())
	}
}

// opensWindow opens the window, keeps a picture of it, and closes it.
func opensWindow(t *testing.T, d *desktop.Desktop, resident *trial.Resident, name string) {
	t.Helper()
	ctx := t.Context()
	ok(t, resident.Tray.Click(ctx, "Open Bitfount Tray"))
	window, err := d.Window(ctx, patience)
	if err != nil {
		t.Fatalf("%v\n%s", err, resident.Log())
	}
	ok(t, d.Settle(ctx))
	picture, err := filepath.Abs(filepath.Join(root, "build", "out", "package", name+".png"))
	ok(t, err)
	ok(t, d.Screenshot(ctx, picture))
	ok(t, window.Close(ctx))
	ok(t, d.NoWindow(ctx, patience))
}

func quit(t *testing.T, resident *trial.Resident) {
	t.Helper()
	ok(t, resident.Tray.Click(t.Context(), "Quit"))
	if code, err := resident.Ended(t.Context(), patience); err != nil || code != 0 {
		t.Fatalf("after Quit the exit code is %d, %v", code, err)
	}
}

// debian is a Debian root.
type debian struct {
	t   *testing.T
	dir string
}

// newRoot unpacks a fresh Debian and gives it what a container has: /proc,
// /dev, this machine's /tmp, name servers and package sources.
func newRoot(t *testing.T, archive string) *debian {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "bitfount-debian-")
	ok(t, err)
	r := &debian{t, dir}
	var mounted []string
	t.Cleanup(func() {
		for _, path := range mounted {
			if out, err := exec.Command("umount", "-l", path).CombinedOutput(); err != nil {
				t.Errorf("umount %s: %v\n%s", path, err, out)
				return // what is mounted must not be deleted
			}
		}
		_ = os.RemoveAll(dir)
	})
	if out, err := exec.Command("tar", "-C", dir, "--numeric-owner", "-xf", archive).CombinedOutput(); err != nil {
		t.Fatalf("unpacking %s: %v\n%s", archive, err, out)
	}
	mount := func(args ...string) {
		t.Helper()
		path := filepath.Join(dir, args[len(args)-1])
		args[len(args)-1] = path
		if out, err := exec.Command("mount", args...).CombinedOutput(); err != nil {
			t.Skipf("this machine does not let root mount file systems: mount %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		mounted = append(mounted, path)
	}
	mount("-t", "proc", "proc", "proc")
	mount("--bind", "/dev", "dev")
	mount("--bind", "/tmp", "tmp") // where the desktop's sockets and the user's home are
	if servers, err := os.ReadFile("/etc/resolv.conf"); err == nil {
		ok(t, os.WriteFile(filepath.Join(dir, "etc/resolv.conf"), servers, 0o644))
	}
	// No services may start in there.
	ok(t, os.WriteFile(filepath.Join(dir, "usr/sbin/policy-rc.d"), []byte("#!/bin/sh\nexit 101\n"), 0o755))
	return r
}

func (r *debian) command(name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(r.t.Context(), "chroot", append([]string{r.dir, name}, args...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"}
	return cmd
}

func (r *debian) run(name string, args ...string) string {
	r.t.Helper()
	out, err := r.command(name, args...).CombinedOutput()
	if err != nil {
		r.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (r *debian) apt(args ...string) {
	r.t.Helper()
	r.run("apt-get", append([]string{"-q"}, args...)...)
}

// program writes a script that starts a program of the Debian root, and keeps
// its process ID.
func (r *debian) program(folder, path string) string {
	r.t.Helper()
	file := filepath.Join(folder, strings.ReplaceAll(path, "/", "_"))
	ok(r.t, os.WriteFile(file, []byte(fmt.Sprintf("#!/bin/sh\nexec chroot %q %q \"$@\"\n", r.dir, path)), 0o755))
	return file
}

// starts reports whether a desktop in there starts what an entry for starting at
// login names: whether the program behind its TryExec is there (Freedesktop
// Desktop Application Autostart Specification 0.5).
func (r *debian) starts(entry string) bool {
	r.t.Helper()
	text, err := os.ReadFile(entry)
	ok(r.t, err)
	program := regexp.MustCompile(`(?m)^TryExec=(/.*)$`).FindSubmatch(text)
	if program == nil {
		r.t.Fatalf("TryExec is not in %s:\n%s", entry, text)
	}
	info, err := os.Stat(filepath.Join(r.dir, string(program[1])))
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// install installs a .deb with what it depends on, and not what it recommends:
// it has to work without.
func (r *debian) install(deb string) {
	r.t.Helper()
	content, err := os.ReadFile(deb)
	ok(r.t, err)
	inside := filepath.Join("/root", "package.deb")
	ok(r.t, os.WriteFile(filepath.Join(r.dir, inside), content, 0o644))
	r.apt("install", "-y", "--no-install-recommends", inside)
	ok(r.t, os.Remove(filepath.Join(r.dir, inside)))
}

// files are all files in there, without what is mounted. This machine's /tmp may
// be of the same file system, so -xdev alone would search it.
func (r *debian) files() map[string]bool {
	r.t.Helper()
	out, err := exec.CommandContext(context.WithoutCancel(r.t.Context()), "find", r.dir, "-xdev", "-path", filepath.Join(r.dir, "tmp"), "-prune", "-o", "-print").Output()
	ok(r.t, err)
	files := map[string]bool{}
	for path := range strings.Lines(string(out)) {
		files[strings.TrimPrefix(strings.TrimSpace(path), r.dir)] = true
	}
	return files
}

// ok ends the test on an error.
func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
