package icons

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/icons/internal/draw"
)

func TestRenderedFilesMatchTheirSources(t *testing.T) {
	paths, err := fs.Glob(sources, "svg/*.svg")
	if err != nil {
		t.Fatal(err)
	}
	mark, err := sources.ReadFile("svg/" + draw.MarkName)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, path := range paths {
		svg, err := sources.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files, err := draw.Files(path, svg, mark)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for name, content := range files {
			want[name] = true
			committed, err := os.ReadFile(filepath.Join("rendered", name))
			if err != nil {
				t.Errorf("%v: run go generate ./icons", err)
				continue
			}
			if strings.HasSuffix(name, ".png") {
				// Compressors may change; the pixels may not.
				if !samePixels(t, content, committed) {
					t.Errorf("rendered/%s is not what %s draws: run go generate ./icons", name, path)
				}
			} else if !bytes.Equal(content, committed) {
				t.Errorf("rendered/%s is not what %s draws: run go generate ./icons", name, path)
			}
		}
	}
	entries, err := os.ReadDir("rendered")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !want[e.Name()] {
			t.Errorf("rendered/%s has no source", e.Name())
		}
	}
}

func samePixels(t *testing.T, a, b []byte) bool {
	t.Helper()
	ia, ib := decode(t, a), decode(t, b)
	if ia.Bounds() != ib.Bounds() {
		return false
	}
	for y := range ia.Bounds().Dy() {
		for x := range ia.Bounds().Dx() {
			ar, ag, ab, aa := ia.At(x, y).RGBA()
			br, bg, bb, ba := ib.At(x, y).RGBA()
			if ar != br || ag != bg || ab != bb || aa != ba {
				return false
			}
		}
	}
	return true
}

func decode(t *testing.T, data []byte) image.Image {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// The panels that desktops put icons on: GNOME's and KDE's light and dark ones,
// Windows' and plain black and white.
var panels = map[string]color.NRGBA{
	"white": {255, 255, 255, 255}, "light": {0xeb, 0xeb, 0xeb, 255},
	"dark": {0x2b, 0x2b, 0x2b, 255}, "black": {0, 0, 0, 255},
}

// luminance is WCAG 2.1's relative luminance of the pixel laid over the panel.
func luminance(c, panel color.NRGBA) float64 {
	channel := func(v, p uint8) float64 {
		s := (float64(v)*float64(c.A) + float64(p)*float64(255-c.A)) / 255 / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(c.R, panel.R) + 0.7152*channel(c.G, panel.G) + 0.0722*channel(c.B, panel.B)
}

// contrast is WCAG 2.1's ratio, from 1 to 21.
func contrast(a, b float64) float64 { return (max(a, b) + 0.05) / (min(a, b) + 0.05) }

func at16(t *testing.T, ind authcore.Indicator) *image.NRGBA {
	t.Helper()
	img, err := draw.Render(SVG(ind), 16)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// pixelsApart counts the pixels of two 16-pixel images whose contrast to each
// other is at least 2:1 on that panel, colour put aside.
func pixelsApart(a, b *image.NRGBA, panel color.NRGBA) (count int) {
	for y := range 16 {
		for x := range 16 {
			if contrast(luminance(a.NRGBAAt(x, y), panel), luminance(b.NRGBAAt(x, y), panel)) >= 2 {
				count++
			}
		}
	}
	return count
}

func TestEveryPairIsToldApartByShapeAt16Pixels(t *testing.T) {
	const least = 40 // of 256 pixels
	images := map[authcore.Indicator]*image.NRGBA{}
	for _, ind := range authcore.Indicators {
		images[ind] = at16(t, ind)
	}
	for i, a := range authcore.Indicators {
		for _, b := range authcore.Indicators[i+1:] {
			imgA, imgB := images[a], images[b]
			for name, panel := range panels {
				if n := pixelsApart(imgA, imgB, panel); n < least {
					t.Errorf("%s and %s differ in %d pixels on %s, want at least %d", a, b, n, name, least)
				}
			}
			templateA, templateB := draw.Template(imgA), draw.Template(imgB)
			if n := pixelsApart(templateA, templateB, panels["white"]); n < least {
				t.Errorf("the templates of %s and %s differ in %d pixels, want at least %d", a, b, n, least)
			}
		}
	}
}

func TestEveryIconStandsOutOnEveryPanel(t *testing.T) {
	for _, ind := range authcore.Indicators {
		img := at16(t, ind)
		for name, panel := range panels {
			background := luminance(color.NRGBA{}, panel)
			count := 0
			for y := range 16 {
				for x := range 16 {
					// 3:1 is what WCAG 2.1 asks of graphics (1.4.11).
					if contrast(luminance(img.NRGBAAt(x, y), panel), background) >= 3 {
						count++
					}
				}
			}
			if count < 40 {
				t.Errorf("%s on %s: %d pixels of contrast 3:1 or more, want at least 40", ind, name, count)
			}
		}
	}
}

// The mark is seen beside every picture, by its shape.
func TestTheMarkIsSeenAt16Pixels(t *testing.T) {
	mark, err := sources.ReadFile("svg/" + draw.MarkName)
	if err != nil {
		t.Fatal(err)
	}
	for _, ind := range authcore.Indicators {
		marked, err := draw.Render(draw.Marked(SVG(ind), mark), 16)
		if err != nil {
			t.Fatal(err)
		}
		for name, panel := range panels {
			if n := pixelsApart(at16(t, ind), marked, panel); n < 12 {
				t.Errorf("%s on %s: the mark changes %d pixels, want at least 12", ind, name, n)
			}
		}
		if bytes.Equal(Tray(ind, true), Tray(ind, false)) {
			t.Errorf("%s looks the same with the mark", ind)
		}
	}
}

func TestUnknownIndicatorNeverLooksSignedIn(t *testing.T) {
	if !bytes.Equal(Tray("no such", false), Tray(authcore.IndicatorAttention, false)) {
		t.Error("an unknown indicator does not show the picture for attention")
	}
}

func TestAppIconIsAPNG(t *testing.T) {
	if b := decode(t, Window()).Bounds(); b.Dx() != 128 || b.Dy() != 128 {
		t.Errorf("the application's icon measures %v", b)
	}
	if !bytes.Contains(AppSVG(), []byte("<svg")) {
		t.Error("AppSVG is no SVG")
	}
}
