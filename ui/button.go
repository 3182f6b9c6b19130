package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// button is Fyne's with four more habits: the Enter key presses it too, it
// keeps the focus when it was pressed by key, it shows the focus as an outline
// and not by colour alone, and it can be given a height.
type button struct {
	widget.Button
	height  float32
	focused bool
	// byKey is true while OnTapped runs for a key.
	byKey bool
	// vanishes is true for a button that is gone when it was pressed.
	vanishes bool
}

func newButton(text string, icon fyne.Resource, tapped func()) *button {
	b := &button{}
	b.Text, b.Icon, b.OnTapped = text, icon, tapped
	b.ExtendBaseWidget(b)
	return b
}

// set draws only what changed.
func (b *button) set(text string, enabled bool) {
	if b.Text != text {
		b.SetText(text)
	}
	if enabled == b.Disabled() {
		if enabled {
			b.Enable()
		} else {
			b.Disable()
		}
	}
}

// unfolds marks a button that shows and hides a text.
func (b *button) unfolds(open bool) {
	icon := theme.MenuDropDownIcon()
	if open {
		icon = theme.MenuDropUpIcon()
	}
	if b.Icon == nil || b.Icon.Name() != icon.Name() {
		b.SetIcon(icon)
	}
}

func (b *button) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyReturn, fyne.KeyEnter, fyne.KeySpace:
	default:
		scrollBy(b, e.Name)
		return
	}
	b.byKey = true
	b.Tapped(nil)
	b.byKey = false
	// Fyne takes the focus away at a tap. Somebody at the keyboard wants to go
	// on from here, unless the tap has led elsewhere.
	c := fyne.CurrentApp().Driver().CanvasForObject(b)
	if c != nil && c.Focused() == nil && !b.vanishes && b.Visible() && !b.Disabled() {
		c.Focus(b)
	}
}

func (b *button) FocusGained() {
	b.focused = true
	b.Button.FocusGained()
	reveal(b)
}

func (b *button) FocusLost() {
	b.focused = false
	b.Button.FocusLost()
}

func (b *button) MinSize() fyne.Size {
	b.ExtendBaseWidget(b)
	min := b.BaseWidget.MinSize()
	min.Height = max(min.Height, b.height)
	return min
}

func (b *button) CreateRenderer() fyne.WidgetRenderer {
	b.ExtendBaseWidget(b)
	r := &buttonRenderer{WidgetRenderer: b.Button.CreateRenderer(), button: b, outline: canvas.NewRectangle(nil)}
	r.outline.StrokeWidth = 2
	r.outline.Hide()
	return r
}

type buttonRenderer struct {
	fyne.WidgetRenderer
	button  *button
	outline *canvas.Rectangle
}

func (r *buttonRenderer) Layout(size fyne.Size) {
	r.WidgetRenderer.Layout(size)
	r.outline.Resize(size)
}

func (r *buttonRenderer) Objects() []fyne.CanvasObject {
	return append(r.WidgetRenderer.Objects(), r.outline)
}

func (r *buttonRenderer) Refresh() {
	r.outline.StrokeColor = colorOf(r.button, theme.ColorNameForeground)
	r.outline.CornerRadius = r.button.Theme().Size(theme.SizeNameButtonRadius)
	r.outline.Hidden = !r.button.focused
	r.outline.Refresh()
	r.WidgetRenderer.Refresh()
}
