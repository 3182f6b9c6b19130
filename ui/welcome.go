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
	signIn      *button
	keys, token *button
}

func newWelcome(v *View) *welcome {
	p := &welcome{
		picture:     widget.NewIcon(fyne.NewStaticResource("bitfount-tray.svg", icons.AppSVG())),
		title:       title(""),
		text:        plain("", fyne.TextAlignCenter),
		environment: newEnvironmentTag(),
		signIn:      newButton(tr("welcome.sign-in"), nil, v.command(authcore.Command{Name: authcore.CommandSignIn})),
	}
	p.signIn.Importance, p.signIn.height = widget.HighImportance, 52
	p.keys, p.token = newOtherWays(v)
	p.screen = newScreen(centredColumn(
		vgap(8),
		sized(p.picture, 72),
		vgap(8),
		p.title,
		p.environment.root,
		vgap(4),
		p.text,
		vgap(12),
		p.signIn,
		quiet(tr("welcome.hint"), fyne.TextAlignCenter),
		vgap(8),
	), stack(-4, p.keys, p.token))
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
	p.signIn.set(tr("welcome.sign-in"), m.allowed(authcore.CommandSignIn))
}

func (p *welcome) primary() fyne.Focusable { return p.signIn }
