package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// more is the page that leads to everything that is not needed every day.
type more struct {
	*screen
	ways    []*button
	version *label
}

func newMore(v *View) *more {
	p := &more{version: quiet("", fyne.TextAlignCenter)}
	way := func(text string, icon fyne.Resource, tapped func()) fyne.CanvasObject {
		b := newButton(text, icon, tapped)
		b.Alignment, b.height = widget.ButtonAlignLeading, 48
		p.ways = append(p.ways, b)
		return b
	}
	p.screen = newScreen(newBody(
		vgap(12),
		heading(tr("tab.more")),
		vgap(4),
		stack(8,
			way(tr("more.accounts"), theme.AccountIcon(), v.opener(atAccounts)),
			way(tr("more.settings"), theme.SettingsIcon(), v.opener(atSettings)),
			way(tr("more.fix-it"), theme.HelpIcon(), v.fixIt),
		),
		vgap(8),
		p.version,
	), nil)
	return p
}

func (p *more) update(m moment) {
	p.version.set(tr("more.version", fields{"Version": m.snapshot.Version}))
}

func (p *more) primary() fyne.Focusable { return p.ways[0] }

// newBack is the button that leads back to where a place belongs.
func newBack(v *View, to location) *button {
	b := newButton(tr("tab."+string(to)), theme.NavigateBackIcon(), v.opener(to))
	b.Importance, b.Alignment = widget.LowImportance, widget.ButtonAlignLeading
	return b
}
