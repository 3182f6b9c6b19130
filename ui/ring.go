package ui

import (
	"image/color"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// ringFace is everything that a ring shows.
type ringFace struct {
	// fraction of the time that is left, 0 to 1, drawn clockwise from the top.
	fraction float32
	// mark is the fraction at which the session renews itself, or negative. It
	// carries the sign that the button for renewing has, too.
	mark           float32
	color          fyne.ThemeColorName
	title, caption string
}

// ring shows the time left as an arc that shortens, with the time in its centre.
type ring struct {
	widget.BaseWidget
	face ringFace
}

const (
	ringLeast = 108
	ringMost  = 232
)

func newRing() *ring {
	r := &ring{face: ringFace{mark: -1, color: theme.ColorNamePrimary}}
	r.ExtendBaseWidget(r)
	return r
}

func (r *ring) set(face ringFace) {
	// An arc's end moves in steps that a screen can show: a 2,000th of the
	// round is half a pixel of the largest ring at double scale.
	face.fraction = float32(math.Round(float64(face.fraction)*2000) / 2000)
	if face != r.face {
		r.face = face
		r.Refresh()
	}
}

// AccessibilityLabel says what the ring shows.
func (r *ring) AccessibilityLabel() string { return r.face.title + " " + r.face.caption }

// AccessibilityRole is that of text.
func (r *ring) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleText }

func (r *ring) CreateRenderer() fyne.WidgetRenderer {
	r.ExtendBaseWidget(r)
	x := &ringRenderer{
		ring: r, track: canvas.NewArc(0, 360, 0.85, color.Transparent), arc: canvas.NewArc(0, 360, 0.85, color.Transparent),
		mark: canvas.NewCircle(color.Transparent), sign: &canvas.Image{},
		title: canvas.NewText("", color.Transparent), caption: canvas.NewText("", color.Transparent),
	}
	x.title.Alignment, x.caption.Alignment = fyne.TextAlignCenter, fyne.TextAlignCenter
	x.title.TextStyle.Bold = true
	x.paint()
	return x
}

type ringRenderer struct {
	ring           *ring
	track, arc     *canvas.Arc
	mark           *canvas.Circle
	sign           *canvas.Image
	title, caption *canvas.Text
}

func (x *ringRenderer) Destroy() {}

func (x *ringRenderer) MinSize() fyne.Size { return fyne.NewSquareSize(ringLeast) }

func (x *ringRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{x.track, x.arc, x.mark, x.sign, x.title, x.caption}
}

func (x *ringRenderer) Layout(size fyne.Size) {
	d := min(size.Width, size.Height)
	stroke := d * 0.065
	at := fyne.NewPos((size.Width-d)/2, (size.Height-d)/2)
	for _, a := range []*canvas.Arc{x.track, x.arc} {
		a.CutoutRatio = 1 - 2*stroke/d
		a.CornerRadius = stroke / 2
		a.Resize(fyne.NewSquareSize(d))
		a.Move(at)
	}
	x.track.CornerRadius = 0

	angle := 2 * math.Pi * float64(x.ring.face.mark)
	radius := float64(d-stroke) / 2
	middle := at.AddXY(d/2+float32(radius*math.Sin(angle)), d/2-float32(radius*math.Cos(angle)))
	dot := min(max(stroke*1.6, 17), 24)
	x.mark.Resize(fyne.NewSquareSize(dot))
	x.mark.Move(middle.SubtractXY(dot/2, dot/2))
	x.mark.StrokeWidth = 1.5
	sign := dot * 0.72
	x.sign.Resize(fyne.NewSquareSize(sign))
	x.sign.Move(middle.SubtractXY(sign/2, sign/2))

	// The title is as large as the ring allows, the caption half of it.
	room := (d - 2*stroke) * 0.84
	x.title.TextSize = d * 0.2
	if w := x.title.MinSize().Width; w > room {
		x.title.TextSize *= room / w
	}
	x.caption.TextSize = min(max(11, x.title.TextSize*0.55), 16)
	if w := x.caption.MinSize().Width; w > room {
		x.caption.TextSize *= room / w
	}
	th, ch := x.title.MinSize().Height, x.caption.MinSize().Height
	top := (size.Height - th - ch*0.9) / 2
	x.title.Move(fyne.NewPos(0, top))
	x.title.Resize(fyne.NewSize(size.Width, th))
	x.caption.Move(fyne.NewPos(0, top+th-ch*0.1))
	x.caption.Resize(fyne.NewSize(size.Width, ch))
}

func (x *ringRenderer) paint() {
	f := x.ring.face
	x.track.FillColor = colorOf(x.ring, colorTrack)
	x.arc.FillColor = colorOf(x.ring, f.color)
	x.arc.EndAngle = 360 * f.fraction
	x.arc.Hidden = f.fraction <= 0
	x.mark.Hidden, x.sign.Hidden = f.mark < 0, f.mark < 0
	x.mark.FillColor = colorOf(x.ring, theme.ColorNameBackground)
	x.mark.StrokeColor = colorOf(x.ring, f.color)
	if f.mark >= 0 {
		x.sign.Resource = theme.NewColoredResource(theme.ViewRefreshIcon(), f.color)
	}
	x.title.Text, x.title.Color = f.title, colorOf(x.ring, theme.ColorNameForeground)
	x.caption.Text, x.caption.Color = f.caption, colorOf(x.ring, colorMuted)
}

func (x *ringRenderer) Refresh() {
	x.paint()
	x.Layout(x.ring.Size())
	for _, o := range x.Objects() {
		o.Refresh()
	}
}
