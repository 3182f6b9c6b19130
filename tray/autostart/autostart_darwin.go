package autostart

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// launchctlTime limits one call, which takes some 10 ms.
const launchctlTime = 5 * time.Second

func path() (string, error) {
	home, err := os.UserHomeDir()
	return filepath.Join(home, "Library", "LaunchAgents", id+".plist"), err
}

func enabled() (bool, error) {
	at, err := path()
	if err != nil {
		return false, err
	}
	if _, err := os.Stat(at); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return false, err
	}
	printed, err := launchctl("print-disabled", domain())
	if err != nil {
		return true, nil // the file is all that is known
	}
	return !launchDisabled(string(printed), id), nil
}

func registered() (string, error) {
	at, err := path()
	if err != nil {
		return "", err
	}
	plist, err := os.ReadFile(at)
	return launchProgram(plist), err
}

func enable(command []string) error {
	at, err := path()
	if err != nil {
		return err
	}
	if err := replace(at, launchAgent(command)); err != nil {
		return err
	}
	_, err = launchctl("enable", domain()+"/"+id)
	return err
}

func disable() error {
	at, err := path()
	if err != nil {
		return err
	}
	if err := os.Remove(at); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func domain() string { return fmt.Sprintf("gui/%d", os.Getuid()) }

func launchctl(args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), launchctlTime)
	defer cancel()
	return exec.CommandContext(ctx, "/bin/launchctl", args...).Output()
}

func packagedCommand() []string { return nil }
