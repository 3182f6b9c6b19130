// Command window is the smallest program with a window of Fyne's: what the
// product's window and the size of its program are measured beside. With an
// argument, the window is as large as the product's.
package main

import (
	"os"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/app"
	"fyne.io/fyne/v2/widget"
)

func main() {
	w := app.New().NewWindow("Smallest")
	w.SetContent(widget.NewLabel("Hello"))
	if len(os.Args) > 1 {
		w.Resize(fyne.NewSize(420, 680))
	}
	w.ShowAndRun()
}
