package main

import "os"

// hasDisplay says whether a browser that is opened can be seen. Without a
// display, xdg-open would start a browser in the terminal.
func hasDisplay() bool { return os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != "" }
