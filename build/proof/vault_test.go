package proof

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/build/desktop"
)

// soon is how long an answer of the keyring is waited for where it must not come.
const soon = 300 * time.Millisecond

// tokens are the shapes of the provider's: JSON Web Tokens and refresh tokens.
var tokens = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}|v1\.[A-Z2-7]{40,}`)

// nothingInPlainText makes sure that no file of the installation shows a token.
func nothingInPlainText(t *testing.T, dir string) {
	t.Helper()
	if err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil // Files come and go while the agent runs.
		}
		if text, err := os.ReadFile(path); err == nil && tokens.Match(text) {
			t.Errorf("a token can be read in %s", path)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// inMemory makes sure that the session works, says why it is not saved, and is
// nowhere in plain text.
func inMemory(t *testing.T, p *process, dir string, want authcore.ProblemCode) answer {
	t.Helper()
	defer nothingInPlainText(t, dir)
	a := p.until(string(want), func(a answer) bool { return a.storage() == want })
	if a.account().State != authcore.SignedIn || a.Token == "" || a.Snapshot.Storage.Saved {
		t.Errorf("with %s: account %+v, storage %+v", want, a.account(), a.Snapshot.Storage)
	}
	before := a.Token
	if a = p.ask(command{Renew: true}); a.account().State != authcore.SignedIn || a.Token == before || a.Token == "" {
		t.Errorf("with %s the session is not renewed in memory: %+v", want, a.account())
	}
	return p.until("the problem again", func(a answer) bool { return a.storage() == want })
}

// savedByItself makes sure that the session in memory reaches the disk with
// nobody's help but the look that wake-ups and networks also cause.
func savedByItself(t *testing.T, p *process, env []string, o childOptions) {
	t.Helper()
	p.ask(command{Nudge: true})
	a := p.until("the session to be saved", func(a answer) bool { return a.Snapshot.Storage.Saved && a.Snapshot.Storage.Problem == nil })
	nothingInPlainText(t, o.Dir)
	p.kill()
	again := start(t, env, o)
	if got := again.state(authcore.SignedIn); got.Token != a.Token {
		t.Error("after a restart it is another token")
	}
	if got := again.ask(command{Renew: true}); got.account().State != authcore.SignedIn || got.Token == a.Token {
		t.Errorf("after a restart: %+v", got.account())
	}
}

func TestWithoutAKeyringTheSessionLivesInMemory(t *testing.T) {
	t.Parallel()
	idp := quick(t)
	bus := desktop.Bus(t)
	o := options(t, idp)
	p := start(t, bus.Env(), o)
	p.signIn(idp)
	inMemory(t, p, o.Dir, authcore.ProblemKeyringAbsent)
	if files, _ := filepath.Glob(filepath.Join(o.Dir, "vault*")); len(files) > 1 {
		t.Errorf("something was written without a key: %q", files)
	}
	desktop.Keyring(t, bus)
	savedByItself(t, p, bus.Env(), o)
	if out := idp.Stats().Outcomes; out["invalid_grant"]+out["reuse_detected"] != 0 {
		t.Errorf("outcomes = %v", out)
	}
}

func TestALockedKeyringKeepsTheSessionInMemory(t *testing.T) {
	t.Parallel()
	idp := quick(t)
	bus := desktop.Bus(t)
	locked := desktop.Keyring(t, bus, desktop.KeyringLocked)
	o := options(t, idp)
	p := start(t, bus.Env(), o)
	p.signIn(idp)
	inMemory(t, p, o.Dir, authcore.ProblemKeyringLocked)
	// Its user logs in again, which unlocks it.
	locked.Stop()
	desktop.Keyring(t, bus)
	savedByItself(t, p, bus.Env(), o)
}

// A session that was saved is found when the keyring is unlocked or started
// later, and until then nothing says that nobody is signed in.
func TestASavedSessionWaitsForItsKeyring(t *testing.T) {
	t.Parallel()
	for _, want := range []authcore.ProblemCode{authcore.ProblemKeyringLocked, authcore.ProblemKeyringAbsent} {
		t.Run(string(want), func(t *testing.T) {
			t.Parallel()
			idp := quick(t)
			bus := desktop.Bus(t)
			k := desktop.Keyring(t, bus)
			o := options(t, idp)
			p := start(t, bus.Env(), o)
			was := p.signIn(idp)
			p.kill()
			if want == authcore.ProblemKeyringAbsent {
				k.Stop()
			} else if err := k.Lock(t.Context()); err != nil {
				t.Fatal(err)
			}
			p = start(t, bus.Env(), o)
			if a := p.until(string(want), func(a answer) bool { return a.storage() == want }); !a.Snapshot.Storage.Waiting {
				t.Errorf("storage = %+v", a.Snapshot.Storage)
			}
			k.Stop()
			desktop.Keyring(t, bus)
			p.ask(command{Nudge: true})
			if a := p.state(authcore.SignedIn); a.Token != was.Token || a.storage() != "" || a.Snapshot.Storage.Waiting {
				t.Errorf("account %+v, storage %+v", a.account(), a.Snapshot.Storage)
			}
		})
	}
}

func TestASlowKeyringHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	idp := quick(t)
	bus := desktop.Bus(t)
	k := desktop.Keyring(t, bus)
	o := options(t, idp)
	o.KeyringTimeout = soon
	if err := k.Suspend(); err != nil {
		t.Fatal(err)
	}
	p := start(t, bus.Env(), o)
	p.signIn(idp)
	inMemory(t, p, o.Dir, authcore.ProblemKeyringSlow)
	if err := k.Resume(); err != nil {
		t.Fatal(err)
	}
	o.KeyringTimeout = 0
	savedByItself(t, p, bus.Env(), o)
}

// A file that cannot be opened is kept as it is, and a new sign-in begins a new
// one beside it.
func TestAnUnreadableVaultIsLeftBySigningInAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, file string)
		// newKeyring means that the keyring has lost its keys.
		newKeyring bool
		want       authcore.ProblemCode
	}{
		{"cut short", func(t *testing.T, file string) {
			if err := os.Truncate(file, 100); err != nil {
				t.Fatal(err)
			}
		}, false, authcore.ProblemVaultDamaged},
		{"empty", func(t *testing.T, file string) {
			if err := os.Truncate(file, 0); err != nil {
				t.Fatal(err)
			}
		}, false, authcore.ProblemVaultDamaged},
		{"altered by one bit", func(t *testing.T, file string) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			data[len(data)-5] ^= 1
			if err := os.WriteFile(file, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}, false, authcore.ProblemVaultDamaged},
		{"its key lost", func(*testing.T, string) {}, true, authcore.ProblemKeyringKeyMissing},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			idp := quick(t)
			bus := desktop.Bus(t)
			k := desktop.Keyring(t, bus)
			o := options(t, idp)
			p := start(t, bus.Env(), o)
			p.signIn(idp)
			p.kill()
			file := filepath.Join(o.Dir, "vault")
			c.spoil(t, file)
			bad, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if c.newKeyring {
				k.Stop()
				bus = desktop.Bus(t)
				desktop.Keyring(t, bus)
			}

			p = start(t, bus.Env(), o)
			a := p.until(string(c.want), func(a answer) bool { return a.storage() == c.want })
			if a.account().State != authcore.SignedOut || a.Token != "" {
				t.Errorf("account = %+v", a.account())
			}
			if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, bad) {
				t.Errorf("the file was touched before anybody signed in: %v", err)
			}
			p.signIn(idp)
			p.until("the session to be saved", func(a answer) bool { return a.Snapshot.Storage.Saved })
			kept, _ := filepath.Glob(filepath.Join(o.Dir, "vault-unreadable-*"))
			if len(kept) != 1 {
				t.Fatalf("kept aside: %q", kept)
			}
			if now, err := os.ReadFile(kept[0]); err != nil || !bytes.Equal(now, bad) {
				t.Errorf("what is kept is not the bad file: %v", err)
			}
			savedByItself(t, p, bus.Env(), o)
		})
	}
}

// A file that cannot be read now may be readable tomorrow: it is left alone, and
// a sign-in lives in memory until it can be saved.
func TestAVaultThatCannotBeReadIsLeftAlone(t *testing.T) {
	t.Parallel()
	idp := quick(t)
	bus := desktop.Bus(t)
	desktop.Keyring(t, bus)
	o := options(t, idp)
	p := start(t, bus.Env(), o)
	p.signIn(idp)
	p.kill()
	file := filepath.Join(o.Dir, "vault")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	aside := file + ".mine"
	withhold, giveBack := func() error { return os.Chmod(file, 0) }, func() error { return os.Chmod(file, 0o600) }
	if os.Geteuid() == 0 {
		// Root may read everything; a link is followed for nobody.
		withhold = func() error { return errors.Join(os.Rename(file, aside), os.Symlink(aside, file)) }
		giveBack = func() error { return os.Rename(aside, file) }
	}
	if err := withhold(); err != nil {
		t.Fatal(err)
	}

	p = start(t, bus.Env(), o)
	a := p.until("the file to be called unreadable", func(a answer) bool { return a.storage() == authcore.ProblemVaultUnreadable })
	if a.account().State != authcore.SignedOut || a.Token != "" {
		t.Errorf("account = %+v", a.account())
	}
	p.signIn(idp)
	inMemory(t, p, o.Dir, authcore.ProblemVaultUnreadable)
	if err := giveBack(); err != nil {
		t.Fatal(err)
	}
	if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, good) {
		t.Errorf("the file was touched: %v", err)
	}
	if kept, _ := filepath.Glob(filepath.Join(o.Dir, "vault-unreadable-*")); len(kept) != 0 {
		t.Errorf("put aside: %q", kept)
	}
	savedByItself(t, p, bus.Env(), o)
}

// A running agent remembers its session when the file is spoilt under it.
func TestAVaultSpoiltUnderARunningAgentCostsNoSession(t *testing.T) {
	t.Parallel()
	idp := quick(t)
	bus := desktop.Bus(t)
	desktop.Keyring(t, bus)
	o := options(t, idp)
	p := start(t, bus.Env(), o)
	p.signIn(idp)
	file := filepath.Join(o.Dir, "vault")

	if err := os.Truncate(file, 100); err != nil {
		t.Fatal(err)
	}
	p.ask(command{Renew: true}) // which finds it out
	p.until("the vault to be written anew", func(a answer) bool {
		now, err := os.Stat(file)
		return err == nil && now.Size() > 100 && a.account().State == authcore.SignedIn
	})
	if kept, _ := filepath.Glob(filepath.Join(o.Dir, "vault-unreadable-*")); len(kept) != 1 {
		t.Errorf("kept aside: %q", kept)
	}
	savedByItself(t, p, bus.Env(), o)

	p = start(t, bus.Env(), o)
	p.state(authcore.SignedIn)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	p.ask(command{Renew: true})
	savedByItself(t, p, bus.Env(), o)
}
