// Package e2e proves the product on a whole desktop: the real program, built
// with the race detector, with a real bus, Secret Service, tray and window, and
// the demo identity provider in its own process. The tests see what a user
// sees. Their screenshots are kept in build/out/e2e.
package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/localapi"
	"github.com/bitfount/bitfount-tray/build/desktop"
	"github.com/bitfount/bitfount-tray/build/trial"
)

// person is one of those whom the demo provider's page offers.
const person = "dr.amelia.stone"

// patience bounds one step. On an idle machine each takes a second at most; the
// race detector, software OpenGL and a loaded machine take longer.
const patience = 45 * time.Second

var folder string

func TestMain(m *testing.M) {
	// The programs that the tests start read it; this one has started already.
	suppressions, err := filepath.Abs("race.suppressions")
	if err == nil {
		err = os.Setenv("GORACE", "suppressions="+suppressions)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if folder, err = os.MkdirTemp("", "bitfount-e2e-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

// build builds the programs once for all tests.
var build = sync.OnceValues(func() (trial.Programs, error) {
	return trial.Build(context.Background(), folder, "-race")
})

// scene is the product on a desktop beside the provider.
type scene struct {
	*testing.T
	ctx      context.Context
	d        *desktop.Desktop
	programs trial.Programs
	provider *trial.Provider
	resident *trial.Resident
	// runtimeDir is the XDG_RUNTIME_DIR of the resident.
	runtimeDir string
}

// newScene brings up everything but the resident. The provider gets further
// arguments.
func newScene(t *testing.T, o desktop.Options, provider ...string) *scene {
	t.Helper()
	if err := desktop.Check(); err != nil {
		t.Skip(err)
	}
	programs, err := build()
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{T: t, ctx: t.Context(), d: desktop.New(t, o), programs: programs}
	s.runtimeDir = s.d.RuntimeDir()
	log, err := s.d.LogFile("demoidp")
	s.ok(err)
	t.Cleanup(func() { _ = log.Close() })
	s.provider, err = programs.StartProvider(s.ctx, filepath.Join(s.d.ConfigHome(), "bitfount-tray", "config.toml"), log, append([]string{"-interval", "1s"}, provider...)...)
	s.ok(err)
	t.Cleanup(s.provider.Stop)
	t.Cleanup(func() {
		if log := s.d.Logs(); strings.Contains(log, "DATA RACE") || strings.Contains(log, "goroutine ") {
			t.Errorf("the product reports a race or a crash:\n%s", log)
		}
		if t.Failed() {
			_ = s.d.Screenshot(context.Background(), s.file("failed"))
		}
	})
	return s
}

// ok ends the test on an error.
func (s *scene) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// start starts the resident and waits for its tray item.
func (s *scene) start(args ...string) {
	s.Helper()
	var err error
	s.resident, err = s.programs.Start(s.ctx, s.d, args...)
	s.ok(err)
	s.Cleanup(s.resident.Kill)
}

// launch starts the resident in an environment of its own and waits for its
// local API, because there may be no tray.
func (s *scene) launch(env []string, args ...string) {
	s.Helper()
	var err error
	s.resident, err = s.programs.Launch(s.d, env, args...)
	s.ok(err)
	s.Cleanup(s.resident.Kill)
}

func (s *scene) file(name string) string {
	path, _ := filepath.Abs(filepath.Join("..", "out", "e2e", s.Name(), name+".png"))
	return path
}

// picture keeps what the screen shows.
func (s *scene) picture(name string) {
	s.Helper()
	s.ok(s.d.Settle(s.ctx))
	s.ok(s.d.Screenshot(s.ctx, s.file(name)))
}

func (s *scene) until(what string, done func() error) {
	s.Helper()
	s.ok(desktop.Until(s.ctx, patience, what, done))
}

// shown waits until the panel shows the icon.
func (s *scene) shown() {
	s.Helper()
	s.until("the panel to show the icon", func() error {
		shown, err := s.resident.Tray.Registered(s.ctx)
		if err == nil && !shown {
			err = errors.New("the panel does not list it")
		}
		return err
	})
}

// tooltip waits until the tray's tooltip holds a text, and returns the tooltip.
func (s *scene) tooltip(part string) string {
	s.Helper()
	var tip string
	s.until(fmt.Sprintf("a tooltip with %q", part), func() (err error) {
		tip, err = s.resident.Tray.Tooltip(s.ctx)
		if err == nil && !strings.Contains(tip, part) {
			err = fmt.Errorf("it is %q", tip)
		}
		return err
	})
	return tip
}

// icon is the tray icon's bytes.
func (s *scene) icon() []byte {
	s.Helper()
	pictures, err := s.resident.Tray.Icon(s.ctx)
	s.ok(err)
	if len(pictures) == 0 || len(pictures[0].Pixels) == 0 {
		s.Fatal("the tray item has no picture")
	}
	return pictures[0].Pixels
}

// newIcon waits until the tray icon is none of those.
func (s *scene) newIcon(old ...[]byte) []byte {
	s.Helper()
	var now []byte
	s.until("another tray icon", func() error {
		now = s.icon()
		if slices.ContainsFunc(old, func(o []byte) bool { return bytes.Equal(o, now) }) {
			return errors.New("the icon looks as one before")
		}
		return nil
	})
	return now
}

// menu waits until the commands of the menu are those: in their order, with a
// "-" before those that are disabled. Lines that only inform are left out.
func (s *scene) menu(want ...string) {
	s.Helper()
	s.until("the menu", func() error {
		items, err := s.resident.Tray.Menu(s.ctx)
		if err != nil {
			return err
		}
		var got []string
		for _, i := range items {
			switch {
			case i.Separator || !slices.Contains(commands, i.Label):
			case i.Enabled:
				got = append(got, i.Label)
			default:
				got = append(got, "-"+i.Label)
			}
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("it is\n%s\nwant the commands %q", desktop.MenuText(items), want)
		}
		return nil
	})
}

// Labels of the menu.
const (
	signIn     = "Sign in…"
	again      = "Open the browser again"
	copyLink   = "Copy the sign-in link"
	copyCode   = "Copy the code"
	cancel     = "Cancel sign-in"
	copyHub    = "Copy Hub headers"
	copyAM     = "Copy Access Manager headers"
	copyMS     = "Copy message service metadata"
	renew      = "Renew now"
	openWindow = "Open Bitfount Tray"
	signOut    = "Sign out"
	quit       = "Quit"
)

var commands = []string{signIn, again, copyLink, copyCode, cancel, copyHub, copyAM, copyMS, renew, openWindow, signOut, quit}

func (s *scene) click(label string) {
	s.Helper()
	s.ok(s.resident.Tray.Click(s.ctx, label))
}

// opened waits until the browser was asked to open the nth link, counted from
// 1, and returns that.
func (s *scene) opened(n int) string {
	s.Helper()
	s.until("the browser", func() error {
		if got := len(s.d.Opened()); got < n {
			return fmt.Errorf("%d links were opened, want %d", got, n)
		}
		return nil
	})
	return s.d.Opened()[n-1]
}

// userCode is a code as the demo provider writes it.
var userCode = regexp.MustCompile(`\b[A-Z0-9]{4}-[A-Z0-9]{4}\b`)

// snapshot is what the resident's local API tells.
func (s *scene) snapshot() *authcore.Snapshot {
	s.Helper()
	var snapshot *authcore.Snapshot
	s.until("the local API", func() (err error) {
		snapshot, err = s.client().Snapshot(s.ctx)
		return err
	})
	return snapshot
}

func (s *scene) client() *localapi.Client {
	return localapi.NewClient(filepath.Join(s.runtimeDir, "bitfount-tray", "api.sock"))
}

// signedIn goes through a sign-in by the tray, without a window.
func (s *scene) signedIn() {
	s.Helper()
	n := len(s.d.Opened())
	s.click(signIn)
	link := s.opened(n + 1)
	code := userCode.FindString(s.tooltip("approve in the browser"))
	s.ok(trial.Approve(s.ctx, link, code, person))
	s.tooltip(person)
}

// clipboard waits until the clipboard holds something other than before.
func (s *scene) clipboard(before string) string {
	s.Helper()
	var text string
	s.until("the clipboard", func() (err error) {
		text, err = s.d.Clipboard(s.ctx)
		if err == nil && (text == "" || text == before) {
			err = errors.New("it holds nothing new")
		}
		return err
	})
	return text
}

// accepted asks a demo service whose the headers are.
func (s *scene) accepted(service, headers string) {
	s.Helper()
	answer, err := trial.Whoami(s.ctx, service, headers)
	s.ok(err)
	if !strings.Contains(answer, person) {
		s.Errorf("%s does not name %s: %s", service, person, answer)
	}
}

// pasted does what the demo tells people to do in a terminal.
func (s *scene) pasted(service, headers string) {
	s.Helper()
	terminal := s.d.Command("sh", "-c", trial.PasteCommand(service))
	terminal.Stdin = strings.NewReader(headers)
	answer, err := terminal.Output()
	if err != nil || !strings.Contains(string(answer), person) {
		s.Errorf("pasted into a terminal, %s says %s (%v)", service, answer, err)
	}
}

// noWindow fails the test if a window is open.
func (s *scene) noWindow() {
	s.Helper()
	windows, err := s.d.Windows(s.ctx)
	s.ok(err)
	if len(windows) > 0 {
		s.Error("a window is open")
	}
}

// Shapes of the demo provider's secrets: JSON Web Tokens, and refresh tokens.
var secretShapes = []*regexp.Regexp{
	regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}`),
	regexp.MustCompile(`v1\.[A-Z2-7]{40,}`),
}

// noSecretsAbout fails the test if a token is in a file that was written on the
// desktop, logs among them, or on a command line or in an environment of this
// machine. The headers are one example of what must not be found.
func (s *scene) noSecretsAbout(headers string) {
	s.Helper()
	var token string
	for line := range strings.Lines(headers) {
		if _, value, ok := strings.Cut(strings.TrimSpace(line), "Bearer "); ok {
			token = value
		}
	}
	if token == "" || !secretShapes[0].MatchString(token) {
		s.Fatal("the headers hold no access token to look for")
	}
	search := func(where string, text []byte) {
		found := bytes.Contains(text, []byte(token))
		for _, shape := range secretShapes {
			found = found || shape.Match(text)
		}
		if found {
			s.Errorf("a token is in %s", where)
		}
	}
	files := 0
	s.ok(filepath.WalkDir(s.d.Dir(), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil // Files come and go while we look.
		}
		if text, err := os.ReadFile(path); err == nil {
			search(path, text)
			files++
		}
		return nil
	}))
	if files == 0 {
		s.Error("no file was searched")
	}
	for _, pattern := range []string{"/proc/[0-9]*/cmdline", "/proc/[0-9]*/environ"} {
		processes, err := filepath.Glob(pattern)
		s.ok(err)
		for _, path := range processes {
			if text, err := os.ReadFile(path); err == nil {
				search(path, text)
			}
		}
	}
}
