package main

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
)

// hasScreen reports whether there is a display that a window can be shown on.
func hasScreen() bool { return os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != "" }

// ownEnvironment is this process's environment with folders of the demo's own,
// so that an installed Bitfount Tray and its session stay as they are.
func ownEnvironment(folder string) []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "BITFOUNT_") {
			env = append(env, kv)
		}
	}
	runtime := os.Getenv("XDG_RUNTIME_DIR")
	env = append(env,
		"XDG_CONFIG_HOME="+filepath.Join(folder, "config"),
		"XDG_DATA_HOME="+filepath.Join(folder, "data"),
		"XDG_STATE_HOME="+filepath.Join(folder, "state"),
		"XDG_CACHE_HOME="+filepath.Join(folder, "cache"),
		"XDG_RUNTIME_DIR="+filepath.Join(folder, "run"),
	)
	if runtime == "" {
		return env
	}
	// What lies in the real runtime folder is still to be found.
	env = append(env, "DBUS_SESSION_BUS_ADDRESS="+cmp.Or(os.Getenv("DBUS_SESSION_BUS_ADDRESS"), "unix:path="+filepath.Join(runtime, "bus")))
	if display := os.Getenv("WAYLAND_DISPLAY"); display != "" && !filepath.IsAbs(display) {
		env = append(env, "WAYLAND_DISPLAY="+filepath.Join(runtime, display))
	}
	return env
}
