package ui

import (
	"testing"
	"time"

	"fyne.io/fyne/v2/test"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/ui/translations"
)

// storageProblems are the states in which a session is not saved: the keyring's
// four, and those of the file.
var storageProblems = []authcore.ProblemCode{
	authcore.ProblemKeyringAbsent, authcore.ProblemKeyringLocked, authcore.ProblemKeyringSlow, authcore.ProblemKeyringKeyMissing,
	authcore.ProblemVaultDamaged, authcore.ProblemVaultUnreadable, authcore.ProblemVaultUnwritable, authcore.ProblemVaultNewer,
	authcore.ProblemDiskFull, authcore.ProblemNoSessionBus,
}

// Each state of keyring and vault has a sentence of its own, in every language,
// and the window shows it whoever is signed in: folded at first, with what it
// means and what to do one click away.
func TestEveryStateOfKeyringAndVaultHasItsOwnSentence(t *testing.T) {
	for _, name := range translations.Codes() {
		said := map[string]authcore.ProblemCode{}
		for _, code := range storageProblems {
			what := translations.For(name).Problem(problem(code)).What
			if other, taken := said[what]; taken || what == "" {
				t.Errorf("%s: %s says the same as %s: %q", name, code, other, what)
			}
			said[what] = code
		}
	}
	for page, snapshot := range map[string]func() *authcore.Snapshot{
		"signed in": signedIn, "signed out": signedOut,
		"code": func() *authcore.Snapshot { return prompting(5 * time.Minute) },
	} {
		v, _, _ := openRecorded(t)
		for _, code := range storageProblems {
			s := snapshot()
			s.Storage = authcore.Storage{Problem: problem(code, "Path", "/home/eleanor/.local/share/bitfount-tray/vault")}
			v.Render(s, noon)
			words := wordsOf(s.Storage.Problem)
			if !says(v, words.What) || says(v, words.Next) {
				t.Errorf("%s, %s: the window says %q", page, code, shown(v.Content()))
			}
			for _, other := range storageProblems {
				if other != code && says(v, wordsOf(problem(other)).What) {
					t.Errorf("%s, %s: the window also says the sentence of %s", page, code, other)
				}
			}
			test.Tap(v.banners.lasting[1].fold)
			if !says(v, words.Meaning) || !says(v, words.Next) {
				t.Errorf("%s, %s: unfolded, the window says %q", page, code, shown(v.Content()))
			}
		}
	}
}

// Without a session bus neither tray nor keyring can be reached: one cause, one
// notice.
func TestOneCauseIsOneNotice(t *testing.T) {
	v, _, _ := openRecorded(t)
	v.Render(with(func(s *authcore.Snapshot, _ *authcore.Account) {
		s.Storage = authcore.Storage{Problem: problem(authcore.ProblemNoSessionBus)}
		s.Desktop.Tray = problem(authcore.ProblemNoSessionBus)
	}), noon)
	if !says(v, wordsOf(problem(authcore.ProblemNoSessionBus)).What) || says(v, "1 more notice") {
		t.Errorf("shown: %q", shown(v.Content()))
	}
}
