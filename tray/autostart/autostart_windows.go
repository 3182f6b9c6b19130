package autostart

import (
	"errors"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// The Run key starts programs of one user. Windows notes what was switched off
// in the Task Manager or the settings in a key beside it.
const (
	runKey      = `Software\Microsoft\Windows\CurrentVersion\Run`
	approvedKey = `Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run`
	value       = "Bitfount Tray"
)

func enabled() (bool, error) {
	line, err := runLine()
	if err != nil || line == "" {
		return false, err
	}
	key, err := registry.OpenKey(registry.CURRENT_USER, approvedKey, registry.QUERY_VALUE)
	if err != nil {
		return true, nil // nothing was ever switched off
	}
	defer key.Close()
	state, _, err := key.GetBinaryValue(value)
	return err != nil || approved(state), nil
}

// runLine is the entry's command line, empty if there is none.
func runLine() (string, error) {
	key, err := registry.OpenKey(registry.CURRENT_USER, runKey, registry.QUERY_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer key.Close()
	line, _, err := key.GetStringValue(value)
	if errors.Is(err, registry.ErrNotExist) {
		return "", nil
	}
	return line, err
}

func registered() (string, error) {
	line, err := runLine()
	if err != nil || line == "" {
		return "", err
	}
	args, err := windows.DecomposeCommandLine(line)
	if err != nil || len(args) == 0 {
		return "", err
	}
	return args[0], nil
}

func enable(command []string) error {
	key, _, err := registry.CreateKey(registry.CURRENT_USER, runKey, registry.SET_VALUE)
	if err != nil {
		return err
	}
	defer key.Close()
	if err := key.SetStringValue(value, windows.ComposeCommandLine(command)); err != nil {
		return err
	}
	return approve()
}

func disable() error {
	key, err := registry.OpenKey(registry.CURRENT_USER, runKey, registry.SET_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer key.Close()
	if err := key.DeleteValue(value); !errors.Is(err, registry.ErrNotExist) {
		return err
	}
	return nil
}

// approve takes the note away that the entry was switched off.
func approve() error {
	key, err := registry.OpenKey(registry.CURRENT_USER, approvedKey, registry.SET_VALUE)
	if err != nil {
		return nil // there is no such note
	}
	defer key.Close()
	if err := key.DeleteValue(value); !errors.Is(err, registry.ErrNotExist) {
		return err
	}
	return nil
}

func packagedCommand() []string { return nil }
