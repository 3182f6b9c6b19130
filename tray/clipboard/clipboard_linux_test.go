package clipboard

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// text is what the tests copy: as long as three headers with real tokens.
var text = secret.New("authorization: Bearer " + strings.Repeat("0123456789abcdef", 400))

// startX starts an X server without a screen and makes it this test's display.
func startX(t *testing.T) *exec.Cmd {
	t.Helper()
	for program, from := range map[string]string{"Xvfb": "xvfb", "xclip": "xclip"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed (package %s)", program, from)
		}
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	cmd := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "320x200x24", "-nolisten", "tcp", "-noreset")
	cmd.ExtraFiles = []*os.File{write}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	number, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		t.Fatalf("Xvfb did not start: %v", err)
	}
	t.Setenv("DISPLAY", ":"+strings.TrimSpace(number))
	t.Setenv("WAYLAND_DISPLAY", "")
	return cmd
}

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
	startX(t)
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
	startX(t)
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
	startX(t)
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
	startX(t)
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
	startX(t)
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

func TestSecondTextReplacesTheFirst(t *testing.T) {
	startX(t)
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
	startX(t)
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
	server := startX(t)
	c, lost := opened(t)
	_ = server.Process.Kill()
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
	startX(t)
	c, _ := opened(t)
	long := strings.Repeat("x", maxSize)
	if err := c.Set(t.Context(), secret.New(long)); err != nil {
		t.Fatal(err)
	}
	if got := paste(t, "UTF8_STRING"); got != long {
		t.Errorf("%d of %d bytes arrive", len(got), len(long))
	}
}

// TestWaylandToolGetsTheTextByStandardInput uses a stand-in for wl-copy, since a
// Wayland compositor is not at hand where the tests run: it keeps what it is
// given in files.
func TestWaylandToolGetsTheTextByStandardInput(t *testing.T) {
	dir := t.TempDir()
	tool := func(name, script string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	tool("wl-copy", `case "$1" in
--help) echo "  -s, --sensitive  Hint that the content is sensitive." ;;
--clear) : > `+dir+`/board ;;
*) echo "$@" > `+dir+`/args; cat > `+dir+`/board.tmp; mv `+dir+`/board.tmp `+dir+`/board; exec sleep 1000 ;;
esac`)
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("WAYLAND_DISPLAY", "wayland-9")

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

	tool("wl-copy", "case \"$1\" in --help) ;; *) echo 'Failed to connect to a Wayland server' >&2; exit 1;; esac")
	if err := c.Set(t.Context(), text); err == nil || !strings.Contains(err.Error(), "Failed to connect") {
		t.Errorf("the error is %v", err)
	}
}
