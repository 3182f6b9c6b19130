package ui

import (
	"image/color"
	"os"
	"slices"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/build/golden"
)

// TestMain makes the tests speak English on every computer.
func TestMain(m *testing.M) {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG", "LANGUAGE"} {
		os.Setenv(name, "en_GB.UTF-8")
	}
	speak("system")
	os.Exit(m.Run())
}

// noon is the moment of all pictures.
var noon = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)

// signedIn is an ordinary session, a good half hour after signing in.
func signedIn() *authcore.Snapshot {
	return &authcore.Snapshot{
		Sequence: 7, Taken: noon, Version: "0.1.0", Active: "a1",
		Storage: authcore.Storage{Saved: true}, Settings: authcore.DefaultSettings(),
		Accounts: []authcore.Account{{
			ID: "a1", Method: authcore.MethodDeviceCode, Environment: "production",
			HubURL: "https://hub.bitfount.com", Username: "eleanor.rigby", State: authcore.SignedIn,
			SignedInAt: noon.Add(-50 * time.Minute), IssuedAt: noon.Add(-50 * time.Minute),
			ExpiresAt: noon.Add(23*time.Hour + 10*time.Minute), RenewAt: noon.Add(19*time.Hour + 5*time.Minute),
			HasHeaders: true, Renewable: true,
		}},
	}
}

// with is signedIn with a change.
func with(change func(*authcore.Snapshot, *authcore.Account)) *authcore.Snapshot {
	s := signedIn()
	change(s, &s.Accounts[0])
	return s
}

func signedOut() *authcore.Snapshot {
	return with(func(_ *authcore.Snapshot, a *authcore.Account) {
		*a = authcore.Account{ID: "a1", Method: authcore.MethodDeviceCode, Environment: "production", State: authcore.SignedOut}
	})
}

func prompting(left time.Duration) *authcore.Snapshot {
	s := signedOut()
	s.Accounts[0].State = authcore.Prompting
	s.Accounts[0].Prompt = &authcore.DevicePrompt{
		UserCode: "WDJB-MJHT", VerificationURI: "https://auth.bitfount.com/activate",
		VerificationURIComplete: "https://auth.bitfount.com/activate?user_code=WDJB-MJHT",
		IssuedAt:                noon.Add(left - 15*time.Minute), ExpiresAt: noon.Add(left),
	}
	return s
}

func problem(code authcore.ProblemCode, params ...string) *authcore.Problem {
	p := &authcore.Problem{Code: code, Since: noon, Cause: "dial tcp: lookup auth.bitfount.com: no such host"}
	for i := 0; i+1 < len(params); i += 2 {
		if p.Params == nil {
			p.Params = map[string]string{}
		}
		p.Params[params[i]] = params[i+1]
	}
	return p
}

// at goes to a place of the window.
func at(l location) func(*View) { return func(v *View) { v.open(l) } }

func withFiles() *authcore.Snapshot {
	return with(func(s *authcore.Snapshot, _ *authcore.Account) {
		failed := problem(authcore.ProblemExport, "Path", "/mnt/results/hub.json")
		s.LiveFiles = []authcore.LiveFile{
			{Path: "/home/eleanor/bitfount-am.env", Account: "a1", Service: export.AccessManager, Format: "env", WrittenAt: noon.Add(-50 * time.Minute)},
			{Path: "/home/eleanor/.bitfount/_default/.token", Account: "a1", Service: export.Hub, Format: "sdk-token", WrittenAt: noon.Add(-14 * time.Hour)},
			{Path: "/mnt/results/hub.json", Account: "a1", Service: export.Hub, Format: "json", Problem: failed},
		}
	})
}

// newFileAt is the page for a new file of somebody with that home folder.
func newFileAt(v *View, home string) *newFile {
	p := v.places[atNewFile].(*newFile)
	p.home, p.proposed, p.taken = home, "", func(string) bool { return false }
	p.place.SetText("")
	p.propose()
	return p
}

func withHistory() *authcore.Snapshot {
	return with(func(s *authcore.Snapshot, _ *authcore.Account) {
		ago := func(d time.Duration) time.Time { return noon.Add(-d) }
		s.Events = []authcore.TimelineEvent{
			{At: ago(23 * time.Hour), Kind: authcore.EventSignedIn, Account: "a1", Detail: "eleanor.rigby"},
			{At: ago(23 * time.Hour), Kind: authcore.EventFile, Account: "a1", Detail: "/home/eleanor/bitfount-am.env"},
			{At: ago(18 * time.Hour), Kind: authcore.EventRenewed, Account: "a1"},
			{At: ago(18 * time.Hour), Kind: authcore.EventFile, Account: "a1", Detail: "/home/eleanor/bitfount-am.env"},
			{At: ago(18*time.Hour - time.Second), Kind: authcore.EventFile, Account: "a1", Detail: "/mnt/results/hub.json"},
			{At: ago(17 * time.Hour), Until: ago(14*time.Hour + 20*time.Minute), Kind: authcore.EventOffline, Account: "a1"},
			{At: ago(5 * time.Hour), Kind: authcore.EventWoke},
			{At: ago(5 * time.Hour), Kind: authcore.EventRenewed, Account: "a1"},
			{At: ago(5*time.Hour - time.Second), Kind: authcore.EventFileFailed, Account: "a1", Detail: "/mnt/results/hub.json"},
			{At: ago(4 * time.Hour), Kind: authcore.EventEnded, Account: "a1"},
			{At: ago(2 * time.Hour), Kind: authcore.EventSignedIn, Account: "a1", Detail: "eleanor.rigby"},
			{At: ago(90 * time.Minute), Kind: authcore.EventSignedOut, Account: "a1"},
			{At: ago(50 * time.Minute), Kind: authcore.EventSignedIn, Account: "a1", Detail: "eleanor.rigby"},
			{At: ago(50 * time.Minute), Kind: authcore.EventFile, Account: "a1", Detail: "/home/eleanor/bitfount-am.env"},
			{At: ago(10 * time.Minute), Kind: authcore.EventOffline, Account: "a1"},
		}
	})
}

func withAccounts() *authcore.Snapshot {
	return with(func(s *authcore.Snapshot, a *authcore.Account) {
		a.Label = "Night shift"
		s.Accounts = append(s.Accounts,
			authcore.Account{
				ID: "a2", Method: authcore.MethodAPIKeys, Environment: "staging", Username: "ward.7", State: authcore.SignedIn, HasHeaders: true,
			},
			authcore.Account{
				ID: "a3", Method: authcore.MethodDeviceCode, Environment: "production", Username: "father.mckenzie", State: authcore.NeedsSignIn,
				Problem: problem(authcore.ProblemSessionEnded),
			})
	})
}

// diagnosis is one in which everything is in order, after that many of its
// eight checks.
func diagnosis(done int) *authcore.Diagnosis {
	host := func(name string) authcore.Check {
		return authcore.Check{Name: authcore.CheckHost, Finding: authcore.FindingAnswers, Params: map[string]string{"Host": name, "Issuer": "WE1"}}
	}
	d := &authcore.Diagnosis{StartedAt: noon.Add(-9 * time.Second), Account: "a1", Checks: []authcore.Check{
		{Name: authcore.CheckProxy, Finding: authcore.FindingNoProxy},
		host("auth.bitfount.com"), host("hub.bitfount.com"), host("am.hub.bitfount.com"),
		{Name: authcore.CheckClock, Finding: authcore.FindingClockRight},
		{Name: authcore.CheckKeyring, Finding: authcore.FindingKeyring},
		{Name: authcore.CheckStorage, Finding: authcore.FindingSaved},
		{Name: authcore.CheckSession, Finding: authcore.FindingRenewed},
	}[:done]}
	if done == 8 {
		d.FinishedAt = noon
	}
	return d
}

// pictures are the states of the window that have golden images.
var pictures = []struct {
	name     string
	snapshot func() *authcore.Snapshot
	then     func(*View)
}{
	{name: "wait"},
	{name: "welcome", snapshot: signedOut},
	{name: "failure", snapshot: func() *authcore.Snapshot {
		s := signedOut()
		s.Accounts[0].Environment, s.Accounts[0].Username = "staging", "eleanor.rigby"
		s.Accounts[0].Problem = problem(authcore.ProblemSignInDenied)
		return s
	}},
	{name: "welcome-keyring", snapshot: func() *authcore.Snapshot {
		s := signedOut()
		s.Storage = authcore.Storage{Waiting: true, Problem: problem(authcore.ProblemKeyringLocked)}
		return s
	}},
	{name: "asking", snapshot: func() *authcore.Snapshot {
		s := signedOut()
		s.Accounts[0].State = authcore.Prompting
		return s
	}},
	{name: "approval", snapshot: func() *authcore.Snapshot { return prompting(14*time.Minute + 20*time.Second) }},
	{name: "approval-else", snapshot: func() *authcore.Snapshot {
		s := prompting(45 * time.Second)
		s.Accounts[0].Environment = "sandbox"
		s.Desktop.Browser = problem(authcore.ProblemNoBrowser)
		return s
	}, then: func(v *View) {
		test.Tap(v.pages.approval.somethingElse)
		v.pages.approval.scroll.ScrollToBottom()
	}},
	{name: "success", snapshot: signedIn, then: at(atSuccess)},
	{name: "signed-in", snapshot: signedIn},
	{name: "signed-in-files", snapshot: func() *authcore.Snapshot {
		s := withFiles()
		s.Events = withHistory().Events
		return s
	}},
	{name: "signed-in-below", snapshot: func() *authcore.Snapshot {
		s := withFiles()
		s.Events = withHistory().Events
		return s
	}, then: func(v *View) { v.pages.session.scroll.ScrollToBottom() }},
	{name: "signed-in-copied", snapshot: func() *authcore.Snapshot {
		return with(func(s *authcore.Snapshot, a *authcore.Account) {
			a.Environment = "staging"
			s.Desktop.Clipboard = authcore.Clipboard{Holds: export.AccessManager, ClearAt: noon.Add(40 * time.Second)}
		})
	}},
	{name: "expiring", snapshot: func() *authcore.Snapshot {
		return with(func(_ *authcore.Snapshot, a *authcore.Account) {
			a.ExpiresAt, a.Renewable, a.RenewAt = noon.Add(95*time.Second), false, time.Time{}
		})
	}},
	{name: "session-ending", snapshot: func() *authcore.Snapshot {
		return with(func(_ *authcore.Snapshot, a *authcore.Account) {
			a.SignedInAt, a.SessionExpiresAt = noon.Add(-29*day), noon.Add(29*time.Hour)
			a.SessionStartedAt = a.SignedInAt
		})
	}},
	{name: "renewing", snapshot: func() *authcore.Snapshot {
		return with(func(_ *authcore.Snapshot, a *authcore.Account) {
			a.State, a.ExpiresAt = authcore.Renewing, noon.Add(4*time.Hour)
		})
	}},
	{name: "offline", snapshot: func() *authcore.Snapshot {
		return with(func(_ *authcore.Snapshot, a *authcore.Account) {
			a.State, a.ExpiresAt, a.RenewAt = authcore.Offline, noon.Add(125*time.Minute), noon.Add(7*time.Minute)
			a.Problem = problem(authcore.ProblemUnreachable, "Host", "auth.bitfount.com")
		})
	}, then: func(v *View) { test.Tap(v.pages.session.problem.details.open) }},
	{name: "expired", snapshot: func() *authcore.Snapshot {
		return with(func(_ *authcore.Snapshot, a *authcore.Account) {
			a.State, a.ExpiresAt, a.RenewAt, a.HasHeaders = authcore.Expired, noon.Add(-time.Minute), noon.Add(2*time.Minute), false
			a.Problem = problem(authcore.ProblemServerBusy, "Host", "auth.bitfount.com")
		})
	}},
	{name: "needs-sign-in", snapshot: func() *authcore.Snapshot {
		return with(func(_ *authcore.Snapshot, a *authcore.Account) {
			a.State, a.ExpiresAt, a.HasHeaders, a.Renewable = authcore.NeedsSignIn, noon.Add(-time.Hour), false, false
			a.Problem = problem(authcore.ProblemSessionEnded)
		})
	}},
	{name: "bad-source", snapshot: func() *authcore.Snapshot {
		return with(func(_ *authcore.Snapshot, a *authcore.Account) {
			a.Method, a.State, a.ExpiresAt, a.HasHeaders, a.Renewable = authcore.MethodExternalJWT, authcore.NeedsSignIn, noon.Add(-time.Hour), false, false
			a.Problem = problem(authcore.ProblemBadSource)
		})
	}},
	{name: "api-keys-out", snapshot: func() *authcore.Snapshot {
		s := signedOut()
		s.Accounts[0].Method, s.Accounts[0].Username = authcore.MethodAPIKeys, "ward.7"
		return s
	}},
	{name: "api-keys", snapshot: func() *authcore.Snapshot {
		return with(func(_ *authcore.Snapshot, a *authcore.Account) {
			a.Method, a.Environment, a.Label = authcore.MethodAPIKeys, "hospital-test", "Night shift"
			a.IssuedAt, a.ExpiresAt, a.RenewAt, a.Renewable = time.Time{}, time.Time{}, time.Time{}, false
		})
	}},
	{name: "banners", snapshot: func() *authcore.Snapshot {
		return with(func(s *authcore.Snapshot, _ *authcore.Account) {
			s.Storage = authcore.Storage{Problem: problem(authcore.ProblemKeyringLocked)}
			s.Clock.Problem = problem(authcore.ProblemClockWrong, "Offset", "3 h 5 min")
			s.Desktop.Tray = problem(authcore.ProblemNoTrayHost)
		})
	}},
	{name: "banner-open", snapshot: func() *authcore.Snapshot {
		return with(func(s *authcore.Snapshot, _ *authcore.Account) {
			s.Desktop.Tray = problem(authcore.ProblemNoTrayHost)
		})
	}, then: func(v *View) { test.Tap(v.banners.lasting[len(v.banners.lasting)-1].fold) }},
	{name: "command-failed", snapshot: signedIn, then: func(v *View) {
		v.ShowError(problem(authcore.ProblemClipboard))
	}},
	{name: "keyboard", snapshot: signedIn, then: func(v *View) {
		fyne.CurrentApp().Driver().CanvasForObject(v.root).Focus(v.pages.session.copy)
	}},
	{name: "files-none", snapshot: signedIn, then: at(atFiles)},
	{name: "files", snapshot: withFiles, then: at(atFiles)},
	{name: "files-delete", snapshot: withFiles, then: func(v *View) {
		v.open(atFiles)
		test.Tap(v.places[atFiles].(*files).items["/home/eleanor/bitfount-am.env"].remove)
	}},
	{name: "new-file", snapshot: signedIn, then: func(v *View) {
		newFileAt(v, "/home/eleanor")
		v.open(atNewFile)
	}},
	{name: "new-file-sdk", snapshot: signedIn, then: func(v *View) {
		newFileAt(v, "/home/eleanor").format.set(export.FormatSDKToken)
		v.open(atNewFile)
	}},
	{name: "new-file-take-over", snapshot: signedIn, then: func(v *View) {
		p := newFileAt(v, "/home/eleanor")
		p.format.set(export.FormatSDKToken)
		v.open(atNewFile)
		test.Tap(p.takeOver)
	}},
	{name: "history", snapshot: withHistory, then: at(atHistory)},
	{name: "history-none", snapshot: signedIn, then: at(atHistory)},
	{name: "more", snapshot: signedIn, then: at(atMore)},
	{name: "more-newer", snapshot: func() *authcore.Snapshot {
		return with(func(s *authcore.Snapshot, _ *authcore.Account) {
			s.Desktop.Update = &authcore.Update{Version: "1.2.0", Page: "https://example.org/"}
		})
	}, then: at(atMore)},
	{name: "switcher", snapshot: withAccounts},
	{name: "switcher-open", snapshot: withAccounts, then: func(v *View) { test.Tap(v.account.button) }},
	{name: "accounts", snapshot: withAccounts, then: at(atAccounts)},
	{name: "accounts-remove", snapshot: withAccounts, then: func(v *View) {
		v.open(atAccounts)
		test.Tap(v.places[atAccounts].(*accounts).items["a2"].remove)
	}},
	{name: "accounts-rename", snapshot: withAccounts, then: func(v *View) {
		v.open(atAccounts)
		test.Tap(v.places[atAccounts].(*accounts).items["a2"].rename)
		fyne.CurrentApp().Driver().CanvasForObject(v.root).Unfocus() // the cursor blinks
	}},
	{name: "accounts-add", snapshot: signedIn, then: func(v *View) {
		v.open(atAccounts)
		test.Tap(v.places[atAccounts].(*accounts).addNew)
	}},
	{name: "fix-it-running", snapshot: func() *authcore.Snapshot {
		return with(func(s *authcore.Snapshot, _ *authcore.Account) { s.Desktop.Diagnosis = diagnosis(3) })
	}, then: at(atFixIt)},
	{name: "fix-it-good", snapshot: func() *authcore.Snapshot {
		return with(func(s *authcore.Snapshot, _ *authcore.Account) { s.Desktop.Diagnosis = diagnosis(8) })
	}, then: at(atFixIt)},
	{name: "fix-it-bad", snapshot: func() *authcore.Snapshot {
		return with(func(s *authcore.Snapshot, a *authcore.Account) {
			a.State, a.HasHeaders, a.Renewable = authcore.NeedsSignIn, false, false
			d := diagnosis(8)
			d.Checks[4] = authcore.Check{Name: authcore.CheckClock, Problem: problem(authcore.ProblemClockWrong, "Offset", "3 h 5 min")}
			d.Checks[7] = authcore.Check{Name: authcore.CheckSession, Problem: problem(authcore.ProblemSessionEnded)}
			d.OfferSignIn = true
			s.Desktop.Diagnosis = d
		})
	}, then: at(atFixIt)},
	{name: "gone", snapshot: signedIn, then: func(v *View) { v.Gone() }},
}

// looks are the ways in which each picture is taken.
var looks = []struct {
	name    string
	variant fyne.ThemeVariant
	scale   float32
	size    fyne.Size
	// only, if set, are the pictures that are worth taking.
	only []string
}{
	{"light", theme.VariantLight, 1, DefaultSize, nil},
	{"dark", theme.VariantDark, 1, DefaultSize, nil},
	{"light-2x", theme.VariantLight, 2, DefaultSize, nil},
	{"dark-2x", theme.VariantDark, 2, DefaultSize, nil},
	{"small", theme.VariantLight, 1, SmallestSize, nil},
	{"wide", theme.VariantDark, 1, fyne.NewSize(900, 600), []string{"welcome", "approval", "success", "signed-in", "signed-in-files", "offline", "banner-open"}},
}

// oneVariant is the theme, deaf to the desktop's choice of light or dark.
type oneVariant struct {
	fyne.Theme
	variant fyne.ThemeVariant
}

func (t oneVariant) Color(n fyne.ThemeColorName, _ fyne.ThemeVariant) color.Color {
	return t.Theme.Color(n, t.variant)
}

// dressed is the theme of the application that all tests share.
var dressed oneVariant

// openView shows a view in a window without a screen.
func openView(t *testing.T, variant fyne.ThemeVariant, scale float32, size fyne.Size, do func(authcore.Command)) (*View, fyne.Window) {
	t.Helper()
	return openDressed(t, oneVariant{Theme(), variant}, scale, size, do)
}

// openDressed is openView in any theme.
func openDressed(t *testing.T, look oneVariant, scale float32, size fyne.Size, do func(authcore.Command)) (*View, fyne.Window) {
	t.Helper()
	golden.Fresh()
	if look != dressed {
		// A new theme reads the fonts anew, which takes longer than to draw.
		test.NewApp().Settings().SetTheme(look)
		dressed = look
	}
	v := NewView(do)
	v.SaveFile = func(string, string, func(string, error)) {} // as in the real window
	w := test.NewWindow(v.Content())
	t.Cleanup(func() {
		w.Close()
		forget(t, v.root)
		for _, p := range v.places {
			forget(t, p.canvasObject())
		}
	})
	w.SetPadded(false)
	w.Canvas().(test.WindowlessCanvas).SetScale(scale)
	w.Resize(size)
	return v, w
}

// forget frees what Fyne keeps of every widget that was ever drawn, for ever
// where no driver runs: 8 MB a view.
func forget(t *testing.T, o fyne.CanvasObject) {
	var children []fyne.CanvasObject
	switch o := o.(type) {
	case *fyne.Container:
		children = o.Objects
	case fyne.Widget:
		children = test.TempWidgetRenderer(t, o).Objects()
	}
	for _, c := range children {
		forget(t, c)
	}
}

func TestEachStateLooksAsDrawn(t *testing.T) {
	for _, look := range looks {
		if golden.Slow && look.name != "light" {
			// Drawing has one goroutine, and is 15 times slower under the detector.
			t.Logf("%s: not drawn under the race detector; go test without -race draws it", look.name)
			continue
		}
		for _, p := range pictures {
			if look.only != nil && !slices.Contains(look.only, p.name) {
				continue
			}
			t.Run(p.name+"/"+look.name, func(t *testing.T) {
				v, w := openView(t, look.variant, look.scale, look.size, func(authcore.Command) {})
				if p.snapshot != nil {
					v.Render(p.snapshot(), noon)
				}
				if p.then != nil {
					p.then(v)
				}
				golden.Compare(t, p.name+"-"+look.name, w.Canvas().Capture())
			})
		}
	}
}
