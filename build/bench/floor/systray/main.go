// Command systray is the smallest program with a tray icon of fyne.io/systray
// that links Fyne: what the product's resident is measured beside.
package main

import (
	"bytes"
	"image"
	"image/png"
	"os"

	"fyne.io/fyne/v2/app"
	"fyne.io/fyne/v2/widget"
	"fyne.io/systray"
)

func main() {
	if len(os.Args) > 1 { // Fyne is linked for a window, as in the product
		w := app.New().NewWindow("Smallest")
		w.SetContent(widget.NewLabel("Hello"))
		w.ShowAndRun()
		return
	}
	systray.Run(func() {
		var icon bytes.Buffer
		if err := png.Encode(&icon, image.NewRGBA(image.Rect(0, 0, 22, 22))); err != nil {
			panic(err)
		}
		systray.SetIcon(icon.Bytes())
		systray.AddMenuItem("Quit", "")
	}, nil)
}
