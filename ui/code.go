package ui

import (
	"image"
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
	"rsc.io/qr"
)

// bigCode shows the user code on a card, as large as the width allows, so that
// it can be read across a room.
type bigCode struct {
	widget.BaseWidget
	code string
}

func newBigCode() *bigCode {
	c := &bigCode{}
	c.ExtendBaseWidget(c)
	return c
}

func (c *bigCode) set(code string) {
	if code != c.code {
		c.code = code
		c.Refresh()
	}
}

// AccessibilityLabel says the code.
func (c *bigCode) AccessibilityLabel() string { return tr("signin.code", fields{"Code": c.code}) }

// AccessibilityRole is that of text.
func (c *bigCode) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleText }

func (c *bigCode) CreateRenderer() fyne.WidgetRenderer {
	c.ExtendBaseWidget(c)
	r := &bigCodeRenderer{code: c, card: canvas.NewRectangle(nil), text: canvas.NewText("", nil)}
	r.card.CornerRadius, r.card.StrokeWidth = 12, 1
	r.text.Alignment, r.text.TextStyle = fyne.TextAlignCenter, fyne.TextStyle{Monospace: true, Bold: true}
	r.paint()
	return r
}

type bigCodeRenderer struct {
	code *bigCode
	card *canvas.Rectangle
	text *canvas.Text
}

func (r *bigCodeRenderer) Destroy()                     {}
func (r *bigCodeRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.card, r.text} }

func (r *bigCodeRenderer) MinSize() fyne.Size { return fyne.NewSize(200, 96) }

func (r *bigCodeRenderer) Layout(size fyne.Size) {
	r.card.Resize(size)
	r.text.TextSize = 72
	room := fyne.NewSize(size.Width-24, size.Height-4)
	if text := r.text.MinSize(); text.Width > 0 {
		r.text.TextSize *= min(1, room.Width/text.Width, room.Height/text.Height)
	}
	h := r.text.MinSize().Height
	r.text.Resize(fyne.NewSize(size.Width, h))
	r.text.Move(fyne.NewPos(0, (size.Height-h)/2))
}

func (r *bigCodeRenderer) paint() {
	r.card.FillColor = colorOf(r.code, colorCard)
	r.card.StrokeColor = colorOf(r.code, theme.ColorNameSeparator)
	r.text.Color = colorOf(r.code, theme.ColorNameForeground)
	r.text.Text = r.code.code
}

func (r *bigCodeRenderer) Refresh() {
	r.paint()
	r.Layout(r.code.Size())
	r.card.Refresh()
	r.text.Refresh()
}

// lifeBar shows which part of the code's life is left.
type lifeBar struct {
	widget.BaseWidget
	fraction float32
	color    fyne.ThemeColorName
}

func newLifeBar() *lifeBar {
	b := &lifeBar{color: theme.ColorNamePrimary}
	b.ExtendBaseWidget(b)
	return b
}

func (b *lifeBar) set(fraction float32, color fyne.ThemeColorName) {
	fraction = min(1, max(0, fraction))
	if fraction != b.fraction || color != b.color {
		b.fraction, b.color = fraction, color
		b.Refresh()
	}
}

func (b *lifeBar) CreateRenderer() fyne.WidgetRenderer {
	b.ExtendBaseWidget(b)
	r := &lifeBarRenderer{bar: b, track: canvas.NewRectangle(nil), fill: canvas.NewRectangle(nil)}
	r.track.CornerRadius, r.fill.CornerRadius = 3, 3
	r.paint()
	return r
}

type lifeBarRenderer struct {
	bar         *lifeBar
	track, fill *canvas.Rectangle
}

func (r *lifeBarRenderer) Destroy()                     {}
func (r *lifeBarRenderer) MinSize() fyne.Size           { return fyne.NewSize(40, 6) }
func (r *lifeBarRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.track, r.fill} }

func (r *lifeBarRenderer) Layout(size fyne.Size) {
	r.track.Resize(size)
	r.fill.Resize(fyne.NewSize(size.Width*r.bar.fraction, size.Height))
}

func (r *lifeBarRenderer) paint() {
	r.track.FillColor = colorOf(r.bar, colorTrack)
	r.fill.FillColor = colorOf(r.bar, r.bar.color)
	r.fill.Hidden = r.bar.fraction <= 0
}

func (r *lifeBarRenderer) Refresh() {
	r.paint()
	r.Layout(r.bar.Size())
	r.track.Refresh()
	r.fill.Refresh()
}

// qrPicture shows a text as a QR code: dark on white also in the dark theme,
// because many readers do not know light on dark, with the quiet zone of four
// modules that ISO/IEC 18004 asks for, and every module the same number of
// whole pixels.
type qrPicture struct {
	widget.BaseWidget
	text string
	code *qr.Code
}

const quietZone = 4

func newQRPicture() *qrPicture {
	p := &qrPicture{}
	p.ExtendBaseWidget(p)
	return p
}

// set shows text and reports whether it fits into a QR code.
func (p *qrPicture) set(text string) bool {
	if text != p.text {
		p.text = text
		p.code, _ = qr.Encode(text, qr.M)
		p.Refresh()
	}
	return p.code != nil
}

// AccessibilityLabel says what the picture is.
func (p *qrPicture) AccessibilityLabel() string { return tr("signin.qr") }

// AccessibilityRole is that of text.
func (p *qrPicture) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleText }

func (p *qrPicture) MinSize() fyne.Size { return fyne.NewSquareSize(164) }

func (p *qrPicture) CreateRenderer() fyne.WidgetRenderer {
	p.ExtendBaseWidget(p)
	return widget.NewSimpleRenderer(canvas.NewRaster(p.draw))
}

// draw is called with the size in real pixels.
func (p *qrPicture) draw(w, h int) image.Image {
	img := image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{color.White, color.Black})
	if p.code == nil {
		return img
	}
	modules := p.code.Size + 2*quietZone
	px := min(w, h) / modules
	if px == 0 {
		return img
	}
	left, top := (w-px*modules)/2, (h-px*modules)/2
	for y := range h {
		for x := range w {
			mx, my := (x-left)/px-quietZone, (y-top)/px-quietZone
			if x >= left && y >= top && p.code.Black(mx, my) {
				img.SetColorIndex(x, y, 1)
			}
		}
	}
	return img
}
