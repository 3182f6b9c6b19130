package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// Theme is the look of Bitfount Tray. It follows the desktop's choice of light
// or dark.
func Theme() fyne.Theme { return theme.DefaultTheme() }
