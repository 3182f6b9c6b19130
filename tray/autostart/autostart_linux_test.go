package autostart

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// home is a user's folders and a system's, both empty.
func home(t *testing.T) (user, system string) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	t.Setenv("XDG_CONFIG_DIRS", "relative:"+filepath.Join(dir, "xdg"))
	for _, name := range []string{"APPIMAGE", "APPDIR", "FLATPAK_ID", "HOST_XDG_CONFIG_HOME"} {
		t.Setenv(name, "")
	}
	return filepath.Join(dir, "config", "autostart", file), filepath.Join(dir, "xdg", "autostart", file)
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func isOn(t *testing.T) bool {
	t.Helper()
	on, err := Enabled()
	if err != nil {
		t.Fatal(err)
	}
	return on
}

func set(t *testing.T, on bool) {
	t.Helper()
	if err := Set(on); err != nil {
		t.Fatal(err)
	}
	if isOn(t) != on {
		t.Fatalf("after Set(%v) it is %v", on, !on)
	}
}

func TestStartingAtLoginIsSwitchedOnAndOff(t *testing.T) {
	user, _ := home(t)
	if isOn(t) {
		t.Fatal("on in a fresh home")
	}
	set(t, false)
	set(t, true)
	set(t, true)
	data, err := os.ReadFile(user)
	if err != nil {
		t.Fatal(err)
	}
	self, _ := os.Executable()
	// With TryExec, desktops pass over the entry of a program that was removed.
	for _, want := range []string{"\nExec=" + quoteExec(self) + " --hidden\n", "\nTryExec=" + self + "\n"} {
		if !strings.Contains(string(data), want) {
			t.Errorf("%s lacks %q", data, want)
		}
	}
	if validate, err := exec.LookPath("desktop-file-validate"); err == nil {
		if said, err := exec.Command(validate, user).CombinedOutput(); err != nil {
			t.Errorf("desktop-file-validate: %s", said)
		}
	}
	set(t, false)
	left, _ := os.ReadDir(filepath.Dir(user))
	if len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestTheDesktopsOwnSwitchIsTheTruth(t *testing.T) {
	user, _ := home(t)
	for _, off := range []string{"Hidden=true\n", "X-GNOME-Autostart-enabled=false\n"} {
		put(t, user, string(desktopEntry([]string{"/nowhere/bitfount-tray"}))+off)
		if strings.HasPrefix(off, "X") {
			put(t, user, strings.Replace(string(desktopEntry([]string{"/nowhere/bitfount-tray"})), "X-GNOME-Autostart-enabled=true\n", off, 1))
		}
		if isOn(t) {
			t.Errorf("%s is not respected", off)
		}
		if repaired, err := Repair(); repaired || err != nil {
			t.Errorf("%s: an entry that is off was written: %v, %v", off, repaired, err)
		}
		set(t, true) // the user's word in our own settings is newer
	}
}

func TestASystemWideEntryIsOverruledByTheUsersOwn(t *testing.T) {
	user, system := home(t)
	put(t, system, "[Desktop Entry]\nType=Application\nName=x\nExec=/usr/bin/bitfount-tray --hidden\n")
	if !isOn(t) {
		t.Error("a system-wide entry does not count")
	}
	set(t, false)
	if data, err := os.ReadFile(user); err != nil || !strings.Contains(string(data), "Hidden=true") {
		t.Errorf("%s, %v", data, err)
	}
	set(t, true)
}

func TestAStalePathIsRepaired(t *testing.T) {
	user, _ := home(t)
	self, _ := os.Executable()
	there := filepath.Join(t.TempDir(), "another bitfount-tray")
	put(t, there, "")
	for name, c := range map[string]struct {
		exec string
		want bool
	}{
		"gone":                   {"/opt/old/bitfount-tray --hidden", true},
		"gone, quoted":           {`"/opt/old version/bitfount-tray" --hidden`, true},
		"another one that lives": {quoteExec(there), false},
		"by name":                {"bitfount-tray --hidden", false},
		"flatpak":                {"flatpak run com.bitfount.tray", false},
	} {
		entry := "[Desktop Entry]\nType=Application\nName=x\nExec=" + c.exec + "\n"
		put(t, user, entry)
		repaired, err := Repair()
		if err != nil || repaired != c.want {
			t.Errorf("%s: repaired %v, %v", name, repaired, err)
		}
		data, _ := os.ReadFile(user)
		if _, program := parseDesktopEntry(data); c.want && program != self || !c.want && string(data) != entry {
			t.Errorf("%s: now\n%s", name, data)
		}
	}
	if err := os.Remove(user); err != nil {
		t.Fatal(err)
	}
	if repaired, err := Repair(); repaired || err != nil {
		t.Errorf("without an entry: %v, %v", repaired, err)
	}
}

func TestPackagesAreStartedAsPackages(t *testing.T) {
	user, _ := home(t)
	self, _ := os.Executable()
	exec := func() string {
		t.Helper()
		set(t, true)
		data, err := os.ReadFile(user)
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(string(data), "\nExec=")
		line, _, _ := strings.Cut(after, "\n")
		return line
	}
	t.Setenv("APPIMAGE", "/home/a/Bitfount Tray.AppImage")
	if got := exec(); got != quoteExec(self)+" --hidden" {
		t.Errorf("an AppImage that is not ours: %s", got)
	}
	t.Setenv("APPDIR", filepath.Dir(self))
	if got := exec(); got != `"/home/a/Bitfount Tray.AppImage" --hidden` {
		t.Errorf("AppImage: %s", got)
	}
	host := t.TempDir()
	t.Setenv("HOST_XDG_CONFIG_HOME", host)
	t.Setenv("FLATPAK_ID", "com.bitfount.tray")
	user = filepath.Join(host, "autostart", file)
	if got := exec(); got != "flatpak run com.bitfount.tray --hidden" {
		t.Errorf("Flatpak: %s", got)
	}
}

func TestALinkedEntryStaysALink(t *testing.T) {
	user, _ := home(t)
	real := filepath.Join(t.TempDir(), "dotfiles", file)
	put(t, real, "[Desktop Entry]\nExec=/gone/x\n")
	if err := os.MkdirAll(filepath.Dir(user), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, user); err != nil {
		t.Fatal(err)
	}
	if repaired, err := Repair(); !repaired || err != nil {
		t.Fatal(repaired, err)
	}
	if info, err := os.Lstat(user); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
	if data, _ := os.ReadFile(real); !strings.Contains(string(data), hidden) {
		t.Errorf("%s", data)
	}
}
