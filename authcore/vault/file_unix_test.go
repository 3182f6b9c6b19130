//go:build unix

package vault

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func init() { childModes["writer"] = writeForever }

func TestModes(t *testing.T) {
	v, memory := saved(t, "tokens")
	wide := New(Options{Dir: filepath.Join(t.TempDir(), "wide"), Keyring: memory})
	if err := os.Mkdir(wide.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := save(t.Context(), wide, nil); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{
		v.dir:                          fs.ModeDir | 0o700,
		v.Path():                       0o600,
		filepath.Join(v.dir, lockName): 0o600,
		wide.dir:                       fs.ModeDir | 0o700,
	} {
		if info, err := os.Lstat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: mode %v, want %v (%v)", path, info.Mode(), want, err)
		}
	}
}

func TestSymbolicLinksAreNotFollowed(t *testing.T) {
	link := func(t *testing.T, to, at string) {
		t.Helper()
		if err := os.Symlink(to, at); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("folder", func(t *testing.T) {
		v, memory := saved(t, "tokens")
		linked := New(Options{Dir: newDir(t), Keyring: memory})
		link(t, v.dir, linked.dir)
		if _, err := linked.Read(t.Context()); !errors.Is(err, ErrUnreadable) {
			t.Errorf("read: %v", err)
		}
		if _, err := linked.Lock(t.Context()); !errors.Is(err, ErrUnwritable) {
			t.Errorf("lock: %v", err)
		}
		if _, err := linked.SetAside(); !errors.Is(err, ErrUnwritable) {
			t.Errorf("set aside: %v", err)
		}
		mustRead(t, v, "tokens")
	})
	t.Run("file", func(t *testing.T) {
		v, memory := saved(t, "tokens")
		linked, _ := saved(t, "")
		linked.keyring = memory
		if err := os.Remove(linked.Path()); err != nil {
			t.Fatal(err)
		}
		link(t, v.Path(), linked.Path())
		if _, err := linked.Read(t.Context()); !errors.Is(err, ErrUnreadable) {
			t.Errorf("read: %v", err)
		}
		if err := save(t.Context(), linked, []byte("others")); !errors.Is(err, ErrUnreadable) {
			t.Errorf("write: %v", err)
		}
		mustRead(t, v, "tokens")
	})
	t.Run("file put there after the check", func(t *testing.T) {
		v, _ := saved(t, "tokens")
		at := filepath.Join(t.TempDir(), "link")
		link(t, v.Path(), at)
		if f, err := openFile(at); !errors.Is(err, syscall.ELOOP) {
			t.Errorf("opened %v, %v", f, err)
		}
	})
	t.Run("new file", func(t *testing.T) {
		v, _ := saved(t, "tokens")
		victim := filepath.Join(t.TempDir(), "victim")
		if err := os.WriteFile(victim, []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
		link(t, victim, filepath.Join(v.dir, newName))
		if err := save(t.Context(), v, []byte("renewed")); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(victim); string(text) != "precious" {
			t.Errorf("the link's target holds %q (%v)", text, err)
		}
		mustRead(t, v, "renewed")
	})
	t.Run("lock", func(t *testing.T) {
		v, _ := saved(t, "tokens")
		path := filepath.Join(v.dir, lockName)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		link(t, filepath.Join(t.TempDir(), "elsewhere"), path)
		if _, err := v.Lock(t.Context()); !errors.Is(err, ErrUnwritable) {
			t.Errorf("lock: %v", err)
		}
	})
}

func TestSomethingElseInPlaceOfTheFile(t *testing.T) {
	for name, put := range map[string]func(path string) error{
		"a folder":     func(path string) error { return os.Mkdir(path, 0o700) },
		"a named pipe": func(path string) error { return syscall.Mkfifo(path, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			v, _ := saved(t, "tokens")
			if err := os.Remove(v.Path()); err != nil {
				t.Fatal(err)
			}
			if err := put(v.Path()); err != nil {
				t.Fatal(err)
			}
			if _, err := v.Read(t.Context()); !errors.Is(err, ErrUnreadable) {
				t.Errorf("read: %v", err)
			}
			if err := save(t.Context(), v, []byte("others")); !errors.Is(err, ErrUnreadable) {
				t.Errorf("write: %v", err)
			}
		})
	}
}

func TestSomethingElseInPlaceOfTheFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{path, filepath.Join(path, "below")} {
		v := New(Options{Dir: dir, Keyring: &Memory{}})
		if _, err := v.Read(t.Context()); !errors.Is(err, ErrUnreadable) {
			t.Errorf("read: %v", err)
		}
		if _, err := v.Lock(t.Context()); !errors.Is(err, ErrUnwritable) {
			t.Errorf("lock: %v", err)
		}
	}
}

// The two contents of the writer that is killed: long enough that a save takes
// several writes' time.
var states = [2][]byte{bytes.Repeat([]byte("a"), 300_000), bytes.Repeat([]byte("b"), 200_000)}

// writeForever saves one state after the other until it is killed.
func writeForever() {
	v := optionsOfChild().vault()
	for n := 0; ; n++ {
		if err := save(context.Background(), v, states[n%2]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		if n == 0 {
			fmt.Println("saving")
		}
	}
}

// TestKilledWriter kills a saving process again and again: the file always holds
// one of the two states, whole, and the lock is free.
func TestKilledWriter(t *testing.T) {
	kills := 100
	if testing.Short() {
		kills = 10
	}
	v, memory := saved(t, string(states[0]))
	o := childOptions{Dir: v.dir, Entries: map[string]string{}}
	for entry, secret := range memory.entries {
		o.Entries[entry[1]] = secret
	}
	leftovers, seen := 0, [2]int{}
	for range kills {
		cmd := childCommand("writer", os.Environ(), o)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); line != "saving\n" {
			t.Errorf("the writer says %q, %v", line, err)
		}
		time.Sleep(rand.N(5 * time.Millisecond))
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if _, err := os.Lstat(filepath.Join(v.dir, newName)); err == nil {
			leftovers++
		}
		content, err := v.Read(t.Context())
		switch {
		case bytes.Equal(content, states[0]):
			seen[0]++
		case bytes.Equal(content, states[1]):
			seen[1]++
		default:
			t.Fatalf("neither of the two states: %d bytes, %v", len(content), err)
		}
	}
	t.Logf("%d kills: %d in the middle of a save; read the states %v times", kills, leftovers, seen)
	if leftovers == 0 && kills >= 100 {
		t.Error("no kill hit a save, so this test proves nothing")
	}
	if err := save(t.Context(), v, []byte("after")); err != nil {
		t.Fatal(err)
	}
	mustRead(t, v, "after")
	if _, err := os.Lstat(filepath.Join(v.dir, newName)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a new file was left behind: %v", err)
	}
}
