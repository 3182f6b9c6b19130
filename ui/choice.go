package ui

import (
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// choice is Fyne's list to choose one of, with values behind the words, and
// with the focus shown as an outline and not by colour alone.
type choice[T comparable] struct {
	widget.Select
	// label says what is chosen, for those who do not see the window.
	label   string
	values  []T
	title   func(T) string
	focused bool
}

// newChoice offers values, the first one chosen. The handler hears what the
// user chooses; it may be nil.
func newChoice[T comparable](label string, values []T, title func(T) string, chosen func(T)) *choice[T] {
	c := &choice[T]{label: label, values: values, title: title}
	for _, v := range values {
		c.Options = append(c.Options, title(v))
	}
	c.Selected = c.Options[0]
	c.OnChanged = func(string) {
		if chosen != nil {
			chosen(c.value())
		}
	}
	c.ExtendBaseWidget(c)
	return c
}

// value is what is chosen.
func (c *choice[T]) value() T { return c.values[max(0, c.SelectedIndex())] }

// set chooses a value as the user would.
func (c *choice[T]) set(value T) {
	if i := slices.Index(c.values, value); i >= 0 {
		c.SetSelectedIndex(i)
	}
}

// offer changes what can be chosen. A choice that is no longer there becomes the
// first one.
func (c *choice[T]) offer(values []T) {
	if slices.Equal(values, c.values) {
		return
	}
	before := c.value()
	c.values, c.Options = values, nil
	for _, v := range values {
		c.Options = append(c.Options, c.title(v))
	}
	c.Selected = c.Options[max(0, slices.Index(values, before))]
	c.Refresh()
}

// AccessibilityLabel says what is chosen here, and the choice.
func (c *choice[T]) AccessibilityLabel() string { return c.label + ": " + c.Selected }

// AccessibilityRole is that of a button.
func (c *choice[T]) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleButton }

func (c *choice[T]) FocusGained() {
	c.focused = true
	c.Select.FocusGained()
	reveal(c)
}

func (c *choice[T]) FocusLost() {
	c.focused = false
	c.Select.FocusLost()
}

// MinSize lets the list be narrower than its longest word, which is then cut
// with an ellipsis in the closed list and whole in the open one.
func (c *choice[T]) MinSize() fyne.Size {
	c.ExtendBaseWidget(c)
	return fyne.NewSize(80, max(36, c.BaseWidget.MinSize().Height))
}

func (c *choice[T]) CreateRenderer() fyne.WidgetRenderer {
	c.ExtendBaseWidget(c)
	r := &choiceRenderer{
		WidgetRenderer: c.Select.CreateRenderer(), outline: canvas.NewRectangle(nil),
		focused: func() bool { return c.focused }, theme: c.Theme,
	}
	r.paint()
	return r
}

type choiceRenderer struct {
	fyne.WidgetRenderer
	outline *canvas.Rectangle
	focused func() bool
	theme   func() fyne.Theme
}

// Theme is the list's.
func (r *choiceRenderer) Theme() fyne.Theme { return r.theme() }

func (r *choiceRenderer) Layout(size fyne.Size) {
	r.WidgetRenderer.Layout(size)
	r.outline.Resize(size)
}

func (r *choiceRenderer) Objects() []fyne.CanvasObject {
	return append(r.WidgetRenderer.Objects(), r.outline)
}

func (r *choiceRenderer) paint() {
	r.outline.StrokeColor, r.outline.StrokeWidth = colorOf(r, theme.ColorNameInputBorder), 1
	if r.focused() {
		r.outline.StrokeColor, r.outline.StrokeWidth = colorOf(r, theme.ColorNameForeground), 2
	}
	r.outline.CornerRadius = r.theme().Size(theme.SizeNameInputRadius)
}

func (r *choiceRenderer) Refresh() {
	r.paint()
	r.outline.Refresh()
	r.WidgetRenderer.Refresh()
}
