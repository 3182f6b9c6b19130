// Package update finds out whether a newer Bitfount Tray was published: once a
// day it fetches a note of a few lines, which is signed. It downloads no
// program and installs nothing; what it finds is a version and the page about
// it.
//
// The note is what golang.org/x/mod/sumdb/note makes: a text, here one JSON
// object, and Ed25519 signatures below it. It says until when it may be
// believed, so that nobody can hold a computer at an old version for longer by
// answering with old notes.
package update

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/mod/semver"
	"golang.org/x/mod/sumdb/note"
)

// URL is where releases put the note.
const URL = "https://github.com/bitfount/bitfount-tray/releases/latest/download/update.txt"

//go:embed keys.txt
var keys string

// Keys are the public keys that releases are signed with, one a line; empty
// before the first release.
func Keys() string { return keys }

const (
	// application keeps a note about another program, signed with the same key,
	// from being taken for ours.
	application = "bitfount-tray"
	// largest is far more than a note has.
	largest = 16 << 10
	// fetchLimit is for slow networks: the note is one small file.
	fetchLimit = 30 * time.Second
	// ahead is how far a note may come from the future: clocks differ.
	ahead = 24 * time.Hour
)

// Release is what a note says.
type Release struct {
	// Version is semantic, without a v.
	Version string `json:"version"`
	// Page tells people about it, over https.
	Page string `json:"page"`
	// Published and Expires bound when the note may be believed.
	Published time.Time `json:"published"`
	Expires   time.Time `json:"expires"`
}

type text struct {
	Application string `json:"application"`
	Release
}

// Sign writes the note of a release.
func Sign(r Release, signer note.Signer) ([]byte, error) {
	if err := r.check(r.Published); err != nil {
		return nil, err
	}
	data, err := json.Marshal(text{application, r})
	if err != nil {
		return nil, err
	}
	return note.Sign(&note.Note{Text: string(data) + "\n"}, signer)
}

// Verify reads a note that one of the keys has signed, at a time by the
// servers' clocks. The error is that of a note that must not be believed.
func Verify(data []byte, keys string, now time.Time) (Release, error) {
	known, err := verifiers(keys)
	if err != nil {
		return Release{}, err
	}
	signed, err := note.Open(data, note.VerifierList(known...))
	if err != nil {
		return Release{}, fmt.Errorf("the note about the newest version is not signed as it should be: %w", err)
	}
	var t text
	d := json.NewDecoder(strings.NewReader(signed.Text))
	if err := d.Decode(&t); err != nil {
		return Release{}, fmt.Errorf("the note about the newest version cannot be read: %w", err)
	}
	if t.Application != application {
		return Release{}, fmt.Errorf("the note is about %q", t.Application)
	}
	return t.Release, t.check(now)
}

// check says why a release must not be believed at a time.
func (r Release) check(now time.Time) error {
	page, err := url.Parse(r.Page)
	switch {
	case !semver.IsValid("v"+r.Version) || semver.Build("v"+r.Version) != "":
		return fmt.Errorf("the note's version %q is none", r.Version)
	case err != nil || page.Scheme != "https" || page.Host == "" || page.User != nil:
		return fmt.Errorf("the note's page %q is no https address", r.Page)
	case !r.Published.Before(r.Expires):
		return errors.New("the note expires before it was published")
	case now.Before(r.Published.Add(-ahead)):
		return fmt.Errorf("the note is from the future (%s)", r.Published.UTC().Format(time.RFC3339))
	case !now.Before(r.Expires):
		return fmt.Errorf("the note has expired (%s): somebody may be answering with an old one", r.Expires.UTC().Format(time.RFC3339))
	}
	return nil
}

// Newer reports whether version a comes after b. A version that is none, such
// as that of a build from the sources, is no reason to say anything.
func Newer(a, b string) bool {
	a, b = "v"+a, "v"+b
	if !semver.IsValid(a) || !semver.IsValid(b) {
		return false
	}
	if semver.Prerelease(a) != "" && semver.Prerelease(b) == "" {
		return false // who uses releases is not told of what comes before them
	}
	return semver.Compare(a, b) > 0
}

func verifiers(keys string) (known []note.Verifier, err error) {
	for line := range strings.Lines(keys) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		v, err := note.NewVerifier(line)
		if err != nil {
			return nil, fmt.Errorf("a key for the note about the newest version: %w", err)
		}
		known = append(known, v)
	}
	return known, nil
}

// HasKeys reports whether there is a key, without which no note is believed
// and none need be fetched.
func HasKeys(keys string) bool {
	known, err := verifiers(keys)
	return err == nil && len(known) > 0
}

// Source is where the note comes from.
type Source struct {
	// URL must be https.
	URL string
	// Keys are public keys, one a line, of which one must have signed.
	Keys string
	// Transport is the way there: the one with the user's proxy and
	// certificate authorities.
	Transport http.RoundTripper
	UserAgent string
}

// errInsecure is a redirect to where anybody on the way could read and answer.
var errInsecure = errors.New("it leads to an address that is not https")

// Fetch fetches the note and believes it only if Verify does. It takes at most
// 30 seconds.
func (s Source) Fetch(ctx context.Context, now time.Time) (Release, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
	if err != nil {
		return Release{}, err
	}
	if r.URL.Scheme != "https" {
		return Release{}, errInsecure
	}
	r.Header.Set("User-Agent", s.UserAgent)
	client := http.Client{Transport: s.Transport, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		switch {
		case next.URL.Scheme != "https":
			return errInsecure
		case len(via) >= 5: // GitHub needs two
			return errors.New("it leads from one address to the next")
		}
		return nil
	}}
	answer, err := client.Do(r)
	if err != nil {
		return Release{}, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return Release{}, fmt.Errorf("%s answered %s", answer.Request.URL.Host, answer.Status)
	}
	var data bytes.Buffer
	if _, err := io.Copy(&data, io.LimitReader(answer.Body, largest+1)); err != nil {
		return Release{}, err
	}
	if data.Len() > largest {
		return Release{}, fmt.Errorf("the note has more than %d bytes", largest)
	}
	return Verify(data.Bytes(), s.Keys, now)
}
