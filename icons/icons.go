// Package icons holds the product's pictures: the SVG sources in svg/ and what
// is rendered from them in rendered/ (a test compares the two). The six tray
// icons differ in their outline, not in colour alone, and each carries a white
// edge, so that they can be told apart at 16 pixels on light and dark panels.
// Each is there a second time with a mark in its corner: another account than
// the one that it shows needs its user.
//
// It does not render anything at run time.
package icons

import (
	"embed"

	"github.com/bitfount/bitfount-tray/authcore"
)

//go:generate go run ./internal/generate

//go:embed svg/*.svg
var sources embed.FS

// Tray returns the picture of ind in the format that this system's tray takes:
// a PNG of 48 pixels a side on Linux and macOS, an ICO of 16, 24, 32 and 48
// pixels on Windows. The caller must not change the bytes. An unknown indicator
// gets the picture for attention, which never claims too much. The marked one
// says that another account needs its user.
func Tray(ind authcore.Indicator, marked bool) []byte {
	return mustRead(rendered, "rendered/"+name(ind, marked)+trayExtension)
}

// SVG returns the source of the picture of ind.
func SVG(ind authcore.Indicator) []byte { return mustRead(sources, "svg/"+known(ind)+".svg") }

// name is that of the rendered picture, without its ending.
func name(ind authcore.Indicator, marked bool) string {
	if marked {
		return known(ind) + "-marked"
	}
	return known(ind)
}

// Window returns the application's icon for a window, as a PNG of 128 pixels a
// side.
func Window() []byte { return mustRead(rendered, "rendered/window.png") }

// AppSVG returns the source of the application's icon.
func AppSVG() []byte { return mustRead(sources, "svg/app.svg") }

func known(ind authcore.Indicator) string {
	for _, i := range authcore.Indicators {
		if i == ind {
			return string(i)
		}
	}
	return string(authcore.IndicatorAttention)
}

// mustRead panics only if an embedded file is missing, which the tests rule out.
func mustRead(files embed.FS, name string) []byte {
	content, err := files.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return content
}
