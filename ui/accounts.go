package ui

import (
	"cmp"
	"slices"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/bitfount/bitfount-tray/authcore"
)

// accountName is what a person calls an account: the label and the user's name,
// or that nobody has signed in yet.
func accountName(a authcore.Account) string {
	switch {
	case a.Label != "" && a.Username != "":
		return a.Label + " · " + a.Username
	case a.Label == "" && a.Username == "":
		return tr("account.nobody")
	}
	return cmp.Or(a.Label, a.Username)
}

// accountState is an account's state in one line.
func accountState(a authcore.Account, now time.Time) string {
	words := shortState(a, now)
	if left := a.Left(now); left > 0 && a.HasHeaders {
		words += " · " + tr("account.left", fields{"Left": inWords(left)})
	}
	return words
}

// shortState is an account's state in a word or two.
func shortState(a authcore.Account, now time.Time) string {
	switch a.State {
	case authcore.Prompting:
		return tr("account.signing-in")
	case authcore.SignedOut, "":
		return tr("account.signed-out")
	case authcore.NeedsSignIn:
		return tr("session.needs-sign-in")
	case authcore.Expired:
		return tr("session.expired")
	case authcore.Offline:
		return tr("session.offline-endless")
	case authcore.Renewing:
		return tr("session.renewing")
	}
	if a.Indicator(now) == authcore.IndicatorExpiring {
		return tr("session.ends-soon")
	}
	return tr("session.signed-in")
}

// switcher is in the window's header while there is more than one account.
type switcher struct {
	root   *fyne.Container
	button *button
	// others leads to the accounts while one that is not shown needs its user.
	others *button
	view   *View
	shown  authcore.Indicator
}

func newSwitcher(v *View) *switcher {
	s := &switcher{view: v}
	s.button = newButton("", theme.AccountIcon(), func() { s.open() })
	s.button.Importance = widget.LowImportance
	s.others = newButton("", picture(authcore.IndicatorAttention), v.opener(atAccounts))
	s.others.Importance = widget.LowImportance
	s.root = container.New(&column{}, vgap(4), container.NewCenter(s.button), container.NewCenter(s.others))
	s.root.Hide()
	return s
}

func (s *switcher) update(m moment) {
	show(s.root, len(m.snapshot.Accounts) > 1)
	s.button.set(shorten(accountName(m.account), 34)+" ▾", true)
	if i := m.account.Indicator(m.now); i != s.shown {
		s.shown = i
		s.button.SetIcon(picture(i))
	}
	waiting := 0
	for _, a := range m.snapshot.Accounts {
		if a.ID != m.snapshot.Active && a.State == authcore.NeedsSignIn {
			waiting++
		}
	}
	show(s.others, waiting > 0 && s.view.place != atAccounts)
	s.others.set(trN("account.others-waiting", waiting, fields{"N": waiting}), true)
}

// open shows the accounts to choose from below the button.
func (s *switcher) open() {
	c := fyne.CurrentApp().Driver().CanvasForObject(s.button)
	if c == nil || s.view.snapshot == nil {
		return
	}
	menu := widget.NewPopUpMenu(s.menu(), c)
	if s.button.byKey {
		menu.OnDismiss = func() {
			menu.Hide()
			c.Focus(s.button)
		}
	}
	// In the middle of the window, as the button is, and never at its edge.
	below := fyne.CurrentApp().Driver().AbsolutePositionForObject(s.button).Y + s.button.Size().Height
	menu.ShowAtPosition(fyne.NewPos(max(margin/2, (c.Size().Width-menu.Size().Width)/2), below))
}

func (s *switcher) menu() *fyne.Menu {
	m := s.view.moment()
	menu := fyne.NewMenu("")
	for _, a := range m.snapshot.Accounts {
		text := tr("account.with-state", fields{"Name": shorten(accountName(a), 20), "State": shortState(a, m.now)})
		i := fyne.NewMenuItem(text, s.view.command(authcore.Command{Name: authcore.CommandSetActive, Account: a.ID}))
		i.Icon, i.Checked = picture(a.Indicator(m.now)), a.ID == m.snapshot.Active
		menu.Items = append(menu.Items, i)
	}
	menu.Items = append(menu.Items, fyne.NewMenuItemSeparator(), fyne.NewMenuItem(tr("account.manage"), s.view.opener(atAccounts)))
	return menu
}

// shorten cuts text to at most limit characters and marks the cut.
func shorten(text string, limit int) string {
	r := []rune(text)
	if len(r) <= limit {
		return text
	}
	return string(r[:limit-1]) + "…"
}

// accounts is the page that lists the accounts.
type accounts struct {
	*screen
	view        *View
	back        *button
	list        *fyne.Container
	items       map[string]*accountItem
	environment *choice[string]
	add         *button
	adding      *fyne.Container
	addNew      *button
	// useKeys and useToken lead to the forms of the other two ways in.
	useKeys, useToken *button
}

type accountItem struct {
	*item
	use, rename, save *button
	name              *entry
	field             *fyne.Container
	renaming          bool
	account           authcore.Account
}

func newAccounts(v *View) *accounts {
	p := &accounts{view: v, items: map[string]*accountItem{}, list: stack(8)}
	p.back = newBack(v, atMore)
	p.environment = newChoice(tr("account.environment"), environments(&authcore.Snapshot{}), environmentTitle, nil)
	p.addNew = newButton(tr("account.add"), theme.ContentAddIcon(), func() { p.unfold(true) })
	p.addNew.height, p.addNew.vanishes = 40, true
	p.add = newButton(tr("account.add-this"), nil, func() {
		p.unfold(false)
		v.command(authcore.Command{Name: authcore.CommandAddAccount, Text: p.environment.value()})()
	})
	p.add.Importance, p.add.height, p.add.vanishes = widget.HighImportance, 40, true
	cancel := newButton(tr("account.cancel"), nil, func() { p.unfold(false) })
	cancel.height, cancel.vanishes = 40, true
	p.useKeys, p.useToken = newOtherWays(v)
	p.adding = stack(6, plain(tr("account.add-where"), fyne.TextAlignLeading), p.environment,
		container.New(&pair{}, cancel, p.add), p.useKeys, p.useToken)
	p.adding.Hide()
	p.screen = newScreen(container.New(&column{},
		vgap(8), p.back,
		heading(tr("account.title")),
		quiet(tr("account.text"), fyne.TextAlignCenter),
		vgap(4),
		p.list,
	), stack(6, p.addNew, p.adding))
	return p
}

// environments are those that an account can belong to: first those that
// accounts have, of which one may be the organisation's own, then the public
// ones; without those that a policy forbids.
func environments(s *authcore.Snapshot) []string {
	var names []string
	for _, a := range append([]authcore.Account{s.ActiveAccount()}, s.Accounts...) {
		names = append(names, a.Environment)
	}
	for _, e := range authcore.Environments {
		names = append(names, e.Name)
	}
	seen := map[string]bool{"": true}
	return slices.DeleteFunc(names, func(name string) bool {
		again := seen[name] || !s.Allowed(authcore.Command{Name: authcore.CommandAddAccount, Text: name})
		seen[name] = true
		return again
	})
}

func (p *accounts) opened() { p.unfold(false) }

func (p *accounts) unfold(open bool) {
	if open {
		p.environment.SetSelectedIndex(0)
	}
	show(p.adding, open)
	show(p.addNew, !open)
	p.view.layOut()
	c := fyne.CurrentApp().Driver().CanvasForObject(p.root)
	if c != nil && c.Focused() != nil {
		if open {
			c.Focus(p.environment)
		} else {
			c.Focus(p.addNew)
		}
	}
}

func (p *accounts) update(m moment) {
	var there []fyne.CanvasObject
	ids := map[string]bool{}
	for _, a := range m.snapshot.Accounts {
		i := p.items[a.ID]
		if i == nil {
			i = p.newItem(a.ID)
			p.items[a.ID] = i
		}
		ids[a.ID] = true
		i.show(m, a)
		there = append(there, i.root)
	}
	for id := range p.items {
		if !ids[id] {
			delete(p.items, id)
		}
	}
	if !slices.Equal(there, p.list.Objects) {
		p.list.Objects = there
		p.list.Refresh()
	}
	show(p.addNew, !p.adding.Visible())
	p.environment.offer(environments(m.snapshot))
}

func (p *accounts) newItem(id string) *accountItem {
	i := &accountItem{name: newEntry(tr("account.name-hint"))}
	send := func(name authcore.CommandName) func() {
		return p.view.command(authcore.Command{Name: name, Account: id})
	}
	i.use = newButton(tr("account.use"), nil, send(authcore.CommandSetActive))
	i.rename = newButton(tr("account.rename"), nil, func() { i.edit(!i.renaming) })
	i.save = newButton(tr("account.save-name"), nil, func() {
		i.edit(false)
		p.view.command(authcore.Command{Name: authcore.CommandRename, Account: id, Text: i.name.Text})()
	})
	i.name.SetPlaceHolder(tr("account.name-hint"))
	i.name.OnSubmitted = func(string) { i.save.OnTapped() }
	i.field = stack(0, vgap(10), i.name, vgap(14))
	i.field.Hide()
	i.item = newItem(tr("account.remove-question"), tr("account.remove"), send(authcore.CommandRemove), p.view.layOut,
		i.field, i.use, i.rename, i.save)
	i.save.Hide()
	return i
}

// edit shows or hides the field for the account's name.
func (i *accountItem) edit(open bool) {
	i.renaming = open
	if open {
		i.name.SetText(i.account.Label)
	}
	i.arrangeAccount()
	if c := fyne.CurrentApp().Driver().CanvasForObject(i.root); c != nil && open {
		c.Focus(i.name)
	}
}

func (i *accountItem) arrangeAccount() {
	changed := show(i.field, i.renaming && !i.asking)
	changed = show(i.save, i.renaming && !i.asking) || changed
	changed = show(i.use, !i.use.Disabled() && !i.renaming && !i.asking) || changed
	changed = show(i.remove, !i.renaming && !i.asking) || changed
	i.rename.set(either(i.renaming, tr("account.cancel"), tr("account.rename")), true)
	if changed {
		i.inner.Refresh()
		i.onChange()
	}
}

func (i *accountItem) show(m moment, a authcore.Account) {
	i.account = a
	name := accountName(a)
	active := a.ID == m.snapshot.Active
	if active && len(m.snapshot.Accounts) > 1 {
		name = tr("account.active", fields{"Name": name})
	}
	i.set(picture(a.Indicator(m.now)), name, accountKind(a), accountState(a, m.now), false)
	i.use.set(tr("account.use"), !active)
	i.arrangeAccount()
}

// accountKind is where an account belongs to, and how it signs in.
func accountKind(a authcore.Account) string {
	words := environmentTitle(a.Environment)
	if a.Method != authcore.MethodDeviceCode && a.Method != "" {
		words += " · " + tr("method."+string(a.Method))
	}
	return words
}

func (p *accounts) primary() fyne.Focusable { return p.back }
