package window

// hasDisplay reports whether the environment names an X11 or Wayland display.
func hasDisplay(getenv func(string) string) bool {
	return getenv("DISPLAY") != "" || getenv("WAYLAND_DISPLAY") != ""
}
