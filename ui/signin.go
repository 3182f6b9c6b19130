package ui

import (
	"net/url"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/bitfount/bitfount-tray/authcore"
)

// asking is the page while the server is asked for a code.
type asking struct {
	*screen
	cancel  *button
	problem *notice
}

func newAsking(v *View) *asking {
	p := &asking{
		cancel:  newButton(tr("signin.cancel"), nil, v.command(authcore.Command{Name: authcore.CommandCancelSignIn})),
		problem: v.newNotice(noticeCaution, false, nil),
	}
	p.cancel.height = 40
	p.screen = newScreen(centredColumn(
		sized(widget.NewIcon(picture(authcore.IndicatorSigningIn)), 72),
		vgap(8),
		heading(tr("signin.asking")),
		quiet(tr("signin.asking-hint"), fyne.TextAlignCenter),
		p.problem.root,
	), p.cancel)
	return p
}

func (p *asking) update(m moment) {
	p.problem.set(m.account.Problem)
	p.cancel.set(tr("signin.cancel"), m.allowed(authcore.CommandCancelSignIn))
}

func (p *asking) primary() fyne.Focusable { return p.cancel }

// approval is the page with the code (RFC 8628 section 3.3 and 5.4: the user
// compares the codes, and continues only with a request of their own).
type approval struct {
	*screen
	environment              *environmentTag
	problem                  *notice
	check                    *label
	code                     *bigCode
	bar                      *lifeBar
	left                     *label
	copyCode, copyLink, open *button
	qr                       *qrPicture
	phone                    *fyne.Container
	somethingElse, cancel    *button
	answer                   *label
}

func newApproval(v *View) *approval {
	send := func(name authcore.CommandName) func() { return v.command(authcore.Command{Name: name}) }
	p := &approval{
		environment: newEnvironmentTag(),
		problem:     v.newNotice(noticeCaution, false, nil),
		check:       plain("", fyne.TextAlignCenter),
		code:        newBigCode(),
		bar:         newLifeBar(),
		left:        quiet("", fyne.TextAlignCenter),
		copyCode:    newButton(tr("signin.copy-code"), theme.ContentCopyIcon(), send(authcore.CommandCopyCode)),
		copyLink:    newButton(tr("signin.copy-link"), theme.ContentCopyIcon(), send(authcore.CommandCopyLink)),
		open:        newButton(tr("signin.open-browser"), theme.ComputerIcon(), send(authcore.CommandOpenBrowser)),
		qr:          newQRPicture(),
		cancel:      newButton(tr("signin.cancel"), nil, send(authcore.CommandCancelSignIn)),
		answer:      plain(tr("signin.else-answer"), fyne.TextAlignLeading),
	}
	p.cancel.height = 40
	p.answer.Hide()
	p.somethingElse = newButton(tr("signin.else"), theme.MenuDropDownIcon(), func() {
		show(p.answer, !p.answer.Visible())
		p.somethingElse.unfolds(p.answer.Visible())
		v.layOut()
	})
	p.somethingElse.Importance = widget.LowImportance
	p.somethingElse.Alignment = widget.ButtonAlignLeading
	p.phone = container.New(beside{}, p.qr, stack(-12,
		bold(tr("signin.phone"), fyne.TextAlignLeading),
		quiet(tr("signin.phone-hint"), fyne.TextAlignLeading),
	))
	p.screen = newScreen(newPanes(container.New(&column{},
		vgap(8),
		stack(-10, heading(tr("signin.title")), p.environment.root),
		p.problem.root,
		p.check,
		p.code,
		vgap(10),
		p.bar,
		p.left,
		container.New(&pair{}, p.copyCode, p.copyLink),
		vgap(8),
		p.open,
		vgap(8),
		bold(tr("signin.yourself"), fyne.TextAlignCenter),
	), container.New(&column{},
		vgap(4),
		p.phone,
		p.somethingElse,
		p.answer,
	)), p.cancel)
	return p
}

func (p *approval) update(m moment) {
	prompt := m.account.Prompt
	p.environment.set(m.account.Environment, true)
	p.problem.set(m.account.Problem)
	p.check.set(tr("signin.check", fields{"Host": hostOf(prompt.VerificationURI)}))
	p.code.set(prompt.UserCode)
	left, life := prompt.ExpiresAt.Sub(m.now), prompt.ExpiresAt.Sub(prompt.IssuedAt)
	if left > 0 {
		p.left.set(tr("signin.left", fields{"Left": inWords(left)}))
	} else {
		p.left.set(tr("signin.over"))
	}
	color := theme.ColorNamePrimary
	if left < secondsBelow {
		color = theme.ColorNameWarning
	}
	fraction := float32(0)
	if life > 0 {
		fraction = float32(left) / float32(life)
	}
	p.bar.set(fraction, color)
	link := prompt.VerificationURIComplete
	if link == "" {
		link = prompt.VerificationURI
	}
	show(p.phone, p.qr.set(link))
	for name, b := range map[authcore.CommandName]*button{
		authcore.CommandCopyCode: p.copyCode, authcore.CommandCopyLink: p.copyLink,
		authcore.CommandOpenBrowser: p.open, authcore.CommandCancelSignIn: p.cancel,
	} {
		b.set(b.Text, m.allowed(name))
	}
}

// hostOf is where the page lies that must show the code.
func hostOf(link string) string {
	u, err := url.Parse(link)
	if err != nil || u.Host == "" {
		return link
	}
	return u.Host
}

func (p *approval) primary() fyne.Focusable { return p.open }
