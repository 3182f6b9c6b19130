package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"github.com/bitfount/bitfount-tray/authcore"
)

// success is the page after a sign-in that the window has shown: who is signed
// in, what happens from now on, and one way on.
type success struct {
	*screen
	who         *label
	environment *environmentTag
	next        *button
}

func newSuccess(v *View) *success {
	p := &success{who: bold("", fyne.TextAlignCenter), environment: newEnvironmentTag()}
	p.next = newButton(tr("success.continue"), nil, v.opener(atSession))
	p.next.Importance, p.next.height, p.next.vanishes = widget.HighImportance, 52, true
	p.screen = newScreen(centredColumn(
		vgap(8),
		sized(widget.NewIcon(picture(authcore.IndicatorSignedIn)), 72),
		vgap(8),
		title(tr("success.title")),
		p.who,
		p.environment.root,
		vgap(8),
		plain(tr("success.text"), fyne.TextAlignCenter),
	), p.next)
	return p
}

func (p *success) update(m moment) {
	p.who.set(accountName(m.account))
	p.environment.set(m.account.Environment, true)
}

func (p *success) primary() fyne.Focusable { return p.next }

// failure is the page after a sign-in that has failed: why, and one way on.
type failure struct {
	*screen
	environment *environmentTag
	problem     *notice
	signIn      *button
	keys, token *button
}

func newFailure(v *View) *failure {
	p := &failure{
		environment: newEnvironmentTag(),
		problem:     v.newNotice(noticeCaution, false, nil),
		signIn:      newButton(tr("welcome.sign-in"), nil, v.command(authcore.Command{Name: authcore.CommandSignIn})),
	}
	p.signIn.Importance, p.signIn.height = widget.HighImportance, 52
	p.keys, p.token = newOtherWays(v)
	p.screen = newScreen(centredColumn(
		vgap(8),
		sized(widget.NewIcon(picture(authcore.IndicatorAttention)), 48),
		heading(tr("failure.title")),
		p.environment.root,
		vgap(4),
		p.problem.root,
		vgap(8),
	), stack(4, p.signIn, stack(-4, p.keys, p.token)))
	return p
}

func (p *failure) update(m moment) {
	p.environment.set(m.account.Environment, false)
	p.problem.set(m.account.Problem)
	show(p.signIn, m.allowed(authcore.CommandSignIn))
}

func (p *failure) primary() fyne.Focusable {
	if !p.signIn.Visible() {
		return p.keys
	}
	return p.signIn
}

// newOtherWays lead to the forms of the two other ways in.
func newOtherWays(v *View) (keys, token *button) {
	keys = newButton(tr("welcome.use-keys"), nil, v.opener(atAPIKeys))
	token = newButton(tr("welcome.use-token"), nil, v.opener(atToken))
	keys.Importance, token.Importance = widget.LowImportance, widget.LowImportance
	return keys, token
}
