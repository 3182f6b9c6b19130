package ui

import (
	"path/filepath"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"github.com/bitfount/bitfount-tray/authcore"
)

// sourceKind is where a token can come from.
type sourceKind string

const (
	sourceCommand  sourceKind = "command"
	sourceFile     sourceKind = "file"
	sourceVariable sourceKind = "variable"
)

var sourceKinds = []sourceKind{sourceCommand, sourceFile, sourceVariable}

// externalToken is the form for a token that another program keeps fresh.
type externalToken struct {
	*form
	kind                    *choice[sourceKind]
	command, file, variable *field
	choose                  *button
	user                    *field
}

func newExternalToken(v *View) *externalToken {
	p := &externalToken{form: newForm(v)}
	p.kind = newChoice(tr("source.kind"), sourceKinds, func(k sourceKind) string { return tr("source-kind." + string(k)) },
		func(sourceKind) { p.changed() })
	p.choose = newButton(tr("form.choose-file"), theme.FolderOpenIcon(), func() {
		v.ChooseFile(func(path string) { p.file.entry.SetText(path) })
	})
	p.command = newField(tr("source.command-name"))
	p.command.entry.SetPlaceHolder(tr("source.command-example"))
	p.file = newField(tr("source.file-name"))
	p.variable = newField(tr("source.variable-name"))
	p.user = newField(tr("form.username"))
	for _, f := range []*field{p.command, p.file, p.variable, p.user} {
		f.entry.OnChanged = func(string) { p.changed() }
	}
	p.build(tr("source.title"), tr("source.text"), p.try, p.keep,
		stack(4,
			stack(-4, bold(tr("source.kind"), fyne.TextAlignLeading), p.kind),
			p.command.root, stack(4, p.file.root, p.choose), p.variable.root, p.user.root,
		))
	return p
}

func (p *externalToken) changed() {
	p.verdict.root.Hide()
	p.view.Tick(p.view.now)
}

func (p *externalToken) opened() {
	p.reset()
	for _, f := range []*field{p.command, p.file, p.variable, p.user} {
		f.entry.SetText("")
	}
	if a := p.view.moment().account; a.Method == authcore.MethodExternalJWT {
		p.user.entry.SetText(a.Username)
	}
	p.scroll.ScrollToTop()
}

// account is what was entered, and whether it can be a source.
func (p *externalToken) account() (e authcore.ExternalJWTAccount, complete bool) {
	e = authcore.ExternalJWTAccount{Environment: p.now.account.Environment, Username: strings.TrimSpace(p.user.entry.Text)}
	switch p.kind.value() {
	case sourceCommand:
		args, err := splitCommand(p.command.entry.Text)
		e.Source.Command = args
		return e, err == nil && len(args) > 0
	case sourceFile:
		e.Source.File = plainPath(p.file.entry.Text)
		return e, filepath.IsAbs(e.Source.File)
	}
	e.Source.Variable = strings.TrimPrefix(strings.TrimSpace(p.variable.entry.Text), "$")
	return e, e.Source.Variable != "" && !strings.ContainsAny(e.Source.Variable, "= ")
}

// plainPath is a path without what file managers put around it when they copy
// one: quotation marks, or file:// before it.
func plainPath(text string) string {
	text = strings.Trim(strings.TrimSpace(text), `"'`)
	return strings.TrimPrefix(text, "file://")
}

func (p *externalToken) update(m moment) {
	p.now = m
	p.environment.set(m.account.Environment, true)
	kind := p.kind.value()
	show(p.command.root, kind == sourceCommand)
	show(p.file.root, kind == sourceFile)
	show(p.choose, kind == sourceFile && p.view.ChooseFile != nil)
	show(p.variable.root, kind == sourceVariable)
	e, complete := p.account()
	p.command.say(commandWords(p.command.entry.Text))
	wrongPath := e.Source.File != "" && !complete
	p.file.say(either(wrongPath, tr("form.whole-path"), tr("source.file-hint")), wrongPath)
	p.variable.say(tr("source.variable-hint"), false)
	p.draw(complete && e.Username != "")
	// A test needs no name: it may find it out.
	p.test.set(p.test.Text, complete && !p.waiting)
}

// commandWords say how a command was understood.
func commandWords(line string) (remark string, wrong bool) {
	args, err := splitCommand(line)
	switch {
	case err != nil:
		return tr("source.open-quote"), true
	case len(args) == 0:
		return tr("source.command-hint"), false
	case len(args) == 1:
		return tr("source.program", fields{"Program": args[0]}), false
	}
	quoted := make([]string, len(args)-1)
	for i, arg := range args[1:] {
		quoted[i] = tr("source.quoted", fields{"Text": arg})
	}
	return trN("source.program-with", len(quoted), fields{
		"Program": args[0], "N": len(quoted), "Arguments": strings.Join(quoted, ", "),
	}), false
}

func (p *externalToken) try() {
	if p.view.Credentials.TestSource == nil {
		return
	}
	e, _ := p.account()
	p.ask(func(answered func(func())) {
		p.view.Credentials.TestSource(e, func(result authcore.CredentialTest, err error) {
			answered(func() { p.show(result, err) })
		})
	})
}

func (p *externalToken) show(result authcore.CredentialTest, err error) {
	switch {
	case err != nil:
		p.failed(tr("form.not-tested"), err)
		return
	case result.Outcome != authcore.TestUnderstood:
		p.verdict.set(noticeFault, tr("source.unusable"), result.Cause)
		return
	}
	typed := strings.TrimSpace(p.user.entry.Text)
	if typed == "" && result.Username != "" {
		p.user.entry.SetText(result.Username)
	}
	left := result.Expires.Sub(p.now.now)
	lines := []string{tr("source.valid", fields{"When": when(result.Expires, p.now.now), "Left": inWords(left)})}
	kind := noticeSuccess
	switch {
	case result.Username == "":
		lines = append(lines, tr("source.no-user"))
	case typed != "" && typed != result.Username:
		kind = noticeCaution
		lines = append(lines, tr("source.other-user", fields{"Got": result.Username, "Want": typed}))
	default:
		lines = append(lines, tr("source.user", fields{"User": result.Username}))
	}
	if result.Issuer != "" {
		lines = append(lines, tr("source.issuer", fields{"Issuer": result.Issuer}))
	}
	p.verdict.set(kind, tr("source.understood"), strings.Join(lines, "\n"))
}

func (p *externalToken) keep() {
	if p.view.Credentials.SetExternalJWT == nil {
		return
	}
	e, _ := p.account()
	p.ask(func(answered func(func())) {
		p.view.Credentials.SetExternalJWT(e, func(err error) {
			answered(func() { p.saved(err) })
		})
	})
}

func (p *externalToken) primary() fyne.Focusable { return p.kind }
