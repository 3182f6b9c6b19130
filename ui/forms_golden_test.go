package ui

import (
	"time"

	"fyne.io/fyne/v2/test"

	"github.com/bitfount/bitfount-tray/authcore"
)

// answering is a resident that answers every form at once.
func answering(result authcore.CredentialTest, err error) Credentials {
	return Credentials{
		TestAPIKeys:    func(_ authcore.APIKeysAccount, done func(authcore.CredentialTest, error)) { done(result, err) },
		SetAPIKeys:     func(_ authcore.APIKeysAccount, done func(error)) { done(err) },
		TestSource:     func(_ authcore.ExternalJWTAccount, done func(authcore.CredentialTest, error)) { done(result, err) },
		SetExternalJWT: func(_ authcore.ExternalJWTAccount, done func(error)) { done(err) },
	}
}

const pastedExports = "export BITFOUNT_API_KEY_ID=a7Kq2mXw:9fTzR4sd export BITFOUNT_API_KEY=Zk81hTq0vYcB:p3LmN6xWqE2r"

// atKeys opens the form for API keys and pastes keys into it.
func atKeys(v *View) *apiKeys {
	v.open(atAPIKeys)
	p := v.places[atAPIKeys].(*apiKeys)
	p.keyID.entry.SetText(pastedExports)
	p.user.entry.SetText("eleanor.rigby")
	return p
}

func atCommand(v *View, command string) *externalToken {
	v.open(atToken)
	p := v.places[atToken].(*externalToken)
	p.command.entry.SetText(command)
	return p
}

func withSettings(change func(*authcore.Settings)) func() *authcore.Snapshot {
	return func() *authcore.Snapshot {
		return with(func(s *authcore.Snapshot, _ *authcore.Account) {
			s.Settings = authcore.DefaultSettings()
			s.Desktop.Updates = true
			change(&s.Settings)
		})
	}
}

var hubAnswers = authcore.CredentialTest{Outcome: authcore.TestAccepted, Host: "hub.bitfount.com", Status: 200}

func init() {
	type state = struct {
		name     string
		snapshot func() *authcore.Snapshot
		then     func(*View)
	}
	pictures = append(pictures, []state{
		{"keys-empty", signedOut, func(v *View) { v.open(atAPIKeys) }},
		{"keys", signedOut, func(v *View) { atKeys(v) }},
		{"keys-shown", signedOut, func(v *View) { test.Tap(atKeys(v).reveal) }},
		{"keys-half", signedOut, func(v *View) { atKeys(v).key.entry.SetText("Zk81hTq0vYcB") }},
		{"keys-accepted", signedOut, func(v *View) {
			v.Credentials = answering(hubAnswers, nil)
			test.Tap(atKeys(v).test)
		}},
		{"keys-refused", signedOut, func(v *View) {
			v.Credentials = answering(authcore.CredentialTest{Outcome: authcore.TestRefused, Host: "hub.bitfount.com", Status: 401}, nil)
			test.Tap(atKeys(v).test)
		}},
		{"token-command", signedOut, func(v *View) {
			v.Credentials = answering(authcore.CredentialTest{
				Outcome: authcore.TestUnderstood, Expires: noon.Add(26 * time.Hour), Username: "eleanor.rigby", Issuer: "https://login.hospital.example/",
			}, nil)
			test.Tap(atCommand(v, `/opt/sso/get-token --for "Bitfount Hub"`).test)
		}},
		{"token-file", signedOut, func(v *View) {
			v.ChooseFile = func(func(string)) {}
			p := atCommand(v, "")
			p.kind.set(sourceFile)
			p.file.entry.SetText("token.json")
		}},
		{"token-variable", signedOut, func(v *View) { atCommand(v, "").kind.set(sourceVariable) }},
		{"settings", withSettings(func(*authcore.Settings) {}), func(v *View) {
			v.ChooseFile = func(func(string)) {}
			v.open(atSettings)
		}},
		{"settings-below", withSettings(func(s *authcore.Settings) { s.Proxy = "http://proxy.hospital.example:8080" }), func(v *View) {
			v.ChooseFile = func(func(string)) {}
			v.open(atSettings)
			v.places[atSettings].(*settingsPage).caBundle.entry.SetText("/etc/ssl/hospital.pem")
			v.places[atSettings].(*settingsPage).scroll.ScrollToBottom()
		}},
		{"settings-locked", withSettings(func(s *authcore.Settings) {
			s.ClipboardSeconds, s.Theme = 15, "dark"
			s.Locked = []string{"clipboard_seconds", "start_at_login", "theme", "proxy"}
		}), func(v *View) { v.open(atSettings) }},
	}...)
	for i := range looks {
		if looks[i].name == "wide" {
			looks[i].only = append(looks[i].only, "keys", "settings")
		}
	}
}
