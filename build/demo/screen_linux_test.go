package main

import (
	"strings"
	"testing"

	"github.com/bitfount/bitfount-tray/authcore"
)

// An installed Bitfount Tray, its session and its log stay as they are.
func TestTheDemoKeepsToFoldersOfItsOwn(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "/run/user/1000")
	t.Setenv("WAYLAND_DISPLAY", "wayland-0")
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	t.Setenv("BITFOUNT_ENVIRONMENT", "staging")
	folder := t.TempDir()
	own := map[string]string{}
	for _, kv := range ownEnvironment(folder) {
		name, value, _ := strings.Cut(kv, "=")
		own[name] = value // the last one counts, as for a program
	}
	if own["BITFOUNT_ENVIRONMENT"] != "" {
		t.Error("the demo takes over the user's environment")
	}
	for name, want := range map[string]string{
		"WAYLAND_DISPLAY": "/run/user/1000/wayland-0", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/user/1000/bus",
	} {
		if own[name] != want {
			t.Errorf("%s is %q, want %q", name, own[name], want)
		}
	}

	for name, value := range own {
		if strings.HasPrefix(name, "XDG_") {
			t.Setenv(name, value)
		}
	}
	paths, err := authcore.DefaultPaths()
	if err != nil {
		t.Fatal(err)
	}
	for _, place := range []string{paths.Config, paths.Data, paths.State, paths.Runtime} {
		if !strings.HasPrefix(place, folder) {
			t.Errorf("%s is not in the demo's folder", place)
		}
	}
}
