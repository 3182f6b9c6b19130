package authcore

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

const (
	// historyLife is how long the timeline is kept on disk, and historyShown
	// how much of it a snapshot holds.
	historyLife  = 7 * 24 * time.Hour
	historyShown = 24 * time.Hour
	// historyMost bounds it when a bad network makes an event a minute.
	historyMost = 1000
	// historyShownMost keeps a snapshot small.
	historyShownMost = 200
)

// history is the timeline of the last days. It holds no secret.
type history struct {
	events []TimelineEvent
	dirty  bool
	saving bool
	// last is what was shown last, as long as it is true. A snapshot with the
	// very same slice is compared with the one before in no time.
	last  []TimelineEvent
	known bool
}

// changed notes that the events are others.
func (h *history) changed() { h.dirty, h.known = true, false }

// event adds to the timeline.
func (a *Agent) event(e TimelineEvent) {
	e.At = a.now()
	keep := slices.DeleteFunc(slices.Clone(a.history.events), func(old TimelineEvent) bool {
		return e.At.Sub(old.At) > historyLife
	})
	a.history.events = append(keep[max(0, len(keep)-historyMost+1):], e)
	a.history.changed()
}

// shown is the last day of the timeline. The slice must not be changed.
func (h *history) shown(now time.Time) []TimelineEvent {
	if h.known && (len(h.last) == 0 || now.Sub(h.last[0].At) < historyShown) {
		return h.last
	}
	var last []TimelineEvent
	for _, e := range h.events {
		if now.Sub(e.At) < historyShown {
			last = append(last, e)
		}
	}
	h.last, h.known = last[max(0, len(last)-historyShownMost):], true
	return h.last
}

// loadHistory reads the timeline. One that cannot be read begins anew: it is
// there to be looked at, and nothing depends on it.
func (a *Agent) loadHistory() {
	if a.options.HistoryPath == "" {
		return
	}
	data, err := os.ReadFile(a.options.HistoryPath)
	if err == nil {
		err = json.Unmarshal(data, &a.history.events)
	}
	a.history.known = false
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		a.log.Warn("the history cannot be read", "cause", err)
		a.history.events = nil
	}
}

// saveHistory writes the timeline beside the owner, if it has changed.
func (a *Agent) saveHistory() {
	if a.options.HistoryPath == "" || !a.history.dirty || a.history.saving {
		return
	}
	a.history.dirty, a.history.saving = false, true
	path, events := a.options.HistoryPath, slices.Clone(a.history.events)
	a.work(func() {
		data, err := json.Marshal(events)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(path), 0o700)
		}
		if err == nil {
			err = export.Write(path, secret.New(string(data)+"\n"))
		}
		a.post(func() {
			a.history.saving = false
			if err != nil {
				a.log.Warn("the history cannot be saved", "cause", err)
			}
		})
	})
}
