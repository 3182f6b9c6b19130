package tray

import (
	"image/color"
	"slices"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/test"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/build/golden"
	"github.com/bitfount/bitfount-tray/icons"
)

// trayStates are the states of icon and menu that have golden images.
var trayStates = []struct {
	name     string
	snapshot func() *authcore.Snapshot
}{
	{"signed-out", func() *authcore.Snapshot { return snapshot(account(authcore.SignedOut)) }},
	{"asking", func() *authcore.Snapshot {
		a := account(authcore.Prompting)
		a.Prompt = nil
		return snapshot(a)
	}},
	{"approval", func() *authcore.Snapshot { return snapshot(account(authcore.Prompting)) }},
	{"no-browser", func() *authcore.Snapshot {
		s := snapshot(account(authcore.Prompting))
		s.Desktop.Browser = &authcore.Problem{Code: authcore.ProblemNoBrowser}
		return s
	}},
	{"signed-in", func() *authcore.Snapshot { return snapshot(account(authcore.SignedIn)) }},
	{"copied", func() *authcore.Snapshot {
		s := snapshot(account(authcore.SignedIn))
		s.Desktop.Clipboard = authcore.Clipboard{Holds: export.Hub, ClearAt: noon.Add(45 * time.Second)}
		return s
	}},
	{"renewing", func() *authcore.Snapshot { return snapshot(account(authcore.Renewing)) }},
	{"expiring", func() *authcore.Snapshot {
		a := account(authcore.SignedIn)
		a.IssuedAt, a.ExpiresAt, a.Renewable = noon.Add(-24*time.Hour), noon.Add(8*time.Minute), false
		return snapshot(a)
	}},
	{"session-ending", func() *authcore.Snapshot { return snapshot(ending(30*24*time.Hour, 29*time.Hour)) }},
	{"offline", func() *authcore.Snapshot {
		a := account(authcore.Offline)
		a.Problem = &authcore.Problem{Code: authcore.ProblemUnreachable, Params: map[string]string{"Host": "auth.bitfount.com"}}
		return snapshot(a)
	}},
	{"expired", func() *authcore.Snapshot {
		a := account(authcore.Expired)
		a.ExpiresAt = noon.Add(-time.Minute)
		a.Problem = &authcore.Problem{Code: authcore.ProblemServerBusy, Params: map[string]string{"Host": "auth.bitfount.com"}}
		return snapshot(a)
	}},
	{"needs-sign-in", func() *authcore.Snapshot {
		a := account(authcore.NeedsSignIn)
		a.Problem = &authcore.Problem{Code: authcore.ProblemSessionEnded}
		return snapshot(a)
	}},
	{"api-keys", func() *authcore.Snapshot {
		a := account(authcore.SignedIn)
		a.Method, a.Environment, a.Renewable = authcore.MethodAPIKeys, "staging", false
		a.IssuedAt, a.ExpiresAt = time.Time{}, time.Time{}
		return snapshot(a)
	}},
	{"accounts", func() *authcore.Snapshot {
		s := snapshot(account(authcore.SignedIn))
		other, third := account(authcore.NeedsSignIn), account(authcore.Offline)
		other.ID, other.Username = "b", "father.mckenzie"
		third.ID, third.Label, third.Environment = "c", "Night shift", "staging"
		s.Accounts = append(s.Accounts, other, third)
		return s
	}},
	{"no-window", func() *authcore.Snapshot {
		s := snapshot(account(authcore.SignedIn))
		s.Desktop.Window = &authcore.Problem{Code: authcore.ProblemNoWindow}
		return s
	}},
	{"keyring-locked", func() *authcore.Snapshot {
		s := snapshot(account(authcore.SignedIn))
		s.Storage.Problem = &authcore.Problem{Code: authcore.ProblemKeyringLocked}
		return s
	}},
	{"found", func() *authcore.Snapshot {
		s := snapshot(account(authcore.NeedsSignIn))
		s.Desktop.Diagnosis = &authcore.Diagnosis{Account: "a", StartedAt: noon, FinishedAt: noon, Checks: []authcore.Check{
			{Name: authcore.CheckProxy, Finding: authcore.FindingNoProxy},
			{Name: authcore.CheckClock, Problem: &authcore.Problem{Code: authcore.ProblemClockWrong, Params: map[string]string{"Offset": "3 h 5 min"}}},
			{Name: authcore.CheckSession, Problem: &authcore.Problem{Code: authcore.ProblemSessionEnded}},
		}}
		return s
	}},
}

// panelLook is a panel and its menu, light or dark as desktops have them.
type panelLook struct {
	name                             string
	scale                            float32
	panel, menu, text, disabled, rim color.Color
}

func grey(v uint8) color.Color { return color.NRGBA{v, v, v, 255} }

var panelLooks = []panelLook{
	{"light", 1, grey(0xeb), grey(0xff), grey(0x1e), grey(0x6a), grey(0xcc)},
	{"dark", 1, grey(0x2b), grey(0x24), grey(0xf0), grey(0x9c), grey(0x50)},
	{"light-2x", 2, grey(0xeb), grey(0xff), grey(0x1e), grey(0x6a), grey(0xcc)},
	{"dark-2x", 2, grey(0x2b), grey(0x24), grey(0xf0), grey(0x9c), grey(0x50)},
}

// The desktop draws the menu, each in its own way; the pictures show what it is
// told, as a panel shows it: the icon, its tooltip and the lines, those of a
// submenu below the line that opens it.
func TestEachStateOfTheTrayLooksAsDrawn(t *testing.T) {
	for _, look := range panelLooks {
		if golden.Slow && look.name != "light" {
			continue
		}
		for _, state := range trayStates {
			t.Run(state.name+"/"+look.name, func(t *testing.T) {
				s := state.snapshot()
				golden.Fresh()
				test.NewTempApp(t)
				w := test.NewWindow(container.NewStack(canvas.NewRectangle(look.menu), panelWith(look, s)))
				defer w.Close()
				w.SetPadded(false)
				w.Canvas().(test.WindowlessCanvas).SetScale(look.scale)
				w.Resize(fyne.NewSize(480, w.Canvas().Content().MinSize().Height))
				golden.Compare(t, state.name+"-"+look.name, w.Canvas().Capture())
			})
		}
	}
}

// Every picture that the icon can show is among the states, marked and not.
func TestThePicturesOfTheTrayShowEveryIcon(t *testing.T) {
	seen, marked := map[authcore.Indicator]bool{}, false
	for _, state := range trayStates {
		p := pictureOf(state.snapshot(), noon)
		seen[p.indicator] = true
		marked = marked || p.marked
	}
	for _, i := range authcore.Indicators {
		if !seen[i] {
			t.Errorf("no state shows %s", i)
		}
	}
	if !marked {
		t.Error("no state shows the mark")
	}
}

func panelWith(look panelLook, s *authcore.Snapshot) fyne.CanvasObject {
	line := func(text string, c color.Color, indent float32) fyne.CanvasObject {
		label := canvas.NewText(text, c)
		label.TextSize = 13
		return container.New(layout.NewCustomPaddedLayout(3, 3, 16+indent, 12), label)
	}
	p := pictureOf(s, noon)
	icon := canvas.NewImageFromResource(fyne.NewStaticResource("icon", icons.Tray(p.indicator, p.marked)))
	icon.SetMinSize(fyne.NewSquareSize(22))
	panel := container.NewStack(canvas.NewRectangle(look.panel), container.New(layout.NewCustomPaddedLayout(5, 5, 12, 12),
		container.NewBorder(nil, nil, icon, nil, line(Tooltip(english, s, noon), look.text, 0))))
	rim := func() fyne.CanvasObject {
		r := canvas.NewRectangle(look.rim)
		r.SetMinSize(fyne.NewSize(0, 1))
		return container.New(layout.NewCustomPaddedLayout(4, 4, 0, 0), r)
	}
	rows := container.New(layout.NewCustomPaddedVBoxLayout(0), panel)
	items := slices.DeleteFunc(Menu(english, s, noon), func(i Item) bool { return i.Hidden })
	for _, i := range items {
		if i.Separator {
			rows.Add(rim())
			continue
		}
		c, indent := look.text, float32(0)
		if !i.Enabled {
			c = look.disabled
		}
		text := i.Label
		if i.Sub {
			indent = 28
		}
		if i.Choice && i.Checked {
			text = "✓ " + text
		}
		rows.Add(line(text, c, indent))
	}
	return container.New(layout.NewCustomPaddedLayout(0, 8, 0, 0), rows)
}
