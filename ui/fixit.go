package ui

import (
	"fmt"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/bitfount/bitfount-tray/authcore"
)

// fixIt goes to the diagnosis and begins it: one click, because two are hard to
// explain on the telephone.
func (v *View) fixIt() {
	v.open(atFixIt)
	v.command(authcore.Command{Name: authcore.CommandFixIt})()
}

// fixIt is the page of the diagnosis: each check ticks, or says what to do.
type fixIt struct {
	*screen
	back   *button
	icon   *widget.Icon
	result *label
	hint   *label
	list   *fyne.Container
	drawn  string
	signIn *button
	again  *button
	done   *button
}

func newFixIt(v *View) *fixIt {
	p := &fixIt{
		back: newBack(v, atMore), icon: widget.NewIcon(nil), result: heading(""),
		hint: quiet("", fyne.TextAlignCenter), list: stack(-4),
		signIn: newButton(tr("session.sign-in"), nil, v.command(authcore.Command{Name: authcore.CommandSignIn})),
		again:  newButton(tr("fix.again"), theme.ViewRefreshIcon(), v.fixIt),
		done:   newButton(tr("fix.done"), nil, v.opener(atSession)),
	}
	p.signIn.Importance, p.signIn.height = widget.HighImportance, 48
	p.again.height, p.done.height = 40, 40
	p.screen = newScreen(newBody(
		vgap(8),
		p.back,
		container.New(&captioned{}, p.icon, p.result),
		p.hint,
		vgap(4),
		p.list,
		vgap(8),
	), stack(8, p.signIn, container.NewGridWithColumns(2, p.again, p.done)))
	return p
}

func (p *fixIt) update(m moment) {
	d := m.snapshot.Desktop.Diagnosis
	wrong := 0
	if d != nil {
		for _, c := range d.Checks {
			if !c.OK() {
				wrong++
			}
		}
	}
	icon := themed(theme.IconNameSearch, colorMuted)
	switch {
	case d == nil:
		p.result.set(tr("fix.title"))
		p.hint.set(tr("fix.text"))
	case d.Running():
		p.result.set(tr("fix.running"))
		p.hint.set(tr("fix.running-hint"))
	case wrong == 0:
		icon = themed(theme.IconNameConfirm, theme.ColorNameSuccess)
		p.result.set(tr("fix.good"))
		p.hint.set(tr("fix.finished", fields{"When": when(d.FinishedAt, m.now)}))
	default:
		icon = themed(theme.IconNameWarning, theme.ColorNameWarning)
		p.result.set(trN("fix.bad", wrong, fields{"N": wrong}))
		p.hint.set(tr("fix.finished", fields{"When": when(d.FinishedAt, m.now)}))
	}
	if p.icon.Resource == nil || p.icon.Resource.Name() != icon.Name() {
		p.icon.SetResource(icon)
	}
	p.draw(d)
	show(p.signIn, d != nil && !d.Running() && d.OfferSignIn && m.allowed(authcore.CommandSignIn))
	p.again.set(either(d == nil, tr("fix.start"), tr("fix.again")), !d.Running())
}

// draw lists the checks that are done, and while it runs those that follow.
func (p *fixIt) draw(d *authcore.Diagnosis) {
	var rows []fyne.CanvasObject
	drawn := ""
	add := func(icon fyne.Resource, title string, lines ...fyne.CanvasObject) {
		rows = append(rows, container.New(&checkRow{}, widget.NewIcon(icon), stack(-12, append([]fyne.CanvasObject{bold(title, fyne.TextAlignLeading)}, lines...)...)))
		drawn += title
	}
	done := map[authcore.CheckName]bool{}
	if d != nil {
		checks := slices.Clone(d.Checks)
		if !d.Running() {
			// Who reads this aloud on the telephone begins with what matters.
			slices.SortStableFunc(checks, func(a, b authcore.Check) int { return rank(a) - rank(b) })
		}
		for _, c := range checks {
			done[c.Name] = true
			title := tr("check."+string(c.Name), c.Params)
			if c.OK() {
				found := tr("finding."+string(c.Finding), c.Params)
				drawn += found
				add(themed(theme.IconNameConfirm, theme.ColorNameSuccess), title, quiet(found, fyne.TextAlignLeading))
				continue
			}
			w := wordsOf(c.Problem)
			drawn += fmt.Sprint(w)
			add(themed(theme.IconNameWarning, theme.ColorNameWarning), title, plain(w.What, fyne.TextAlignLeading), plain(w.Next, fyne.TextAlignLeading))
		}
	}
	if d.Running() {
		for _, name := range authcore.CheckNames {
			if !done[name] {
				add(themed(theme.IconNameMoreHorizontal, colorMuted), tr("check."+string(name), fields{"Host": tr("fix.servers")}), quiet(tr("fix.waiting"), fyne.TextAlignLeading))
			}
		}
	}
	if drawn != p.drawn {
		p.drawn = drawn
		p.list.Objects = rows
		p.list.Refresh()
	}
}

func rank(c authcore.Check) int {
	if c.OK() {
		return 1
	}
	return 0
}

func (p *fixIt) primary() fyne.Focusable {
	if p.signIn.Visible() {
		return p.signIn
	}
	return p.done
}

// checkRow puts the icon beside the first line of the text.
type checkRow struct{}

func (checkRow) Layout(o []fyne.CanvasObject, size fyne.Size) {
	o[0].Resize(fyne.NewSquareSize(noticeIcon))
	o[0].Move(fyne.NewPos(4, 9))
	text := fyne.NewSize(size.Width-noticeIndent, o[1].MinSize().Height)
	o[1].Resize(text)
	o[1].Resize(fyne.NewSize(text.Width, o[1].MinSize().Height))
	o[1].Move(fyne.NewPos(noticeIndent-4, 0))
}

func (checkRow) MinSize(o []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(200, o[1].MinSize().Height)
}
