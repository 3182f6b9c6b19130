package update

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
)

// bench is a watcher whose source answers as a test says.
type bench struct {
	Watcher
	t *testing.T

	mu     sync.Mutex // guards the next ones
	wanted bool
	answer Release
	err    error
	asked  int
	found  *authcore.Update

	changed chan struct{}
	stop    func()
}

func newBench(t *testing.T, path string) *bench {
	b := &bench{t: t, wanted: true, answer: Release{Version: "1.2.0", Page: "https://example.org/1.2.0"}, changed: make(chan struct{}, 1)}
	b.Watcher = Watcher{
		Fetch: func(context.Context, time.Time) (r Release, err error) {
			b.do(func() { b.asked++; r, err = b.answer, b.err })
			return r, err
		},
		Version: "1.1.0", Path: path, Now: time.Now,
		Wanted: func() (wanted bool) { b.do(func() { wanted = b.wanted }); return wanted },
		Found:  func(u *authcore.Update) { b.do(func() { b.found = u }) }, Changed: b.changed, Log: slog.New(slog.DiscardHandler),
	}
	return b
}

func (b *bench) do(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

// told is what was found last.
func (b *bench) told() (u *authcore.Update) {
	b.do(func() { u = b.found })
	return u
}

func (b *bench) start() {
	ctx, cancel := context.WithCancel(b.t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); b.Run(ctx) }()
	b.stop = func() { cancel(); <-ended }
}

// after lets time pass and says how often was asked in it.
func (b *bench) after(d time.Duration) int {
	var before, after int
	b.do(func() { before = b.asked })
	time.Sleep(d) // synctest's: it takes no time
	synctest.Wait()
	b.do(func() { after = b.asked })
	return after - before
}

func TestIsAskedOnceADayAndNotAtEveryStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "state", "update.json")
		b := newBench(t, path)
		b.start()
		if n := b.after(time.Minute); n != 1 || b.told() == nil || b.told().Version != "1.2.0" || b.told().Page != "https://example.org/1.2.0" {
			t.Errorf("in the first minute: asked %d times, found %+v", n, b.told())
		}
		if n := b.after(5 * 24 * time.Hour); n < 4 || n > 5 {
			t.Errorf("in five days: asked %d times", n)
		}
		b.stop()
		b = newBench(t, path)
		b.start()
		defer func() { b.stop() }()
		if n := b.after(time.Minute); n != 0 || b.told() == nil || b.told().Version != "1.2.0" {
			t.Errorf("after a restart: asked %d times, found %+v", n, b.told())
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info, err)
		}
	})
}

func TestNobodyIsAskedUnlessItIsWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, filepath.Join(t.TempDir(), "update.json"))
		b.do(func() { b.wanted = false })
		b.start()
		defer func() { b.stop() }()
		if n := b.after(3 * 24 * time.Hour); n != 0 || b.told() != nil {
			t.Errorf("asked %d times, found %+v", n, b.told())
		}
		b.do(func() { b.wanted = true })
		b.changed <- struct{}{}
		if n := b.after(time.Second); n != 1 || b.told() == nil {
			t.Errorf("switched on: asked %d times, found %+v", n, b.told())
		}
		b.do(func() { b.wanted = false })
		b.changed <- struct{}{}
		if b.after(time.Second); b.told() != nil {
			t.Errorf("switched off: %+v", b.told())
		}
	})
}

func TestAnOlderNoteIsNotBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, filepath.Join(t.TempDir(), "update.json"))
		b.do(func() { b.answer.Version = "1.3.0" })
		b.start()
		defer func() { b.stop() }()
		b.after(time.Minute)
		b.do(func() { b.answer.Version = "1.2.0" }) // signed and not yet expired, but replayed
		if b.after(30 * time.Hour); b.told() == nil || b.told().Version != "1.3.0" {
			t.Errorf("found %+v", b.told())
		}
		b.do(func() { b.answer.Version = "1.1.0" })
		b.stop()
		b.Version = "1.3.0" // the user has installed it
		b.start()
		if b.after(48 * time.Hour); b.told() != nil {
			t.Errorf("up to date, and told of %+v", b.told())
		}
	})
}

func TestAFaultIsNotRepeatedAllTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, filepath.Join(t.TempDir(), "update.json"))
		b.do(func() { b.err = errors.New("connection refused") })
		b.start()
		defer func() { b.stop() }()
		if n := b.after(24 * time.Hour); n < 3 || n > 5 || b.told() != nil {
			t.Errorf("asked %d times in a day of faults, found %+v", n, b.told())
		}
		b.do(func() { b.err = nil })
		if b.after(7 * time.Hour); b.told() == nil {
			t.Error("nothing is found when it works again")
		}
	})
}

func TestAStateOfSomebodyElsesIsNotShown(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":         "x",
		"a script":        `{"asked_at":"2000-01-01T00:00:00Z","seen":"9.0.0","page":"javascript:x"}`,
		"a foreign clock": `{"asked_at":"2999-01-01T00:00:00Z","seen":"1.1.0","page":"https://example.org/"}`,
	} {
		synctest.Test(t, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "update.json")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			b := newBench(t, path)
			b.start()
			defer func() { b.stop() }()
			if synctest.Wait(); b.told() != nil {
				t.Errorf("%s: found %+v", name, b.told())
			}
			if n := b.after(time.Minute); n != 1 {
				t.Errorf("%s: asked %d times", name, n)
			}
		})
	}
}
