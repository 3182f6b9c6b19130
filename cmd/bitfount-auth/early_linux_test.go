package main

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/build/provider"
)

// TestTheShortcutPrintsWhatMainPrints compares each plain form with the same
// question in a form that is left to main.
func TestTheShortcutPrintsWhatMainPrints(t *testing.T) {
	r := newRoom(t, provider.Options{})
	r.startResident()
	r.login(amelia)
	lines := []string{"token", "token --json", "token --json --min-valid 20m", "headers"}
	for _, service := range export.Services {
		for _, format := range export.Formats {
			lines = append(lines, "headers "+string(service)+" --min-valid 5m --format "+string(format))
		}
	}
	for _, line := range lines {
		if args := strings.Fields(line); r.ok(args...) != r.ok(append(args, "--account=")...) {
			t.Errorf("%s: the shortcut prints something else", line)
		}
	}
}

// listening is a resident that notes who asks: main names its HTTP library as the
// user agent, the shortcut names none.
func (r *room) listening(answer http.HandlerFunc) (asked *[]string) {
	r.t.Helper()
	// The name of a socket must be short, which a test's folder is not.
	runtime, err := os.MkdirTemp("", "run-")
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = os.RemoveAll(runtime) })
	r.env = append(r.env, "XDG_RUNTIME_DIR="+runtime)
	if err := os.Mkdir(filepath.Join(runtime, "bitfount-tray"), 0o700); err != nil {
		r.t.Fatal(err)
	}
	ln, err := net.Listen("unix", filepath.Join(runtime, "bitfount-tray", "api.sock"))
	if err != nil {
		r.t.Fatal(err)
	}
	asked = new([]string)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		who := "shortcut"
		if q.UserAgent() != "" {
			who = "main"
		}
		*asked = append(*asked, who+" "+q.URL.Path)
		answer(w, q)
	})}
	go func() { _ = server.Serve(ln) }()
	r.t.Cleanup(func() { _ = server.Close() })
	return asked
}

func TestTheShortcutIsTaken(t *testing.T) {
	r := alone(t)
	asked := r.listening(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/v1/token" {
			_, _ = w.Write([]byte("{\"token\":\"a.b.c\",\"expires\":\"2026-11-26T04:11:20Z\"}\n"))
			return
		}
		_, _ = w.Write([]byte("authorization: Bearer a.b.c\n"))
	})
	if got := r.ok("token"); got != "a.b.c\n" {
		t.Errorf("token prints %q", got)
	}
	if got := r.ok("headers", "am"); got != "authorization: Bearer a.b.c\n" {
		t.Errorf("headers prints %q", got)
	}
	if got := strings.Join(*asked, ", "); got != "shortcut /v1/token, shortcut /v1/headers/am" {
		t.Errorf("asked: %s", got)
	}
}

// TestWhatTheShortcutCannotSayMainSays has the resident refuse.
func TestWhatTheShortcutCannotSayMainSays(t *testing.T) {
	r := alone(t)
	asked := r.listening(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusConflict)
		_, _ = w.Write([]byte(`{"problem":{"code":"session-ended"}}`))
	})
	r.run("headers").wantFailure(t, exitNotSignedIn, "ended this session", "bitfount-auth login")
	if got := strings.Join(*asked, ", "); got != "shortcut /v1/headers/hub, main /v1/headers/hub" {
		t.Errorf("asked: %s", got)
	}
}
