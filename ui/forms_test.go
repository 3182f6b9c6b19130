package ui

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
)

func TestPastedKeysAreFilledInHiddenAndKept(t *testing.T) {
	v, _, _ := openRecorded(t)
	var tested, kept []authcore.APIKeysAccount
	var answer func(authcore.CredentialTest, error)
	v.Credentials.TestAPIKeys = func(k authcore.APIKeysAccount, done func(authcore.CredentialTest, error)) {
		tested, answer = append(tested, k), done
	}
	v.Credentials.SetAPIKeys = func(k authcore.APIKeysAccount, done func(error)) { kept = append(kept, k); done(nil) }
	v.Render(signedOut(), noon)
	test.Tap(v.pages.welcome.ways.keys)
	p := v.places[atAPIKeys].(*apiKeys)
	if !p.test.Disabled() || !p.save.Disabled() {
		t.Error("an empty form can be sent")
	}
	p.key.entry.SetText(pastedExports) // into the wrong field
	if p.keyID.entry.Text != "a7Kq2mXw:9fTzR4sd" || p.key.entry.Text != "Zk81hTq0vYcB:p3LmN6xWqE2r" {
		t.Fatalf("recognised %q and %q", p.keyID.entry.Text, p.key.entry.Text)
	}
	if !p.save.Disabled() {
		t.Error("it can be saved without a name")
	}
	p.user.entry.SetText(" eleanor.rigby ")
	if text := strings.Join(shown(v.Content()), " "); strings.Contains(text, "Zk81") || strings.Contains(text, "p3Lm") || !strings.Contains(text, "a7Kq2mXw") {
		t.Errorf("shown before anybody asked: %q", text)
	}
	test.Tap(p.reveal)
	if !says(v, "Zk81hTq0vYcB:p3LmN6xWqE2r") {
		t.Error("it is not shown")
	}
	if got := p.toHub.segment.Text; got != "a7Kq2mXw\nZk81hTq0vYcB" {
		t.Errorf("the Hub gets %q", got)
	}

	test.Tap(p.test)
	if len(tested) != 1 || tested[0].Username != "eleanor.rigby" || tested[0].Environment != "production" ||
		tested[0].KeyID.Reveal() != "a7Kq2mXw:9fTzR4sd" || !p.test.Disabled() {
		t.Fatalf("tested %+v", tested)
	}
	answer(hubAnswers, nil)
	if !says(v, "hub.bitfount.com accepts these keys") || p.test.Disabled() {
		t.Errorf("shown: %q", shown(v.Content()))
	}
	p.user.entry.SetText("ada") // what was tested is no more what is there
	if says(v, "accepts these keys") {
		t.Error("an old answer stands beside new keys")
	}
	test.Tap(p.save)
	if len(kept) != 1 || kept[0].Username != "ada" || v.place != atSession {
		t.Errorf("kept %d, and is at %s", len(kept), v.place)
	}
	if p.key.entry.Text != "" || p.keyID.entry.Text != "" || p.revealed {
		t.Error("the keys are still in the form")
	}

	// The answer to a form that was left meanwhile changes nothing.
	atKeys(v)
	test.Tap(p.test)
	late := answer
	v.open(atSession)
	v.open(atAPIKeys)
	late(hubAnswers, nil)
	if says(v, "accepts these keys") {
		t.Error("a late answer is shown")
	}
}

func TestEveryAnswerToATestIsSaid(t *testing.T) {
	v, _, _ := openRecorded(t)
	v.Render(signedOut(), noon)
	for _, c := range []struct {
		result authcore.CredentialTest
		err    error
		want   string
	}{
		{hubAnswers, nil, "status 200"},
		{authcore.CredentialTest{Outcome: authcore.TestRefused, Host: "hub", Status: 403}, nil, "hub does not accept"},
		{authcore.CredentialTest{Outcome: authcore.TestUnclear, Host: "hub", Status: 503}, nil, "status 503"},
		{authcore.CredentialTest{Outcome: authcore.TestUnreachable, Problem: problem(authcore.ProblemUnreachable, "Host", "hub")}, nil, "hub cannot be reached"},
		{authcore.CredentialTest{Outcome: authcore.TestUnusable, Cause: "has a blank"}, nil, "has a blank"},
		{authcore.CredentialTest{Outcome: "of-tomorrow", Host: "hub"}, nil, "hub did not say"},
		{authcore.CredentialTest{}, errors.New("no answer"), "no answer"},
		{authcore.CredentialTest{}, problem(authcore.ProblemResidentOutdated, "Version", "0.0.1"), "version 0.0.1"},
	} {
		v.Credentials = answering(c.result, c.err)
		p := atKeys(v)
		test.Tap(p.test)
		if p.verdict.details.open.Visible() {
			test.Tap(p.verdict.details.open)
		}
		if !says(v, c.want) {
			t.Errorf("%+v, %v: shown %q", c.result, c.err, shown(v.Content()))
		}
	}
}

func TestTokenFormSaysWhatWasUnderstood(t *testing.T) {
	v, _, _ := openRecorded(t)
	v.Render(signedOut(), noon)
	var kept []authcore.ExternalJWTAccount
	v.Credentials = answering(authcore.CredentialTest{
		Outcome: authcore.TestUnderstood, Expires: noon.Add(3 * time.Hour), Username: "eleanor.rigby",
	}, nil)
	v.Credentials.SetExternalJWT = func(e authcore.ExternalJWTAccount, done func(error)) {
		kept = append(kept, e)
		done(errors.New("the disk is full"))
	}
	p := atCommand(v, `get-token "a b`)
	if !says(v, "A quotation mark is not closed") || !p.test.Disabled() {
		t.Error("an open quotation mark is not told")
	}
	p.command.entry.SetText(`get-token "a b" c`)
	if !says(v, "with 2 arguments") || p.test.Disabled() || !p.save.Disabled() {
		t.Errorf("shown: %q", shown(v.Content()))
	}
	test.Tap(p.test)
	if !says(v, "at 15:00, 3 h from now") || !says(v, "User: eleanor.rigby") || p.user.entry.Text != "eleanor.rigby" {
		t.Errorf("shown: %q", shown(v.Content()))
	}
	test.Tap(p.save)
	if len(kept) != 1 || !slices.Equal(kept[0].Source.Command, []string{"get-token", "a b", "c"}) || kept[0].Source.File != "" {
		t.Errorf("kept %+v", kept)
	}
	test.Tap(p.verdict.details.open)
	if v.place != atToken || !says(v, "This could not be saved") || !says(v, "the disk is full") {
		t.Error("it does not say that nothing was saved")
	}
	p.user.entry.SetText("ada")
	test.Tap(p.test)
	if !says(v, "User: eleanor.rigby, but you entered ada") {
		t.Errorf("shown: %q", shown(v.Content()))
	}
	p.kind.set(sourceFile)
	p.file.entry.SetText("token.txt")
	if !p.test.Disabled() || !says(v, "Enter the whole path") {
		t.Error("half a path is taken")
	}
	p.file.entry.SetText(`"file:///run/token" `)
	if e, ok := p.account(); !ok || e.Source.File != "/run/token" || e.Source.Command != nil {
		t.Errorf("understood %+v", e)
	}
	p.kind.set(sourceVariable)
	p.variable.entry.SetText("$TOKEN")
	if e, ok := p.account(); !ok || e.Source.Variable != "TOKEN" {
		t.Errorf("understood %+v", e)
	}
}

func TestSettingsAreSentShownAndLocked(t *testing.T) {
	v, _, r := openRecorded(t)
	v.Render(withSettings(func(*authcore.Settings) {})(), noon)
	v.open(atSettings)
	p := v.places[atSettings].(*settingsPage)
	row := func(name string) *settingRow {
		for _, one := range p.rows {
			if one.name == name {
				return one
			}
		}
		t.Fatalf("there is no %s", name)
		return nil
	}
	if len(r.sent) != 0 {
		t.Fatalf("drawing sent %v", r.sent)
	}
	test.Tap(row("start_at_login").root.Objects[1].(*toggle))
	p.proxy.entry.SetText("http://proxy:8080")
	test.Tap(p.proxy.apply)
	p.caBundle.entry.SetText(`"/etc/ca.pem"`)
	p.caBundle.entry.OnSubmitted("")
	want := []authcore.Command{
		{Name: authcore.CommandSet, Setting: "start_at_login", Text: "true"},
		{Name: authcore.CommandSet, Setting: "proxy", Text: "http://proxy:8080"},
		{Name: authcore.CommandSet, Setting: "ca_bundle", Text: "/etc/ca.pem"},
	}
	if !slices.Equal(r.sent, want) {
		t.Errorf("sent %v", r.sent)
	}
	// The resident has refused: what is shown is what is in force.
	v.ShowError(problem(authcore.ProblemBadSetting))
	if row("start_at_login").root.Objects[1].(*toggle).Checked {
		t.Error("a refused choice is still shown")
	}
	if p.proxy.entry.Text != "http://proxy:8080" {
		t.Error("what was typed is lost")
	}

	v.Render(withSettings(func(s *authcore.Settings) {
		s.StartAtLogin, s.ClipboardSeconds, s.Proxy = true, 37, "http://other:1"
		s.Locked = []string{"start_at_login", "proxy"}
	})(), noon)
	box := row("start_at_login").root.Objects[1].(*toggle)
	if !box.Checked || !box.Disabled() || row("start_at_login").remark.segment.Text != "Managed by your organisation" {
		t.Error("a policy is not shown")
	}
	if p.proxy.entry.Text != "http://other:1" || !p.proxy.entry.Disabled() || p.proxy.apply.Visible() {
		t.Error("the policy's proxy is not shown")
	}
	if !says(v, "37 s") {
		t.Errorf("an unusual time is not shown: %q", shown(v.Content()))
	}
	if len(r.sent) != len(want) {
		t.Errorf("drawing sent %v", r.sent[len(want):])
	}
	// The organisation's own environment can be chosen again while an account has it.
	own := withSettings(func(s *authcore.Settings) { s.Environment = "staging" })()
	own.Accounts[0].Environment = "hospital-test"
	v.Render(own, noon)
	environment := environmentChoice(row("environment"))
	if environment.value() != "staging" || !slices.Contains(environment.values, "hospital-test") {
		t.Errorf("chosen is %s of %v", environment.value(), environment.values)
	}
	// Every setting that a user can change is there.
	for _, name := range authcore.SettingNames() {
		if name == "exports" || name == "export_formats" || name == "proxy" || name == "ca_bundle" {
			continue
		}
		row(name)
	}
}

func TestAPolicyTakesAwayWhatItForbids(t *testing.T) {
	v, _, _ := openRecorded(t)
	v.Render(withSettings(func(s *authcore.Settings) {
		s.Environment, s.ExportFormats, s.Locked = "production", "json,sdk-token", []string{"environment", "export_formats"}
	})(), noon)
	v.open(atNewFile)
	if got := v.places[atNewFile].(*newFile).format.values; !slices.Equal(got, []export.Format{export.FormatJSON, export.FormatSDKToken}) {
		t.Errorf("formats that can be chosen: %v", got)
	}
	v.open(atAccounts)
	if got := v.places[atAccounts].(*accounts).environment.values; !slices.Equal(got, []string{"production"}) {
		t.Errorf("environments that can be chosen: %v", got)
	}
}

func TestAPolicyThatCannotBeUsedIsInTheBanner(t *testing.T) {
	v, _, _ := openRecorded(t)
	v.Render(with(func(s *authcore.Snapshot, _ *authcore.Account) {
		s.Desktop.Policy = problem(authcore.ProblemPolicy, "Path", "/etc/bitfount-tray/policy.toml")
	}), noon)
	if !says(v, "policy for Bitfount Tray cannot be used") {
		t.Errorf("the window says %q", shown(v.Content()))
	}
}

func TestCopyReportIsBesideTheDetails(t *testing.T) {
	v, _, r := openRecorded(t)
	v.Render(signedIn(), noon)
	v.ShowError(problem(authcore.ProblemExport, "Path", "/x"))
	n := v.banners.failed
	if n.details.report.Visible() {
		t.Error("it is there before the details")
	}
	test.Tap(n.details.open)
	test.Tap(n.details.report)
	if !slices.Equal(r.sent, []authcore.Command{{Name: authcore.CommandCopyReport}}) {
		t.Errorf("sent %v", r.sent)
	}
}

func environmentChoice(r *settingRow) *choice[string] {
	return r.root.Objects[1].(*fyne.Container).Objects[0].(*choice[string])
}
