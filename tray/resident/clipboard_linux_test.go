package resident

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/secret"
	"github.com/bitfount/bitfount-tray/build/desktop"
	"github.com/bitfount/bitfount-tray/tray/clipboard"
)

// paste is what another program finds on the clipboard; nothing is empty.
func paste() string {
	out, _ := exec.Command("xclip", "-selection", "clipboard", "-o").Output()
	return string(out)
}

// newCopying is a resident with a clipboard and an account that has headers.
func newCopying(t *testing.T, settings authcore.Settings) *resident {
	t.Helper()
	desktop.Display(t)
	r := newResident(t, settings)
	r.clipboard = clipboard.Open(r.clipboardLost)
	ctx, cancel := context.WithCancel(t.Context())
	followed := make(chan struct{})
	go func() { defer close(followed); r.follow(ctx) }()
	t.Cleanup(func() { cancel(); <-followed; _ = r.clipboard.Close(context.Background()) })
	keys := authcore.APIKeysAccount{Username: "ada", KeyID: secret.New("id-1:id-2"), Key: secret.New("key-1:key-2")}
	if err := r.agent.SetAPIKeys(t.Context(), keys); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *resident) mustDo(t *testing.T, c authcore.Command) {
	t.Helper()
	if err := r.do(t.Context(), c); err != nil {
		t.Fatalf("%s: %v", c.Name, err)
	}
}

var copyAM = authcore.Command{Name: authcore.CommandCopyHeaders, Service: export.AccessManager, Format: string(export.FormatCurl)}

func TestCopiedHeadersAreThoseOfTheExportsAndCountDown(t *testing.T) {
	settings := authcore.DefaultSettings()
	settings.ClipboardSeconds = 30
	r := newCopying(t, settings)
	before := time.Now()
	r.mustDo(t, copyAM)
	headers, err := r.agent.Headers(t.Context(), "", export.AccessManager, 0)
	if err != nil {
		t.Fatal(err)
	}
	want, err := export.Render(export.FormatCurl, export.AccessManager, headers)
	if err != nil {
		t.Fatal(err)
	}
	if paste() != want.Reveal() {
		t.Error("the clipboard holds something else than the export")
	}
	c := r.agent.Snapshot().Desktop.Clipboard
	if left := c.ClearAt.Sub(before); c.Holds != export.AccessManager || left < 30*time.Second || left > 50*time.Second {
		t.Errorf("the countdown is of %q and ends in %v", c.Holds, left)
	}
}

func TestTheClipboardIsClearedAfterTheChosenTime(t *testing.T) {
	settings := authcore.DefaultSettings()
	settings.ClipboardSeconds = 1
	r := newCopying(t, settings)
	r.mustDo(t, copyAM)
	if paste() == "" {
		t.Error("nothing was copied")
	}
	waitUntil(t, func() bool { return paste() == "" })
	waitUntil(t, func() bool { return r.agent.Snapshot().Desktop.Clipboard == authcore.Clipboard{} })
}

func TestTheClipboardIsClearedWhenTheAccountGoes(t *testing.T) {
	for _, c := range []authcore.CommandName{authcore.CommandSignOut, authcore.CommandRemove} {
		t.Run(string(c), func(t *testing.T) {
			r := newCopying(t, authcore.DefaultSettings())
			r.mustDo(t, copyAM)
			if paste() == "" {
				t.Error("nothing was copied")
			}
			r.mustDo(t, authcore.Command{Name: c})
			waitUntil(t, func() bool { return paste() == "" })
			waitUntil(t, func() bool { return r.agent.Snapshot().Desktop.Clipboard == authcore.Clipboard{} })
		})
	}
}

func TestWhatOthersCopyIsLeftAndEndsTheCountdown(t *testing.T) {
	r := newCopying(t, authcore.DefaultSettings())
	r.mustDo(t, copyAM)
	other := exec.Command("xclip", "-selection", "clipboard", "-i", "-quiet")
	other.Stdin = strings.NewReader("a shopping list")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Process.Kill(); _ = other.Wait() })
	waitUntil(t, func() bool { return r.agent.Snapshot().Desktop.Clipboard == authcore.Clipboard{} })
	r.clearClipboard() // as if the time were up
	if got := paste(); got != "a shopping list" {
		t.Errorf("the other text is now %q", got)
	}
}

func TestAClipboardThatCannotBeUsedIsAProblem(t *testing.T) {
	r := newCopying(t, authcore.DefaultSettings())
	t.Setenv("DISPLAY", "")
	if err := r.do(t.Context(), copyAM); err == nil {
		t.Error("no error without a display")
	}
	waitUntil(t, func() bool {
		p := r.agent.Snapshot().Desktop.Clipboard.Problem
		return p != nil && p.Code == authcore.ProblemClipboard
	})
}
