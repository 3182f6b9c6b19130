package ui

import (
	"errors"
	"fmt"
	"image"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"
	"rsc.io/qr"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/build/golden"
)

// recorder keeps the commands that a view sends.
type recorder struct{ sent []authcore.Command }

func (r *recorder) do(c authcore.Command) { r.sent = append(r.sent, c) }

func openRecorded(t *testing.T) (*View, fyne.Window, *recorder) {
	t.Helper()
	r := &recorder{}
	v, w := openView(t, theme.VariantLight, 1, DefaultSize, r.do)
	return v, w, r
}

// shown are the texts that can be seen or scrolled to, from top to bottom of
// the object tree.
func shown(o fyne.CanvasObject) []string {
	if o == nil || !o.Visible() {
		return nil
	}
	var children []fyne.CanvasObject
	switch o := o.(type) {
	case *canvas.Text:
		if o.Text == "" {
			return nil
		}
		return []string{o.Text}
	case *fyne.Container:
		children = o.Objects
	case fyne.Widget:
		children = test.WidgetRenderer(o).Objects()
	}
	var texts []string
	for _, c := range children {
		texts = append(texts, shown(c)...)
	}
	return texts
}

// says reports whether the window shows the sentence; wrapping does not matter.
func says(v *View, sentence string) bool {
	return strings.Contains(strings.Join(shown(v.Content()), " "), sentence)
}

func TestEveryButtonSendsItsCommand(t *testing.T) {
	hub := authcore.Command{Name: authcore.CommandCopyHeaders, Service: export.Hub, Format: "headers"}
	am := authcore.Command{Name: authcore.CommandCopyHeaders, Service: export.AccessManager, Format: "json"}
	needsSignIn := with(func(_ *authcore.Snapshot, a *authcore.Account) { a.State = authcore.NeedsSignIn })
	asked := prompting(time.Minute)
	asked.Accounts[0].Prompt = nil
	for _, c := range []struct {
		name     string
		snapshot *authcore.Snapshot
		button   func(*View) *button
		want     authcore.Command
	}{
		{"sign in", signedOut(), func(v *View) *button { return v.pages.welcome.ways.signIn }, authcore.Command{Name: authcore.CommandSignIn}},
		{"cancel asking", asked, func(v *View) *button { return v.pages.asking.cancel }, authcore.Command{Name: authcore.CommandCancelSignIn}},
		{"cancel", prompting(time.Minute), func(v *View) *button { return v.pages.approval.cancel }, authcore.Command{Name: authcore.CommandCancelSignIn}},
		{"copy code", prompting(time.Minute), func(v *View) *button { return v.pages.approval.copyCode }, authcore.Command{Name: authcore.CommandCopyCode}},
		{"copy link", prompting(time.Minute), func(v *View) *button { return v.pages.approval.copyLink }, authcore.Command{Name: authcore.CommandCopyLink}},
		{"open browser", prompting(time.Minute), func(v *View) *button { return v.pages.approval.open }, authcore.Command{Name: authcore.CommandOpenBrowser}},
		{"copy Hub", signedIn(), func(v *View) *button { return v.pages.session.copy }, hub},
		{"copy Access Manager", signedIn(), func(v *View) *button {
			v.pages.session.service.set(export.AccessManager)
			v.pages.session.format.set(export.FormatJSON)
			return v.pages.session.copy
		}, am},
		{"renew", signedIn(), func(v *View) *button { return v.pages.session.renew }, authcore.Command{Name: authcore.CommandRenew}},
		{"sign out", signedIn(), func(v *View) *button { return v.pages.session.signOut }, authcore.Command{Name: authcore.CommandSignOut}},
		{"sign in again", needsSignIn, func(v *View) *button { return v.pages.session.signIn }, authcore.Command{Name: authcore.CommandSignIn}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, w, r := openRecorded(t)
			v.Render(c.snapshot, noon)
			b := c.button(v)
			if !slices.Contains(shown(v.Content()), b.Text) {
				t.Fatalf("the button %q cannot be seen", b.Text)
			}
			test.Tap(b)
			if !slices.Equal(r.sent, []authcore.Command{c.want}) {
				t.Errorf("sent %v, want %v", r.sent, c.want)
			}
			// Enter does what a click does.
			w.Canvas().Focus(b)
			w.Canvas().Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
			if len(r.sent) != 2 {
				t.Error("the Enter key did not press the button")
			}
			if w.Canvas().Focused() != b {
				t.Error("the focus is lost")
			}
		})
	}
}

func TestWhatCannotWorkIsNeitherEnabledNorSent(t *testing.T) {
	v, _, r := openRecorded(t)
	v.Render(with(func(_ *authcore.Snapshot, a *authcore.Account) {
		a.State, a.HasHeaders, a.Renewable = authcore.Renewing, false, true
	}), noon)
	for _, b := range []*button{v.pages.session.renew, v.pages.session.copy} {
		if !b.Disabled() {
			t.Errorf("%q is enabled", b.Text)
		}
		b.OnTapped() // a click that was already on its way
	}
	if len(r.sent) != 0 {
		t.Errorf("sent %v", r.sent)
	}
}

func TestEveryStateHasAPageWithAWayOn(t *testing.T) {
	v, _, _ := openRecorded(t)
	for _, state := range authcore.States {
		for _, code := range append(authcore.ProblemCodes(), "") {
			// Nothing but the state: no times, no name, no prompt.
			s := &authcore.Snapshot{Active: "a", Accounts: []authcore.Account{{ID: "a", Method: authcore.MethodDeviceCode, State: state}}}
			if code != "" {
				s.Accounts[0].Problem = &authcore.Problem{Code: code}
			}
			v.Render(s, noon)
			v.Tick(noon.Add(v.NextChange(noon)))
			if code != "" && !says(v, wordsOf(s.Accounts[0].Problem).Next) {
				t.Errorf("%s with %s does not say what to do: %q", state, code, shown(v.Content()))
			}
			if b, ok := v.page.primary().(*button); !ok || !slices.Contains(shown(v.Content()), b.Text) {
				t.Errorf("%s shows no way on: %q", state, shown(v.Content()))
			}
		}
	}
	v.Render(&authcore.Snapshot{}, noon) // even a snapshot of nothing
}

func TestFailedCommandShowsItsWordsUntilDismissed(t *testing.T) {
	v, _, r := openRecorded(t)
	v.Render(signedIn(), noon)
	v.ShowError(&authcore.Problem{Code: authcore.ProblemClipboard, Cause: "no selection owner"})
	words := authcore.WordsTemplate(authcore.ProblemClipboard)
	for _, sentence := range []string{words.What, words.Meaning, words.Next} {
		if !says(v, sentence) {
			t.Errorf("missing: %q", sentence)
		}
	}
	if says(v, "no selection owner") {
		t.Error("the cause is shown before anybody asked for it")
	}
	test.Tap(v.banners.failed.details.open)
	if !says(v, "no selection owner") {
		t.Error("Details does not show the cause")
	}
	v.Render(signedIn(), noon) // a new snapshot does not swallow it
	if !says(v, words.What) {
		t.Error("it went away by itself")
	}
	test.Tap(v.banners.failed.dismiss)
	if says(v, words.What) {
		t.Error("Dismiss does not dismiss it")
	}

	v.ShowError(fmt.Errorf("sending: %w", errors.New("connection refused")))
	if !says(v, authcore.WordsTemplate(authcore.ProblemInternal).What) {
		t.Error("a plain error is not shown")
	}
	test.Tap(v.pages.session.copy)
	if says(v, authcore.WordsTemplate(authcore.ProblemInternal).What) || len(r.sent) != 1 {
		t.Error("the next command does not clear it")
	}
}

func TestLastingProblemsComeMostImportantFirst(t *testing.T) {
	v, _, _ := openRecorded(t)
	s := with(func(s *authcore.Snapshot, _ *authcore.Account) {
		s.Storage.Problem = problem(authcore.ProblemDiskFull)
		s.Clock.Problem = problem(authcore.ProblemClockWrong, "Offset", "3 h")
		s.Desktop.Tray = problem(authcore.ProblemNoTrayHost)
	})
	v.Render(s, noon)
	disk, tray := wordsOf(s.Storage.Problem), wordsOf(s.Desktop.Tray)
	if !says(v, disk.What) || says(v, tray.What) || !says(v, "2 more notices") {
		t.Errorf("want the disk alone, and 2 more: %q", shown(v.Content()))
	}
	test.Tap(v.banners.lasting[1].more)
	if !says(v, tray.What) || says(v, tray.Next) {
		t.Error("the other notices are not shown folded")
	}
	test.Tap(v.banners.lasting[len(v.banners.lasting)-1].fold)
	if !says(v, tray.Next) {
		t.Error("What to do is not told")
	}
	v.Render(with(func(s *authcore.Snapshot, _ *authcore.Account) { s.Desktop.Tray = problem(authcore.ProblemNoTrayHost) }), noon)
	if says(v, disk.What) || !says(v, tray.Next) {
		t.Error("healing one problem changed another's notice")
	}
	v.Render(signedIn(), noon)
	if says(v, tray.What) {
		t.Error("a healed problem is still shown")
	}
}

func TestEveryLastingProblemIsSaid(t *testing.T) {
	v, _, _ := openRecorded(t)
	for name, put := range map[string]func(*authcore.Snapshot, *authcore.Problem){
		"storage":  func(s *authcore.Snapshot, p *authcore.Problem) { s.Storage.Problem = p },
		"clock":    func(s *authcore.Snapshot, p *authcore.Problem) { s.Clock.Problem = p },
		"policy":   func(s *authcore.Snapshot, p *authcore.Problem) { s.Desktop.Policy = p },
		"settings": func(s *authcore.Snapshot, p *authcore.Problem) { s.Desktop.Settings = p },
		"file": func(s *authcore.Snapshot, p *authcore.Problem) {
			s.LiveFiles = []authcore.LiveFile{{Path: "/x", Problem: p}}
		},
		"clipboard": func(s *authcore.Snapshot, p *authcore.Problem) { s.Desktop.Clipboard.Problem = p },
		"tray":      func(s *authcore.Snapshot, p *authcore.Problem) { s.Desktop.Tray = p },
	} {
		p := problem(authcore.ProblemPolicy, "Path", "/etc/x/"+name)
		v.Render(with(func(s *authcore.Snapshot, _ *authcore.Account) { put(s, p) }), noon)
		if !says(v, wordsOf(p).What) {
			t.Errorf("%s: nothing is said", name)
		}
		v.Render(signedIn(), noon)
		if says(v, wordsOf(p).What) {
			t.Errorf("%s: it is still said", name)
		}
	}
}

func TestGoneSaysWhatToDo(t *testing.T) {
	v, _, _ := openRecorded(t)
	v.Render(signedIn(), noon)
	v.Gone()
	v.Tick(noon.Add(time.Hour)) // a timer that was under way
	if !says(v, "Bitfount Tray has stopped") || !says(v, "Start it again") || says(v, "eleanor.rigby") {
		t.Errorf("shown: %q", shown(v.Content()))
	}
	closed := false
	v.OnClose = func() { closed = true }
	test.Tap(v.pages.gone.close)
	if !closed {
		t.Error("Close does not close")
	}
}

func TestTabReachesEverythingInOrder(t *testing.T) {
	for _, c := range []struct {
		snapshot *authcore.Snapshot
		want     []string
	}{
		{signedOut(), []string{"Sign in…", "Use API keys", "Use a token from another program"}},
		{prompting(time.Minute), []string{"Copy code", "Copy link", "Open browser again", "It says something else?", "Cancel"}},
		{signedIn(), []string{"Service: Hub", "Format: HTTP headers", "Copy headers", "Save to a file…", "Renew now", "Sign out", "Session", "Files", "History", "More"}},
	} {
		v, w, _ := openRecorded(t)
		v.Render(c.snapshot, noon)
		var got []string
		for range c.want {
			w.Canvas().FocusNext()
			switch o := w.Canvas().Focused().(type) {
			case *button:
				got = append(got, o.Text)
			case fyne.Accessible:
				got = append(got, o.AccessibilityLabel())
			default:
				t.Fatalf("the focus is on %T after %q", o, got)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("order %q, want %q", got, c.want)
		}
	}
}

// Every page can be used without a mouse: the Tab key reaches whatever can be
// clicked, once each, from top to bottom and from left to right, and the page
// scrolls so that what has the focus is in sight.
func TestTheKeyboardReachesEverything(t *testing.T) {
	for _, p := range pictures {
		for _, size := range []fyne.Size{SmallestSize, fyne.NewSize(900, 600)} {
			if golden.Slow && size != SmallestSize {
				continue
			}
			t.Run(fmt.Sprintf("%s/%.0f", p.name, size.Width), func(t *testing.T) {
				v, w := openView(t, theme.VariantLight, 1, size, func(authcore.Command) {})
				if p.snapshot != nil {
					v.Render(p.snapshot(), noon)
				}
				if p.then != nil {
					p.then(v)
				}
				// A menu has keys of its own, see TestTheSwitcherByKeyboard.
				if w.Canvas().Overlays().Top() == nil {
					walkByTab(t, v, w.Canvas())
				}
			})
		}
	}
}

func walkByTab(t *testing.T, v *View, c fyne.Canvas) {
	t.Helper()
	c.Unfocus()
	var want []fyne.CanvasObject
	for _, o := range clickable(v.Content()) {
		if _, ok := o.(fyne.Focusable); ok {
			want = append(want, o)
		} else {
			t.Errorf("the keyboard does not reach %T", o)
		}
	}
	position := fyne.CurrentApp().Driver().AbsolutePositionForObject
	var last fyne.Position
	reached := map[fyne.CanvasObject]bool{}
	for range want {
		c.FocusNext()
		o, _ := c.Focused().(fyne.CanvasObject)
		if o == nil || reached[o] {
			break
		}
		reached[o] = true
		at, edge := position(o), fyne.NewPos(0, 0)
		bottom := c.Size().Height
		s := screenOf(v.Content(), o)
		if s != nil {
			edge = position(s.scroll)
			bottom = edge.Y + s.scroll.Size().Height
		}
		if at.Y < edge.Y-1 || at.Y+o.Size().Height > bottom+1 {
			t.Errorf("%s has the focus out of sight, at %v", nameOf(o), at)
		}
		if s == nil {
			last = fyne.Position{} // header, footer or tabs
			continue
		}
		at.Y += s.scroll.Offset.Y
		if at.Y < last.Y-12 && at.X <= last.X {
			t.Errorf("%s comes after what is below it", nameOf(o))
		}
		last = at
	}
	for _, o := range want {
		if !reached[o] {
			t.Errorf("the Tab key does not reach %s", nameOf(o))
		}
	}
}

// nameOf names what can be clicked.
func nameOf(o fyne.CanvasObject) string {
	if a, ok := o.(fyne.Accessible); ok {
		return fmt.Sprintf("%T %q", o, a.AccessibilityLabel())
	}
	return fmt.Sprintf("%T", o)
}

// clickable are the widgets that can be seen or scrolled to, and clicked.
func clickable(o fyne.CanvasObject) (found []fyne.CanvasObject) {
	if !o.Visible() {
		return nil
	}
	if d, ok := o.(fyne.Disableable); ok && d.Disabled() {
		return nil
	}
	if _, ok := o.(fyne.Tappable); ok {
		if strings.Contains(fmt.Sprintf("%T", o), "scrollBar") {
			return nil // keys scroll too, see TestKeysScroll
		}
		return []fyne.CanvasObject{o}
	}
	var children []fyne.CanvasObject
	switch o := o.(type) {
	case *fyne.Container:
		children = o.Objects
	case fyne.Widget:
		children = test.WidgetRenderer(o).Objects()
	}
	for _, c := range children {
		found = append(found, clickable(c)...)
	}
	return found
}

func TestKeysScroll(t *testing.T) {
	v, w := openView(t, theme.VariantLight, 1, SmallestSize, nil)
	v.Render(withHistory(), noon)
	v.open(atHistory)
	scroll := v.places[atHistory].(*history).scroll
	v.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEnd})
	end := scroll.Offset.Y
	if end <= 0 {
		t.Fatal("End does not scroll")
	}
	w.Canvas().Focus(v.tabs.tabs[atHistory])
	for _, c := range []struct {
		key  fyne.KeyName
		want func(float32) bool
	}{
		{fyne.KeyHome, func(y float32) bool { return y == 0 }},
		{fyne.KeyDown, func(y float32) bool { return y > 0 }},
		{fyne.KeyUp, func(y float32) bool { return y == 0 }},
		{fyne.KeyPageDown, func(y float32) bool { return y == end }},
		{fyne.KeyPageUp, func(y float32) bool { return y == 0 }},
	} {
		w.Canvas().Focused().TypedKey(&fyne.KeyEvent{Name: c.key})
		if !c.want(scroll.Offset.Y) {
			t.Errorf("after %s the page is at %v", c.key, scroll.Offset.Y)
		}
	}
}

func TestTheSwitcherByKeyboard(t *testing.T) {
	v, w, r := openRecorded(t)
	v.Render(withAccounts(), noon)
	w.Canvas().Focus(v.account.button)
	press := func(keys ...fyne.KeyName) {
		for _, key := range keys {
			w.Canvas().Focused().TypedKey(&fyne.KeyEvent{Name: key})
		}
	}
	press(fyne.KeyReturn, fyne.KeyDown, fyne.KeyDown, fyne.KeyReturn)
	if !slices.Equal(r.sent, []authcore.Command{{Name: authcore.CommandSetActive, Account: "a2"}}) {
		t.Errorf("sent %v", r.sent)
	}
	w.Canvas().Focus(v.account.button)
	press(fyne.KeyReturn, fyne.KeyEscape)
	if w.Canvas().Overlays().Top() != nil || w.Canvas().Focused() != v.account.button {
		t.Error("the Escape key does not close the menu and go back")
	}
}

func TestKeyboardGoesOnAtTheNextPage(t *testing.T) {
	v, w, _ := openRecorded(t)
	v.Render(signedOut(), noon)
	w.Canvas().Focus(v.pages.welcome.ways.signIn)
	v.Render(prompting(time.Minute), noon)
	if w.Canvas().Focused() != v.pages.approval.open {
		t.Errorf("the focus is on %v", w.Canvas().Focused())
	}
	w.Canvas().Unfocus()
	v.Render(signedIn(), noon)
	if w.Canvas().Focused() != nil {
		t.Error("somebody with a mouse got a focus")
	}
}

// The window sleeps until NextChange. Before it nothing may change, and at it
// something does.
func TestNextChangeIsWhenTheTextChanges(t *testing.T) {
	for name, s := range map[string]*authcore.Snapshot{
		"signed in": signedIn(),
		"last minutes": with(func(_ *authcore.Snapshot, a *authcore.Account) {
			a.ExpiresAt = noon.Add(3*time.Minute + 20*time.Second + 300*time.Millisecond)
			a.RenewAt = time.Time{}
		}),
		"copied": with(func(s *authcore.Snapshot, _ *authcore.Account) {
			s.Desktop.Clipboard = authcore.Clipboard{Holds: export.Hub, ClearAt: noon.Add(40*time.Second + 700*time.Millisecond)}
		}),
		"last seconds of a code": prompting(10*time.Second + 500*time.Millisecond),
		"clock wrong": with(func(s *authcore.Snapshot, _ *authcore.Account) {
			s.Clock.Offset = -90*time.Minute + 123*time.Millisecond
		}),
	} {
		t.Run(name, func(t *testing.T) {
			v, _, _ := openRecorded(t)
			v.Render(s, noon)
			now := noon
			for range 30 {
				before, wait := shown(v.Content()), v.NextChange(now)
				if wait == mostWait {
					break
				}
				v.Tick(now.Add(wait - 2*time.Millisecond))
				if during := shown(v.Content()); wait > leastWait && !slices.Equal(before, during) {
					t.Fatalf("changed before %v had passed: %q, %q", wait, before, during)
				}
				now = now.Add(wait)
				v.Tick(now)
				if slices.Equal(before, shown(v.Content())) {
					t.Fatalf("woke after %v for nothing", wait)
				}
			}
		})
	}
	v, _, _ := openRecorded(t)
	v.Render(signedOut(), noon)
	if got := v.NextChange(noon); got != mostWait {
		t.Errorf("signed out, it wakes every %v", got)
	}
}

// Names and causes come from servers and files; they are shown as they are.
func TestForeignTextIsOnlyText(t *testing.T) {
	v, _, _ := openRecorded(t)
	odd := `{{.Left}} {{template "x"}} %s <b> ` + strings.Repeat("long ", 60)
	v.Render(with(func(s *authcore.Snapshot, a *authcore.Account) {
		a.Username, a.Environment = odd, odd
		a.Problem = &authcore.Problem{Code: authcore.ProblemWrongUser, Params: map[string]string{"Got": odd, "Want": "eleanor"}, Cause: odd}
	}), noon)
	if got := strings.Join(shown(v.Content()), " "); strings.Count(got, `{{.Left}} {{template "x"}} %s <b>`) < 3 {
		t.Errorf("shown: %q", got)
	}
	p := prompting(time.Minute)
	p.Accounts[0].Prompt.UserCode = strings.Repeat("ABCD-", 20)
	p.Accounts[0].Prompt.VerificationURIComplete = "https://x/" + strings.Repeat("y", 5000)
	v.Render(p, noon)
	if v.pages.approval.phone.Visible() {
		t.Error("a link that fits into no QR code has a picture")
	}
}

func TestQRCodeIsCrispWithAQuietZone(t *testing.T) {
	const link = "https://auth.bitfount.com/activate?user_code=WDJB-MJHT"
	code, err := qr.Encode(link, qr.M)
	if err != nil {
		t.Fatal(err)
	}
	for _, side := range []int{164, 205, 328} {
		p := newQRPicture()
		if !p.set(link) {
			t.Fatal("the link does not fit")
		}
		img := p.draw(side, side).(*image.Paletted)
		px := side / (code.Size + 2*quietZone)
		corner := (side - px*(code.Size+2*quietZone)) / 2
		for y := range side {
			for x := range side {
				mx, my := floorDiv(x-corner, px)-quietZone, floorDiv(y-corner, px)-quietZone
				if got := img.ColorIndexAt(x, y) == 1; got != code.Black(mx, my) {
					t.Fatalf("side %d: pixel %d,%d is dark: %v", side, x, y, got)
				}
			}
		}
	}
}

func floorDiv(a, b int) int {
	if a < 0 {
		return -1
	}
	return a / b
}

// Nothing may be cut off at the smallest size: every text and button ends
// within the window's width, and scrolling is only up and down.
func TestNothingIsCutOffAtTheSmallestSize(t *testing.T) {
	for _, p := range pictures {
		t.Run(p.name, func(t *testing.T) {
			v, _ := openView(t, theme.VariantLight, 1, SmallestSize, func(authcore.Command) {})
			if p.snapshot != nil {
				v.Render(p.snapshot(), noon)
			}
			if p.then != nil {
				p.then(v)
			}
			walk(v.Content(), 0, func(text *canvas.Text, x float32) {
				width := text.MinSize().Width
				if text.Alignment == fyne.TextAlignCenter {
					x += (text.Size().Width - width) / 2
				}
				if x < 0 || x+width > SmallestSize.Width {
					t.Errorf("%q goes from %.0f to %.0f of %.0f", text.Text, x, x+width, SmallestSize.Width)
				}
			})
		})
	}
}

// walk visits every visible text with its distance from the window's left edge.
func walk(o fyne.CanvasObject, x float32, visit func(*canvas.Text, float32)) {
	if !o.Visible() {
		return
	}
	x += o.Position().X
	switch o := o.(type) {
	case *canvas.Text:
		visit(o, x)
	case *fyne.Container:
		for _, c := range o.Objects {
			walk(c, x, visit)
		}
	case fyne.Widget:
		for _, c := range test.WidgetRenderer(o).Objects() {
			walk(c, x, visit)
		}
	}
}
