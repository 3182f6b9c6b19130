package ui

import (
	"image/color"
	"math"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"github.com/bitfount/bitfount-tray/authcore"
)

// Text needs a contrast of 4.5:1 (WCAG 2.2, 1.4.3), also on a button under the
// pointer or with the focus; a disabled one would need none, but is read too.
func TestTextsCanBeRead(t *testing.T) {
	grounds := []fyne.ThemeColorName{theme.ColorNameBackground, colorCard, colorInfo, colorCaution, colorFault}
	buttons := []fyne.ThemeColorName{theme.ColorNameButton}
	pairs := map[fyne.ThemeColorName][]fyne.ThemeColorName{
		theme.ColorNameForeground:          append(buttons, grounds...),
		colorMuted:                         grounds,
		theme.ColorNameWarning:             {colorCaution},
		theme.ColorNameDisabled:            {theme.ColorNameDisabledButton, theme.ColorNameBackground},
		theme.ColorNameForegroundOnPrimary: {theme.ColorNamePrimary},
	}
	for _, variant := range []fyne.ThemeVariant{theme.VariantLight, theme.VariantDark} {
		for text, grounds := range pairs {
			for _, ground := range grounds {
				fg, bg := Theme().Color(text, variant), Theme().Color(ground, variant)
				states := []color.Color{bg}
				if ground == theme.ColorNameButton || ground == theme.ColorNamePrimary {
					states = append(states, over(Theme().Color(theme.ColorNameHover, variant), bg), over(Theme().Color(theme.ColorNameFocus, variant), bg))
				}
				for i, s := range states {
					if got := contrast(fg, s); got < 4.5 {
						t.Errorf("variant %d: %s on %s (%d): %.2f", variant, text, ground, i, got)
					}
				}
			}
		}
		// Shapes that mean something need 3:1 (WCAG 2.2, 1.4.11).
		for _, shape := range []fyne.ThemeColorName{theme.ColorNamePrimary, theme.ColorNameWarning, colorMuted} {
			if got := contrast(Theme().Color(shape, variant), Theme().Color(colorTrack, variant)); got < 3 {
				t.Errorf("variant %d: the ring's %s on its track: %.2f", variant, shape, got)
			}
		}
	}
}

func over(top, ground color.Color) color.Color {
	t, g := color.NRGBAModel.Convert(top).(color.NRGBA), color.NRGBAModel.Convert(ground).(color.NRGBA)
	mix := func(a, b uint8) uint8 {
		return uint8((int(a)*int(t.A) + int(b)*(255-int(t.A))) / 255)
	}
	return color.NRGBA{mix(t.R, g.R), mix(t.G, g.G), mix(t.B, g.B), 255}
}

// contrast is WCAG's ratio of relative luminances.
func contrast(a, b color.Color) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(c color.Color) float64 {
	r, g, b, _ := c.RGBA()
	line := func(v uint32) float64 {
		s := float64(v) / 0xffff
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*line(r) + 0.7152*line(g) + 0.0722*line(b)
}

func TestThemeFollowsTheChoice(t *testing.T) {
	for _, c := range []struct {
		choice        string
		desktop, want fyne.ThemeVariant
	}{
		{"light", theme.VariantDark, theme.VariantLight}, {"dark", theme.VariantLight, theme.VariantDark},
		{"system", theme.VariantDark, theme.VariantDark}, {"", theme.VariantLight, theme.VariantLight},
	} {
		for _, name := range []fyne.ThemeColorName{theme.ColorNameBackground, theme.ColorNameSelection} {
			if got, want := ThemeOf(authcore.Settings{Theme: c.choice}).Color(name, c.desktop), Theme().Color(name, c.want); got != want {
				t.Errorf("%q on a desktop that is %d: %s is %v, want %v", c.choice, c.desktop, name, got, want)
			}
		}
	}
}
