package ui

import (
	"os"
	"path/filepath"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
)

// files is the page of the live files and their states.
type files struct {
	*screen
	view  *View
	text  *label
	list  *fyne.Container
	items map[string]*fileItem
	add   *button
}

func newFiles(v *View) *files {
	p := &files{view: v, items: map[string]*fileItem{}, list: stack(8), text: quiet("", fyne.TextAlignCenter)}
	p.add = newButton(tr("files.add"), theme.DocumentSaveIcon(), v.opener(atNewFile))
	p.add.height = 40
	p.screen = newScreen(newBody(
		vgap(12),
		heading(tr("files.title")),
		p.text,
		vgap(4),
		p.list,
		vgap(8),
	), p.add)
	return p
}

func (p *files) update(m moment) {
	p.text.set(filesWords(m))
	p.add.set(tr("files.add"), m.allowed(authcore.CommandAddLiveFile))
	var there []fyne.CanvasObject
	paths := map[string]bool{}
	// Those that need somebody come first.
	for _, f := range slices.SortedStableFunc(slices.Values(m.snapshot.LiveFiles), troubledFirst) {
		i := p.items[f.Path]
		if i == nil {
			i = p.newItem(f.Path)
			p.items[f.Path] = i
		}
		paths[f.Path] = true
		icon, state := fileState(f, m)
		i.set(icon, filepath.Base(f.Path), fileKind(f, m), state, f.Problem != nil)
		i.explain(f.Problem)
		there = append(there, i.root)
	}
	for path := range p.items {
		if !paths[path] {
			delete(p.items, path)
		}
	}
	if !slices.Equal(there, p.list.Objects) {
		p.list.Objects = there
		p.list.Refresh()
	}
}

// fileItem is a live file of the list. One that cannot be written has details.
type fileItem struct {
	*item
	details *details
	problem *authcore.Problem
}

func (p *files) newItem(path string) *fileItem {
	i := &fileItem{}
	i.details = newDetails(func() { i.explain(i.problem) }, p.view.command(authcore.Command{Name: authcore.CommandCopyReport}))
	i.item = newItem(tr("files.remove-question"), tr("files.remove"),
		p.view.command(authcore.Command{Name: authcore.CommandRemoveFile, Path: path}), p.view.layOut,
		i.details.cause, i.details.open, i.details.report)
	i.details.open.vanishes, i.details.report.vanishes = false, false
	i.onArrange = func() { i.explain(i.problem) }
	return i
}

// explain shows why the file could not be written, or nothing for nil.
func (i *fileItem) explain(p *authcore.Problem) {
	before := [...]bool{i.details.open.Visible(), i.details.cause.Visible(), i.details.report.Visible()}
	i.problem = p
	if p != nil {
		i.details.set(p)
	}
	i.details.arrange(p != nil && !i.asking)
	if before != [...]bool{i.details.open.Visible(), i.details.cause.Visible(), i.details.report.Visible()} {
		i.inner.Refresh()
		i.onChange()
	}
}

// filesWords say what live files are for, or why there can be none.
func filesWords(m moment) string {
	off := !m.snapshot.Settings.Exports
	switch {
	case off && m.snapshot.Settings.IsLocked("exports"):
		return tr("files.forbidden")
	case off:
		return tr("files.off")
	}
	return tr("files.text")
}

func troubledFirst(a, b authcore.LiveFile) int {
	switch {
	case (a.Problem == nil) == (b.Problem == nil):
		return 0
	case a.Problem != nil:
		return -1
	}
	return 1
}

func (p *files) primary() fyne.Focusable { return p.add }

// fileKind says what is in a file, whose it is, and where it lies.
func fileKind(f authcore.LiveFile, m moment) string {
	words := formatTitle(export.Format(f.Format))
	if f.Format != string(export.FormatSDKToken) {
		words = serviceTitle(f.Service) + " · " + words
	}
	if a, ok := m.snapshot.Account(f.Account); ok && len(m.snapshot.Accounts) > 1 {
		words += " · " + accountName(a)
	}
	return words + "\n" + tr("files.in", fields{"Folder": filepath.Dir(f.Path)})
}

func fileState(f authcore.LiveFile, m moment) (fyne.Resource, string) {
	switch {
	case f.Problem != nil:
		w := wordsOf(f.Problem)
		return themed(theme.IconNameWarning, theme.ColorNameWarning), w.What + " " + w.Next
	case f.WrittenAt.IsZero():
		return themed(theme.IconNameHistory, colorMuted), tr("files.waiting")
	}
	return themed(theme.IconNameConfirm, theme.ColorNameSuccess), tr("files.written", fields{"When": when(f.WrittenAt, m.now)})
}

// serviceTitle and formatTitle name what can be chosen.
func serviceTitle(s export.Service) string { return tr("service." + string(s)) }
func formatTitle(f export.Format) string   { return tr("format." + string(f)) }

// fileExtensions end the names that are proposed for each format.
var fileExtensions = map[export.Format]string{
	export.FormatHeaders: ".txt", export.FormatCurl: "-curl.txt", export.FormatCurlConfig: ".curl",
	export.FormatJSON: ".json", export.FormatEnv: ".env", export.FormatShell: ".sh",
	export.FormatPowerShell: ".ps1", export.FormatPython: ".py",
}

// newFile is the page that asks what to write, how and where.
type newFile struct {
	*screen
	view            *View
	back            *button
	service         *choice[export.Service]
	format          *choice[export.Format]
	about           *label
	serviceRow      *fyne.Container
	placeRow        *fyne.Container
	place           *entry
	there           *label
	save            *button
	home            string
	proposed        string
	confirmed       string
	taken           func(path string) bool
	forToken, plain *label
	// takeOver offers the session that the SDK has; taking, once that is asked
	// for, says what it costs.
	takeOver *button
	danger   *label
	taking   bool
}

func newNewFile(v *View) *newFile {
	p := &newFile{view: v, about: quiet("", fyne.TextAlignLeading), place: newEntry(tr("file.place"))}
	p.home, _ = os.UserHomeDir() // without one, nothing is proposed
	p.taken = func(path string) bool { _, err := os.Lstat(path); return err == nil }
	p.back = newBack(v, atFiles)
	p.service = newChoice(tr("file.service"), export.Services, serviceTitle, func(export.Service) { p.propose() })
	p.format = newChoice(tr("file.format"), append(slices.Clone(export.Formats), export.FormatSDKToken), formatTitle, func(export.Format) { p.propose() })
	p.place.OnChanged = func(string) { p.warn(false) }
	p.place.OnSubmitted = func(string) { p.save.OnTapped() }
	p.there = plain(tr("file.there"), fyne.TextAlignLeading)
	p.forToken = plain(tr("file.token-text"), fyne.TextAlignLeading)
	p.plain = quiet(tr("file.plain"), fyne.TextAlignLeading)
	p.danger = plain(tr("file.take-over-text"), fyne.TextAlignLeading)
	p.takeOver = newButton(tr("file.take-over"), nil, func() { p.take(true) })
	p.takeOver.Importance, p.takeOver.vanishes = widget.LowImportance, true
	p.save = newButton(tr("file.save"), nil, p.send)
	p.save.Importance, p.save.height, p.save.vanishes = widget.HighImportance, 48, true
	p.serviceRow = stack(-4, bold(tr("file.service"), fyne.TextAlignLeading), p.service)
	p.placeRow = stack(-4, bold(tr("file.place"), fyne.TextAlignLeading), p.place)
	p.screen = newScreen(newBody(
		vgap(8),
		p.back,
		heading(tr("file.title")),
		stack(0, p.serviceRow,
			stack(-4, bold(tr("file.format"), fyne.TextAlignLeading), p.format),
			p.about, p.forToken, p.placeRow, p.there),
		vgap(4),
		p.plain,
		p.takeOver,
		p.danger,
	), p.save)
	p.propose()
	return p
}

// propose fills in a place for what was chosen, unless the user has another.
func (p *newFile) propose() {
	token := p.format.value() == export.FormatSDKToken
	if p.place.Text == p.proposed && p.home != "" && !token {
		p.proposed = filepath.Join(p.home, "bitfount-"+string(p.service.value())+fileExtensions[p.format.value()])
		p.place.SetText(p.proposed)
	}
	p.about.set(tr("format-about." + string(p.format.value())))
	show(p.serviceRow, !token)
	show(p.placeRow, !token)
	show(p.forToken, token)
	show(p.plain, !token)
	p.take(false)
}

// take asks whether the SDK's session shall be taken over, or does not.
func (p *newFile) take(taking bool) {
	p.taking = taking
	show(p.danger, taking)
	show(p.takeOver, !taking && p.format.value() == export.FormatSDKToken)
	p.warn(false)
}

// warn says that there is a file at this place already.
func (p *newFile) warn(there bool) {
	p.confirmed = ""
	if there {
		p.confirmed = p.place.Text
	}
	show(p.there, there)
	words := either(there, tr("file.replace"), tr("file.save"))
	p.save.set(either(p.taking, tr("file.take-over-now"), words), true)
	p.view.layOut()
}

func (p *newFile) send() {
	if p.taking {
		p.view.open(atFiles)
		p.view.command(authcore.Command{Name: authcore.CommandImportTokenFile})() // in the SDK's own place
		return
	}
	c := authcore.Command{Name: authcore.CommandAddLiveFile, Service: p.service.value(), Format: string(p.format.value()), Path: p.place.Text}
	if p.format.value() == export.FormatSDKToken {
		c.Service, c.Path = export.Hub, "" // the SDK looks in one place
	}
	ours := slices.ContainsFunc(p.view.snapshot.LiveFiles, func(f authcore.LiveFile) bool { return f.Path == c.Path })
	if c.Path != "" && !ours && p.confirmed != c.Path && p.taken(c.Path) {
		p.warn(true)
		return
	}
	p.view.open(atFiles)
	p.view.command(c)()
}

// saveToFile goes to the page for a new file with what was chosen elsewhere.
func (v *View) saveToFile(s export.Service, f export.Format) {
	p := v.places[atNewFile].(*newFile)
	p.service.set(s)
	p.format.set(f)
	v.open(atNewFile)
}

func (p *newFile) opened() { p.take(false) }

func (p *newFile) update(m moment) {
	var formats []export.Format
	for _, f := range append(slices.Clone(export.Formats), export.FormatSDKToken) {
		if m.snapshot.Settings.MayExport(string(f)) {
			formats = append(formats, f)
		}
	}
	if before := p.format.value(); len(formats) > 0 {
		p.format.offer(formats)
		if p.format.value() != before {
			p.propose()
		}
	}
	p.save.set(p.save.Text, m.allowed(authcore.CommandAddLiveFile))
}

func (p *newFile) primary() fyne.Focusable { return p.service }

// newBody is a page's content, one below the other.
func newBody(objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(&column{}, objects...)
}

// entry is Fyne's field for a text, with a name for those who do not see it.
type entry struct {
	widget.Entry
	label string
}

func newEntry(label string) *entry {
	e := &entry{label: label}
	e.Wrapping = fyne.TextWrapOff
	e.ExtendBaseWidget(e)
	return e
}

// FocusGained scrolls the field into sight.
func (e *entry) FocusGained() {
	e.Entry.FocusGained()
	reveal(e)
}

// AccessibilityLabel says what belongs here.
func (e *entry) AccessibilityLabel() string { return e.label }

// AccessibilityRole is that of text.
func (e *entry) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleText }
