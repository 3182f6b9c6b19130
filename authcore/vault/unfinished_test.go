package vault

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// leave puts what a process that was killed in a save has left beside the file.
func leave(t *testing.T, v *Vault, left []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(v.dir, newName), left, 0o600); err != nil {
		t.Fatal(err)
	}
}

func sealed(v *Vault, content string) []byte {
	return seal(v.current, v.keys[v.current], []byte(content))
}

func newFileIsThere(v *Vault) bool {
	_, err := os.Lstat(filepath.Join(v.dir, newName))
	return err == nil
}

// A save that was written and not yet put in its place is as good as done: what
// it holds, such as a rotated refresh token, may exist nowhere else.
func TestASaveThatBrokeOffWhenItWasWholeIsCompleted(t *testing.T) {
	for name, open := range map[string]func(t *testing.T, v *Vault){
		"by a read": func(t *testing.T, v *Vault) { mustRead(t, v, "renewed") },
		"by the next holder of the lock": func(t *testing.T, v *Vault) {
			l, err := v.Lock(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer l.Unlock()
			if content, err := l.Read(t.Context()); string(content) != "renewed" {
				t.Errorf("read %q, %v", content, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			v, memory := saved(t, "tokens")
			leave(t, v, sealed(v, "renewed"))
			open(t, New(Options{Dir: v.dir, Keyring: memory}))
			if newFileIsThere(v) {
				t.Error("the new file is still there")
			}
			mustRead(t, v, "renewed")
			// The lock is free again.
			if err := save(t.Context(), v, []byte("next")); err != nil {
				t.Fatal(err)
			}
			mustRead(t, New(Options{Dir: v.dir, Keyring: memory}), "next")
		})
	}
	t.Run("the first save", func(t *testing.T) {
		v, memory := saved(t, "tokens")
		if err := os.Rename(v.Path(), filepath.Join(v.dir, newName)); err != nil {
			t.Fatal(err)
		}
		mustRead(t, New(Options{Dir: v.dir, Keyring: memory}), "tokens")
	})
}

func TestWhatIsLeftOfASaveThatWasNotWholeIsNobodys(t *testing.T) {
	for name, left := range map[string]func(v *Vault) []byte{
		"nothing":          func(*Vault) []byte { return nil },
		"half":             func(v *Vault) []byte { file := sealed(v, "renewed"); return file[:len(file)/2] },
		"all but one byte": func(v *Vault) []byte { file := sealed(v, "renewed"); return file[:len(file)-1] },
		"the header":       func(v *Vault) []byte { return headerLine(version, v.current) },
		"an altered bit":   func(v *Vault) []byte { file := sealed(v, "renewed"); file[len(file)-20] ^= 1; return file },
		"of another key":   func(*Vault) []byte { return otherFile(t) },
		"of a newer version": func(v *Vault) []byte {
			line := headerLine(version+1, v.current)
			return v.keys[v.current].Seal(bytes.Clone(line), nil, []byte("tomorrow's"), line)
		},
	} {
		t.Run(name, func(t *testing.T) {
			v, memory := saved(t, "tokens")
			leave(t, v, left(v))
			for _, v := range []*Vault{v, New(Options{Dir: v.dir, Keyring: memory})} {
				mustRead(t, v, "tokens")
			}
			if err := save(t.Context(), v, []byte("next")); err != nil {
				t.Fatal(err)
			}
			mustRead(t, New(Options{Dir: v.dir, Keyring: memory}), "next")
			if newFileIsThere(v) {
				t.Error("it is still there")
			}
		})
	}
}

// Somebody who saves at this moment is not helped: a new file that grows is not
// a finished one, and one that is whole is about to be renamed.
func TestASaveUnderWayIsLeftToItsWriter(t *testing.T) {
	v, memory := saved(t, "tokens")
	l, err := v.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	leave(t, v, sealed(v, "renewed"))
	mustRead(t, New(Options{Dir: v.dir, Keyring: memory}), "tokens")
	if !newFileIsThere(v) {
		t.Error("a reader has taken the writer's file away")
	}
	if err := l.Unlock(); err != nil {
		t.Fatal(err)
	}
	mustRead(t, New(Options{Dir: v.dir, Keyring: memory}), "renewed")
}

// A file that cannot be opened is kept for SetAside, whatever lies beside it.
func TestADamagedFileIsNotReplacedByWhatASaveHasLeft(t *testing.T) {
	v, memory := saved(t, "tokens")
	leave(t, v, sealed(v, "renewed"))
	if err := os.WriteFile(v.Path(), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	again := New(Options{Dir: v.dir, Keyring: memory})
	if _, err := again.Read(t.Context()); !errors.Is(err, ErrDamaged) {
		t.Errorf("read: %v", err)
	}
	l, err := again.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if now, err := os.ReadFile(v.Path()); string(now) != "nonsense" {
		t.Errorf("it was replaced: %v", err)
	}
	if err := l.Unlock(); err != nil {
		t.Fatal(err)
	}
}

// A reader that may not write, or whose time is over, reads what is there.
func TestAReaderThatCannotCompleteASaveReadsWhatIsThere(t *testing.T) {
	v, memory := saved(t, "tokens")
	leave(t, v, sealed(v, "renewed"))
	if err := os.Remove(filepath.Join(v.dir, lockName)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(v.dir, lockName), 0o700); err != nil { // no lock can be had
		t.Fatal(err)
	}
	mustRead(t, New(Options{Dir: v.dir, Keyring: memory}), "tokens")
	if _, err := os.Lstat(filepath.Join(v.dir, newName)); errors.Is(err, fs.ErrNotExist) {
		t.Error("the new file is gone without a lock")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := New(Options{Dir: v.dir, Keyring: memory}).Read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled reader: %v", err)
	}
}
