package authcore

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpproxy"
)

// systemProxy asks KDE on KDE's desktop, else GNOME, whose settings other
// desktops keep as well. Without gsettings, or without a proxy set by hand, it
// is none.
func systemProxy() httpproxy.Config {
	if slices.Contains(strings.Split(os.Getenv("XDG_CURRENT_DESKTOP"), ":"), "KDE") {
		return kdeProxy()
	}
	// It answers in some 10 ms, unless its bus hangs.
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	printed, err := exec.CommandContext(ctx, "gsettings", "list-recursively", "org.gnome.system.proxy").Output()
	if err != nil {
		return httpproxy.Config{}
	}
	return parseGSettings(string(printed))
}

// kdeProxy reads the user's file, or else the administrator's (XDG Base
// Directory Specification).
func kdeProxy() httpproxy.Config {
	var folders []string
	if config, err := os.UserConfigDir(); err == nil {
		folders = append(folders, config)
	}
	system := os.Getenv("XDG_CONFIG_DIRS")
	if system == "" {
		system = "/etc/xdg"
	}
	for _, folder := range append(folders, filepath.SplitList(system)...) {
		if file, err := os.ReadFile(filepath.Join(folder, "kioslaverc")); err == nil {
			return parseKIO(string(file))
		}
	}
	return httpproxy.Config{}
}
