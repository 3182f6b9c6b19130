package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/bitfount/bitfount-tray/authcore"
)

// more is the page that leads to everything that is not needed every day.
type more struct {
	*screen
	ways    []*button
	version *label
	// newer leads to the page about a newer version, while there is one.
	newer *button
}

func newMore(v *View) *more {
	p := &more{version: quiet("", fyne.TextAlignCenter)}
	way := func(text string, icon fyne.Resource, tapped func()) fyne.CanvasObject {
		b := newButton(text, icon, tapped)
		b.Alignment, b.height = widget.ButtonAlignLeading, 48
		p.ways = append(p.ways, b)
		return b
	}
	p.newer = newButton("", theme.InfoIcon(), v.command(authcore.Command{Name: authcore.CommandOpenUpdate}))
	p.newer.height = 40
	p.newer.Hide()
	p.screen = newScreen(newBody(
		vgap(12),
		heading(tr("tab.more")),
		vgap(4),
		stack(8,
			way(tr("more.accounts"), theme.AccountIcon(), v.opener(atAccounts)),
			way(tr("more.settings"), theme.SettingsIcon(), v.opener(atSettings)),
			way(tr("more.fix-it"), theme.HelpIcon(), v.fixIt),
			way(tr("report.save"), theme.DocumentSaveIcon(), v.saveReport),
		),
		vgap(8),
		p.version,
		p.newer,
	), nil)
	return p
}

func (p *more) update(m moment) {
	p.version.set(tr("more.version", fields{"Version": m.snapshot.Version}))
	if u := m.snapshot.Desktop.Update; u != nil {
		p.newer.set(tr("update.available", fields{"Version": u.Version}), true)
	}
	show(p.newer, m.snapshot.Desktop.Update != nil)
}

func (p *more) primary() fyne.Focusable { return p.ways[0] }

// newBack is the button that leads back to where a place belongs.
func newBack(v *View, to location) *button {
	b := newButton(tr("tab."+string(to)), theme.NavigateBackIcon(), v.opener(to))
	b.Importance, b.Alignment = widget.LowImportance, widget.ButtonAlignLeading
	return b
}
