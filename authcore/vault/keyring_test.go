package vault

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// slowKeyring answers when it is told to, as one with an open prompt.
type slowKeyring struct {
	Memory
	answer chan struct{}
	gets   atomic.Int64
}

func (k *slowKeyring) Get(service, user string) (string, error) {
	k.gets.Add(1)
	<-k.answer
	return k.Memory.Get(service, user)
}

// slow is a vault with content whose keyring does not answer yet.
func slow(t *testing.T) (*Vault, *slowKeyring) {
	t.Helper()
	v, memory := saved(t, "tokens")
	k := &slowKeyring{answer: make(chan struct{})}
	for entry, secret := range memory.entries {
		_ = k.Set(entry[0], entry[1], secret)
	}
	return New(Options{Dir: v.dir, Keyring: k}), k
}

func TestKeyringTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, k := slow(t)
		for name, c := range map[string]struct {
			limit, want time.Duration
		}{
			"the vault's":  {time.Hour, DefaultKeyringTimeout},
			"the caller's": {time.Second, time.Second},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), c.limit)
			start := time.Now()
			_, err := v.Read(ctx)
			cancel()
			if waited := time.Since(start); !errors.Is(err, ErrKeyringSlow) || waited != c.want {
				t.Errorf("%s: %v after %v, want ErrKeyringSlow after %v", name, err, waited, c.want)
			}
		}

		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := v.Read(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, ErrKeyringSlow) {
			t.Errorf("cancelled: %v", err)
		}

		// All three asked one question; its late answer serves the next.
		if n := k.gets.Load(); n != 1 {
			t.Errorf("the keyring was asked %d times, want once", n)
		}
		close(k.answer)
		synctest.Wait()
		mustRead(t, v, "tokens")
		if n := k.gets.Load(); n != 1 {
			t.Errorf("the keyring was asked %d times, want once", n)
		}
	})
}

func TestReadersShareOneQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, k := slow(t)
		done := make(chan error, 10)
		for range cap(done) {
			go func() {
				content, err := v.Read(t.Context())
				if err == nil && string(content) != "tokens" {
					err = errors.New("other content: " + string(content))
				}
				done <- err
			}()
		}
		time.Sleep(29 * time.Second)
		close(k.answer)
		for range cap(done) {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if n := k.gets.Load(); n != 1 {
			t.Errorf("the keyring was asked %d times, want once", n)
		}
	})
}

// TestOneQuestionAtATime: another key is asked for after the answer about the
// first.
func TestOneQuestionAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, k := slow(t)
		first, other := make(chan error, 1), make(chan error, 1)
		go func() { first <- second(v.Read(t.Context())) }()
		synctest.Wait()
		go func() { other <- second(v.openingKey(t.Context(), "0123456789abcdef")) }()
		synctest.Wait()
		if n := k.gets.Load(); n != 1 {
			t.Errorf("%d questions are open, want one", n)
		}
		close(k.answer)
		if err := <-first; err != nil {
			t.Error(err)
		}
		if err := <-other; !errors.Is(err, ErrKeyMissing) {
			t.Errorf("the other key: %v", err)
		}
	})
}

// brokenKeyring fails in a way of its own.
type brokenKeyring struct {
	Memory
	get func(stored string, err error) (string, error)
	set func(k *Memory, service, user, secret string) error
}

func (k *brokenKeyring) Get(service, user string) (string, error) {
	stored, err := k.Memory.Get(service, user)
	if k.get == nil {
		return stored, err
	}
	return k.get(stored, err)
}

func (k *brokenKeyring) Set(service, user, secret string) error {
	if k.set == nil {
		return k.Memory.Set(service, user, secret)
	}
	return k.set(&k.Memory, service, user, secret)
}

func TestKeyIsReadBack(t *testing.T) {
	for name, c := range map[string]struct {
		keyring *brokenKeyring
		want    error
	}{
		"reports done and keeps nothing": {&brokenKeyring{set: func(*Memory, string, string, string) error { return nil }}, ErrKeyringAbsent},
		"keeps another key": {&brokenKeyring{set: func(k *Memory, service, user, secret string) error {
			return k.Set(service, user, newFreshKey().encoded)
		}}, ErrKeyringAbsent},
		"refuses": {&brokenKeyring{set: func(*Memory, string, string, string) error { return io.ErrClosedPipe }}, io.ErrClosedPipe},
		"fails to read": {&brokenKeyring{get: func(stored string, err error) (string, error) {
			if err == nil {
				err = ErrKeyringLocked
			}
			return "", err
		}}, ErrKeyringLocked},
		"panics": {&brokenKeyring{get: func(string, error) (string, error) { panic("no such type") }}, ErrKeyringAbsent},
	} {
		t.Run(name, func(t *testing.T) {
			v := New(Options{Dir: newDir(t), Keyring: c.keyring})
			for range 2 {
				if err := save(t.Context(), v, []byte("tokens")); !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
			}
			if _, err := v.Read(t.Context()); !errors.Is(err, ErrNoVault) {
				t.Errorf("a file was written: %v", err)
			}
			if n := len(c.keyring.entries); n > 1 {
				t.Errorf("two attempts left %d keys", n)
			}
			// The keyring mended: the next attempt works, also in a new process.
			c.keyring.get, c.keyring.set = nil, nil
			c.keyring.entries = nil
			if err := save(t.Context(), v, []byte("tokens")); err != nil {
				t.Fatal(err)
			}
			mustRead(t, New(Options{Dir: v.dir, Keyring: c.keyring}), "tokens")
		})
	}
}

// TestSlowCreation: the prompt of a first save is answered after the caller
// gave up; the next save uses that key and asks no more.
func TestSlowCreation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &slowKeyring{answer: make(chan struct{})}
		v := New(Options{Dir: newDir(t), Keyring: k})
		if err := save(t.Context(), v, []byte("tokens")); !errors.Is(err, ErrKeyringSlow) {
			t.Fatalf("got %v", err)
		}
		close(k.answer)
		synctest.Wait()
		asked := k.gets.Load()
		if err := save(t.Context(), v, []byte("tokens")); err != nil {
			t.Fatal(err)
		}
		if n := k.gets.Load(); n != asked || len(k.entries) != 1 {
			t.Errorf("asked %d times more and keeps %d keys", n-asked, len(k.entries))
		}
		mustRead(t, New(Options{Dir: v.dir, Keyring: k}), "tokens")
	})
}

// TestTwoFirstSaves: two processes that both make the first key do not cost
// each other anything.
func TestTwoFirstSaves(t *testing.T) {
	memory := &Memory{}
	dir := newDir(t)
	a, b := New(Options{Dir: dir, Keyring: memory}), New(Options{Dir: dir, Keyring: memory})
	// b's key arrives late: after a has written the file.
	if err := save(t.Context(), a, []byte("a's tokens")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.sealingKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustRead(t, b, "a's tokens")
	if err := save(t.Context(), b, []byte("b's tokens")); err != nil {
		t.Fatal(err)
	}
	mustRead(t, a, "b's tokens")
	mustRead(t, New(Options{Dir: dir, Keyring: memory}), "b's tokens")
}

func TestTheKeyringIsAskedPastWhatIsRemembered(t *testing.T) {
	v, memory := saved(t, "tokens")
	if holds, err := v.CheckKeyring(t.Context()); !holds || err != nil {
		t.Fatalf("with a file: %v, %v", holds, err)
	}
	var name [2]string
	for name = range memory.entries {
	}
	key := memory.entries[name]
	_ = memory.Delete(name[0], name[1])
	if holds, err := v.CheckKeyring(t.Context()); holds || !errors.Is(err, ErrKeyMissing) {
		t.Errorf("the key is gone: %v, %v", holds, err)
	}
	// It would not be there after a restart, so it is not used any more now.
	if _, err := v.Read(t.Context()); !errors.Is(err, ErrKeyMissing) {
		t.Errorf("read with a key that is gone: %v", err)
	}
	_ = memory.Set(name[0], name[1], key)
	if holds, err := v.CheckKeyring(t.Context()); !holds || err != nil {
		t.Errorf("it is back: %v, %v", holds, err)
	}
	if content, err := v.Read(t.Context()); string(content) != "tokens" {
		t.Errorf("%q, %v", content, err)
	}
	// Another key, or none, under its name is as good as gone.
	for _, other := range []string{"nonsense", newFreshKey().encoded} {
		_ = memory.Set(name[0], name[1], other)
		if holds, err := v.CheckKeyring(t.Context()); holds || !errors.Is(err, ErrKeyMissing) {
			t.Errorf("%q: %v, %v", other, holds, err)
		}
	}
	fresh := New(Options{Dir: t.TempDir() + "/data", Keyring: memory})
	if holds, err := fresh.CheckKeyring(t.Context()); holds || err != nil {
		t.Errorf("without a file: %v, %v", holds, err)
	}
	fresh = New(Options{Dir: t.TempDir(), Keyring: &lockedKeyring{}})
	if holds, err := fresh.CheckKeyring(t.Context()); holds || !errors.Is(err, ErrKeyringLocked) {
		t.Errorf("locked: %v, %v", holds, err)
	}
}

// lockedKeyring is locked, and nobody is asked.
type lockedKeyring struct{ Memory }

func (*lockedKeyring) Get(string, string) (string, error) {
	return "", because(ErrKeyringLocked, errors.New("locked"))
}

func TestASlowKeyringIsAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, k := slow(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for range 2 {
			if holds, err := v.CheckKeyring(ctx); holds || !errors.Is(err, ErrKeyringSlow) {
				t.Errorf("%v, %v", holds, err)
			}
		}
		if got := k.gets.Load(); got != 1 {
			t.Errorf("it was asked %d times, which may be as many prompts", got)
		}
		close(k.answer)
		if holds, err := v.CheckKeyring(t.Context()); !holds || err != nil {
			t.Errorf("once it answers: %v, %v", holds, err)
		}
	})
}

func TestMemoryKeyring(t *testing.T) {
	var k Memory
	if _, err := k.Get("s", "u"); !errors.Is(err, ErrNotFound) {
		t.Errorf("get: %v", err)
	}
	if err := k.Delete("s", "u"); !errors.Is(err, ErrNotFound) {
		t.Errorf("delete: %v", err)
	}
	if err := k.Set("s", "u", "secret"); err != nil {
		t.Error(err)
	}
	if got, err := k.Get("s", "u"); got != "secret" || err != nil {
		t.Errorf("get: %q, %v", got, err)
	}
	if err := k.Delete("s", "u"); err != nil {
		t.Errorf("delete: %v", err)
	}
}

// TestErrorsAreDistinct: no kind is found in another, but for the session bus,
// and each says something.
func TestErrorsAreDistinct(t *testing.T) {
	for name, err := range kinds {
		want := []string{name}
		if name == "no bus" {
			want = []string{"absent", "no bus"}
		}
		if got := kindsOf(because(err, io.EOF)); strings.Join(got, ",") != strings.Join(want, ",") {
			t.Errorf("%s is %q", name, got)
		}
		if !errors.Is(because(err, io.EOF), io.EOF) {
			t.Errorf("%s hides its cause", name)
		}
	}
}
