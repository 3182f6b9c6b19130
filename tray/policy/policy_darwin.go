package policy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"time"
)

// Place is where the system keeps what a configuration profile says for the
// domain com.bitfount.tray.
const Place = "/Library/Managed Preferences/com.bitfount.tray.plist"

func read() (map[string]string, error) {
	list, err := readTrusted(Place)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	// plutil answers in milliseconds.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/usr/bin/plutil", "-convert", "json", "-o", "-", "-")
	cmd.Stdin = bytes.NewReader(list)
	printed, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("the managed preferences cannot be read: %w", err)
	}
	return parseJSON(printed)
}
