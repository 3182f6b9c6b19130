package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/icons"
)

// welcome is the page of somebody who is signed out: what this does, and one
// way on.
type welcome struct {
	*screen
	picture     *widget.Icon
	title, text *label
	environment *environmentTag
	hint        *label
	ways        *waysIn
}

func newWelcome(v *View) *welcome {
	p := &welcome{
		picture:     widget.NewIcon(fyne.NewStaticResource("bitfount-tray.svg", icons.AppSVG())),
		title:       title(""),
		text:        plain("", fyne.TextAlignCenter),
		environment: newEnvironmentTag(),
		hint:        quiet(tr("welcome.hint"), fyne.TextAlignCenter),
		ways:        newWaysIn(v),
	}
	p.screen = newScreen(centredColumn(
		vgap(8),
		sized(p.picture, 72),
		vgap(8),
		p.title,
		p.environment.root,
		vgap(4),
		p.text,
		vgap(12),
		p.ways.signIn,
		p.hint,
		vgap(8),
	), p.ways.others)
	return p
}

func (p *welcome) update(m moment) {
	if m.snapshot.Storage.Waiting {
		p.title.set(tr("welcome.title-keyring"))
		p.text.set(tr("welcome.text-keyring"))
	} else {
		p.title.set(either(m.account.Username == "", tr("welcome.title"), tr("welcome.title-again")))
		p.text.set(tr("welcome.text"))
	}
	p.environment.set(m.account.Environment, false)
	p.ways.update(m.account, m.allowed(authcore.CommandSignIn))
	show(p.hint, !hasForm(m.account.Method))
}

func (p *welcome) primary() fyne.Focusable { return p.ways.signIn }
