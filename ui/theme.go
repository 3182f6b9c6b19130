package ui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"github.com/bitfount/bitfount-tray/authcore"
)

// Theme is the look of Bitfount Tray: calm colours whose texts keep a contrast
// of at least 4.5:1 (WCAG 2.2, 1.4.3) on every ground that they stand on. It
// follows the desktop's choice of light or dark.
func Theme() fyne.Theme { return calm{Theme: theme.DefaultTheme()} }

// ThemeOf is Theme as the settings have it: for Theme always "light" or "dark",
// or, with anything else, as the desktop has it, and with texts of TextSize.
func ThemeOf(s authcore.Settings) fyne.Theme {
	t := calm{Theme: theme.DefaultTheme()}
	switch s.TextSize {
	case "large":
		t.larger = 0.25
	case "largest":
		t.larger = 0.5
	}
	light, dark := theme.VariantLight, theme.VariantDark
	switch s.Theme {
	case "light":
		t.always = &light
	case "dark":
		t.always = &dark
	}
	return t
}

// Colours of our own, beside Fyne's.
const (
	colorMuted   fyne.ThemeColorName = "bitfountMuted"
	colorTrack   fyne.ThemeColorName = "bitfountTrack"
	colorCard    fyne.ThemeColorName = "bitfountCard"
	colorInfo    fyne.ThemeColorName = "bitfountInfo"
	colorCaution fyne.ThemeColorName = "bitfountCaution"
	colorFault   fyne.ThemeColorName = "bitfountFault"
)

type calm struct {
	fyne.Theme
	// always is the variant whatever the desktop has, or nil.
	always *fyne.ThemeVariant
	// larger is by how much texts are larger than usual: 0 is the usual size.
	larger float32
}

type shades struct{ light, dark color.NRGBA }

func hex(rgb uint32) color.NRGBA {
	return color.NRGBA{R: uint8(rgb >> 16), G: uint8(rgb >> 8), B: uint8(rgb), A: 0xff}
}

func sheer(rgb uint32, alpha uint8) color.NRGBA {
	c := hex(rgb)
	c.A = alpha
	return c
}

var palette = map[fyne.ThemeColorName]shades{
	theme.ColorNameBackground:          {hex(0xf5f7f9), hex(0x12181e)},
	theme.ColorNameForeground:          {hex(0x17232e), hex(0xe8eef3)},
	theme.ColorNamePrimary:             {hex(0x0f5e8c), hex(0x7cc0ea)},
	theme.ColorNameForegroundOnPrimary: {hex(0xffffff), hex(0x0a1821)},
	theme.ColorNameHyperlink:           {hex(0x0f5e8c), hex(0x7cc0ea)},
	theme.ColorNameButton:              {hex(0xe2e9ef), hex(0x26323c)},
	theme.ColorNameDisabledButton:      {hex(0xecf0f3), hex(0x1a222a)},
	theme.ColorNameDisabled:            {hex(0x5f6c78), hex(0x8b99a6)},
	theme.ColorNameInputBackground:     {hex(0xffffff), hex(0x1b242c)},
	theme.ColorNameInputBorder:         {hex(0x8494a2), hex(0x6c7b88)},
	theme.ColorNameMenuBackground:      {hex(0xffffff), hex(0x1b242c)},
	theme.ColorNameOverlayBackground:   {hex(0xffffff), hex(0x1b242c)},
	theme.ColorNamePlaceHolder:         {hex(0x5f6c78), hex(0x8b99a6)},
	theme.ColorNameHover:               {sheer(0x0b1a26, 0x12), sheer(0xffffff, 0x16)},
	theme.ColorNameFocus:               {sheer(0x0f5e8c, 0x22), sheer(0x7cc0ea, 0x30)},
	theme.ColorNamePressed:             {sheer(0x0b1a26, 0x22), sheer(0xffffff, 0x22)},
	theme.ColorNameSeparator:           {hex(0xd7dee5), hex(0x2a353f)},
	theme.ColorNameSuccess:             {hex(0x1e7145), hex(0x7fd0a0)},
	theme.ColorNameWarning:             {hex(0x85500a), hex(0xeebd6b)},
	theme.ColorNameError:               {hex(0xa2311f), hex(0xf39d90)},
	theme.ColorNameScrollBar:           {sheer(0x17232e, 0x66), sheer(0xe8eef3, 0x66)},
	colorMuted:                         {hex(0x50606e), hex(0xa5b3c0)},
	colorTrack:                         {hex(0xdbe3ea), hex(0x2a3641)},
	colorCard:                          {hex(0xffffff), hex(0x1b242c)},
	colorInfo:                          {hex(0xe4eef5), hex(0x1a2c3a)},
	colorCaution:                       {hex(0xfaf0dc), hex(0x33291a)},
	colorFault:                         {hex(0xfbe8e4), hex(0x38201d)},
}

func (c calm) Color(name fyne.ThemeColorName, variant fyne.ThemeVariant) color.Color {
	if c.always != nil {
		variant = *c.always
	}
	s, ok := palette[name]
	switch {
	case !ok:
		return c.Theme.Color(name, variant)
	case variant == theme.VariantDark:
		return s.dark
	}
	return s.light
}

// Size is that of the name in Fyne's units. What is read follows the size of
// texts that was chosen.
func (c calm) Size(name fyne.ThemeSizeName) float32 {
	size := c.size(name)
	switch name {
	case theme.SizeNameText, theme.SizeNameCaptionText, theme.SizeNameHeadingText, theme.SizeNameSubHeadingText, theme.SizeNameInlineIcon:
		size *= 1 + c.larger
	}
	return size
}

func (c calm) size(name fyne.ThemeSizeName) float32 {
	switch name {
	case theme.SizeNameButtonRadius, theme.SizeNameInputRadius:
		return 8
	case theme.SizeNameLineSpacing:
		return 3
	case theme.SizeNameHeadingText:
		return 22
	case theme.SizeNameCaptionText:
		return 12
	case theme.SizeNameScrollBarSmall:
		return 4
	}
	return c.Theme.Size(name)
}

// colorOf is a colour of the theme that w is drawn with.
func colorOf(w interface{ Theme() fyne.Theme }, name fyne.ThemeColorName) color.Color {
	return w.Theme().Color(name, fyne.CurrentApp().Settings().ThemeVariant())
}

// ReadFonts reads the fonts of the pages' texts. Nothing else may measure or
// draw text meanwhile; whatever comes first afterwards need not wait for them.
func ReadFonts() {
	for _, style := range []fyne.TextStyle{{}, {Bold: true}} {
		fyne.MeasureText("Bitfount", theme.TextSize(), style)
	}
}
