package ui

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
)

func wantSent(t *testing.T, r *recorder, want ...authcore.Command) {
	t.Helper()
	if !slices.Equal(r.sent, want) {
		t.Errorf("sent %v, want %v", r.sent, want)
	}
}

func TestTabsLeadToTheirPlaces(t *testing.T) {
	v, w, _ := openRecorded(t)
	v.Render(withFiles(), noon)
	for at, sentence := range map[location]string{
		atFiles: "Files that stay fresh", atHistory: "The last day", atMore: "Fix it", atSession: "Renew now",
	} {
		test.Tap(v.tabs.tabs[at])
		if !says(v, sentence) || !v.tabs.tabs[at].chosen {
			t.Errorf("%s shows %q", at, shown(v.Content()))
		}
	}
	w.Canvas().Focus(v.tabs.tabs[atHistory])
	w.Canvas().Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	if !says(v, "The last day") {
		t.Error("the Enter key does not press a tab")
	}
}

func TestFirstRunHasNoTabs(t *testing.T) {
	v, _, _ := openRecorded(t)
	s := signedOut()
	v.Render(s, noon)
	if v.tabs.root.Visible() {
		t.Error("a fresh installation has tabs")
	}
	again := *s
	again.Accounts = slices.Clone(s.Accounts)
	again.Accounts[0].Username = "eleanor.rigby"
	v.Render(&again, noon)
	if !v.tabs.root.Visible() {
		t.Error("somebody who has signed out has no tabs")
	}
}

// A sign-in is shown wherever the user was, and then the session.
func TestASignInTakesTheWindow(t *testing.T) {
	v, _, _ := openRecorded(t)
	v.Render(signedIn(), noon)
	v.open(atHistory)
	v.Render(prompting(time.Minute), noon)
	if !says(v, "WDJB-MJHT") || v.tabs.root.Visible() {
		t.Errorf("shown: %q", shown(v.Content()))
	}
	v.Render(signedIn(), noon)
	if !says(v, "You are signed in") || !says(v, "eleanor.rigby") {
		t.Errorf("the success is not shown: %q", shown(v.Content()))
	}
	test.Tap(v.page.primary().(*button))
	if v.page != v.pages.session {
		t.Error("it does not go on at the session")
	}

	// One that was cancelled leaves the session as it was.
	again := prompting(time.Minute)
	again.Accounts[0].SignedInAt = signedIn().Accounts[0].SignedInAt
	v.Render(again, noon)
	v.Render(signedIn(), noon)
	if v.page != v.pages.session {
		t.Errorf("shown: %q", shown(v.Content()))
	}

	// One that failed says why, and has one way on.
	v.Render(prompting(time.Minute), noon)
	declined := signedOut()
	declined.Accounts[0].Problem = problem(authcore.ProblemSignInDenied)
	v.Render(declined, noon)
	if !says(v, "Signing in did not work") || !says(v, "declined in the browser") || v.page.primary().(*button).Text != "Sign in…" {
		t.Errorf("shown: %q", shown(v.Content()))
	}
}

func TestSaveToAFile(t *testing.T) {
	v, _, r := openRecorded(t)
	v.Render(withFiles(), noon)
	v.open(atFiles)
	test.Tap(v.places[atFiles].(*files).add)
	home := t.TempDir()
	p := newFileAt(v, home)
	p.service.set(export.AccessManager)
	p.format.set(export.FormatJSON)
	proposed := filepath.Join(home, "bitfount-am.json")
	if p.place.Text != proposed {
		t.Errorf("proposed %q", p.place.Text)
	}
	own := filepath.Join(home, "own name.json")
	p.place.SetText(own)
	p.format.set(export.FormatEnv)
	if p.place.Text != own {
		t.Error("the user's place was replaced by a proposal")
	}
	p.taken = func(path string) bool { return path == own }
	test.Tap(p.save)
	if len(r.sent) != 0 || !says(v, "It will be replaced") {
		t.Fatalf("a file that is there was not asked about: %v", r.sent)
	}
	test.Tap(p.save)
	want := authcore.Command{Name: authcore.CommandAddLiveFile, Service: export.AccessManager, Format: "env", Path: own}
	wantSent(t, r, want)
	if v.place != atFiles {
		t.Error("it does not lead back to the files")
	}
	v.open(atNewFile)
	p.format.set(export.FormatSDKToken)
	if !says(v, "plain text") {
		t.Error("it is not said that the SDK's file is plain text")
	}
	test.Tap(p.save)
	wantSent(t, r, want, authcore.Command{Name: authcore.CommandAddLiveFile, Service: export.Hub, Format: "sdk-token"})
}

func TestTakingASessionOverExplainsTheDangerFirst(t *testing.T) {
	v, _, r := openRecorded(t)
	v.Render(signedIn(), noon)
	v.open(atNewFile)
	p := v.places[atNewFile].(*newFile)
	if p.takeOver.Visible() {
		t.Error("it is offered with other formats")
	}
	p.format.set(export.FormatSDKToken)
	if says(v, "Stop your Pods first") {
		t.Error("the danger is shown to somebody who takes nothing over")
	}
	test.Tap(p.takeOver)
	if !says(v, "Stop your Pods first") || !says(v, "ends the session for everybody") || len(r.sent) != 0 {
		t.Fatalf("sent %v, shown %q", r.sent, shown(v.Content()))
	}
	// Whoever looks elsewhere first has not agreed.
	v.open(atFiles)
	v.open(atNewFile)
	test.Tap(p.save)
	add := authcore.Command{Name: authcore.CommandAddLiveFile, Service: export.Hub, Format: "sdk-token"}
	wantSent(t, r, add)
	v.open(atNewFile)
	test.Tap(p.takeOver)
	test.Tap(p.save)
	wantSent(t, r, add, authcore.Command{Name: authcore.CommandImportTokenFile})
	if v.place != atFiles {
		t.Error("it does not lead to the files")
	}
}

func TestFilesThatAreOffSayWhy(t *testing.T) {
	v, _, r := openRecorded(t)
	v.Render(with(func(s *authcore.Snapshot, _ *authcore.Account) {
		s.Settings.Exports, s.Settings.Locked = false, []string{"exports"}
	}), noon)
	v.open(atFiles)
	if p := v.places[atFiles].(*files); !p.add.Disabled() || !says(v, "organisation") {
		t.Errorf("shown: %q", shown(v.Content()))
	}
	v.open(atNewFile)
	v.places[atNewFile].(*newFile).save.OnTapped()
	wantSent(t, r)
}

func TestRemovingAsksOnceMore(t *testing.T) {
	v, _, r := openRecorded(t)
	v.Render(withFiles(), noon)
	v.open(atFiles)
	const path = "/mnt/results/hub.json"
	i := v.places[atFiles].(*files).items[path]
	test.Tap(i.remove)
	if len(r.sent) != 0 || !says(v, "The file is deleted") {
		t.Fatalf("sent %v, shown %q", r.sent, shown(v.Content()))
	}
	test.Tap(i.keep)
	if says(v, "The file is deleted") {
		t.Error("Keep does not end the question")
	}
	test.Tap(i.remove)
	test.Tap(i.sure)
	file := authcore.Command{Name: authcore.CommandRemoveFile, Path: path}
	wantSent(t, r, file)
	v.Render(signedIn(), noon)
	if says(v, path) {
		t.Error("a file that is gone is still listed")
	}

	v.Render(withAccounts(), noon)
	v.open(atAccounts)
	a := v.places[atAccounts].(*accounts).items["a2"]
	test.Tap(a.remove)
	if !says(v, "The account at Bitfount stays") {
		t.Error("it is not said what happens")
	}
	test.Tap(a.sure)
	wantSent(t, r, file, authcore.Command{Name: authcore.CommandRemove, Account: "a2"})
}

func TestAccounts(t *testing.T) {
	v, _, r := openRecorded(t)
	v.Render(signedIn(), noon)
	if v.account.root.Visible() {
		t.Error("one account has a switcher")
	}
	v.Render(withAccounts(), noon)
	menu := v.account.menu()
	if len(menu.Items) != 5 || !menu.Items[0].Checked || !strings.Contains(menu.Items[2].Label, "Please sign in again") {
		t.Errorf("the menu is %v", menu.Items)
	}
	menu.Items[1].Action()
	use := authcore.Command{Name: authcore.CommandSetActive, Account: "a2"}
	wantSent(t, r, use)

	menu.Items[4].Action()
	p := v.places[atAccounts].(*accounts)
	if p.items["a1"].use.Visible() {
		t.Error("the account in use offers to be used")
	}
	test.Tap(p.items["a3"].rename)
	p.items["a3"].name.SetText("Sundays")
	v.Render(withAccounts(), noon) // a snapshot in between does not disturb
	test.Tap(p.items["a3"].save)
	rename := authcore.Command{Name: authcore.CommandRename, Account: "a3", Text: "Sundays"}
	test.Tap(p.addNew)
	p.environment.set("sandbox")
	test.Tap(p.add)
	wantSent(t, r, use, rename, authcore.Command{Name: authcore.CommandAddAccount, Text: "sandbox"})

	// Whoever has chosen another account wants to see its session.
	other := withAccounts()
	other.Active = "a2"
	v.Render(other, noon)
	if v.page != v.pages.session || !says(v, "ward.7") {
		t.Errorf("shown: %q", shown(v.Content()))
	}
}

func TestHistoryIsNewestFirstAndFolded(t *testing.T) {
	v, _, _ := openRecorded(t)
	v.Render(withHistory(), noon)
	v.open(atHistory)
	got := strings.Join(shown(v.Content()), "|")
	if !strings.Contains(got, "Today|11:50|Offline|11:10|File written: bitfount-am.env|11:10|Signed in|10:30|Signed out") {
		t.Errorf("shown: %q", got)
	}
	if !says(v, "Offline until 21:40 (2 h 40 min)") {
		t.Error("the length of an outage is not said")
	}
	if says(v, "bitfount-am.env, hub.json") {
		t.Error("it is not folded")
	}
	test.Tap(v.places[atHistory].(*history).more)
	// Two files of the same minute are one line.
	if !says(v, "Files written: bitfount-am.env, hub.json") {
		t.Errorf("shown: %q", shown(v.Content()))
	}
	v.Render(signedIn(), noon)
	if !says(v, "Nothing has happened yet.") {
		t.Error("an empty history says nothing")
	}
}

func TestFixItIsOneClick(t *testing.T) {
	v, _, r := openRecorded(t)
	offline := with(func(s *authcore.Snapshot, a *authcore.Account) {
		a.State, a.Problem = authcore.Offline, problem(authcore.ProblemUnreachable, "Host", "auth.bitfount.com")
	})
	v.Render(offline, noon)
	test.Tap(v.pages.session.fix)
	fix := authcore.Command{Name: authcore.CommandFixIt}
	wantSent(t, r, fix)
	p := v.places[atFixIt].(*fixIt)

	show := func(d *authcore.Diagnosis) {
		v.Render(with(func(s *authcore.Snapshot, a *authcore.Account) {
			a.State, s.Desktop.Diagnosis = authcore.NeedsSignIn, d
		}), noon)
	}
	show(diagnosis(3))
	if !says(v, "Checking…") || !says(v, "Not checked yet") || !p.again.Disabled() || p.signIn.Visible() {
		t.Errorf("shown: %q", shown(v.Content()))
	}
	d := diagnosis(8)
	d.Checks[7] = authcore.Check{Name: authcore.CheckSession, Problem: problem(authcore.ProblemSessionEnded)}
	d.OfferSignIn = true
	show(d)
	if !says(v, "1 thing to put right") || !says(v, wordsOf(d.Checks[7].Problem).Next) {
		t.Errorf("shown: %q", shown(v.Content()))
	}
	if all := shown(v.Content()); slices.Index(all, "Session") > slices.Index(all, "Proxy") {
		t.Error("what is wrong does not come first")
	}
	test.Tap(p.signIn)
	wantSent(t, r, fix, authcore.Command{Name: authcore.CommandSignIn})
	show(diagnosis(8))
	if !says(v, "Everything is in order") || p.signIn.Visible() {
		t.Errorf("shown: %q", shown(v.Content()))
	}
	test.Tap(p.done)
	if v.page != v.pages.session {
		t.Error("Done does not lead to the session")
	}
}

// Who chooses “Fix it” in the menu gets the window at the checks, whether it was
// open or not, and however fast they were.
func TestFixItInTheMenuOpensItsPage(t *testing.T) {
	checked := func(d *authcore.Diagnosis) *authcore.Snapshot {
		return with(func(s *authcore.Snapshot, _ *authcore.Account) { s.Desktop.Diagnosis = d })
	}
	for name, d := range map[string]*authcore.Diagnosis{"running": diagnosis(3), "over": diagnosis(8)} {
		v, _, r := openRecorded(t)
		v.Render(checked(d), noon)
		if v.page != v.places[atFixIt] {
			t.Errorf("%s: the window opens at another page", name)
		}
		wantSent(t, r)
		v.open(atFiles)
		v.Render(checked(d), noon)
		if v.page != v.places[atFiles] {
			t.Errorf("%s: it comes again", name)
		}
	}
	v, _, _ := openRecorded(t)
	v.Render(checked(diagnosis(8)), noon.Add(time.Hour))
	if v.page == v.places[atFixIt] {
		t.Error("an old diagnosis is in the way")
	}
	again := diagnosis(0)
	again.StartedAt = noon.Add(time.Hour)
	v.Render(checked(again), noon.Add(time.Hour))
	if v.page != v.places[atFixIt] {
		t.Error("an open window stays where it is")
	}
}

// An organisation's own environment can have a second account too.
func TestAddingOffersTheOwnEnvironmentFirst(t *testing.T) {
	v, _, _ := openRecorded(t)
	s := withAccounts()
	s.Accounts[0].Environment = "hospital-test"
	v.Render(s, noon)
	v.open(atAccounts)
	want := []string{"hospital-test", "staging", "production", "sandbox", "dev"}
	if c := v.places[atAccounts].(*accounts).environment; !slices.Equal(c.values, want) || c.value() != "production" {
		t.Errorf("offered %q, chosen %q", c.values, c.value())
	}
}

// The words of checks are authcore's in English.
func TestWordsOfChecksAreAuthcores(t *testing.T) {
	for _, name := range authcore.CheckNames {
		want := strings.ReplaceAll(authcore.CheckTitle(name), "{{.Host}}", "x")
		if got := tr("check."+string(name), fields{"Host": "x"}); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, f := range []authcore.Finding{
		authcore.FindingNoProxy, authcore.FindingProxy, authcore.FindingAnswers, authcore.FindingAnswersPlain,
		authcore.FindingClockRight, authcore.FindingClockUnknown, authcore.FindingSaved, authcore.FindingMemory,
		authcore.FindingRenewed, authcore.FindingSignedIn,
	} {
		want := strings.NewReplacer("{{.Proxy}}", "x", "{{.Issuer}}", "x", "'", "’").Replace(authcore.FindingText(f))
		if got := tr("finding."+string(f), fields{"Proxy": "x", "Issuer": "x"}); got != want {
			t.Errorf("%s is %q, want %q", f, got, want)
		}
	}
}

func TestFormatsAndServicesHaveWords(t *testing.T) {
	for _, f := range append(slices.Clone(export.Formats), export.FormatSDKToken) {
		for _, prefix := range []string{"format.", "format-about."} {
			if got := tr(prefix + string(f)); strings.HasPrefix(got, prefix) {
				t.Errorf("there is no sentence %q", got)
			}
		}
	}
	for _, s := range export.Services {
		if got := serviceTitle(s); strings.HasPrefix(got, "service.") {
			t.Errorf("there is no sentence %q", got)
		}
	}
}
