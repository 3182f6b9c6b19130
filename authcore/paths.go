package authcore

import (
	"os"
	"path/filepath"
)

// Paths are the folders of one user. Each is made with mode 0700 by whoever
// first writes to it.
type Paths struct {
	// Config holds config.toml and settings; no secret.
	Config string
	// Data holds the vault and its lock.
	Data string
	// State holds the log and what need not be kept.
	State string
	// Runtime holds the local API's socket. It does not survive a restart.
	Runtime string
}

// folder is the application's folder name on every system.
const folder = "bitfount-tray"

// DefaultPaths follows the XDG Base Directory Specification on Linux, and what
// os.UserConfigDir and os.UserCacheDir know elsewhere. The error is that of a
// user without a home folder.
func DefaultPaths() (Paths, error) {
	config, err := os.UserConfigDir()
	if err != nil {
		return Paths{}, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return Paths{}, err
	}
	p := Paths{
		Config:  filepath.Join(config, folder),
		Data:    filepath.Join(dataHome(config, cache), folder),
		State:   filepath.Join(stateHome(config, cache), folder),
		Runtime: filepath.Join(cache, folder, "run"),
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		p.Runtime = filepath.Join(dir, folder)
	}
	return p, nil
}

// Socket is the local API's address.
func (p Paths) Socket() string { return filepath.Join(p.Runtime, "api.sock") }

// LogPath is the log's file; older parts lie beside it.
func (p Paths) LogPath() string { return filepath.Join(p.State, "log", "bitfount-tray.log") }

// LiveFileList is where the list of live files is kept.
func (p Paths) LiveFileList() string { return filepath.Join(p.Data, "live-files.json") }

// HistoryPath is where the timeline is kept.
func (p Paths) HistoryPath() string { return filepath.Join(p.Data, "history.json") }

// NoticesPath is where it is kept which notifications were shown.
func (p Paths) NoticesPath() string { return filepath.Join(p.Data, "notices.json") }

// UpdatePath is where is kept when a newer version was last asked for.
func (p Paths) UpdatePath() string { return filepath.Join(p.State, "update.json") }

// SettingsPath is where the user's settings are kept.
func (p Paths) SettingsPath() string { return filepath.Join(p.Config, "settings.toml") }
