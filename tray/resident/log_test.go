package resident

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// canaries are what must never be in a log, however it gets there.
var canaries = []string{
	"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.Y2FuYXJ5LXNpZ25hdHVyZQ",
	"v1.cAnArY0123456789-abcdefghijklmnopqrstu", "c4n4ry-short",
}

func TestNoSecretGetsIntoTheLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "log", "bitfount-tray.log")
	var stderr bytes.Buffer
	l := OpenLog(&stderr, path, "debug")
	defer l.Close()
	before, flags := slog.Default(), log.Flags()
	t.Cleanup(func() { slog.SetDefault(before); log.SetOutput(os.Stderr); log.SetFlags(flags) })
	slog.SetDefault(l.Logger)

	jwt, opaque, short := canaries[0], canaries[1], canaries[2]
	l.Info("typed", "token", secret.New(jwt), "other", secret.New(short))
	l.Info("a message with " + jwt)
	l.Warn("an error", "cause", fmt.Errorf("the server said: %w", errors.New("Authorization: Bearer "+short)))
	l.Error("quoted", "cause", `body {"refresh_token":"`+short+`","access_token":"`+jwt+`"}`)
	l.With("with", opaque).WithGroup("group").Debug("grouped", slog.Group("inner", "x-api-key", short))
	l.Info("url", "proxy", "http://amelia:"+short+"@proxy.test:8080")
	l.LogAttrs(context.Background(), slog.LevelInfo, "attrs", slog.Any("any", map[string]string{"password": short, "token": opaque}))
	slog.Info("by the default logger", "header", "x-api-key-id: "+short)
	log.Printf("by the old logger: Bearer %s, %s", short, opaque) // as libraries do

	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(file, stderr.Bytes()) {
		t.Errorf("the file and standard error differ:\n%s\n%s", file, stderr.Bytes())
	}
	for _, canary := range canaries {
		if bytes.Contains(file, []byte(canary)) || bytes.Contains(file, []byte(canary[8:])) {
			t.Errorf("%s is in the log:\n%s", canary, file)
		}
	}
	if lines := bytes.Count(file, []byte("\n")); lines != 9 {
		t.Errorf("%d lines, want 9:\n%s", lines, file)
	}
	for _, want := range []string{"proxy.test:8080", "the server said", "grouped"} {
		if !bytes.Contains(file, []byte(want)) {
			t.Errorf("%q was taken out as well", want)
		}
	}
}

func TestTheLogFileIsPrivateAndSmall(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	path := filepath.Join(dir, "bitfount-tray.log")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("of an older version\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	l := OpenLog(&bytes.Buffer{}, path, "info")
	line := []byte(strings.Repeat("words and ", 10000))
	for range 55 { // 5.5 MB
		if _, err := l.file.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	l.Info("the last words")
	l.Close()
	// The third old file goes by a goroutine of lumberjack's.
	waitUntil(t, func() bool {
		entries, _ := os.ReadDir(dir)
		return len(entries) <= 3
	})
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) < 2 {
		t.Fatalf("%v, %v", entries, err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 || info.Size() > 1<<20 {
			t.Errorf("%s: %v, %d bytes", e.Name(), info.Mode(), info.Size())
		}
	}
}

func TestTheLevelCanBeChanged(t *testing.T) {
	var stderr bytes.Buffer
	l := OpenLog(&stderr, "", "info")
	l.Debug("one")
	l.SetLevel("debug")
	l.Debug("two")
	l.SetLevel("info")
	l.Debug("three")
	if got := stderr.String(); strings.Contains(got, "one") || !strings.Contains(got, "two") || strings.Contains(got, "three") {
		t.Errorf("%s", got)
	}
}

func TestWithoutAPlaceTheLogGoesToStandardErrorAlone(t *testing.T) {
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	l := OpenLog(&stderr, filepath.Join(blocked, "log", "x.log"), "info")
	l.Info("still here")
	l.Close()
	if got := stderr.String(); !strings.Contains(got, "there is no log file") || !strings.Contains(got, "still here") {
		t.Errorf("%s", got)
	}
}

// The detailed log tells of requests, and nothing of what they carry.
func TestTheDetailedLogTellsOfRequestsWithoutWhatTheyCarry(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	var stderr bytes.Buffer
	l := OpenLog(&stderr, "", "debug")
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	slog.SetDefault(l.Logger)
	network, err := NewNetwork(authcore.DefaultSettings())
	if err != nil {
		t.Fatal(err)
	}
	const short = "c4n4ry-short"
	r, err := http.NewRequest(http.MethodPost, server.URL+"/oauth/token?device="+short, strings.NewReader("refresh_token="+short))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Anything", short)
	answer, err := network.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	got := stderr.String()
	if !strings.Contains(got, "method=POST") || !strings.Contains(got, "path=/oauth/token") || !strings.Contains(got, "404 Not Found") || strings.Contains(got, short) {
		t.Errorf("%s", got)
	}
}
