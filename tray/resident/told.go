package resident

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// told remembers which notices were shown and when, over restarts: somebody who
// starts the computer three times a day is not told three times. It holds no
// secret: IDs of accounts, paths of files and times. It is not safe for
// concurrent use.
type told struct {
	path         string // empty: in memory
	shown, saved map[string]time.Time
}

// mostTold bounds what is remembered of accounts and files that have gone.
const mostTold = 200

// readTold reads what was told. A file that cannot be read costs a repetition.
func readTold(path string) *told {
	t := &told{path: path, shown: map[string]time.Time{}}
	if data, err := os.ReadFile(path); err == nil {
		_ = json.Unmarshal(data, &t.shown)
	}
	if t.shown == nil { // "null"
		t.shown = map[string]time.Time{}
	}
	t.saved = maps.Clone(t.shown)
	return t
}

func (t *told) at(key string) (time.Time, bool) { at, ok := t.shown[key]; return at, ok }

func (t *told) has(key string) bool { _, ok := t.shown[key]; return ok }

func (t *told) add(key string, at time.Time) { t.shown[key] = at.Round(0) }

func (t *told) drop(key string) { delete(t.shown, key) }

// forget drops what no longer holds, so that it is told when it comes again.
// What a snapshot says nothing about, such as accounts before the vault was
// read, stays.
func (t *told) forget(s *authcore.Snapshot) {
	holds, over := map[string]bool{}, map[string]bool{} // by the beginnings of keys
	for _, a := range s.Accounts {
		switch a.State {
		case authcore.SignedIn, authcore.Renewing, authcore.Offline, authcore.Expired:
			over[keySignIn(a)], over[keySessionEnds(a)] = true, true
		}
		if a.Problem == nil || a.Problem.Code != authcore.ProblemWrongUser {
			over[keyWrongUsers(a)] = true
		}
		holds[keySessionEnd(a)] = true
	}
	for _, f := range s.LiveFiles {
		over[keyFile(f)] = f.Problem == nil && !f.WrittenAt.IsZero()
	}
	maps.DeleteFunc(t.shown, func(key string, _ time.Time) bool {
		return !among(key, holds) && among(key, over)
	})
	for len(t.shown) > mostTold {
		oldest := ""
		for key, at := range t.shown {
			if oldest == "" || at.Before(t.shown[oldest]) {
				oldest = key
			}
		}
		delete(t.shown, oldest)
	}
}

// among reports whether a key is one of those, or begins with one of them.
func among(key string, beginnings map[string]bool) bool {
	for beginning, yes := range beginnings {
		if yes && (key == beginning || strings.HasPrefix(key, beginning+"/")) {
			return true
		}
	}
	return false
}

// save writes it, if it has changed.
func (t *told) save() error {
	if t.path == "" || maps.Equal(t.shown, t.saved) {
		return nil
	}
	t.saved = maps.Clone(t.shown) // also what cannot be saved is tried once
	data, err := json.Marshal(t.shown)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(t.path), 0o700); err != nil {
		return err
	}
	return export.Write(t.path, secret.New(string(data)+"\n"))
}
