package tray

import (
	"time"

	"fyne.io/systray"

	"github.com/bitfount/bitfount-tray/icons"
)

// prepare sets what systray publishes when it starts: the icon, and the title,
// which also becomes the item's Id, by which panels remember whether the user
// wants to see it.
func (m *menu) prepare() {
	systray.SetTitle(title)
	m.drawIcon(m.options.Snapshot(), time.Now(), true)
}

func setIcon(p picture) { systray.SetIcon(icons.Tray(p.indicator, p.marked)) }
