package e2e

import (
	"testing"

	"github.com/bitfount/bitfount-tray/build/desktop"
	"github.com/bitfount/bitfount-tray/build/trial"
)

// The whole path without a window: sign in from the tray, approve in the
// browser, paste headers that the Hub accepts, and be signed in tomorrow.
func TestASessionFromTheTrayAlone(t *testing.T) {
	s := newScene(t, desktop.Options{})
	s.start("--hidden")
	s.shown()

	s.tooltip("Signed out")
	signedOut := s.icon()
	s.menu(signIn, "-"+copyHub, "-"+copyAM, "-"+copyMS, "-"+renew, openWindow, "-"+signOut, quit)
	s.picture("1-signed-out")
	// Desktops deliver clicks on disabled lines too.
	s.click(copyHub)
	s.click(signOut)

	s.click(signIn)
	link := s.opened(1)
	code := userCode.FindString(s.tooltip("approve in the browser"))
	signingIn := s.newIcon(signedOut)
	s.menu(again, copyLink, copyCode, cancel, "-"+copyHub, "-"+copyAM, "-"+copyMS, "-"+renew, openWindow, "-"+signOut, quit)
	s.click(copyLink)
	if got := s.clipboard(""); got != link {
		t.Errorf("the copied link is %q, the browser opened %q", got, link)
	}
	s.click(copyCode)
	if got := s.clipboard(link); got != code {
		t.Errorf("the copied code is %q, the tray shows %q", got, code)
	}
	s.picture("2-signing-in")
	s.ok(trial.Approve(s.ctx, link, code, person))

	s.tooltip(person)
	s.newIcon(signedOut, signingIn)
	s.menu(signIn, copyHub, copyAM, copyMS, renew, openWindow, signOut, quit)
	s.picture("3-signed-in")

	s.noWindow()
	s.click(copyHub)
	hub := s.clipboard(code)
	s.accepted(s.provider.HubURL, hub)
	s.pasted(s.provider.HubURL, hub)
	s.click(copyMS)
	metadata := s.clipboard(hub)
	s.click(copyAM)
	s.accepted(s.provider.AccessManagerURL, s.clipboard(metadata))
	s.click(renew)
	s.until("a renewal", func() error { return s.counted("refreshed", 1) })
	s.tooltip(person)
	s.noWindow()
	s.noSecretsAbout(hub)

	// A crash of the machine, and the next day.
	s.resident.Kill()
	s.start("--hidden")
	s.shown()
	s.tooltip(person)
	s.menu(signIn, copyHub, copyAM, copyMS, renew, openWindow, signOut, quit)
	s.click(copyHub)
	again := s.clipboard("")
	s.accepted(s.provider.HubURL, again)
	if n := len(s.d.Opened()); n != 1 {
		t.Errorf("the browser was opened %d times, want once", n)
	}
	s.noSecretsAbout(again)

	s.click(signOut)
	s.tooltip("Signed out")
	s.until("the revocation", func() error { return s.counted("revoked", 1) })
	s.click(quit)
	if code, err := s.resident.Ended(s.ctx, patience); err != nil || code != 0 {
		t.Errorf("after Quit the exit code is %d, %v", code, err)
	}
}
