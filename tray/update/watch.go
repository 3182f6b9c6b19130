package update

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

const (
	// every is how often is asked, and afterFault when an answer was no use: a
	// network that does not let us through will not do so in an hour either.
	every      = 24 * time.Hour
	afterFault = 6 * time.Hour
	// begin is when is asked first after a start, which has more urgent things
	// to do. tick is the longest wait: timers stand still while a computer
	// sleeps.
	begin = 15 * time.Second
	tick  = time.Hour
)

// Watcher asks once a day and tells what it found. All fields must be set.
type Watcher struct {
	// Fetch is Source.Fetch.
	Fetch func(context.Context, time.Time) (Release, error)
	// Version is the running program's own.
	Version string
	// Path is the whole path of the file that says when was asked last.
	Path string
	// Wanted says whether the user and the policy let us ask.
	Wanted func() bool
	// Now is the time by the servers' clocks.
	Now func() time.Time
	// Found is told of a newer version, and of nil when there is none or
	// nobody wants to know any more.
	Found func(*authcore.Update)
	// Changed has a value when the answer of Wanted may be another.
	Changed <-chan struct{}
	Log     *slog.Logger
}

// state is what outlives a restart, so that is not asked at every start.
type state struct {
	AskedAt time.Time `json:"asked_at"`
	Fault   bool      `json:"fault,omitempty"`
	// Seen is the newest version that was ever announced: no later note may
	// go back behind it.
	Seen string `json:"seen,omitempty"`
	Page string `json:"page,omitempty"`
}

// Run asks until ctx ends.
func (w *Watcher) Run(ctx context.Context) {
	s := w.load()
	wait := begin
	for {
		w.tell(s)
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		case <-w.Changed:
		}
		wait = tick
		if w.Wanted() && s.due(w.Now()) {
			s = w.ask(ctx, s)
		}
	}
}

// due also when the clock was turned back.
func (s state) due(now time.Time) bool {
	pause := every
	if s.Fault {
		pause = afterFault
	}
	return now.Sub(s.AskedAt) >= pause || now.Before(s.AskedAt)
}

func (w *Watcher) ask(ctx context.Context, s state) state {
	now := w.Now()
	release, err := w.Fetch(ctx, now)
	if ctx.Err() != nil {
		return s
	}
	if err == nil && s.Seen != "" && Newer(s.Seen, release.Version) {
		err = fmt.Errorf("version %s was announced before, and now %s: somebody may be answering with an old note", s.Seen, release.Version)
	}
	s.AskedAt, s.Fault = now.Round(0), err != nil
	if err != nil {
		w.Log.Info("whether there is a newer version is not known", "cause", err)
	} else {
		s.Seen, s.Page = release.Version, release.Page
	}
	if err := w.save(s); err != nil {
		w.Log.Info("when the newest version was asked for cannot be saved", "cause", err)
	}
	return s
}

func (w *Watcher) tell(s state) {
	if !w.Wanted() || !Newer(s.Seen, w.Version) {
		w.Found(nil)
		return
	}
	w.Found(&authcore.Update{Version: s.Seen, Page: s.Page})
}

// load begins anew where there is nothing that can be read: it costs one
// request.
func (w *Watcher) load() (s state) {
	data, err := os.ReadFile(w.Path)
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.Log.Info("when the newest version was asked for cannot be read", "cause", err)
	}
	// The file is the user's, and no signature covers it.
	if (Release{Version: s.Seen, Page: s.Page, Expires: s.AskedAt.Add(1)}).check(time.Time{}) != nil || err != nil {
		return state{}
	}
	return s
}

func (w *Watcher) save(s state) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(w.Path), 0o700); err != nil {
		return err
	}
	return export.Write(w.Path, secret.New(string(data)+"\n"))
}
