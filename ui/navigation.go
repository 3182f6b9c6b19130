package ui

import (
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/bitfount/bitfount-tray/authcore"
)

// location is where in the window the user is. A sign-in under way is shown
// wherever that is.
type location string

const (
	atSession  location = "session"
	atSuccess  location = "success"
	atFiles    location = "files"
	atNewFile  location = "new-file"
	atHistory  location = "history"
	atMore     location = "more"
	atAccounts location = "accounts"
	atFixIt    location = "fix-it"
	atSettings location = "settings"
	atAPIKeys  location = "api-keys"
	atToken    location = "token"
)

// tabLocations have a tab each; every other place belongs to one of them.
var tabLocations = []struct {
	place location
	icon  fyne.ThemeIconName
	parts []location
}{
	{atSession, theme.IconNameHome, []location{atSuccess}},
	{atFiles, theme.IconNameDocument, []location{atNewFile}},
	{atHistory, theme.IconNameHistory, nil},
	{atMore, theme.IconNameMoreHorizontal, nil},
}

// tabOf is the tab that a place belongs to: "More", unless another has it.
func tabOf(p location) location {
	for _, t := range tabLocations {
		if t.place == p || slices.Contains(t.parts, p) {
			return t.place
		}
	}
	return atMore
}

// open goes to a place.
func (v *View) open(p location) {
	v.place = p
	if s, ok := v.places[p].(interface{ opened() }); ok {
		s.opened()
	}
	v.Tick(v.now)
}

// opener makes a handler that goes to a place.
func (v *View) opener(p location) func() { return func() { v.open(p) } }

// tabBar leads to the places. It is there from the first sign-in on.
type tabBar struct {
	root *fyne.Container
	tabs map[location]*tab
}

func newTabBar(v *View) *tabBar {
	b := &tabBar{tabs: map[location]*tab{}}
	var objects []fyne.CanvasObject
	for _, t := range tabLocations {
		b.tabs[t.place] = newTab(tr("tab."+string(t.place)), t.icon, v.opener(t.place))
		objects = append(objects, b.tabs[t.place])
	}
	line := canvas.NewRectangle(theme.Color(theme.ColorNameSeparator))
	line.SetMinSize(fyne.NewSize(0, 1))
	b.root = container.New(layout.NewCustomPaddedVBoxLayout(0),
		widget.NewSeparator(), vgap(4), container.New(&column{}, container.NewGridWithColumns(len(objects), objects...)), vgap(4))
	return b
}

func (b *tabBar) update(m moment, at location) {
	show(b.root, !firstRun(m.snapshot) && m.account.State != authcore.Prompting)
	for p, t := range b.tabs {
		t.set(p == tabOf(at))
	}
}

// firstRun is true until somebody has signed in for the first time: there is
// nothing yet to go to.
func firstRun(s *authcore.Snapshot) bool {
	if len(s.Accounts) != 1 || len(s.LiveFiles) > 0 || len(s.Events) > 0 {
		return false
	}
	a := s.Accounts[0]
	return a.Username == "" && a.Label == "" && (a.State == authcore.SignedOut || a.State == "")
}

// tab is an icon above a word. The chosen one stands on a ground and is bold.
type tab struct {
	widget.BaseWidget
	Text             string
	icon             fyne.ThemeIconName
	tapped           func()
	chosen           bool
	focused, hovered bool
}

func newTab(text string, icon fyne.ThemeIconName, tapped func()) *tab {
	t := &tab{Text: text, icon: icon, tapped: tapped}
	t.ExtendBaseWidget(t)
	return t
}

func (t *tab) set(chosen bool) {
	if chosen != t.chosen {
		t.chosen = chosen
		t.Refresh()
	}
}

// Tapped goes to the tab's place.
func (t *tab) Tapped(*fyne.PointEvent) { t.tapped() }

// FocusGained shows an outline.
func (t *tab) FocusGained() { t.focused = true; t.Refresh() }

// FocusLost takes the outline away.
func (t *tab) FocusLost() { t.focused = false; t.Refresh() }

// TypedRune does nothing.
func (t *tab) TypedRune(rune) {}

// TypedKey presses the tab with the Enter key or the space bar.
func (t *tab) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyReturn, fyne.KeyEnter, fyne.KeySpace:
		t.tapped()
	default:
		scrollBy(t, e.Name)
	}
}

// AccessibilityLabel is the tab's word.
func (t *tab) AccessibilityLabel() string { return t.Text }

// AccessibilityRole is that of a button.
func (t *tab) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleButton }

func (t *tab) CreateRenderer() fyne.WidgetRenderer {
	t.ExtendBaseWidget(t)
	r := &tabRenderer{tab: t, ground: canvas.NewRectangle(nil), icon: widget.NewIcon(nil), text: canvas.NewText(t.Text, nil)}
	r.ground.CornerRadius = 12
	r.text.Alignment = fyne.TextAlignCenter
	r.Refresh()
	return r
}

type tabRenderer struct {
	tab    *tab
	ground *canvas.Rectangle
	icon   *widget.Icon
	text   *canvas.Text
}

func (r *tabRenderer) Destroy() {}

func (r *tabRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.ground, r.icon, r.text}
}

const tabIcon = 20

func (r *tabRenderer) MinSize() fyne.Size {
	text := r.text.MinSize()
	return fyne.NewSize(text.Width+8, tabIcon+text.Height+8)
}

func (r *tabRenderer) Layout(size fyne.Size) {
	r.ground.Resize(size)
	text := r.text.MinSize()
	r.icon.Resize(fyne.NewSquareSize(tabIcon))
	r.icon.Move(fyne.NewPos((size.Width-tabIcon)/2, 4))
	r.text.Resize(fyne.NewSize(size.Width, text.Height))
	r.text.Move(fyne.NewPos(0, size.Height-text.Height-3))
}

func (r *tabRenderer) Refresh() {
	t := r.tab
	color := colorMuted
	r.ground.FillColor, r.ground.StrokeWidth = nil, 0
	if t.chosen {
		color = theme.ColorNameForeground
		r.ground.FillColor = colorOf(t, theme.ColorNameButton)
	}
	if t.focused {
		r.ground.StrokeColor, r.ground.StrokeWidth = colorOf(t, theme.ColorNameForeground), 2
	}
	r.icon.SetResource(theme.NewColoredResource(theme.Icon(t.icon), color))
	r.text.Color, r.text.TextSize = colorOf(t, color), t.Theme().Size(theme.SizeNameCaptionText)
	r.text.TextStyle.Bold = t.chosen
	r.ground.Refresh()
	r.text.Refresh()
}
