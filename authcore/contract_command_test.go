package authcore

import (
	"slices"
	"testing"
)

func TestCommandsAreAllowedWhereTheyCanWork(t *testing.T) {
	device := func(s State) Account { return Account{Method: MethodDeviceCode, State: s} }
	prompted := device(Prompting)
	prompted.Prompt = &DevicePrompt{UserCode: "ABCD-EFGH"}
	asked := device(Prompting)
	signedIn := device(SignedIn)
	signedIn.HasHeaders, signedIn.Renewable = true, true
	renewing := signedIn
	renewing.State = Renewing
	expired := device(Expired)
	expired.Renewable = true
	keys := Account{Method: MethodAPIKeys, State: SignedIn, HasHeaders: true}

	always := []CommandName{CommandSetActive, CommandRename, CommandRemove, CommandAddLiveFile}
	for name, c := range map[string]struct {
		account Account
		allowed []CommandName
	}{
		"signed out":      {device(SignedOut), []CommandName{CommandSignIn}},
		"asking for code": {asked, []CommandName{CommandCancelSignIn}},
		"prompting":       {prompted, []CommandName{CommandCancelSignIn, CommandCopyLink, CommandCopyCode, CommandOpenBrowser}},
		"signed in":       {signedIn, []CommandName{CommandSignIn, CommandRenew, CommandSignOut, CommandCopyHeaders}},
		"renewing":        {renewing, []CommandName{CommandSignOut, CommandCopyHeaders}},
		"expired":         {expired, []CommandName{CommandSignIn, CommandRenew, CommandSignOut}},
		"needs sign-in":   {device(NeedsSignIn), []CommandName{CommandSignIn, CommandSignOut}},
		"API keys":        {keys, []CommandName{CommandSignOut, CommandCopyHeaders}},
	} {
		c.account.ID = "a"
		s := &Snapshot{Accounts: []Account{{ID: "other"}, c.account}, Active: "a"}
		s.Settings.Exports = true
		for _, command := range []CommandName{
			CommandSignIn, CommandCancelSignIn, CommandRenew, CommandSignOut, CommandCopyHeaders, CommandCopyLink,
			CommandCopyCode, CommandOpenBrowser, CommandSetActive, CommandRename, CommandRemove, CommandAddLiveFile,
		} {
			want := slices.Contains(c.allowed, command) || slices.Contains(always, command)
			for _, id := range []string{"", "a"} {
				if got := s.Allowed(Command{Name: command, Account: id}); got != want {
					t.Errorf("%s: %s for account %q: %v", name, command, id, got)
				}
			}
			if s.Allowed(Command{Name: command, Account: "gone"}) {
				t.Errorf("%s is allowed for an account that there is not", command)
			}
		}
		for _, command := range []CommandName{CommandAddAccount, CommandRemoveFile, CommandOpenWindow, CommandQuit} {
			if !s.Allowed(Command{Name: command, Account: "gone"}) {
				t.Errorf("%s: %s is not allowed", name, command)
			}
		}
	}
}

func TestLockedSettingsAreRespected(t *testing.T) {
	s := &Snapshot{Accounts: []Account{{ID: "a"}}, Active: "a"}
	if s.Allowed(Command{Name: CommandAddLiveFile}) {
		t.Error("live files may be added where exports are off")
	}
	s.Settings.Locked = []string{"proxy"}
	for setting, want := range map[string]bool{"proxy": false, "ca_bundle": true} {
		if got := s.Allowed(Command{Name: CommandSet, Setting: setting}); got != want {
			t.Errorf("set %s: %v", setting, got)
		}
	}
}
