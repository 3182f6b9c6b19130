package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/icons"
)

// Icon is the window's icon.
func Icon() fyne.Resource { return fyne.NewStaticResource("bitfount-tray.png", icons.Window()) }

// picture is the tray's icon of an indicator, so that both look the same.
func picture(i authcore.Indicator) fyne.Resource {
	return fyne.NewStaticResource("bitfount-tray-"+string(i)+".svg", icons.SVG(i))
}

// sized shows an object in the middle at that size.
func sized(o fyne.CanvasObject, side float32) fyne.CanvasObject {
	return container.NewCenter(container.NewGridWrap(fyne.NewSquareSize(side), o))
}

// captioned puts an icon before a centred text, both together in the middle. A
// text that needs more than one line has the icon above it.
type captioned struct{ above bool }

const captionedIcon = 24

func (c *captioned) Layout(o []fyne.CanvasObject, size fyne.Size) {
	icon, text := o[0], o[1].(*label)
	pad := text.Theme().Size(theme.SizeNameInnerPadding)
	icon.Resize(fyne.NewSquareSize(captionedIcon))
	w := text.lineWidth()
	if c.above = w > size.Width-captionedIcon; !c.above {
		left := (size.Width - captionedIcon - w) / 2
		text.Resize(fyne.NewSize(w+1, size.Height))
		text.Move(fyne.NewPos(left+captionedIcon, 0))
		line := text.MinSize().Height
		icon.Move(fyne.NewPos(left+2, max(pad, float32(int(line-captionedIcon)/2))))
		return
	}
	text.Resize(fyne.NewSize(size.Width, text.MinSize().Height))
	text.Move(fyne.NewPos(0, captionedIcon))
	icon.Move(fyne.NewPos((size.Width-captionedIcon)/2, pad/2))
}

func (c *captioned) MinSize(o []fyne.CanvasObject) fyne.Size {
	text := o[1].(*label)
	min := text.MinSize()
	if c.above {
		min.Height += captionedIcon
	}
	return min
}

// environmentTag names the environment: production quietly, the others marked,
// so that nobody takes one for the other.
type environmentTag struct {
	root        *fyne.Container
	card        *card
	quiet, loud *label
	name        string
}

func newEnvironmentTag() *environmentTag {
	t := &environmentTag{card: newCard(colorCaution), quiet: quiet("", fyne.TextAlignCenter)}
	t.loud = newLabel("", style(theme.SizeNameText, theme.ColorNameWarning, fyne.TextAlignCenter, true))
	t.loud.Wrapping = fyne.TextWrapOff
	t.root = container.NewStack(t.quiet, container.NewCenter(container.New(pill{}, t.card, t.loud)))
	return t
}

// pill is a ground that is a little lower than the text's own place.
type pill struct{}

func (pill) Layout(o []fyne.CanvasObject, size fyne.Size) {
	const inset = 5
	o[0].Resize(size.SubtractWidthHeight(0, 2*inset))
	o[0].Move(fyne.NewPos(0, inset))
	o[1].Resize(size)
}

func (pill) MinSize(o []fyne.CanvasObject) fyne.Size { return o[1].MinSize() }

// set shows the name; production only if quietly is true.
func (t *environmentTag) set(name string, quietly bool) {
	production := name == "production" || name == ""
	show(t.root, !production || (quietly && name != ""))
	if name == t.name {
		return
	}
	t.name = name
	t.quiet.set(environmentTitle(name))
	t.loud.set(environmentTitle(name))
	show(t.quiet, production)
	show(t.card, !production)
	show(t.loud, !production)
}

// wait is the page before the first snapshot.
type wait struct{ *screen }

func newWait() *wait {
	return &wait{newScreen(centredColumn(quiet(tr("window.wait"), fyne.TextAlignCenter)), nil)}
}

func (*wait) update(moment)           {}
func (*wait) primary() fyne.Focusable { return nil }

// gone is the page after the resident has stopped.
type gone struct {
	*screen
	close *button
}

func newGone(v *View) *gone {
	p := &gone{close: newButton(tr("gone.close"), nil, func() {
		if v.OnClose != nil {
			v.OnClose()
		}
	})}
	p.close.height = 40
	p.screen = newScreen(centredColumn(
		sized(widget.NewIcon(picture(authcore.IndicatorAttention)), 72),
		vgap(8),
		heading(tr("gone.title")),
		plain(tr("gone.text"), fyne.TextAlignCenter),
	), p.close)
	return p
}

func (*gone) update(moment)             {}
func (p *gone) primary() fyne.Focusable { return p.close }
