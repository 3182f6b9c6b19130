package tray

import (
	"fyne.io/systray"

	"github.com/bitfount/bitfount-tray/icons"
)

// prepare does nothing: on Windows nothing can be set before the tray runs.
func (m *menu) prepare() {}

func setIcon(p picture) { systray.SetIcon(icons.Tray(p.indicator, p.marked)) }
