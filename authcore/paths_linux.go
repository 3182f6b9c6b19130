package authcore

import (
	"os"
	"path/filepath"
)

// dataHome follows the XDG Base Directory Specification.
func dataHome(config, _ string) string { return xdg("XDG_DATA_HOME", "share", config) }

// stateHome follows the same, for what need not be kept.
func stateHome(_, cache string) string { return xdg("XDG_STATE_HOME", "state", cache) }

// xdg is the folder that a variable names, or the usual one in ~/.local.
func xdg(variable, usual, homeless string) string {
	if dir := os.Getenv(variable); filepath.IsAbs(dir) {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return homeless
	}
	return filepath.Join(home, ".local", usual)
}
