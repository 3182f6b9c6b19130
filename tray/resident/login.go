package resident

import (
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/tray/autostart"
)

// keepAutostart brings about what a policy says of starting at login, which
// people can undo in the system's own list while the program runs.
func (r *resident) keepAutostart() {
	r.settingsMu.Lock()
	defer r.settingsMu.Unlock()
	if !r.settings.IsLocked("start_at_login") {
		return
	}
	on, err := autostart.Enabled()
	if err == nil && on != r.settings.StartAtLogin {
		err = autostart.Set(r.settings.StartAtLogin)
	}
	if err != nil {
		r.log.Warn("the policy for starting at login is not in force", "cause", err)
	}
}

// readAutostart takes the setting start_at_login from the system's own entry,
// which people can switch off without us. A policy is brought about instead.
func (r *resident) readAutostart() {
	if repaired, err := autostart.Repair(); err != nil {
		r.log.Warn("the entry for starting at login cannot be repaired", "cause", err)
	} else if repaired {
		r.log.Info("the entry for starting at login named a program that has gone, and was repaired")
	}
	r.keepAutostart()
	on, err := autostart.Enabled()
	if err != nil {
		r.log.Warn("the entry for starting at login cannot be read", "cause", err)
		return
	}
	r.settingsMu.Lock()
	defer r.settingsMu.Unlock()
	defer r.showSettings()
	if r.settings.IsLocked("start_at_login") {
		return
	}
	r.settings.StartAtLogin = on
}

// writeAutostart makes the system's entry say what the setting says.
func writeAutostart(on bool) error {
	if err := autostart.Set(on); err != nil {
		return &authcore.Problem{Code: authcore.ProblemAutostart, Cause: err.Error(), Since: time.Now().Round(0)}
	}
	return nil
}
