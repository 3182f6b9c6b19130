package ui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

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
	// details are the causes of what is wrong.
	details *details
	view    *View
	// save offers the report, saved says where it is now.
	save  *button
	saved *label
	// saving: the report is to be saved when a diagnosis that is not the one
	// that began at last has ended.
	saving bool
	last   time.Time
}

// saveReport looks at everything once more and then asks where to put what it
// found, for support.
func (v *View) saveReport() {
	p := v.places[atFixIt].(*fixIt)
	last := time.Time{}
	if d := v.snapshot.Desktop.Diagnosis; d != nil && !d.Running() {
		last = d.StartedAt
	}
	v.fixIt()
	p.saving, p.last = true, last
}

func newFixIt(v *View) *fixIt {
	p := &fixIt{
		view: v, saved: quiet("", fyne.TextAlignCenter), save: newButton(tr("report.save"), theme.DocumentSaveIcon(), nil),
		back: newBack(v, atMore), icon: widget.NewIcon(nil), result: heading(""),
		hint: quiet("", fyne.TextAlignCenter), list: stack(-4),
		signIn: newButton(tr("session.sign-in"), nil, v.command(authcore.Command{Name: authcore.CommandSignIn})),
		again:  newButton(tr("fix.again"), theme.ViewRefreshIcon(), v.fixIt),
		done:   newButton(tr("fix.done"), nil, v.opener(atSession)),
	}
	p.signIn.Importance, p.signIn.height = widget.HighImportance, 48
	p.again.height, p.done.height, p.save.height = 40, 40, 40
	p.save.OnTapped = p.write
	p.details = newDetails(func() { p.details.arrange(true); v.layOut() }, v.command(authcore.Command{Name: authcore.CommandCopyReport}))
	p.screen = newScreen(newBody(
		vgap(8),
		p.back,
		container.New(&captioned{}, p.icon, p.result),
		p.hint,
		vgap(4),
		p.list,
		p.details.cause,
		container.New(&flow{}, p.details.open, p.details.report),
		vgap(8),
		p.save,
		p.saved,
		vgap(8),
	), stack(8, p.signIn, container.New(&pair{}, p.again, p.done)))
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
	ended := d != nil && !d.Running()
	if ended {
		p.details.say(causesOf(d))
	}
	p.details.arrange(ended && wrong > 0)
	show(p.save, ended && p.view.SaveFile != nil)
	show(p.saved, ended && p.view.SaveFile != nil)
	if p.saving && ended && !d.StartedAt.Equal(p.last) {
		p.saving = false
		p.write()
	}
}

// causesOf are the technical reasons for what is wrong, one a line.
func causesOf(d *authcore.Diagnosis) string {
	var lines []string
	for _, c := range d.Checks {
		if !c.OK() {
			lines = append(lines, string(c.Name)+": "+cmp.Or(c.Problem.Cause, string(c.Problem.Code)))
		}
	}
	return strings.Join(lines, "\n")
}

func (p *fixIt) opened() {
	p.saving = false
	p.saved.set(tr("report.hint"))
}

// write asks for a place for the report and puts it there.
func (p *fixIt) write() {
	s := p.view.snapshot
	now := s.Now(p.view.now)
	text := authcore.Report(s, s.Desktop.Diagnosis, now)
	p.view.SaveFile("bitfount-tray-report-"+now.Format("2006-01-02")+".txt", text, func(path string, err error) {
		if err != nil {
			p.view.ShowError(&authcore.Problem{Code: authcore.ProblemReport, Cause: err.Error(), Since: now})
			return
		}
		p.saved.set(tr("report.saved", fields{"Path": path}))
		p.view.layOut()
		p.scroll.ScrollToBottom() // where it says so
	})
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
