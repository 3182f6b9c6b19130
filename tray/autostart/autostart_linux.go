package autostart

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// file is the entry's name. A user's entry replaces a system-wide one of the
// same name, such as one that an administrator has put there.
const file = "bitfount-tray.desktop"

// userEntry is where the user's own entry lies. Within Flatpak, XDG_CONFIG_HOME
// is a folder that the desktop does not look into.
func userEntry() (string, error) {
	config := os.Getenv("XDG_CONFIG_HOME")
	if flatpak() != "" {
		config = os.Getenv("HOST_XDG_CONFIG_HOME")
	}
	if !filepath.IsAbs(config) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		config = filepath.Join(home, ".config")
	}
	return filepath.Join(config, "autostart", file), nil
}

// systemEntry is the first system-wide entry, nil if there is none.
func systemEntry() []byte {
	dirs := os.Getenv("XDG_CONFIG_DIRS")
	if dirs == "" {
		dirs = "/etc/xdg"
	}
	for dir := range strings.SplitSeq(dirs, ":") {
		if !filepath.IsAbs(dir) {
			continue
		}
		if data, err := os.ReadFile(filepath.Join(dir, "autostart", file)); err == nil {
			return data
		}
	}
	return nil
}

// entry is the one that counts, nil if there is none.
func entry() ([]byte, error) {
	path, err := userEntry()
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return systemEntry(), nil
	}
	return data, err
}

func enabled() (bool, error) {
	data, err := entry()
	if err != nil || data == nil {
		return false, err
	}
	on, _ := parseDesktopEntry(data)
	return on, nil
}

func registered() (string, error) {
	data, err := entry()
	_, program := parseDesktopEntry(data)
	return program, err
}

func enable(command []string) error { return write(desktopEntry(command)) }

func disable() error {
	path, err := userEntry()
	if err != nil {
		return err
	}
	if system := systemEntry(); system != nil {
		if on, _ := parseDesktopEntry(system); on {
			// Only an entry of the user's own can switch that one off.
			return write([]byte("[Desktop Entry]\nType=Application\nName=Bitfount Tray\nHidden=true\n"))
		}
	}
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// write replaces the user's entry, whole or not at all. One that is a symbolic
// link, as of a folder of dotfiles, is written where it leads.
func write(data []byte) error {
	path, err := userEntry()
	if err != nil {
		return err
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	return replace(path, data)
}

// packagedCommand is how a package starts the program, where its own path is
// only good while it runs: an AppImage is mounted somewhere else each time, and
// paths within Flatpak mean nothing outside.
func packagedCommand() []string {
	if app := flatpak(); app != "" {
		return []string{"flatpak", "run", app}
	}
	// An AppImage's runtime sets both; APPIMAGE alone may come from another
	// AppImage that started us.
	image, mounted := os.Getenv("APPIMAGE"), os.Getenv("APPDIR")
	if program, err := os.Executable(); err == nil && filepath.IsAbs(image) && mounted != "" &&
		strings.HasPrefix(program, filepath.Clean(mounted)+string(filepath.Separator)) {
		return []string{image}
	}
	return nil
}

// flatpak is the application's name there, or empty.
func flatpak() string { return os.Getenv("FLATPAK_ID") }
