package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
)

// session is the page of a session: its state as a picture, who and where, and
// what can be done with it.
type session struct {
	*screen
	ring              *ring
	icon              *widget.Icon
	state             *label
	who, plan, notice *label
	environment       *environmentTag
	problem           *notice
	signIn            *button
	form              *button
	copy              *button
	service           *choice[export.Service]
	format            *choice[export.Format]
	save              *button
	copySection       *fyne.Container
	clipboard         *label
	files             *filesBrief
	day               *dayBrief
	renew, fix        *button
	signOut           *button
	indicator         authcore.Indicator
}

func newSession(v *View) *session {
	send := func(name authcore.CommandName) func() { return v.command(authcore.Command{Name: name}) }
	p := &session{
		ring:        newRing(),
		icon:        widget.NewIcon(nil),
		state:       heading(""),
		who:         bold("", fyne.TextAlignCenter),
		plan:        quiet("", fyne.TextAlignCenter),
		notice:      bold("", fyne.TextAlignCenter),
		environment: newEnvironmentTag(),
		problem:     v.newNotice(noticeCaution, false, nil),
		signIn:      newButton(tr("session.sign-in"), nil, send(authcore.CommandSignIn)),
		clipboard:   quiet("", fyne.TextAlignCenter),
		renew:       newButton(tr("session.renew"), theme.ViewRefreshIcon(), send(authcore.CommandRenew)),
		fix:         newButton(tr("session.fix-it"), theme.HelpIcon(), v.fixIt),
		signOut:     newButton(tr("session.sign-out"), theme.LogoutIcon(), send(authcore.CommandSignOut)),
	}
	p.signIn.Importance, p.signIn.height = widget.HighImportance, 48
	p.form = newButton("", nil, func() {
		v.open(either(v.moment().account.Method == authcore.MethodAPIKeys, atAPIKeys, atToken))
	})
	p.form.Importance, p.form.height = widget.HighImportance, 48
	p.renew.height, p.signOut.height = 40, 40
	p.fix.height = 40
	p.copy = newButton(tr("session.copy-headers"), theme.ContentCopyIcon(), func() {
		v.command(authcore.Command{Name: authcore.CommandCopyHeaders, Service: p.service.value(), Format: string(p.format.value())})()
	})
	p.save = newButton(tr("files.add"), theme.DocumentSaveIcon(), func() { v.saveToFile(p.service.value(), p.format.value()) })
	p.copy.height, p.save.height = 40, 40
	again := func() { v.Tick(v.now) }
	p.service = newChoice(tr("file.service"), export.Services, serviceTitle, func(export.Service) { again() })
	p.format = newChoice(tr("file.format"), export.Formats, formatTitle, func(export.Format) { again() })
	p.copySection = stack(0,
		container.NewGridWithColumns(2, p.service, p.format), vgap(6), container.New(&pair{}, p.copy, p.save), p.clipboard)
	p.files, p.day = newFilesBrief(v), newDayBrief(v)
	panes := newPanes(container.New(&column{grow: p.ring, most: ringMost},
		vgap(8),
		p.ring,
		vgap(4),
		stack(-12, container.New(&captioned{}, p.icon, p.state), p.who, p.environment.root, p.plan, p.notice),
	), container.New(&column{},
		p.problem.root,
		vgap(4),
		p.copySection,
		p.files.root,
		p.day.root,
		vgap(8),
	))
	// Files and history may begin below the window's edge, the rest not.
	panes.Layout.(*panesLayout).fold = p.day.strip
	p.screen = newScreen(panes, stack(8, p.signIn, p.form, container.New(&pair{}, p.renew, p.fix, p.signOut)))
	return p
}

func (p *session) update(m moment) {
	a := m.account
	p.ring.set(face(m))
	if i := a.Indicator(m.now); i != p.indicator {
		p.indicator = i
		p.icon.SetResource(picture(i))
	}
	p.state.set(stateWords(m))
	// With several accounts, the header says whose session it is.
	p.who.set(accountName(a))
	show(p.who, (a.Username != "" || a.Label != "") && len(m.snapshot.Accounts) == 1)
	p.environment.set(a.Environment, true)
	plan := planWords(m)
	p.plan.set(plan)
	show(p.plan, plan != "")
	// The whole session's end is told once it is near.
	from := a.SessionEndsSoonFrom()
	ending := !from.IsZero() && !m.now.Before(from) && a.State != authcore.NeedsSignIn
	if ending {
		p.notice.set(tr("session.sign-in-by", fields{"When": when(a.SessionExpiresAt, m.now)}))
	}
	show(p.notice, ending)
	p.problem.set(a.Problem)

	// A session that runs out and cannot renew itself needs its user as well.
	needsUser := a.State == authcore.NeedsSignIn || a.State == authcore.Expired || ending || (a.Expiring(m.now) && !a.Renewable)
	signIn := needsUser && m.allowed(authcore.CommandSignIn)
	show(p.signIn, signIn)
	// What another program or a key no longer gives, a form can.
	form := needsUser && hasForm(a.Method) && !a.HasHeaders
	show(p.form, form)
	p.form.set(methodWay(a.Method), true)
	show(p.copySection, a.HasHeaders || !needsUser)
	service := p.service.value()
	p.copy.set(tr("session.copy-headers"), m.snapshot.Allowed(authcore.Command{Name: authcore.CommandCopyHeaders, Service: service}))
	// One button of a page is the next step.
	if next := either(signIn || form, widget.MediumImportance, widget.HighImportance); p.copy.Importance != next {
		p.copy.Importance = next
		p.copy.Refresh()
	}
	p.save.set(tr("files.add"), m.allowed(authcore.CommandAddLiveFile))
	p.files.update(m)
	p.day.update(m)
	icon := theme.ContentCopyIcon()
	if m.snapshot.Desktop.Clipboard.Holds == service {
		icon = theme.ConfirmIcon()
	}
	if p.copy.Icon.Name() != icon.Name() {
		p.copy.SetIcon(icon)
	}
	p.clipboard.set(clipboardWords(m))
	// What is out of order is mended by one button, which renews as well.
	broken := a.State == authcore.Offline || a.State == authcore.Expired || a.State == authcore.NeedsSignIn
	show(p.fix, broken)
	show(p.renew, !broken)
	p.renew.set(tr("session.renew"), m.allowed(authcore.CommandRenew))
	p.signOut.set(tr("session.sign-out"), m.allowed(authcore.CommandSignOut))
}

func (p *session) primary() fyne.Focusable {
	for _, b := range []*button{p.signIn, p.form} {
		if b.Visible() {
			return b
		}
	}
	return p.copy
}

func face(m moment) ringFace {
	a := m.account
	f := ringFace{mark: -1, color: theme.ColorNamePrimary}
	switch a.Indicator(m.now) {
	case authcore.IndicatorExpiring:
		f.color = theme.ColorNameWarning
	case authcore.IndicatorOffline:
		f.color = colorMuted
	}
	if a.ExpiresAt.IsZero() && a.State != authcore.NeedsSignIn && a.State != authcore.Expired {
		f.fraction, f.title, f.caption = 1, tr("session.endless"), tr("session.endless-caption")
		return f
	}
	left := a.Left(m.now)
	if left == 0 {
		f.title = tr("session.over")
		if !a.ExpiresAt.IsZero() {
			f.caption = when(a.ExpiresAt, m.now)
		}
		return f
	}
	f.title, f.caption = inWords(left), tr("session.left")
	life := a.ExpiresAt.Sub(a.IssuedAt)
	if a.IssuedAt.IsZero() || life <= 0 {
		return f
	}
	f.fraction = min(1, float32(left)/float32(life))
	if a.State == authcore.SignedIn && a.Renewable && a.RenewAt.After(m.now) && a.RenewAt.Before(a.ExpiresAt) {
		f.mark = float32(a.ExpiresAt.Sub(a.RenewAt)) / float32(life)
	}
	return f
}

func stateWords(m moment) string {
	a := m.account
	switch a.State {
	case authcore.Renewing:
		return tr("session.renewing")
	case authcore.Offline:
		if a.ExpiresAt.IsZero() {
			return tr("session.offline-endless")
		}
		return tr("session.offline", fields{"Clock": until(a.ExpiresAt, m.now)})
	case authcore.Expired:
		return tr("session.expired")
	case authcore.NeedsSignIn:
		return tr("session.needs-sign-in")
	}
	if a.Indicator(m.now) == authcore.IndicatorExpiring {
		return tr("session.ends-soon")
	}
	return tr("session.signed-in")
}

// planWords say what happens next by itself.
func planWords(m moment) string {
	a := m.account
	switch a.State {
	case authcore.Renewing:
		return tr("session.renewing-now")
	case authcore.Offline, authcore.Expired:
		if !a.RenewAt.After(m.now) {
			return tr("session.trying")
		}
		return tr("session.next-try", fields{"When": when(a.RenewAt, m.now)})
	case authcore.NeedsSignIn:
		return ""
	}
	switch {
	case a.Renewable && !a.RenewAt.IsZero():
		return tr("session.renews", fields{"When": when(a.RenewAt, m.now)})
	case !a.ExpiresAt.IsZero():
		return tr("session.ends", fields{"When": when(a.ExpiresAt, m.now)})
	}
	return ""
}

func clipboardWords(m moment) string {
	c := m.snapshot.Desktop.Clipboard
	if c.Holds == "" {
		return tr("session.clipboard-hint")
	}
	if c.ClearAt.IsZero() {
		return tr("session.clipboard-kept")
	}
	return tr("session.clipboard", fields{"Left": inWords(c.ClearAt.Sub(m.local))})
}
