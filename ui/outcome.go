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
	ways        *waysIn
}

func newFailure(v *View) *failure {
	p := &failure{
		environment: newEnvironmentTag(),
		problem:     v.newNotice(noticeCaution, false, nil),
		ways:        newWaysIn(v),
	}
	p.screen = newScreen(centredColumn(
		vgap(8),
		sized(widget.NewIcon(picture(authcore.IndicatorAttention)), 48),
		heading(tr("failure.title")),
		p.environment.root,
		vgap(4),
		p.problem.root,
		vgap(8),
	), stack(4, p.ways.signIn, p.ways.others))
	return p
}

func (p *failure) update(m moment) {
	p.environment.set(m.account.Environment, false)
	p.problem.set(m.account.Problem)
	p.ways.update(m.account, m.allowed(authcore.CommandSignIn))
}

func (p *failure) primary() fyne.Focusable { return p.ways.signIn }

// waysIn are the account's own way to sign in, as the next step, and quietly the
// others.
type waysIn struct {
	signIn *button
	// begin opens the browser's sign-in, or the form of the account's method.
	begin       map[authcore.Method]func()
	keys, token *button
	others      *fyne.Container
}

func newWaysIn(v *View) *waysIn {
	w := &waysIn{begin: map[authcore.Method]func(){
		authcore.MethodDeviceCode:  v.command(authcore.Command{Name: authcore.CommandSignIn}),
		authcore.MethodAPIKeys:     v.opener(atAPIKeys),
		authcore.MethodExternalJWT: v.opener(atToken),
	}}
	w.signIn = newButton("", nil, nil)
	w.signIn.Importance, w.signIn.height = widget.HighImportance, 52
	w.keys, w.token = newOtherWays(v)
	w.others = stack(-4, w.keys, w.token)
	return w
}

// update draws the ways in of that account; allowed is whether the browser's
// sign-in can begin now.
func (w *waysIn) update(a authcore.Account, allowed bool) {
	begin, words := w.begin[a.Method], methodWay(a.Method)
	if begin == nil {
		begin = w.begin[authcore.MethodDeviceCode]
	}
	w.signIn.OnTapped = begin
	w.signIn.set(words, allowed || hasForm(a.Method))
	show(w.keys, a.Method != authcore.MethodAPIKeys)
	show(w.token, a.Method != authcore.MethodExternalJWT)
}

// hasForm reports whether the method is set up in a form.
func hasForm(m authcore.Method) bool {
	return m == authcore.MethodAPIKeys || m == authcore.MethodExternalJWT
}

// methodWay is what the button says that leads to a session by that method.
func methodWay(m authcore.Method) string {
	switch m {
	case authcore.MethodAPIKeys:
		return tr("welcome.use-keys")
	case authcore.MethodExternalJWT:
		return tr("welcome.use-token")
	}
	return tr("welcome.sign-in")
}

// newOtherWays lead to the forms of the two other ways in.
func newOtherWays(v *View) (keys, token *button) {
	keys = newButton(tr("welcome.use-keys"), nil, v.opener(atAPIKeys))
	token = newButton(tr("welcome.use-token"), nil, v.opener(atToken))
	keys.Importance, token.Importance = widget.LowImportance, widget.LowImportance
	return keys, token
}
