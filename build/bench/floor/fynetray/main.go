// Command fynetray is the smallest program with a tray icon of Fyne's own tray
// API: how most Fyne programs do it, a peer of the product's resident.
package main

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/app"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
)

func main() {
	a := app.NewWithID("com.bitfount.tray.bench")
	d := a.(desktop.App)
	d.SetSystemTrayMenu(fyne.NewMenu("Peer", fyne.NewMenuItem("Nothing", func() {})))
	d.SetSystemTrayIcon(theme.ComputerIcon())
	a.Run()
}
