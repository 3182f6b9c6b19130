// Command smallest is the smallest program with a tray icon that fyne.io/systray
// makes: what the product's memory and CPU are measured beside.
package main

import (
	"bytes"
	"image"
	"image/png"

	"fyne.io/systray"
)

func main() {
	systray.Run(func() {
		var icon bytes.Buffer
		if err := png.Encode(&icon, image.NewRGBA(image.Rect(0, 0, 22, 22))); err != nil {
			panic(err)
		}
		systray.SetIcon(icon.Bytes())
		systray.AddMenuItem("Quit", "")
	}, nil)
}
