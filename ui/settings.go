package ui

import (
	"slices"
	"strconv"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/bitfount/bitfount-tray/authcore"
)

// settingsPage shows what can be chosen. Each choice is sent at once, and what
// is shown is always what the resident says.
type settingsPage struct {
	*screen
	view     *View
	back     *button
	rows     []*settingRow
	proxy    *settingText
	caBundle *settingText
	storage  *label
	// drawing is true while the page shows the resident's choices, so that
	// they are not taken for the user's.
	drawing bool
}

// settingRow is one setting: its name and a remark, and beside them what
// chooses it.
type settingRow struct {
	root   *fyne.Container
	name   string
	remark *label
	hint   string
	show   func(value string)
	enable func(bool)
	// offer changes what can be chosen; nil for a switch.
	offer func(values []string)
}

func newSettings(v *View) *settingsPage {
	p := &settingsPage{view: v, storage: quiet("", fyne.TextAlignLeading)}
	p.back = newBack(v, atMore)
	chooseFile := newButton(tr("form.choose-file"), theme.FolderOpenIcon(), nil)
	p.proxy = p.newText("proxy")
	p.caBundle = p.newText("ca_bundle", chooseFile)
	chooseFile.OnTapped = func() {
		v.ChooseFile(func(path string) { p.caBundle.entry.SetText(path) })
	}
	p.caBundle.choose = chooseFile
	p.screen = newScreen(newBody(
		vgap(8),
		p.back,
		heading(tr("settings.title")),
		p.section("settings.start",
			p.newSwitch("start_at_login"),
			p.newSwitch("show_window"),
		),
		p.section("settings.look",
			p.newChoice("theme", []string{"system", "light", "dark"}, func(v string) string { return tr("setting.theme." + v) }),
			p.newChoice("text_size", []string{"normal", "large", "largest"}, func(v string) string { return tr("setting.text_size." + v) }),
			p.newChoice("language", append([]string{"system"}, authcore.Languages...), languageName),
		),
		p.section("settings.everyday",
			p.newChoice("clipboard_seconds", []string{"10", "20", "30", "45", "60", "120", "300", "600"}, secondsWords),
			p.newSwitch("notifications"),
		),
		p.section("settings.network",
			p.newChoice("environment", environmentNames(), environmentTitle),
			p.proxy.root,
			p.caBundle.root,
		),
		p.section("settings.support",
			container.New(settingPad{}, stack(-12, plain(tr("settings.storage"), fyne.TextAlignLeading), p.storage)),
			p.newSwitch("update_notice"),
			p.newChoice("log_level", []string{"info", "debug"}, func(v string) string { return tr("setting.log_level." + v) }),
		),
		vgap(12),
	), nil)
	return p
}

func environmentNames() []string {
	names := make([]string, len(authcore.Environments))
	for i, e := range authcore.Environments {
		names[i] = e.Name
	}
	return names
}

// languageName is a language in its own words, so that somebody who has chosen
// a wrong one finds back.
func languageName(code string) string {
	switch code {
	case "en":
		return "English"
	case "de":
		return "Deutsch"
	case "fr":
		return "Français"
	case "es":
		return "Español"
	case "it":
		return "Italiano"
	}
	return tr("setting.language.system")
}

func secondsWords(text string) string {
	seconds, err := strconv.Atoi(text)
	if err != nil {
		return text
	}
	return inWords(time.Duration(seconds) * time.Second)
}

// section is a card of settings with a name.
func (p *settingsPage) section(name string, rows ...fyne.CanvasObject) fyne.CanvasObject {
	return stack(-4,
		vgap(8),
		bold(tr(name), fyne.TextAlignLeading),
		container.NewStack(newCard(colorCard), stack(0, rows...)),
	)
}

// send asks for a change, unless it is the page that draws what there is.
func (p *settingsPage) send(name, value string) {
	if p.drawing {
		return
	}
	p.view.command(authcore.Command{Name: authcore.CommandSet, Setting: name, Text: value})()
}

// settingHints are the settings whose names do not say it all.
var settingHints = []string{"show_window", "notifications", "environment", "update_notice", "log_level"}

func (p *settingsPage) add(name string, control fyne.CanvasObject, r *settingRow) fyne.CanvasObject {
	r.name, r.remark = name, quiet("", fyne.TextAlignLeading)
	if slices.Contains(settingHints, name) {
		r.hint = tr("setting." + name + ".hint")
	}
	text := stack(-12, plain(tr("setting."+name), fyne.TextAlignLeading), r.remark)
	r.root = container.New(&settingLayout{}, text, control)
	p.rows = append(p.rows, r)
	return r.root
}

func (p *settingsPage) newSwitch(name string) fyne.CanvasObject {
	c := newSwitch(tr("setting."+name), func(on bool) { p.send(name, strconv.FormatBool(on)) })
	return p.add(name, c, &settingRow{
		show:   func(value string) { c.SetChecked(value == "true") },
		enable: func(on bool) { enable(c, on) },
	})
}

func (p *settingsPage) newChoice(name string, values []string, title func(string) string) fyne.CanvasObject {
	c := newChoice(tr("setting."+name), values, title, func(value string) { p.send(name, value) })
	return p.add(name, container.New(&settingWidth{}, c), &settingRow{
		offer: c.offer,
		show: func(value string) {
			if value == "" {
				value = values[0]
			}
			if !slices.Contains(c.values, value) { // a policy's, one written by hand, or an environment of one's own
				c.values, c.Options = append(c.values, value), append(c.Options, title(value))
			}
			if c.value() != value {
				c.set(value)
			}
		},
		enable: func(on bool) { enable(c, on) },
	})
}

// settingText is a setting that is typed. It is sent by Enter or "Apply".
type settingText struct {
	*field
	name   string
	apply  *button
	choose *button
	last   string
}

func (p *settingsPage) newText(name string, beside ...fyne.CanvasObject) *settingText {
	s := &settingText{field: newField(tr("setting." + name)), name: name}
	send := func() { p.send(name, plainPath(s.entry.Text)) }
	s.apply = newButton(tr("settings.apply"), nil, send)
	s.apply.Importance, s.apply.vanishes = widget.HighImportance, true
	s.entry.OnSubmitted = func(string) { send() }
	s.entry.OnChanged = func(string) { p.view.Tick(p.view.now) }
	buttons := container.New(&flow{}, append(beside, s.apply)...)
	s.root = container.New(settingPad{}, stack(2, s.field.root, buttons))
	return s
}

// set shows the setting. What is being typed stays until it is applied or the
// setting changes.
func (s *settingText) set(value string, locked bool) {
	if value != s.last {
		s.last = value
		s.entry.SetText(value)
	}
	enable(s.entry, !locked)
	show(s.apply, !locked && s.entry.Text != s.last)
	s.say(either(locked, tr("settings.locked"), tr("setting."+s.name+".hint")), false)
}

func (p *settingsPage) opened() {
	for _, s := range []*settingText{p.proxy, p.caBundle} {
		s.entry.SetText(s.last)
	}
	p.scroll.ScrollToTop()
}

func (p *settingsPage) update(m moment) {
	if p.drawing {
		return
	}
	p.drawing = true
	defer func() { p.drawing = false }()
	s := m.snapshot.Settings
	for _, r := range p.rows {
		value, _ := s.Value(r.name)
		if r.name == "environment" {
			// The organisation's own stays one to choose while an account has it.
			offered := environments(m.snapshot)
			if value != "" && !slices.Contains(offered, value) {
				offered = append(offered, value)
			}
			r.offer(offered)
		}
		r.show(value)
		locked := s.IsLocked(r.name)
		r.enable(!locked)
		remark := either(locked, tr("settings.locked"), r.hint)
		r.remark.set(remark)
		show(r.remark, remark != "")
		if r.name == "update_notice" {
			show(r.root, m.snapshot.Desktop.Updates)
		}
	}
	p.proxy.set(s.Proxy, s.IsLocked("proxy"))
	p.caBundle.set(s.CABundle, s.IsLocked("ca_bundle"))
	show(p.caBundle.choose, p.view.ChooseFile != nil && !s.IsLocked("ca_bundle"))
	p.storage.set(storageWords(m))
}

func (p *settingsPage) primary() fyne.Focusable { return p.back }

// storageWords say whether the session outlives a restart.
func storageWords(m moment) string {
	switch s := m.snapshot.Storage; {
	case s.Problem != nil:
		w := wordsOf(s.Problem)
		return w.What + " " + w.Meaning + " " + w.Next
	case s.Saved:
		return tr("settings.storage.saved")
	}
	return tr("settings.storage.not-saved")
}

func enable(w fyne.Disableable, on bool) {
	if on == w.Disabled() {
		if on {
			w.Enable()
		} else {
			w.Disable()
		}
	}
}

// toggle is Fyne's check without words, which stand beside it and wrap.
type toggle struct {
	widget.Check
	label string
}

func newSwitch(label string, changed func(bool)) *toggle {
	s := &toggle{label: label}
	s.OnChanged = changed
	s.ExtendBaseWidget(s)
	return s
}

// AccessibilityLabel says what is switched.
func (s *toggle) AccessibilityLabel() string { return s.label }

// FocusGained scrolls the switch into sight.
func (s *toggle) FocusGained() {
	s.Check.FocusGained()
	reveal(s)
}

// TypedKey switches with the Enter key too.
func (s *toggle) TypedKey(e *fyne.KeyEvent) {
	if (e.Name == fyne.KeyReturn || e.Name == fyne.KeyEnter) && !s.Disabled() {
		s.SetChecked(!s.Checked)
		return
	}
	s.Check.TypedKey(e)
}

// settingLayout puts what chooses a setting to the right of its words.
type settingLayout struct{}

const settingInset = 6

func (settingLayout) Layout(o []fyne.CanvasObject, size fyne.Size) {
	text, control := o[0], o[1]
	c := control.MinSize()
	width := size.Width - c.Width - 2*settingInset
	text.Resize(fyne.NewSize(width, text.MinSize().Height))
	h := text.MinSize().Height
	text.Resize(fyne.NewSize(width, h))
	text.Move(fyne.NewPos(settingInset, (size.Height-h)/2))
	control.Resize(c)
	control.Move(fyne.NewPos(size.Width-c.Width-settingInset, (size.Height-c.Height)/2))
}

func (settingLayout) MinSize(o []fyne.CanvasObject) fyne.Size {
	text, control := o[0].MinSize(), o[1].MinSize()
	return fyne.NewSize(200, max(text.Height, control.Height+8))
}

// settingWidth gives all lists to choose from the same width.
type settingWidth struct{}

func (settingWidth) Layout(o []fyne.CanvasObject, size fyne.Size) { o[0].Resize(size) }

func (settingWidth) MinSize(o []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(160, o[0].MinSize().Height)
}

// settingPad keeps a typed setting off its card's edges.
type settingPad struct{}

func (settingPad) Layout(o []fyne.CanvasObject, size fyne.Size) {
	o[0].Move(fyne.NewPos(settingInset, 0))
	o[0].Resize(fyne.NewSize(size.Width-2*settingInset, o[0].MinSize().Height))
}

func (settingPad) MinSize(o []fyne.CanvasObject) fyne.Size {
	return o[0].MinSize().AddWidthHeight(2*settingInset, settingInset)
}
