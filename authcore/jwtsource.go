package authcore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/golang-jwt/jwt/v5"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// tokenSizeLimit bounds what a source may say, in bytes. A JWT in a header has
// to stay under the 8 to 32 KiB that servers accept; twice the upper end is room for
// JSON around it.
const tokenSizeLimit = 64 << 10

// parseToken understands what a command printed, or what a file or variable
// holds: a token alone on its line, or a JSON object
//
//	{"token": "…", "expires": "2026-01-02T15:04:05Z"}
//
// whose expires is an RFC 3339 time or POSIX seconds, and whose other members
// are ignored. Without expires, the token's own "exp" claim says when it ends
// (RFC 7519 section 4.1.4); the signature is not verified, since only the
// service that the token is for can say whether it is good.
//
// Errors say what is wrong and repeat nothing of data.
func parseToken(data []byte) (secret.Secret, time.Time, error) {
	none := func(format string, args ...any) (secret.Secret, time.Time, error) {
		return secret.Secret{}, time.Time{}, fmt.Errorf(format, args...)
	}
	// Windows editors and shells put a byte order mark first.
	data = bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	if len(data) == 0 {
		return none("it is empty")
	}
	if len(data) > tokenSizeLimit {
		return none("it is longer than %d KiB", tokenSizeLimit>>10)
	}
	text := string(data)
	var expires time.Time
	if data[0] == '{' {
		var object struct {
			Token   string          `json:"token"`
			Expires json.RawMessage `json:"expires"`
		}
		if err := json.Unmarshal(data, &object); err != nil {
			return none("it begins like JSON but is not an object with a text “token”")
		}
		text = object.Token
		if len(object.Expires) > 0 && string(object.Expires) != "null" {
			t, err := parseExpires(object.Expires)
			if err != nil {
				return secret.Secret{}, time.Time{}, err
			}
			expires = t
		}
	}
	token := secret.New(text)
	if err := checkCredential("token", token); err != nil {
		return secret.Secret{}, time.Time{}, err
	}
	if expires.IsZero() {
		t, err := unverifiedExpiry(token)
		if err != nil {
			return secret.Secret{}, time.Time{}, err
		}
		expires = t
	}
	return token, expires, nil
}

func parseExpires(raw json.RawMessage) (time.Time, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		if t, err := time.Parse(time.RFC3339, text); err == nil {
			return t, nil
		}
		raw = json.RawMessage(text)
	}
	seconds, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return time.Time{}, errors.New("its “expires” is neither an RFC 3339 time (2026-01-02T15:04:05Z) nor POSIX seconds")
	}
	return posixTime(seconds)
}

// posixTime refuses what is no moment of this era. Milliseconds, the commonest
// mistake, come out beyond the year 9999.
func posixTime(seconds float64) (time.Time, error) {
	const year10000 = 253402300800
	if math.IsNaN(seconds) || seconds <= 0 || seconds >= year10000 {
		return time.Time{}, errors.New("its expiry is not in POSIX seconds")
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)), nil
}

// unverifiedExpiry reads a JWT's exp claim.
func unverifiedExpiry(token secret.Secret) (time.Time, error) {
	noExpiry := errors.New("it has no expiry: a token that is not a JWT with an “exp” claim needs the form {\"token\": …, \"expires\": …}")
	claims := jwt.MapClaims{}
	// An algorithm that the library does not know is no reason to refuse.
	_, _, err := jwt.NewParser().ParseUnverified(token.Reveal(), claims)
	if err != nil && !errors.Is(err, jwt.ErrTokenUnverifiable) {
		return time.Time{}, noExpiry
	}
	seconds, ok := claims["exp"].(float64)
	if !ok {
		return time.Time{}, noExpiry
	}
	return posixTime(seconds)
}

// EnvironmentSource takes the token from an environment variable of this
// process, in the forms that CommandSource describes. It cannot become fresh
// while the process runs, unless the process sets it itself.
type EnvironmentSource struct {
	// Variable is the variable's name.
	Variable string
}

// GetToken reads the variable.
func (s EnvironmentSource) GetToken(context.Context) (secret.Secret, time.Time, error) {
	value, ok := os.LookupEnv(s.Variable)
	if !ok {
		return secret.Secret{}, time.Time{}, fmt.Errorf("the environment variable %s is not set", s.Variable)
	}
	token, expires, err := parseToken([]byte(value))
	if err != nil {
		return secret.Secret{}, time.Time{}, fmt.Errorf("the environment variable %s: %w", s.Variable, err)
	}
	return token, expires, nil
}

// FileSource takes the token from a file that another program keeps fresh, in
// the forms that CommandSource describes.
type FileSource struct {
	// Path of the file.
	Path string
}

// GetToken reads the file. It does so every time: it is the other program's
// file, and may have been replaced.
func (s FileSource) GetToken(context.Context) (secret.Secret, time.Time, error) {
	data, err := s.read()
	if err != nil {
		return secret.Secret{}, time.Time{}, err
	}
	token, expires, err := parseToken(data)
	if err != nil {
		return secret.Secret{}, time.Time{}, fmt.Errorf("the token file %s: %w", s.Path, err)
	}
	return token, expires, nil
}

func (s FileSource) read() ([]byte, error) {
	// Opening a named pipe would wait for a writer.
	info, err := os.Stat(s.Path)
	if err != nil {
		return nil, fmt.Errorf("the token file cannot be read: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", s.Path)
	}
	f, err := os.Open(s.Path)
	if err != nil {
		return nil, fmt.Errorf("the token file cannot be read: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, tokenSizeLimit+1))
	if err != nil {
		return nil, fmt.Errorf("the token file cannot be read: %w", err)
	}
	return data, nil
}

const (
	// fileSettle lets a program that writes in several steps finish.
	fileSettle = 100 * time.Millisecond
	// filePoll finds what a notification misses: network file systems send
	// none, and Linux bounds the number of watches of a user. Whoever uses the
	// source asks it when its token runs out, so this need not be soon; a program
	// at rest should not wake up more often than every 20 s for all its reasons.
	filePoll = 2 * time.Minute
)

// Watch calls changed, one call at a time, whenever the file has other content
// than before: rewritten, or replaced by another (also one that a symbolic link
// now leads to). It relies on the system's notifications and looks by itself
// every 2 minutes besides. It returns when ctx ends, and calls changed no more then.
func (s FileSource) Watch(ctx context.Context, changed func()) { s.watch(ctx, func() {}, changed) }

// watch is Watch, and calls ready first: no change of what is read from then on
// is missed.
func (s FileSource) watch(ctx context.Context, ready, changed func()) {
	last, _ := s.read()
	ready()
	// A nil channel stays silent: then the polling alone has to do.
	var events <-chan fsnotify.Event
	var faults <-chan error
	// The folder is watched, since a watch on a file ends when it is replaced.
	if w, err := fsnotify.NewWatcher(); err == nil {
		if w.Add(filepath.Dir(s.Path)) == nil {
			defer w.Close()
			events, faults = w.Events, w.Errors
		} else {
			_ = w.Close()
		}
	}
	poll := time.NewTicker(filePoll)
	defer poll.Stop()
	// settled is nil while nothing has happened; before the watch began, something
	// may have. A folder in which something happens all the time must not put it
	// off for ever.
	settled := time.After(fileSettle)
	for {
		select {
		case <-ctx.Done():
			return
		case <-events:
			// Also for other files of the folder: the file may be reached
			// through a symbolic link beside it.
			if settled == nil {
				settled = time.After(fileSettle)
			}
			continue
		case <-faults: // overflow: something was missed
			if settled == nil {
				settled = time.After(fileSettle)
			}
			continue
		case <-settled:
			settled = nil
		case <-poll.C:
		}
		data, err := s.read()
		// A file that is gone for a moment is being replaced; one that stays
		// away shows when its token runs out.
		if err == nil && !bytes.Equal(data, last) {
			last = data
			if ctx.Err() == nil {
				changed()
			}
		}
	}
}
