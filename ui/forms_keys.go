package ui

import (
	"cmp"
	"strconv"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// apiKeys is the form for a pair of API keys. What is pasted into either field
// is recognised; where each half goes is shown before anything is sent.
type apiKeys struct {
	*form
	keyID, key, user *field
	reveal           *button
	revealed         bool
	where            *fyne.Container
	toHub, toAM      *label
}

func newAPIKeys(v *View) *apiKeys {
	p := &apiKeys{form: newForm(v)}
	p.reveal = newButton("", theme.VisibilityIcon(), func() {
		p.revealed = !p.revealed
		v.Tick(v.now)
	})
	p.keyID = newField(tr("keys.id"))
	p.key = newField(tr("keys.key"), p.reveal)
	p.key.entry.Password = true
	// In place of Fyne's own eye, which the keyboard does not reach.
	p.key.entry.ActionItem = vgap(0)
	p.user = newField(tr("form.username"))
	p.listen(p.keyID.entry, func(value string) { p.keyID.entry.SetText(value) })
	p.listen(p.key.entry, func(value string) { p.key.entry.SetText(value) })
	p.user.entry.OnChanged = func(string) { p.changed() }
	p.toHub, p.toAM = monospaced(), monospaced()
	p.where = container.NewStack(newCard(colorCard), stack(-12,
		bold(tr("keys.to-hub"), fyne.TextAlignLeading), p.toHub,
		bold(tr("keys.to-am"), fyne.TextAlignLeading), p.toAM,
	))
	p.build(tr("keys.title"), tr("keys.text"), p.try, p.keep,
		stack(4, p.keyID.root, p.key.root, p.user.root), vgap(8), p.where)
	return p
}

// listen recognises what is pasted into an entry. own puts a value alone into
// the entry.
func (p *apiKeys) listen(e *entry, own func(string)) {
	before := ""
	e.OnChanged = func(text string) {
		// Somebody who types adds one character at a time.
		pasted := len([]rune(text)) > len([]rune(before))+1
		before = text
		if pasted {
			found, value := recogniseKeys(text)
			switch {
			case value != "" && value != text:
				own(value)
			case !found.keyID.Empty() || !found.key.Empty():
				p.fill(found)
			}
			before = e.Text
		}
		p.changed()
	}
}

func (p *apiKeys) fill(found pastedKeys) {
	for _, part := range []struct {
		entry *entry
		value string
		other bool
	}{
		{p.keyID.entry, found.keyID.Reveal(), found.keyID.Empty()},
		{p.key.entry, found.key.Reveal(), found.key.Empty()},
		{p.user.entry, found.username, found.username == ""},
	} {
		switch {
		case !part.other:
			part.entry.SetText(part.value)
		case part.entry != p.user.entry && strings.ContainsAny(part.entry.Text, " =\"'"):
			// What was pasted here belongs into the other field.
			part.entry.SetText("")
		}
	}
}

func (p *apiKeys) changed() {
	p.verdict.root.Hide()
	p.view.Tick(p.view.now)
}

func (p *apiKeys) opened() {
	p.reset()
	p.revealed = false
	for _, f := range []*field{p.keyID, p.key, p.user} {
		f.entry.SetText("")
	}
	if a := p.view.moment().account; a.Method == authcore.MethodAPIKeys {
		p.user.entry.SetText(a.Username)
	}
	p.scroll.ScrollToTop()
}

func (p *apiKeys) account() authcore.APIKeysAccount {
	return authcore.APIKeysAccount{
		Environment: p.now.account.Environment, Username: strings.TrimSpace(p.user.entry.Text),
		KeyID: secret.New(strings.TrimSpace(p.keyID.entry.Text)), Key: secret.New(strings.TrimSpace(p.key.entry.Text)),
	}
}

func (p *apiKeys) update(m moment) {
	p.now = m
	p.environment.set(m.account.Environment, true)
	a := p.account()
	if p.key.entry.Password == p.revealed {
		p.key.entry.Password = !p.revealed
		p.key.entry.Refresh()
	}
	p.reveal.set(either(p.revealed, tr("keys.hide"), tr("keys.show")), true)
	icon := theme.VisibilityIcon()
	if p.revealed {
		icon = theme.VisibilityOffIcon()
	}
	if p.reveal.Icon.Name() != icon.Name() {
		p.reveal.SetIcon(icon)
	}
	for _, f := range []*field{p.keyID, p.key} {
		_, _, both := halves(f.entry.Text)
		f.say(either(f.entry.Text == "" || both, "", tr("keys.one-half")), true)
	}
	there := !a.KeyID.Empty() && !a.Key.Empty()
	show(p.where, there)
	if there {
		id, key := a.KeyID.Reveal(), a.Key.Reveal()
		hubID, _, _ := halves(id)
		hubKey, _, _ := halves(key)
		p.toHub.set(hubID + "\n" + p.hidden(hubKey))
		p.toAM.set(id + "\n" + p.hidden(key))
	}
	p.draw(there && a.Username != "")
}

// hidden is a key as dots, its two halves told apart, unless the user has asked
// to see it.
func (p *apiKeys) hidden(key string) string {
	if p.revealed {
		return key
	}
	const most = 12
	first, second, both := halves(key)
	dots := strings.Repeat("•", min(most, len(first)))
	if both {
		dots += ":" + strings.Repeat("•", min(most, len(second)))
	}
	return dots
}

func (p *apiKeys) try() {
	if p.view.Credentials.TestAPIKeys == nil {
		return
	}
	p.ask(func(answered func(func())) {
		p.view.Credentials.TestAPIKeys(p.account(), func(result authcore.CredentialTest, err error) {
			answered(func() { p.show(result, err) })
		})
	})
}

func (p *apiKeys) show(result authcore.CredentialTest, err error) {
	if err != nil {
		p.failed(tr("form.not-tested"), err)
		return
	}
	data := fields{"Host": result.Host, "Status": strconv.Itoa(result.Status)}
	switch result.Outcome {
	case authcore.TestAccepted:
		p.verdict.set(noticeSuccess, tr("keys.accepted", data), tr("keys.accepted-more", data))
	case authcore.TestRefused:
		p.verdict.set(noticeFault, tr("keys.refused", data), tr("keys.refused-more", data))
	case authcore.TestUnreachable:
		problem := cmp.Or(result.Problem, &authcore.Problem{Code: authcore.ProblemUnreachable, Params: map[string]string{"Host": result.Host}})
		p.verdict.fail(noticeCaution, wordsOf(problem).What, tr("keys.unreachable-more"), problem)
	case authcore.TestUnusable:
		p.verdict.set(noticeFault, tr("keys.unusable"), result.Cause)
	default:
		p.verdict.set(noticeCaution, tr("keys.unclear", data), tr("keys.unclear-more", data))
	}
}

func (p *apiKeys) keep() {
	if p.view.Credentials.SetAPIKeys == nil {
		return
	}
	p.ask(func(answered func(func())) {
		p.view.Credentials.SetAPIKeys(p.account(), func(err error) {
			answered(func() {
				if err == nil {
					p.opened() // the keys are kept elsewhere now
				}
				p.saved(err)
			})
		})
	})
}

func (p *apiKeys) primary() fyne.Focusable { return p.keyID.entry }

// monospaced is a text whose characters can be told apart. It breaks anywhere,
// since keys have no blanks.
func monospaced() *label {
	l := newLabel("", widget.RichTextStyle{
		SizeName: theme.SizeNameCaptionText, ColorName: theme.ColorNameForeground, TextStyle: fyne.TextStyle{Monospace: true},
	})
	l.Wrapping = fyne.TextWrapBreak
	return l
}
