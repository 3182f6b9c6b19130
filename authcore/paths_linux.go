package authcore

import (
	"os"
	"path/filepath"
)

// dataHome follows the XDG Base Directory Specification.
func dataHome(config, _ string) string {
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return config
	}
	return filepath.Join(home, ".local", "share")
}
