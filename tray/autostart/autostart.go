// Package autostart makes the program start when its user logs in, and reads
// whether it does. The system's own entry is the truth: desktops, Windows' Task
// Manager and macOS' settings let people switch it off, and that is respected.
//
// It is written here and not taken from github.com/emersion/go-autostart,
// because of that package only three templates would be left: its Windows part
// needs cgo for a shortcut whose arguments it does not quote, where a value of
// the registry's Run key does; its macOS part writes the path into XML as it
// is; its Linux part escapes neither "%" nor "$" and knows nothing of Hidden,
// and it looks for the folder before main runs. Quoting on top of it would be
// quoted twice on the day that it is mended.
package autostart

import (
	"errors"
	"os"
	"path/filepath"
)

// id names the entry to systems that want a reverse domain name.
const id = "com.bitfount.tray"

// hidden is the flag that the program is started with.
const hidden = "--hidden"

// Enabled reports whether the program starts at login, as the system's own
// entry says. An entry that was switched off in the system counts as no entry.
func Enabled() (bool, error) { return enabled() }

// Set makes the program that is running start at login, or not. It overrides
// what was switched off in the system.
func Set(on bool) error {
	if !on {
		return disable()
	}
	command, err := commandLine()
	if err != nil {
		return err
	}
	return enable(command)
}

// Repair writes the entry anew if it names a program that is no longer there,
// as after an update that moved it. It leaves alone an entry that is switched
// off, or that names another program that exists. It reports whether it wrote.
func Repair() (repaired bool, err error) {
	on, err := enabled()
	if err != nil || !on {
		return false, err
	}
	program, err := registered()
	if err != nil || program == "" || !filepath.IsAbs(program) {
		return false, err // a name alone is looked up when it is started
	}
	if _, err := os.Stat(program); !errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	command, err := commandLine()
	if err != nil {
		return false, err
	}
	return true, enable(command)
}

// commandLine is what starts this program again after the next login.
func commandLine() ([]string, error) {
	if packaged := packagedCommand(); packaged != nil {
		return append(packaged, hidden), nil
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return []string{program, hidden}, nil
}
