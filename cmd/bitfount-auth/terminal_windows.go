package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// drawsColours says whether a console obeys ECMA-48 sequences, and makes it do
// so if it can: Windows 10 and later.
func drawsColours(f *os.File) bool {
	console := windows.Handle(f.Fd())
	var mode uint32
	if windows.GetConsoleMode(console, &mode) != nil {
		return false
	}
	return windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}

// hasDisplay says whether a browser that is opened can be seen: not by
// somebody who came over SSH.
func hasDisplay() bool { return os.Getenv("SSH_CONNECTION") == "" }
