package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/bitfount/bitfount-tray/authcore"
)

// noticeKind is how much a notice matters; each has its own icon and ground.
type noticeKind struct {
	ground, color fyne.ThemeColorName
	icon          fyne.ThemeIconName
}

var (
	noticeInfo    = noticeKind{colorInfo, theme.ColorNamePrimary, theme.IconNameInfo}
	noticeCaution = noticeKind{colorCaution, theme.ColorNameWarning, theme.IconNameWarning}
	noticeFault   = noticeKind{colorFault, theme.ColorNameError, theme.IconNameError}
)

// notice says one problem in words: what happened, what it means, what to do,
// and the technical cause behind "Details".
type notice struct {
	root, inner *fyne.Container
	// foldable notices begin with their first sentence alone.
	foldable bool
	// onDismiss, if set, makes the notice one that can be sent away.
	onDismiss func()
	// onMore shows or hides further notices; see setMore.
	onMore func()
	// onChange is called when the notice's height changes.
	onChange func()

	problem *authcore.Problem
	open    bool

	card                *card
	icon                *widget.Icon
	what, meaning, next *label
	fold                *button
	details             *details
	more, dismiss       *button
}

// newNotice makes a notice of the window.
func (v *View) newNotice(kind noticeKind, foldable bool, onDismiss func()) *notice {
	return newNotice(kind, foldable, onDismiss, v.layOut, v.command(authcore.Command{Name: authcore.CommandCopyReport}))
}

func newNotice(kind noticeKind, foldable bool, onDismiss, onChange, onReport func()) *notice {
	n := &notice{foldable: foldable, onDismiss: onDismiss, onChange: onChange}
	n.icon = widget.NewIcon(theme.NewColoredResource(theme.Icon(kind.icon), kind.color))
	n.what = bold("", fyne.TextAlignLeading)
	n.meaning, n.next = plain("", fyne.TextAlignLeading), plain("", fyne.TextAlignLeading)
	n.fold = newButton("", nil, func() { n.open = !n.open; n.arrange() })
	n.details = newDetails(n.arrange, onReport)
	n.dismiss = newButton(tr("notice.dismiss"), nil, onDismiss)
	n.dismiss.vanishes = true
	n.more = newButton("", nil, func() { n.onMore() })
	n.more.Hide()
	for _, b := range []*button{n.fold, n.more, n.dismiss} {
		b.Importance = widget.LowImportance
	}
	text := stack(-12, n.what, n.meaning, n.next, n.details.cause)
	buttons := container.New(&flow{}, n.fold, n.details.open, n.details.report, n.more, n.dismiss)
	n.card = newCard(kind.ground)
	n.inner = container.New(&noticeLayout{}, n.icon, text, buttons)
	n.root = container.NewStack(n.card, n.inner)
	n.root.Hide()
	return n
}

// set shows p, or nothing for nil, and reports whether anything changed.
func (n *notice) set(p *authcore.Problem) bool {
	if n.problem == p || (p != nil && n.problem != nil && same(*p, *n.problem)) {
		n.problem = p
		return false
	}
	if p == nil || n.problem == nil || p.Code != n.problem.Code {
		n.open, n.details.shown = !n.foldable, false
	}
	n.problem = p
	if p != nil {
		words := wordsOf(p)
		n.what.set(words.What)
		n.meaning.set(words.Meaning)
		n.next.set(words.Next)
		n.details.set(p)
		n.arrange()
	}
	show(n.root, p != nil)
	return true
}

// same compares what a notice shows.
func same(a, b authcore.Problem) bool {
	return a.Code == b.Code && a.Cause == b.Cause && wordsOf(&a) == wordsOf(&b)
}

func (n *notice) arrange() {
	show(n.meaning, n.open)
	show(n.next, n.open)
	show(n.fold, n.foldable)
	n.details.arrange(n.open)
	show(n.dismiss, n.onDismiss != nil)
	n.fold.set(either(n.open, tr("notice.less"), tr("notice.more")), true)
	n.fold.unfolds(n.open)
	n.inner.Refresh()
	if n.onChange != nil {
		n.onChange()
	}
}

// setMore offers to show that many further notices, or to hide them again.
func (n *notice) setMore(count int, shown bool) {
	changed := show(n.more, count > 0)
	text := trN("notice.more-notices", count, fields{"N": count})
	if shown {
		text = tr("notice.fewer-notices")
	}
	if changed || n.more.Text != text {
		n.more.set(text, true)
		n.inner.Refresh()
	}
}

func either[T any](condition bool, yes, no T) T {
	if condition {
		return yes
	}
	return no
}

// noticeLayout puts the icon beside the text and the buttons under the text,
// their words in line with it.
type noticeLayout struct{}

const (
	noticeIcon   = 20
	noticeIndent = 10 + noticeIcon
)

func (noticeLayout) Layout(o []fyne.CanvasObject, size fyne.Size) {
	icon, text, buttons := o[0], o[1], o[2]
	icon.Resize(fyne.NewSquareSize(noticeIcon))
	icon.Move(fyne.NewPos(12, 9))
	text.Resize(fyne.NewSize(size.Width-noticeIndent-4, text.MinSize().Height))
	h := text.MinSize().Height
	text.Resize(fyne.NewSize(size.Width-noticeIndent-4, h))
	text.Move(fyne.NewPos(noticeIndent, 0))
	// Buttons that do not fit beside each other learn their height here.
	buttons.Resize(fyne.NewSize(size.Width-noticeIndent-4, buttons.MinSize().Height))
	buttons.Move(fyne.NewPos(noticeIndent, h-8))
}

func (noticeLayout) MinSize(o []fyne.CanvasObject) fyne.Size {
	text, buttons := o[1], o[2]
	h := text.MinSize().Height
	if b := buttons.MinSize(); b.Width > 0 {
		h += b.Height - 4
	}
	return fyne.NewSize(200, h)
}

// card is a ground with round corners in a colour of the theme.
type card struct {
	widget.BaseWidget
	color fyne.ThemeColorName
}

func newCard(color fyne.ThemeColorName) *card {
	c := &card{color: color}
	c.ExtendBaseWidget(c)
	return c
}

func (c *card) CreateRenderer() fyne.WidgetRenderer {
	c.ExtendBaseWidget(c)
	r := canvas.NewRectangle(colorOf(c, c.color))
	r.CornerRadius = 10
	return &cardRenderer{widget.NewSimpleRenderer(r), c, r}
}

type cardRenderer struct {
	fyne.WidgetRenderer
	card      *card
	rectangle *canvas.Rectangle
}

func (r *cardRenderer) Refresh() {
	r.rectangle.FillColor = colorOf(r.card, r.card.color)
	r.rectangle.Refresh()
}
