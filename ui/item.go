package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// item is one thing of a list on a card: its state as an icon, its name, what
// it is, its state in words, and what can be done with it. Taking it away asks
// once more, in the same place, and says what will happen.
type item struct {
	root                *fyne.Container
	card                *card
	icon                *widget.Icon
	name, detail, state *label
	// question is said before the item is taken away.
	question           *label
	actions            *fyne.Container
	remove, keep, sure *button
	others             []*button
	inner              *fyne.Container
	asking             bool
	onChange           func()
	// onArrange, if set, has the last word on what is seen.
	onArrange func()
	extra     fyne.CanvasObject
}

// newItem makes an item. The words are what the question says, what its "yes"
// says and does, and what else can be done; extra, shown below the text, may be
// nil.
func newItem(question, yes string, taken, onChange func(), extra fyne.CanvasObject, others ...*button) *item {
	i := &item{
		card: newCard(colorCard), icon: widget.NewIcon(nil),
		name: bold("", fyne.TextAlignLeading), detail: quiet("", fyne.TextAlignLeading),
		state: plain("", fyne.TextAlignLeading), question: plain(question, fyne.TextAlignLeading),
		others: others, onChange: onChange, extra: extra,
	}
	i.remove = newButton(tr("item.remove"), nil, func() { i.ask(true) })
	i.keep = newButton(tr("item.keep"), nil, func() { i.ask(false) })
	i.sure = newButton(yes, nil, func() {
		i.ask(false)
		taken()
	})
	for _, b := range append([]*button{i.remove, i.keep, i.sure}, others...) {
		b.Importance, b.vanishes = widget.LowImportance, true
	}
	var buttons []fyne.CanvasObject
	for _, b := range others {
		buttons = append(buttons, b)
	}
	i.actions = container.New(&flow{}, append(buttons, i.remove, i.sure, i.keep)...)
	text := stack(-12, i.name, i.detail, i.state, i.question)
	if extra != nil {
		text.Add(extra)
	}
	i.inner = container.New(&noticeLayout{}, i.icon, text, i.actions)
	i.root = container.NewStack(i.card, i.inner)
	i.arrange()
	return i
}

func (i *item) ask(asking bool) {
	i.asking = asking
	i.arrange()
	// The answers may lie below the page's edge.
	reveal(i.actions)
	// The keyboard goes on where it was: at the answer that changes nothing.
	c := fyne.CurrentApp().Driver().CanvasForObject(i.root)
	if c != nil && c.Focused() != nil {
		if asking {
			c.Focus(i.keep)
		} else if i.remove.Visible() {
			c.Focus(i.remove)
		}
	}
}

func (i *item) arrange() {
	show(i.question, i.asking)
	show(i.sure, i.asking)
	show(i.keep, i.asking)
	show(i.remove, !i.asking)
	for _, b := range i.others {
		show(b, !i.asking)
	}
	if i.onArrange != nil {
		i.onArrange()
	}
	i.inner.Refresh()
	if i.onChange != nil {
		i.onChange()
	}
}

func (i *item) set(icon fyne.Resource, name, detail, state string, trouble bool) {
	if i.icon.Resource == nil || icon.Name() != i.icon.Resource.Name() {
		i.icon.SetResource(icon)
	}
	i.name.set(name)
	i.detail.set(detail)
	show(i.detail, detail != "")
	i.state.set(state)
	color := colorCard
	if trouble {
		color = colorCaution
	}
	if color != i.card.color {
		i.card.color = color
		i.card.Refresh()
	}
}

// themed is an icon of the theme in one of its colours.
func themed(icon fyne.ThemeIconName, color fyne.ThemeColorName) fyne.Resource {
	return theme.NewColoredResource(theme.Icon(icon), color)
}

// flow puts objects side by side, and goes on in a new line where the width
// ends.
type flow struct{ height float32 }

func (f *flow) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	f.arrange(objects, size.Width, true)
}

func (f *flow) arrange(objects []fyne.CanvasObject, width float32, move bool) {
	x, y, line := float32(0), float32(0), float32(0)
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		m := o.MinSize()
		if x > 0 && x+m.Width > width {
			x, y = 0, y+line
		}
		if move {
			o.Resize(m)
			o.Move(fyne.NewPos(x, y))
		}
		x, line = x+m.Width, m.Height
	}
	f.height = y + line
}

// MinSize is the widest object's width, and the height of the last layout.
func (f *flow) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	for _, o := range objects {
		if o.Visible() {
			size = size.Max(o.MinSize())
		}
	}
	size.Height = max(size.Height, f.height)
	return size
}
