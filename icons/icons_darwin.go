package icons

import (
	"embed"

	"github.com/bitfount/bitfount-tray/authcore"
)

//go:embed rendered/*.png
var rendered embed.FS

const trayExtension = ".png"

// TemplateTray returns the monochrome picture of ind, which the menu bar draws
// in black or white by itself: a PNG of 36 pixels a side.
func TemplateTray(ind authcore.Indicator, marked bool) []byte {
	return mustRead(rendered, "rendered/"+name(ind, marked)+".template.png")
}
