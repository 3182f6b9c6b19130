package ui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
)

const (
	// margin is between the content and the window's edges.
	margin = 16
	// columnMost keeps lines readable in a wide window.
	columnMost = 480
)

// column stacks its visible objects in the middle of the window. The object
// grow takes what height is left, up to most. With centred, the rest of the
// height is shared above and below.
type column struct {
	grow    fyne.CanvasObject
	most    float32
	centred bool
}

// centredColumn is a column in the middle of the window's height too.
func centredColumn(objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(&column{centred: true}, objects...)
}

func columnWidth(outer float32) float32 { return min(outer-2*margin, columnMost) }

func (c *column) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	width := columnWidth(size.Width)
	total := float32(0)
	for _, o := range objects {
		if o.Visible() {
			// A text learns its height only when it knows its width.
			o.Resize(fyne.NewSize(width, o.MinSize().Height))
			total += o.MinSize().Height
		}
	}
	rest := max(0, size.Height-total)
	more := float32(0)
	if c.grow != nil {
		more = min(rest, max(0, c.most-c.grow.MinSize().Height))
	}
	y := float32(0)
	if c.centred {
		y = (rest - more) * 0.4
	}
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		h := o.MinSize().Height
		if o == c.grow {
			h += more
		}
		o.Resize(fyne.NewSize(width, h))
		o.Move(fyne.NewPos((size.Width-width)/2, y))
		y += h
	}
}

func (c *column) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	for _, o := range objects {
		if o.Visible() {
			m := o.MinSize()
			size.Width = max(size.Width, m.Width)
			size.Height += m.Height
		}
	}
	return size.AddWidthHeight(2*margin, 0)
}

// panesLayout stacks two columns, or puts them side by side in a wide window.
type panesLayout struct {
	wide bool
	// room is the height that can be seen without scrolling.
	room float32
	// fold is the last object of the lower column for which the upper one makes
	// room; what follows may have to be scrolled to. Nil means all.
	fold   fyne.CanvasObject
	height float32
}

// foldGap is between the fold and the window's edge.
const foldGap = 8

// panesFrom is the width from which two columns stand side by side.
const panesFrom = 720

func newPanes(upper, lower *fyne.Container) *fyne.Container {
	return container.New(&panesLayout{}, upper, lower)
}

func (p *panesLayout) Layout(o []fyne.CanvasObject, size fyne.Size) {
	upper, lower := o[0].(*fyne.Container), o[1].(*fyne.Container)
	p.wide = size.Width >= panesFrom
	for _, pane := range []*fyne.Container{upper, lower} {
		if c, ok := pane.Layout.(*column); ok {
			c.centred = p.wide
		}
	}
	if p.wide {
		half := min(size.Width/2, columnMost)
		left := (size.Width - 2*half) / 2
		p.height = 0
		place(upper, fyne.NewPos(left, 0), fyne.NewSize(half, min(size.Height, p.room)))
		place(lower, fyne.NewPos(left+half, 0), fyne.NewSize(half, size.Height))
		return
	}
	// The first time teaches the texts their width.
	place(lower, fyne.Position{}, fyne.NewSize(size.Width, lower.MinSize().Height))
	below := lower.MinSize().Height
	place(lower, fyne.Position{}, fyne.NewSize(size.Width, below))
	seen := below
	if p.fold != nil {
		seen = min(below, bottomWithin(lower, p.fold)+foldGap)
	}
	place(upper, fyne.Position{}, fyne.NewSize(size.Width, upper.MinSize().Height))
	above := max(upper.MinSize().Height, p.room-seen)
	place(upper, fyne.Position{}, fyne.NewSize(size.Width, above))
	place(lower, fyne.NewPos(0, above), fyne.NewSize(size.Width, below))
	p.height = above + below
}

// bottomWithin is where an object that lies somewhere in c ends, from c's top.
func bottomWithin(c *fyne.Container, o fyne.CanvasObject) float32 {
	for _, child := range c.Objects {
		if child == o {
			return child.Position().Y + child.Size().Height
		}
		if inner, ok := child.(*fyne.Container); ok && inner.Visible() {
			if y := bottomWithin(inner, o); y > 0 {
				return inner.Position().Y + y
			}
		}
	}
	return 0
}

// place lays a container out also when only its content has changed.
func place(c *fyne.Container, at fyne.Position, size fyne.Size) {
	c.Move(at)
	c.Resize(size)
	c.Layout.Layout(c.Objects, size)
}

func (p *panesLayout) MinSize(o []fyne.CanvasObject) fyne.Size {
	a, b := o[0].MinSize(), o[1].MinSize()
	if p.wide {
		return fyne.NewSize(max(a.Width, b.Width), max(a.Height, b.Height))
	}
	return fyne.NewSize(max(a.Width, b.Width), max(p.height, a.Height+b.Height))
}

// frame is the whole window: header, page and tabs, the page as high as the
// others leave it.
type frame struct{}

func (frame) Layout(o []fyne.CanvasObject, size fyne.Size) {
	header, page, tabs := o[0], o[1], o[2]
	top, bottom := float32(0), float32(0)
	if header.Visible() {
		top = header.MinSize().Height
		header.Resize(fyne.NewSize(size.Width, top))
	}
	if tabs.Visible() {
		bottom = tabs.MinSize().Height
		tabs.Resize(fyne.NewSize(size.Width, bottom))
		tabs.Move(fyne.NewPos(0, size.Height-bottom))
	}
	page.Move(fyne.NewPos(0, top))
	page.Resize(fyne.NewSize(size.Width, max(0, size.Height-top-bottom)))
}

func (frame) MinSize([]fyne.CanvasObject) fyne.Size { return SmallestSize }

// screen is one page: what scrolls when the window is too low, and the buttons
// below, which are always in sight.
type screen struct {
	root   *fyne.Container
	body   *fyne.Container
	scroll *container.Scroll
	footer *fyne.Container
}

func newScreen(body *fyne.Container, footer fyne.CanvasObject) *screen {
	s := &screen{body: body}
	s.scroll = container.NewVScroll(s.body)
	s.footer = container.New(&column{}, vgap(8), footer, vgap(12))
	if footer == nil {
		s.footer = container.New(&column{}, vgap(8))
	}
	s.root = container.New(s, s.scroll, s.footer)
	return s
}

// Layout gives the body its width before it asks for its height.
func (s *screen) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	foot := s.footer.MinSize().Height
	s.footer.Resize(fyne.NewSize(size.Width, foot))
	s.footer.Move(fyne.NewPos(0, size.Height-foot))
	room := fyne.NewSize(size.Width, max(0, size.Height-foot))
	if p, ok := s.body.Layout.(*panesLayout); ok {
		p.room = room.Height
	}
	s.body.Resize(room)
	s.body.Layout.Layout(s.body.Objects, room)
	s.scroll.Resize(room)
	s.scroll.Refresh()
}

// MinSize lets the window be smaller than the page, which then scrolls.
func (s *screen) MinSize([]fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(SmallestSize.Width, SmallestSize.Height/2)
}

// vgap is an empty place of that height.
func vgap(height float32) fyne.CanvasObject {
	r := canvas.NewRectangle(color.Transparent)
	r.SetMinSize(fyne.NewSize(0, height))
	return r
}

// stack is a column without margins; the gap is between visible objects only.
func stack(gap float32, objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(layout.NewCustomPaddedVBoxLayout(gap), objects...)
}

// beside puts a text to the right of a picture, in the middle of its height.
type beside struct{}

func (beside) Layout(o []fyne.CanvasObject, size fyne.Size) {
	picture, text := o[0], o[1]
	p := picture.MinSize()
	picture.Resize(p)
	picture.Move(fyne.NewPos(0, (size.Height-p.Height)/2))
	width := size.Width - p.Width - 4
	text.Resize(fyne.NewSize(width, text.MinSize().Height))
	h := text.MinSize().Height
	text.Resize(fyne.NewSize(width, h))
	text.Move(fyne.NewPos(p.Width+4, (size.Height-h)/2))
}

func (beside) MinSize(o []fyne.CanvasObject) fyne.Size {
	p, t := o[0].MinSize(), o[1].MinSize()
	return fyne.NewSize(p.Width+t.Width, max(p.Height, t.Height))
}

// show changes an object's visibility and reports whether that was a change.
func show(o fyne.CanvasObject, visible bool) bool {
	if o.Visible() == visible {
		return false
	}
	if visible {
		o.Show()
	} else {
		o.Hide()
	}
	return true
}
