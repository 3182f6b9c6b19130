package ui

import "fyne.io/fyne/v2"

// revealGap is what is left between what was scrolled to and the page's edge.
const revealGap = 8

// reveal scrolls the page that holds o until o is in sight. Fyne moves the
// keyboard's focus, but not the page.
func reveal(o fyne.CanvasObject) {
	driver := fyne.CurrentApp().Driver()
	c := driver.CanvasForObject(o)
	if c == nil || c.Content() == nil {
		return
	}
	s := screenOf(c.Content(), o)
	if s == nil {
		return
	}
	top := driver.AbsolutePositionForObject(o).Y - driver.AbsolutePositionForObject(s.scroll.Content).Y
	bottom := top + o.Size().Height
	offset := s.scroll.Offset
	switch height := s.scroll.Size().Height; {
	case top < offset.Y:
		offset.Y = max(0, top-revealGap)
	case bottom > offset.Y+height:
		offset.Y = bottom + revealGap - height
	default:
		return
	}
	s.scroll.ScrollToOffset(offset)
}

// scrollBy scrolls the page of the window that o is in, for those without a mouse.
func scrollBy(o fyne.CanvasObject, key fyne.KeyName) {
	c := fyne.CurrentApp().Driver().CanvasForObject(o)
	if c == nil || c.Content() == nil {
		return
	}
	root, _ := c.Content().(*fyne.Container)
	if root == nil {
		return
	}
	for _, child := range root.Objects {
		if page, ok := child.(*fyne.Container); ok && page.Visible() {
			if s, ok := page.Layout.(*screen); ok {
				s.typedKey(key)
			}
		}
	}
}

// lineStep is how far an arrow key scrolls.
const lineStep = 40

func (s *screen) typedKey(key fyne.KeyName) {
	page := s.scroll.Size().Height - lineStep
	by := map[fyne.KeyName]float32{
		fyne.KeyDown: lineStep, fyne.KeyUp: -lineStep, fyne.KeyPageDown: page, fyne.KeyPageUp: -page,
		fyne.KeyHome: -s.scroll.Content.Size().Height, fyne.KeyEnd: s.scroll.Content.Size().Height,
	}[key]
	if by != 0 {
		s.scroll.ScrollToOffset(s.scroll.Offset.AddXY(0, by))
	}
}

// TypedKey is for keys that are pressed while nothing has the focus: they scroll
// the page.
func (v *View) TypedKey(e *fyne.KeyEvent) { scrollBy(v.root, e.Name) }

// screenOf is the visible page below root that scrolls o, or nil.
func screenOf(root, o fyne.CanvasObject) *screen {
	c, ok := root.(*fyne.Container)
	if !ok || !c.Visible() {
		return nil
	}
	if s, ok := c.Layout.(*screen); ok && holds(s.body, o) {
		return s
	}
	for _, child := range c.Objects {
		if s := screenOf(child, o); s != nil {
			return s
		}
	}
	return nil
}

// holds reports whether o is c or somewhere in it.
func holds(c, o fyne.CanvasObject) bool {
	if c == o {
		return true
	}
	if c, ok := c.(*fyne.Container); ok {
		for _, child := range c.Objects {
			if holds(child, o) {
				return true
			}
		}
	}
	return false
}
