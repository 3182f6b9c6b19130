package ui

import (
	"image"
	"image/color"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/test"

	"github.com/bitfount/bitfount-tray/build/golden"
)

// Contrast is measured, not only worked out from the theme: for every text that
// a golden picture shows, the pixels of its place are taken from the picture,
// the most frequent one is the ground, and the one that differs most from it is
// the text (its edges are mixed with the ground). WCAG 2.2, 1.4.3, asks for
// 4.5:1. The theme test covers buttons under the pointer.
func TestContrastOfThePictures(t *testing.T) {
	if golden.Slow {
		t.Skip("go test without -race measures it")
	}
	measured := 0
	for _, look := range looks {
		if look.name != "light-2x" && look.name != "dark-2x" {
			continue // at 2× even a thin letter has a pixel of its own colour
		}
		for _, p := range pictures {
			name := p.name + "-" + look.name
			t.Run(name, func(t *testing.T) {
				img := golden.Picture(t, name)
				v, w := openView(t, look.variant, look.scale, look.size, nil)
				if p.snapshot != nil {
					v.Render(p.snapshot(), noon)
				}
				if p.then != nil {
					p.then(v)
				}
				visible := image.Rect(0, 0, int(look.size.Width), int(look.size.Height))
				if w.Canvas().Overlays().Top() != nil {
					return // what lies below a menu is covered
				}
				texts(v.Content(), fyne.Position{}, visible, func(text *canvas.Text, at image.Rectangle) {
					s := int(look.scale)
					got := measure(img, image.Rect(at.Min.X*s, at.Min.Y*s, at.Max.X*s, at.Max.Y*s))
					measured++
					if got < 4.5 {
						t.Errorf("%q has a contrast of %.2f", text.Text, got)
					}
				})
			})
		}
	}
	if measured < 1000 && !t.Failed() {
		t.Errorf("only %d texts were measured", measured)
	}
}

// texts visits the texts that are wholly in sight, with their places.
func texts(o fyne.CanvasObject, at fyne.Position, clip image.Rectangle, visit func(*canvas.Text, image.Rectangle)) {
	if !o.Visible() {
		return
	}
	at = at.Add(o.Position())
	place := image.Rect(int(at.X), int(at.Y), int(at.X+o.Size().Width+0.5), int(at.Y+o.Size().Height+0.5))
	if text, ok := o.(*canvas.Text); ok {
		width := int(text.MinSize().Width)
		if text.Alignment == fyne.TextAlignCenter {
			place.Min.X += (place.Dx() - width) / 2
		}
		place.Max.X = min(place.Max.X, place.Min.X+width)
		if text.Text != "" && place.In(clip) && !place.Empty() {
			visit(text, place)
		}
		return
	}
	if c, ok := o.(*fyne.Container); ok {
		for _, c := range c.Objects {
			texts(c, at, clip, visit)
		}
		return
	}
	if w, ok := o.(fyne.Widget); ok {
		if isScroll(o) {
			clip = clip.Intersect(place)
		}
		for _, c := range test.WidgetRenderer(w).Objects() {
			texts(c, at, clip, visit)
		}
	}
}

// isScroll tells what cuts its content off.
func isScroll(o fyne.CanvasObject) bool {
	_, ok := o.(fyne.Scrollable)
	return ok
}

func measure(img image.Image, place image.Rectangle) float64 {
	counts := map[color.Color]int{}
	for y := place.Min.Y; y < place.Max.Y; y++ {
		for x := place.Min.X; x < place.Max.X; x++ {
			counts[img.At(x, y)]++
		}
	}
	var ground color.Color = color.Black
	for c, n := range counts {
		if n > counts[ground] {
			ground = c
		}
	}
	best := 0.0
	for c := range counts {
		best = max(best, contrast(c, ground))
	}
	return best
}

// The measure itself can tell: grey on white is found too faint.
func TestMeasureFindsFaintText(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 40, 20))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	for x := range 20 {
		img.SetGray(x, 10, color.Gray{Y: 150})
	}
	if got := measure(img, img.Bounds()); got > 3.1 || got < 2.8 {
		t.Errorf("grey 150 on white is %.2f", got)
	}
	if got := measure(img, image.Rect(0, 0, 40, 5)); got != 1 {
		t.Errorf("nothing on white is %.2f", got)
	}
}
