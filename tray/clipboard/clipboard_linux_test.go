package clipboard

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"

	"github.com/bitfount/bitfount-tray/authcore/secret"
	"github.com/bitfount/bitfount-tray/build/desktop"
)

// text is what the tests copy: as long as three headers with real tokens.
var text = secret.New("authorization: Bearer " + strings.Repeat("0123456789abcdef", 400))

// paste reads the clipboard with another program, in one of its forms. The
// error of an empty clipboard is an empty text.
func paste(t *testing.T, target string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "xclip", "-selection", "clipboard", "-o", "-t", target).Output()
	if err != nil && ctx.Err() != nil {
		t.Fatalf("xclip hangs on %s", target)
	}
	return string(out)
}

// copyElsewhere puts something on the clipboard with another program, which
// stays to serve it.
func copyElsewhere(t *testing.T, what string) {
	t.Helper()
	cmd := exec.Command("xclip", "-selection", "clipboard", "-i", "-quiet")
	cmd.Stdin = strings.NewReader(what)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	eventually(t, "the other program has the clipboard", func() bool { return paste(t, "UTF8_STRING") == what })
}

func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !yes(); {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// opened is a clipboard with the text on it, and the channel of its losses.
func opened(t *testing.T) (*Clipboard, chan struct{}) {
	t.Helper()
	lost := make(chan struct{}, 4)
	c := Open(func() { lost <- struct{}{} })
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	if err := c.Set(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	return c, lost
}

// same compares without showing.
func same(got string) bool { return got == text.Reveal() }

func TestAnotherProgramCanPasteEveryForm(t *testing.T) {
	desktop.Display(t)
	c, _ := opened(t)
	for _, target := range textAtoms {
		if got := paste(t, target); !same(got) {
			t.Errorf("%s: another text of %d bytes", target, len(got))
		}
	}
	if !c.Owned() {
		t.Error("the clipboard does not count as ours")
	}
}

func TestTheTextIsMarkedAsASecret(t *testing.T) {
	desktop.Display(t)
	opened(t)
	if got := paste(t, "x-kde-passwordManagerHint"); got != "secret" {
		t.Errorf("the mark says %q", got)
	}
	targets := paste(t, "TARGETS")
	for _, want := range append([]string{"TARGETS", "TIMESTAMP", "MULTIPLE", "x-kde-passwordManagerHint"}, textAtoms...) {
		if !strings.Contains(targets, want+"\n") {
			t.Errorf("%s is not offered in:\n%s", want, targets)
		}
	}
	if strings.Contains(targets, "SAVE_TARGETS") {
		t.Error("clipboard managers are invited to keep the text")
	}
	if got := paste(t, "image/png"); got != "" {
		t.Errorf("a form that is not offered brings %d bytes", len(got))
	}
}

func TestClearLeavesNothing(t *testing.T) {
	desktop.Display(t)
	c, lost := opened(t)
	if err := c.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := paste(t, "UTF8_STRING"); got != "" {
		t.Errorf("%d bytes are left", len(got))
	}
	if c.Owned() {
		t.Error("a cleared clipboard counts as ours")
	}
	// It can be used again, and cleared twice.
	if err := c.Set(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	if got := paste(t, "UTF8_STRING"); !same(got) {
		t.Error("the second text is not there")
	}
	for range 2 {
		if err := c.Clear(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(lost) > 0 {
		t.Error("what we cleared ourselves counts as lost")
	}
}

func TestClearLeavesTheTextOfOthers(t *testing.T) {
	desktop.Display(t)
	c, lost := opened(t)
	copyElsewhere(t, "a shopping list")
	select {
	case <-lost:
	case <-time.After(10 * time.Second):
		t.Fatal("the loss was not told")
	}
	if c.Owned() {
		t.Error("the clipboard of another program counts as ours")
	}
	if err := c.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := paste(t, "UTF8_STRING"); got != "a shopping list" {
		t.Errorf("the other text is now %q", got)
	}
}

func TestClearReachesACopyOfAClipboardManager(t *testing.T) {
	desktop.Display(t)
	c, lost := opened(t)
	copyElsewhere(t, text.Reveal()) // as managers do
	if !c.Owned() || len(lost) > 0 {
		t.Error("the same text in other hands counts as lost")
	}
	if err := c.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := paste(t, "UTF8_STRING"); got != "" {
		t.Errorf("%d bytes are left", len(got))
	}
}

// keep is a desktop that keeps what is copied and puts it back when its owner
// goes. A stubborn one keeps the first text for ever. It tells when it has one.
func keep(t *testing.T, stubborn bool) (has chan struct{}) {
	t.Helper()
	has = make(chan struct{})
	conn, err := xgb.NewConn()
	if err != nil {
		t.Fatal(err)
	}
	k := &x11Claim{conn: conn, atom: map[string]xproto.Atom{}, events: make(chan xgb.Event), done: make(chan struct{})}
	go k.pump()
	if err := k.prepare(); err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(stop); <-stopped; close(k.done); conn.Close() })
	go func() {
		defer close(stopped)
		offers := func(what secret.Secret) bool { k.text = what; return k.offeredByAnother() }
		kept := false
		for {
			select {
			case <-stop:
				return
			default:
			}
			owner, err := xproto.GetSelectionOwner(conn, k.atom[clipboardAtom]).Reply()
			switch {
			case err != nil:
				return
			case owner.Owner == xproto.WindowNone && kept:
				_ = k.take()
			case owner.Owner == k.window || owner.Owner == xproto.WindowNone:
			case offers(text):
				if k.offered = text; !kept {
					close(has)
				}
				kept = true
			case kept && !stubborn && offers(secret.Secret{}):
				k.offered = secret.Secret{}
			}
			k.handleFor(2 * time.Millisecond)
		}
	}()
	return has
}

func TestClearIsStrongerThanADesktopThatPutsTheTextBack(t *testing.T) {
	desktop.Display(t)
	has := keep(t, false)
	c, _ := opened(t)
	<-has
	if err := c.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := paste(t, "UTF8_STRING"); got != "" {
		t.Errorf("%d bytes are left", len(got))
	}
}

func TestACopyThatCannotBeTakenAwayIsAnError(t *testing.T) {
	desktop.Display(t)
	has := keep(t, true)
	c, _ := opened(t)
	<-has
	if err := c.Clear(t.Context()); !errors.Is(err, errKept) {
		t.Errorf("the error is %v", err)
	}
}

func TestSecondTextReplacesTheFirst(t *testing.T) {
	desktop.Display(t)
	c, lost := opened(t)
	for _, next := range []string{"second", "third"} {
		if err := c.Set(t.Context(), secret.New(next)); err != nil {
			t.Fatal(err)
		}
		if got := paste(t, "UTF8_STRING"); got != next {
			t.Errorf("%q instead of %q", got, next)
		}
	}
	if !c.Owned() || len(lost) > 0 {
		t.Error("our own next text counts as a loss")
	}
}

func TestCloseClears(t *testing.T) {
	desktop.Display(t)
	c, _ := opened(t)
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := paste(t, "UTF8_STRING"); got != "" {
		t.Errorf("%d bytes are left", len(got))
	}
	if err := c.Set(t.Context(), text); err == nil {
		t.Error("a closed clipboard takes a text")
	}
}

func TestDeathOfTheServerIsALoss(t *testing.T) {
	server := desktop.Display(t)
	c, lost := opened(t)
	_ = server.Kill()
	select {
	case <-lost:
	case <-time.After(10 * time.Second):
		t.Fatal("the loss was not told")
	}
	if c.Owned() {
		t.Error("still ours")
	}
	if err := c.Clear(t.Context()); err != nil {
		t.Errorf("clearing what is gone: %v", err)
	}
	if err := c.Set(t.Context(), text); err == nil {
		t.Error("no error without a server")
	}
}

func TestNoDisplayIsAnError(t *testing.T) {
	t.Setenv("DISPLAY", "")
	t.Setenv("WAYLAND_DISPLAY", "")
	if err := Open(nil).Set(t.Context(), text); err == nil || strings.Contains(err.Error(), "Bearer") {
		t.Errorf("the error is %v", err)
	}
	t.Setenv("WAYLAND_DISPLAY", "wayland-0")
	t.Setenv("PATH", t.TempDir())
	if err := Open(nil).Set(t.Context(), text); err == nil || !strings.Contains(err.Error(), "wl-clipboard") {
		t.Errorf("the error is %v", err)
	}
}

func TestTooLongATextIsRefused(t *testing.T) {
	if err := Open(nil).Set(t.Context(), secret.New(strings.Repeat("x", maxSize+1))); err == nil {
		t.Error("no error")
	}
}

func TestTheLongestTextArrives(t *testing.T) {
	desktop.Display(t)
	c, _ := opened(t)
	long := strings.Repeat("x", maxSize)
	if err := c.Set(t.Context(), secret.New(long)); err != nil {
		t.Fatal(err)
	}
	if got := paste(t, "UTF8_STRING"); got != long {
		t.Errorf("%d of %d bytes arrive", len(got), len(long))
	}
}

// wayland has stand-ins for wl-copy and wl-paste, since a Wayland compositor is
// not at hand where the tests run: they keep what they are given in files. The
// script kept is what the desktop does when wl-copy is gone.
func wayland(t *testing.T, kept string) (dir string, tool func(name, script string)) {
	dir = t.TempDir()
	tool = func(name, script string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\ncd "+dir+"\n"+script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	tool("wl-copy", `case "$1" in
--help) echo "  -s, --sensitive  Hint that the content is sensitive." ;;
--clear) echo clear >> calls ;;
"") echo empty >> calls; : > board ;;
*) echo "$@" > args; cat > board.tmp; mv board.tmp board; echo $$ > owner; exec sleep 1000 ;;
esac`)
	// As from GNOME's compositor, or from one that keeps nothing.
	tool("wl-paste", `[ -s board ] || { echo "Nothing is copied" >&2; exit 1; }
if kill -0 "$(cat owner)" 2>/dev/null; then cat board; exit; fi
`+kept)
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("WAYLAND_DISPLAY", "wayland-9")
	return dir, tool
}

const keepsNothing = `echo "Nothing is copied" >&2; exit 1`

func TestWaylandToolGetsTheTextByStandardInput(t *testing.T) {
	dir, tool := wayland(t, keepsNothing)
	c, lost := opened(t)
	board := func() string { b, _ := os.ReadFile(filepath.Join(dir, "board")); return string(b) }
	eventually(t, "the tool has the text", func() bool { return same(board()) })
	args, err := os.ReadFile(filepath.Join(dir, "args"))
	if err != nil || bytes.Contains(args, []byte("Bearer")) || !bytes.Contains(args, []byte("--sensitive")) {
		t.Errorf("the arguments are %q (%v)", args, err)
	}
	if err := c.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c.Owned() || len(lost) > 0 {
		t.Error("cleared, but still owned or lost")
	}
	if calls, err := os.ReadFile(filepath.Join(dir, "calls")); err == nil {
		t.Errorf("where the end of wl-copy empties the clipboard, it is run again: %s", calls)
	}

	tool("wl-copy", "case \"$1\" in --help) ;; *) echo 'Failed to connect to a Wayland server' >&2; exit 1;; esac")
	if err := c.Set(t.Context(), text); err == nil || !strings.Contains(err.Error(), "Failed to connect") {
		t.Errorf("the error is %v", err)
	}
}

func TestAWaylandDesktopThatPutsTheTextBackIsGivenAnEmptyOne(t *testing.T) {
	dir, _ := wayland(t, "cat board")
	c, _ := opened(t)
	if err := c.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	if calls, _ := os.ReadFile(filepath.Join(dir, "calls")); string(calls) != "clear\nempty\n" {
		t.Errorf("it did %q", calls)
	}
}

func TestAWaylandDesktopThatKeepsTheTextIsAnError(t *testing.T) {
	dir, tool := wayland(t, "cat secret")
	c, _ := opened(t)
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte(text.Reveal()), 0o600); err != nil {
		t.Fatal(err)
	}
	tool("wl-paste", "cat secret")
	if err := c.Clear(t.Context()); !errors.Is(err, errKept) {
		t.Errorf("the error is %v", err)
	}
	if err := c.Set(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	tool("wl-paste", "exec sleep 1000") // the screen is locked: no surface gets the focus
	if err := c.Clear(t.Context()); err == nil || !strings.Contains(err.Error(), "does not tell") {
		t.Errorf("the error is %v", err)
	}
}
