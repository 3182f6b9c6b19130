package tray

import (
	"fyne.io/systray"

	"github.com/bitfount/bitfount-tray/icons"
)

// prepare does nothing: on macOS nothing can be set before the tray runs, and a
// title would be written beside the icon.
func (m *menu) prepare() {}

func setIcon(p picture) {
	systray.SetTemplateIcon(icons.TemplateTray(p.indicator, p.marked), icons.Tray(p.indicator, p.marked))
}
