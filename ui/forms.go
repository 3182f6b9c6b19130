package ui

import (
	"errors"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/bitfount/bitfount-tray/authcore"
)

// Credentials are what the forms ask of the resident. Each function returns at
// once, and calls done later on Fyne's goroutine.
type Credentials struct {
	TestAPIKeys    func(k authcore.APIKeysAccount, done func(authcore.CredentialTest, error))
	SetAPIKeys     func(k authcore.APIKeysAccount, done func(error))
	TestSource     func(e authcore.ExternalJWTAccount, done func(authcore.CredentialTest, error))
	SetExternalJWT func(e authcore.ExternalJWTAccount, done func(error))
}

// field is an entry with its name above it and a remark below.
type field struct {
	root   *fyne.Container
	entry  *entry
	remark *label
}

func newField(name string, beside ...fyne.CanvasObject) *field {
	f := &field{entry: newEntry(name), remark: quiet("", fyne.TextAlignLeading)}
	f.remark.Hide()
	var row fyne.CanvasObject = f.entry
	if len(beside) > 0 {
		row = container.NewBorder(nil, nil, nil, container.NewHBox(beside...), f.entry)
	}
	f.root = stack(-4, bold(name, fyne.TextAlignLeading), row, f.remark)
	return f
}

// say shows a remark, or none; a wrong one is a reason why the form cannot be
// used as it is.
func (f *field) say(remark string, wrong bool) {
	f.remark.set(remark)
	if wrong {
		f.remark.setColor(theme.ColorNameWarning)
	} else {
		f.remark.setColor(colorMuted)
	}
	show(f.remark, remark != "")
}

// verdict is what a test found, on a card with an icon.
type verdict struct {
	root, inner *fyne.Container
	card        *card
	icon        *widget.Icon
	what, more  *label
	details     *details
	onChange    func()
}

func newVerdict(v *View) *verdict {
	r := &verdict{
		onChange: v.layOut,
		card:     newCard(colorInfo), icon: widget.NewIcon(theme.InfoIcon()),
		what: bold("", fyne.TextAlignLeading), more: plain("", fyne.TextAlignLeading),
	}
	r.details = newDetails(func() { r.explain(true) }, v.command(authcore.Command{Name: authcore.CommandCopyReport}))
	r.inner = container.New(&noticeLayout{}, r.icon, stack(-12, r.what, r.more, r.details.cause),
		container.New(&flow{}, r.details.open, r.details.report))
	r.root = container.NewStack(r.card, r.inner)
	r.root.Hide()
	return r
}

var noticeSuccess = noticeKind{colorInfo, theme.ColorNameSuccess, theme.IconNameConfirm}

func (r *verdict) set(kind noticeKind, what, more string) {
	r.icon.SetResource(theme.NewColoredResource(theme.Icon(kind.icon), kind.color))
	r.card.color = kind.ground
	r.card.Refresh()
	r.what.set(what)
	r.more.set(more)
	show(r.more, more != "")
	r.details.shown = false
	r.explain(false)
	r.root.Show()
}

// fail is set for what went wrong, with its cause behind "Details".
func (r *verdict) fail(kind noticeKind, what, more string, p *authcore.Problem) {
	r.set(kind, what, more)
	r.details.set(p)
	r.explain(true)
}

func (r *verdict) explain(there bool) {
	r.details.arrange(there)
	r.inner.Refresh()
	r.onChange()
}

// form is what the two forms for credentials have in common.
type form struct {
	*screen
	view        *View
	back        *button
	environment *environmentTag
	verdict     *verdict
	test, save  *button
	// waiting is true while the resident tests or saves. turn tells its answer
	// from the answer to what the form asked before it was opened anew.
	waiting bool
	turn    int
	// now is the moment that is drawn.
	now moment
}

func newForm(v *View) *form {
	f := &form{view: v, environment: newEnvironmentTag(), verdict: newVerdict(v)}
	f.back = newButton(tr("form.back"), theme.NavigateBackIcon(), v.opener(atSession))
	f.back.Importance, f.back.Alignment = widget.LowImportance, widget.ButtonAlignLeading
	return f
}

// build puts the page together.
func (f *form) build(title, text string, test, save func(), objects ...fyne.CanvasObject) {
	f.test = newButton(tr("form.test"), nil, test)
	f.save = newButton(tr("form.save"), nil, save)
	f.test.height, f.save.height = 40, 40
	f.save.Importance = widget.HighImportance
	body := append([]fyne.CanvasObject{
		vgap(8), f.back, heading(title), f.environment.root, quiet(text, fyne.TextAlignCenter), vgap(4),
	}, objects...)
	body = append(body, vgap(8), f.verdict.root)
	f.screen = newScreen(newBody(body...), container.New(&pair{}, f.test, f.save))
}

// reset begins anew.
func (f *form) reset() {
	f.turn++
	f.waiting = false
	f.verdict.root.Hide()
}

// draw shows what can be done: complete says whether everything is filled in.
func (f *form) draw(complete bool) {
	f.test.set(either(f.waiting, tr("form.testing"), tr("form.test")), complete && !f.waiting)
	f.save.set(tr("form.save"), complete && !f.waiting)
}

// ask sends a question to the resident and shows its answer with result, unless
// the form was opened anew since.
func (f *form) ask(begin func(answered func(result func()))) {
	f.waiting = true
	f.verdict.root.Hide()
	turn := f.turn
	begin(func(result func()) {
		if turn != f.turn {
			return
		}
		f.waiting = false
		result()
		f.view.Tick(f.view.now)
	})
	f.view.Tick(f.view.now)
	if f.verdict.root.Visible() {
		f.scroll.ScrollToBottom()
	}
}

// saved shows that what was entered is kept now, or why not.
func (f *form) saved(err error) {
	if err == nil {
		f.view.open(atSession)
		return
	}
	f.failed(tr("form.not-saved"), err)
}

func (f *form) failed(what string, err error) {
	var p *authcore.Problem
	if !errors.As(err, &p) {
		p = &authcore.Problem{Code: authcore.ProblemInternal, Cause: err.Error()}
	}
	words := wordsOf(p)
	if p.Code != authcore.ProblemInternal {
		what = words.What
	}
	f.verdict.fail(noticeFault, what, words.Next, p)
}

// pair puts two visible buttons side by side, or one above the other where their
// words are too long for that.
type pair struct{ above bool }

const pairGap = 8

func (p *pair) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	o := shownOf(objects)
	half := (size.Width - pairGap) / 2
	p.above = len(o) == 1
	for _, one := range o {
		p.above = p.above || one.MinSize().Width > half
	}
	x, y := float32(0), float32(0)
	for _, one := range o {
		if p.above {
			h := one.MinSize().Height
			one.Resize(fyne.NewSize(size.Width, h))
			one.Move(fyne.NewPos(0, y))
			y += h + pairGap
			continue
		}
		one.Resize(fyne.NewSize(half, size.Height))
		one.Move(fyne.NewPos(x, 0))
		x += half + pairGap
	}
}

func (p *pair) MinSize(objects []fyne.CanvasObject) (size fyne.Size) {
	for i, one := range shownOf(objects) {
		m := one.MinSize()
		if p.above && i > 0 {
			m.Height += size.Height + pairGap
		}
		size = size.Max(m)
	}
	return size
}

func shownOf(objects []fyne.CanvasObject) []fyne.CanvasObject {
	return slices.DeleteFunc(slices.Clone(objects), func(o fyne.CanvasObject) bool { return !o.Visible() })
}
