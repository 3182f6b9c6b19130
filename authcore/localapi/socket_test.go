package localapi

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
)

func TestTheSocketIsPrivate(t *testing.T) {
	path, _ := serve(t, newResident().backend())
	for _, test := range []struct {
		path string
		want os.FileMode
	}{{path, 0o600 | os.ModeSocket}, {filepath.Dir(path), 0o700 | os.ModeDir}} {
		info, err := os.Lstat(test.path)
		if err != nil {
			t.Fatal(err)
		}
		if privateModes && info.Mode() != test.want {
			t.Errorf("%s has mode %v, want %v", test.path, info.Mode(), test.want)
		}
	}
}

func TestASecondResidentIsToldSo(t *testing.T) {
	path, stop := serve(t, newResident().backend())
	if _, err := Listen(path); !errors.Is(err, ErrRunning) {
		t.Fatalf("got %v", err)
	}
	if _, err := NewClient(path).Snapshot(t.Context()); err != nil {
		t.Errorf("the first one is disturbed: %v", err)
	}
	stop()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left behind: %v", err)
	}
	if _, err := NewClient(path).Snapshot(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("without a resident: %v", err)
	}
}

// stale leaves a socket behind as a killed process does.
func stale(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAStaleSocketIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run", "api.sock")
	stale(t, path)
	if _, err := NewClient(path).Snapshot(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("a client at a stale socket: %v", err)
	}
	ln, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
}

func TestOfManyStartsAtOnceOneWins(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run", "api.sock")
	stale(t, path)
	const starts = 20
	var group sync.WaitGroup
	listeners := make(chan net.Listener, starts)
	for range starts {
		group.Go(func() {
			ln, err := Listen(path)
			if err == nil {
				listeners <- ln
			} else if !errors.Is(err, ErrRunning) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if len(listeners) != 1 {
		t.Fatalf("%d won", len(listeners))
	}
	_ = (<-listeners).Close()
}

func TestListenTouchesNothingThatIsNotItsOwn(t *testing.T) {
	t.Run("a file in the socket's place", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "run", "api.sock")
		if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Listen(path); err == nil || !strings.Contains(err.Error(), "in the way") {
			t.Errorf("got %v", err)
		}
		if data, _ := os.ReadFile(path); string(data) != "precious" {
			t.Errorf("the file holds %q", data)
		}
	})
	t.Run("a link as the folder", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "real"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(dir, "real"), filepath.Join(dir, "run")); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
		if _, err := Listen(filepath.Join(dir, "run", "api.sock")); err == nil || !strings.Contains(err.Error(), "not a link") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a file as the folder", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "run")
		if err := os.WriteFile(folder, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Listen(filepath.Join(folder, "api.sock")); err == nil {
			t.Error("no error")
		}
	})
	t.Run("a path that is too long", func(t *testing.T) {
		_, err := Listen(filepath.Join(t.TempDir(), strings.Repeat("x", maxPath), "api.sock"))
		if err == nil || !strings.Contains(err.Error(), "too long") {
			t.Errorf("got %v", err)
		}
	})
}

func TestOnlyUnixSocketsHavePeers(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if err := checkPeer(a); err == nil {
		t.Error("a pipe passes for a socket")
	}
}

func TestQuitReturnsWhenTheResidentIsGone(t *testing.T) {
	r := newResident()
	b := r.backend()
	var path string
	var stop func()
	b.Do = func(_ context.Context, c authcore.Command) error {
		if c.Name == authcore.CommandQuit {
			time.AfterFunc(300*time.Millisecond, stop) // the answer goes out first
		}
		return nil
	}
	path, stop = serve(t, b)
	if err := NewClient(path).Quit(t.Context()); err != nil {
		t.Fatal(err)
	}
	ln, err := Listen(path)
	if err != nil {
		t.Fatalf("another cannot start yet: %v", err)
	}
	_ = ln.Close()
	if err := NewClient(path).Quit(t.Context()); err != nil {
		t.Errorf("nobody runs: %v", err)
	}

	r = newResident()
	r.fail = &authcore.Problem{Code: authcore.ProblemManaged}
	path, _ = serve(t, r.backend())
	if _, ok := errors.AsType[*authcore.Problem](NewClient(path).Quit(t.Context())); !ok {
		t.Error("a refusal is no error")
	}
	stays, _ := serve(t, newResident().backend())
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := NewClient(stays).Quit(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it does not end: %v", err)
	}
}

func TestAClientWithoutAFolder(t *testing.T) {
	c := NewClient(filepath.Join(t.TempDir(), "nowhere", "api.sock"))
	if _, err := c.Snapshot(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Snapshot(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
}
