package policy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"time"
)

// Place is where the system keeps what a configuration profile says for the
// domain com.bitfount.tray.
const Place = "/Library/Managed Preferences/com.bitfount.tray.plist"

func read() (map[string]string, error) {
	if _, err := os.Stat(Place); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	// plutil answers in milliseconds.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	printed, err := exec.CommandContext(ctx, "/usr/bin/plutil", "-convert", "json", "-o", "-", Place).Output()
	if err != nil {
		return nil, fmt.Errorf("the managed preferences cannot be read: %w", err)
	}
	return parseJSON(printed)
}
