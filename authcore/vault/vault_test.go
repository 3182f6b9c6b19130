package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestNewTouchesNothing(t *testing.T) {
	v := New(Options{Dir: newDir(t)})
	if want := filepath.Join(v.dir, "vault"); v.Path() != want {
		t.Errorf("the path is %s, want %s", v.Path(), want)
	}
	if _, err := os.Lstat(v.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder exists: %v", err)
	}
	for name, err := range map[string]error{
		"read":      second(v.Read(t.Context())),
		"set aside": second(v.SetAside()),
	} {
		if !errors.Is(err, ErrNoVault) {
			t.Errorf("%s without a folder: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestContentComesBack(t *testing.T) {
	v, memory := saved(t, "")
	for _, content := range []string{"", "tokens", strings.Repeat("long ", 100_000)} {
		if err := save(t.Context(), v, []byte(content)); err != nil {
			t.Fatal(err)
		}
		mustRead(t, v, content)
		mustRead(t, New(Options{Dir: v.dir, Keyring: memory}), content)
	}
	if len(memory.entries) != 1 {
		t.Errorf("the keyring has %d entries, want 1", len(memory.entries))
	}
}

func TestTooMuchContent(t *testing.T) {
	v, _ := saved(t, "tokens")
	if err := save(t.Context(), v, make([]byte, maxContent+1)); err == nil {
		t.Error("more than the limit was written")
	}
	mustRead(t, v, "tokens")
	if err := save(t.Context(), v, make([]byte, maxContent)); err != nil {
		t.Error(err)
	}
	if content, err := v.Read(t.Context()); err != nil || len(content) != maxContent {
		t.Errorf("%d bytes, %v", len(content), err)
	}
	if err := os.Truncate(v.Path(), maxContent*2); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Read(t.Context()); !errors.Is(err, ErrDamaged) {
		t.Errorf("a file beyond the limit: %v", err)
	}
}

// TestWriteReplacesOnlyWhatItCanOpen: whatever the file is, only SetAside makes
// room for another.
func TestWriteReplacesOnlyWhatItCanOpen(t *testing.T) {
	fromTomorrow := func(t *testing.T, v *Vault) []byte {
		t.Helper()
		line := headerLine(version+1, v.current)
		return v.keys[v.current].Seal(bytes.Clone(line), nil, []byte("tomorrow's tokens"), line)
	}
	for name, c := range map[string]struct {
		file func(t *testing.T, v *Vault) []byte
		want error
	}{
		"damaged":        {func(*testing.T, *Vault) []byte { return []byte("nonsense") }, ErrDamaged},
		"empty":          {func(*testing.T, *Vault) []byte { return nil }, ErrDamaged},
		"of another key": {func(*testing.T, *Vault) []byte { return otherFile(t) }, ErrKeyMissing},
		"newer":          {fromTomorrow, ErrNewerVersion},
		"newer, altered": {func(t *testing.T, v *Vault) []byte {
			file := fromTomorrow(t, v)
			file[len(file)-1] ^= 1
			return file
		}, ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			v, memory := saved(t, "tokens")
			file := c.file(t, v)
			if err := os.WriteFile(v.Path(), file, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, v := range []*Vault{v, New(Options{Dir: v.dir, Keyring: memory})} {
				if _, err := v.Read(t.Context()); !errors.Is(err, c.want) {
					t.Errorf("read: %v, want %v", err, c.want)
				}
				if err := save(t.Context(), v, []byte("others")); !errors.Is(err, c.want) {
					t.Errorf("write: %v, want %v", err, c.want)
				}
			}
			kept, err := v.SetAside()
			if err != nil {
				t.Fatal(err)
			}
			if now, err := os.ReadFile(kept); err != nil || !bytes.Equal(now, file) {
				t.Errorf("the file set aside was changed: %v", err)
			}
			if err := save(t.Context(), v, []byte("new tokens")); err != nil {
				t.Fatal(err)
			}
			mustRead(t, v, "new tokens")
			mustRead(t, New(Options{Dir: v.dir, Keyring: memory}), "new tokens")
		})
	}
}

func otherFile(t *testing.T) []byte {
	t.Helper()
	other, _ := saved(t, "other tokens")
	file, err := os.ReadFile(other.Path())
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestSetAsideOverwritesNothing(t *testing.T) {
	v, _ := saved(t, "")
	kept := map[string]string{}
	for n := range 5 {
		content := fmt.Sprint("file ", n)
		if err := os.WriteFile(v.Path(), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		path, err := v.SetAside()
		if err != nil {
			t.Fatal(err)
		}
		kept[path] = content
		if name := filepath.Base(path); !strings.HasPrefix(name, "vault-unreadable-2") || strings.ContainsAny(name, ":") {
			t.Errorf("it was named %s", name)
		}
	}
	for path, want := range kept {
		if text, err := os.ReadFile(path); string(text) != want {
			t.Errorf("%s holds %q (%v), want %q", path, text, err, want)
		}
	}
	if len(kept) != 5 {
		t.Errorf("%d files were kept, want 5", len(kept))
	}
	if _, err := v.SetAside(); !errors.Is(err, ErrNoVault) {
		t.Errorf("without a file: %v", err)
	}
}

func TestLockExcludesGoroutines(t *testing.T) {
	v, memory := saved(t, "0")
	vaults := []*Vault{v, New(Options{Dir: v.dir, Keyring: memory})}
	var group sync.WaitGroup
	for n := range 20 {
		group.Go(func() {
			l, err := vaults[n%2].Lock(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			var count int
			if content, err := l.Read(t.Context()); err != nil {
				t.Error(err)
			} else if _, err := fmt.Sscan(string(content), &count); err != nil {
				t.Error(err)
			}
			if err := errors.Join(l.Write(t.Context(), fmt.Append(nil, count+1)), l.Unlock()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	mustRead(t, v, "20")
}

func TestLockExcludesProcesses(t *testing.T) {
	v, _ := saved(t, "tokens")
	c := startChild(t, os.Environ(), childOptions{Dir: v.dir, Entries: map[string]string{}})
	c.works("lock")

	ctx, cancel := context.WithTimeout(t.Context(), 3*lockPoll)
	defer cancel()
	if _, err := v.Lock(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a held lock: %v", err)
	}
	mustRead(t, v, "tokens")

	// Another waits, and has the lock when the first lets go of it.
	waiting := startChild(t, os.Environ(), childOptions{Dir: v.dir, Entries: map[string]string{}})
	waiting.send("lock")
	c.works("unlock")
	if a := waiting.receive(); a.Error != "" {
		t.Error(a.Error)
	}

	// A killed process frees it too.
	waiting.kill()
	l, err := v.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Unlock(); err != nil {
		t.Error(err)
	}
}

func TestReleasedLock(t *testing.T) {
	v, _ := saved(t, "tokens")
	l, err := v.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.Unlock(), l.Unlock()); err != nil {
		t.Error(err)
	}
	if err := l.Write(t.Context(), []byte("others")); err == nil {
		t.Error("a write without the lock succeeded")
	}
	mustRead(t, v, "tokens")
}

func TestCancelledContext(t *testing.T) {
	v, memory := saved(t, "tokens")
	l, err := v.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := New(Options{Dir: v.dir, Keyring: memory}).Read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("read: %v", err)
	}
	if err := l.Write(ctx, []byte("others")); !errors.Is(err, context.Canceled) {
		t.Errorf("write: %v", err)
	}
	if err := l.Unlock(); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Lock(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("lock: %v", err)
	}
	mustRead(t, v, "tokens")
}

// TestFolderGone: somebody cleans up under a running program.
func TestFolderGone(t *testing.T) {
	v, memory := saved(t, "tokens")
	if err := os.RemoveAll(v.dir); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Read(t.Context()); !errors.Is(err, ErrNoVault) {
		t.Errorf("read: %v", err)
	}
	if err := save(t.Context(), v, []byte("renewed tokens")); err != nil {
		t.Fatal(err)
	}
	mustRead(t, New(Options{Dir: v.dir, Keyring: memory}), "renewed tokens")
}

func TestNothingShowsTheKey(t *testing.T) {
	v, memory := saved(t, "tokens")
	fresh := newFreshKey()
	v.fresh = fresh
	shown := fmt.Sprintf("%v %+v %#v", v, v, v)
	for _, secret := range memory.entries {
		if strings.Contains(shown, secret) || strings.Contains(shown, fresh.encoded) {
			t.Error("printing the vault shows a key")
		}
	}
}

// BenchmarkOpen is what a program does at its start: the key is asked for, here
// of a keyring that answers at once.
func BenchmarkOpen(b *testing.B) {
	v, memory := saved(b, strings.Repeat("x", 30_000))
	for b.Loop() {
		if _, err := New(Options{Dir: v.dir, Keyring: memory}).Read(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	v, _ := saved(b, strings.Repeat("x", 30_000))
	for b.Loop() {
		if _, err := v.Read(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	v, _ := saved(b, "")
	content := bytes.Repeat([]byte("x"), 30_000)
	for b.Loop() {
		if err := save(b.Context(), v, content); err != nil {
			b.Fatal(err)
		}
	}
}

// TestDamageUnderALockedKeyring: the key that is in memory serves the file that
// takes the damaged one's place.
func TestDamageUnderALockedKeyring(t *testing.T) {
	k := &brokenKeyring{}
	v := New(Options{Dir: newDir(t), Keyring: k})
	if err := save(t.Context(), v, []byte("tokens")); err != nil {
		t.Fatal(err)
	}
	k.get = func(string, error) (string, error) { return "", ErrKeyringLocked }
	file, err := os.ReadFile(v.Path())
	if err != nil {
		t.Fatal(err)
	}
	file[len(file)-1] ^= 1
	if err := os.WriteFile(v.Path(), file, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Read(t.Context()); !errors.Is(err, ErrDamaged) {
		t.Fatal(err)
	}
	if _, err := v.SetAside(); err != nil {
		t.Fatal(err)
	}
	if err := save(t.Context(), v, []byte("tokens")); err != nil {
		t.Fatal(err)
	}
	k.get = nil
	mustRead(t, New(Options{Dir: v.dir, Keyring: k}), "tokens")
}

// Goroutines of one process wait for each other first, so that the lock is handed
// on at once: the file's lock, which
// other processes may hold, is only asked for again after a pause.
func TestGoroutinesTakeTurnsAtTheLock(t *testing.T) {
	v := New(Options{Dir: filepath.Join(t.TempDir(), "vault"), Keyring: &Memory{}})
	first, err := v.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Lock(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("while it is held, with a context that has ended: %v", err)
	}
	const waiters = 20
	held := make(chan struct{}, waiters)
	var all sync.WaitGroup
	for range waiters {
		all.Go(func() {
			l, err := v.Lock(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			select {
			case held <- struct{}{}:
			default:
			}
			if len(held) != 1 {
				t.Errorf("%d have the lock", len(held))
			}
			<-held
			_ = l.Unlock()
			_ = l.Unlock() // does nothing
		})
	}
	_ = first.Unlock()
	all.Wait()
	if len(v.turn) != 0 {
		t.Error("the turn was not given back")
	}
}
