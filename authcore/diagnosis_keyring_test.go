package authcore

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/vault"
)

// moodyKeyring can be made to fail, or to wait for a user who is not there.
type moodyKeyring struct {
	vault.Memory
	mu   sync.Mutex
	err  error
	wait chan struct{}
}

func (k *moodyKeyring) be(err error, wait chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err, k.wait = err, wait
}

func (k *moodyKeyring) Get(service, user string) (string, error) {
	k.mu.Lock()
	err, wait := k.err, k.wait
	k.mu.Unlock()
	if wait != nil {
		<-wait
	}
	if err != nil {
		return "", err
	}
	return k.Memory.Get(service, user)
}

// TestFixItLooksAtTheKeyringItself: the vault remembers the key, so that a
// keyring that is locked or gone later shows only when it is asked.
func TestFixItLooksAtTheKeyringItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keyring := &moodyKeyring{}
		dir := t.TempDir() + "/data"
		b := &bench{t: t, issuer: newFakeIssuer(), vault: vault.New(vault.Options{Dir: dir, Keyring: keyring})}
		b.files = t.TempDir() + "/live-files.json"
		b.start()
		synctest.Wait()
		// said is what the two checks say, the keyring's and the session file's.
		said := func() (keyring, storage string) {
			t.Helper()
			keyring, storage = "none", "none"
			for _, c := range b.agent.checkSaved(t.Context(), time.Now) {
				text := string(c.Finding)
				if c.Problem != nil {
					text = string(c.Problem.Code)
					if w := c.Words(); w.Next == "" || strings.Contains(w.Found+w.Next, "{{") {
						t.Errorf("%s: %+v", c.Name, w)
					}
				}
				switch c.Name {
				case CheckKeyring:
					keyring = text
				case CheckStorage:
					storage = text
				}
			}
			return keyring, storage
		}
		want := func(when, wantKeyring, wantStorage string) {
			t.Helper()
			if k, s := said(); k != wantKeyring || s != wantStorage {
				t.Errorf("%s: the keyring is %q and the storage %q, want %q and %q", when, k, s, wantKeyring, wantStorage)
			}
		}
		want("signed out", "keyring-new", "saved")
		b.signIn()
		want("signed in", "keyring", "saved")
		keyring.be(vault.ErrKeyringLocked, nil)
		want("locked meanwhile", "keyring-locked", "saved")
		keyring.be(vault.ErrKeyringAbsent, nil)
		want("gone meanwhile", "keyring-absent", "saved")
		open := make(chan struct{})
		keyring.be(nil, open)
		want("with an open prompt", "keyring-slow", "saved")
		close(open)
		keyring.be(nil, nil)
		synctest.Wait()

		// Locked since the start: the file waits for the keyring, which is said once.
		b.stop()
		b.vault = vault.New(vault.Options{Dir: dir, Keyring: keyring})
		keyring.be(vault.ErrKeyringLocked, nil)
		b.start()
		synctest.Wait()
		want("locked at the start", "keyring-locked", "none")
		keyring.be(nil, nil)
		want("unlocked", "keyring", "saved")
		b.wantState(SignedIn)

		// The key is lost: what memory holds goes into a new file with a new key.
		keyring.Memory = vault.Memory{}
		want("the key is lost", "keyring", "saved")
		b.wantState(SignedIn)
		aside, err := filepath.Glob(filepath.Join(dir, "vault-unreadable-*"))
		if err != nil || len(aside) != 1 {
			t.Errorf("kept aside: %v, %v", aside, err)
		}
		b.stop()
		b.vault = vault.New(vault.Options{Dir: dir, Keyring: keyring})
		b.start()
		synctest.Wait()
		b.wantState(SignedIn)

		// And a file that is not the keyring's fault.
		if err := os.WriteFile(filepath.Join(dir, "vault"), []byte("nonsense"), 0o600); err != nil {
			t.Fatal(err)
		}
		if k, _ := said(); k != "keyring-new" {
			t.Errorf("a damaged file: the keyring is %q", k)
		}
	})
}
