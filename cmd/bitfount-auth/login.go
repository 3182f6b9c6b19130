package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/cli/browser"
	"github.com/spf13/cobra"
	"golang.org/x/term"
	"rsc.io/qr"

	"github.com/bitfount/bitfount-tray/authcore"
)

func (p *program) loginCommand() *cobra.Command {
	var noBrowser bool
	c := &cobra.Command{
		Use:   "login",
		Short: "Sign in with a browser, here or on another device",
		Long: `Sign in: a code and a link are shown, and the link as a QR code where the output
is a terminal. Open the link in any browser, on this computer or another device,
compare the code, and approve.

A browser is opened where this computer has a display, unless --no-browser is
given. Ctrl-C cancels; the session that was there before stays as it was.

The session is kept encrypted, with a key in the keyring of this login. A server
without a desktop has none until one is started, with a password of your choice:
  dbus-run-session -- bash
  read -rs password
  printf %s "$password" | gnome-keyring-daemon --unlock --components=secrets
The same password opens it again at the next login. Where Bitfount Tray does not
run and there is no keyring, nothing could be kept, and login does not begin.`,
		Example: `  bitfount-auth login
  bitfount-auth login --no-browser
  BITFOUNT_ENVIRONMENT=staging bitfount-auth login`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.withSessions(c.Context(), func(ctx context.Context, s sessions) error {
				return p.login(ctx, s, noBrowser || !hasDisplay())
			})
		},
	}
	c.Flags().BoolVar(&noBrowser, "no-browser", false, "open no browser")
	return c
}

// login signs in and waits until somebody has approved.
func (p *program) login(ctx context.Context, s sessions, noBrowser bool) error {
	if err := s.keeps(ctx); err != nil {
		return err
	}
	before, err := p.signInAccount(ctx, s)
	if err != nil {
		return err
	}
	ours := before.State != authcore.Prompting
	command := authcore.Command{Name: authcore.CommandSignIn, Account: before.ID, NoBrowser: noBrowser}
	if err := s.do(ctx, command); err != nil {
		return err
	}
	l := login{program: p, before: before, browse: !noBrowser && !s.resident(), alone: !s.resident()}
	err = l.follow(ctx, s)
	if ctx.Err() != nil && ours {
		// Ctrl-C: nobody waits for this sign-in any more.
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := s.do(limited, authcore.Command{Name: authcore.CommandCancelSignIn, Account: before.ID}); err == nil {
			p.say("The sign-in was cancelled.")
		}
		return exitError(exitInterrupted)
	}
	if err != nil {
		return err
	}
	if snapshot, err := s.snapshot(ctx); err == nil && snapshot.Active != before.ID {
		return s.do(ctx, authcore.Command{Name: authcore.CommandSetActive, Account: before.ID})
	}
	return nil
}

// signInAccount finds or adds the account that shall be signed in to. A sign-in
// needs one that is for browsers; others keep their API keys or source.
func (p *program) signInAccount(ctx context.Context, s sessions) (authcore.Account, error) {
	snapshot, err := s.snapshot(ctx)
	if err != nil {
		return authcore.Account{}, err
	}
	active := snapshot.ActiveAccount()
	environment, hub := active.Environment, active.HubURL
	switch {
	case p.account != "":
		a, err := byName(snapshot.Accounts, p.account)
		if err == nil && a.Method != authcore.MethodDeviceCode {
			err = usageError{fmt.Errorf("The account %s does not sign in with a browser. Choose another, or none.", oneLine(title(a)))}
		}
		return a, err
	case p.named():
		e, err := p.namedEnvironment()
		if err != nil {
			return authcore.Account{}, err
		}
		environment, hub = e.Name, e.HubURL
	}
	for _, a := range append([]authcore.Account{active}, snapshot.Accounts...) {
		if a.Method == authcore.MethodDeviceCode && a.Environment == environment && a.HubURL == hub {
			return a, nil
		}
	}
	if err := s.do(ctx, authcore.Command{Name: authcore.CommandAddAccount, Text: environment}); err != nil {
		return authcore.Account{}, err
	}
	if snapshot, err = s.snapshot(ctx); err != nil {
		return authcore.Account{}, err
	}
	return snapshot.ActiveAccount(), nil
}

// login is one sign-in as somebody at a terminal sees it.
type login struct {
	program *program
	// before is the account as it was.
	before authcore.Account
	// browse opens the browser from this process.
	browse bool
	// alone says that what is not saved ends with this process.
	alone bool
	// begun: the sign-in was seen to be under way.
	begun bool
	// shown is the code on the screen, trouble what was complained of.
	shown   string
	trouble authcore.ProblemCode
}

func (l *login) follow(ctx context.Context, s sessions) error {
	for snapshot, err := range s.watch(ctx) {
		if err != nil {
			return fmt.Errorf("Bitfount Tray ended during the sign-in. Run bitfount-auth login again. (%w)", err)
		}
		a, ok := snapshot.Account(l.before.ID)
		if !ok {
			return errCancelled
		}
		if done, err := l.look(a, snapshot); done {
			return err
		}
	}
	return errCancelled
}

// look takes in a new state of the account and says whether the sign-in is over.
func (l *login) look(a authcore.Account, s *authcore.Snapshot) (done bool, err error) {
	p := l.program
	if a.State == authcore.Prompting {
		l.begun = true
		if a.Prompt != nil && a.Prompt.UserCode != l.shown {
			l.shown = a.Prompt.UserCode
			p.showPrompt(*a.Prompt)
			if l.browse {
				go p.openBrowser(link(*a.Prompt))
			}
		}
		if a.Problem == nil {
			l.trouble = ""
		} else if a.Problem.Code != l.trouble {
			l.trouble = a.Problem.Code
			p.say(oneLine(a.Problem.Words().What) + " It is tried again by itself.")
		}
		return false, nil
	}
	renewed := !a.SignedInAt.Equal(l.before.SignedInAt)
	failed := a.Problem != nil && (l.before.Problem == nil || !a.Problem.Since.Equal(l.before.Problem.Since))
	switch {
	case renewed && a.HasHeaders && l.alone && s.Storage.Problem != nil:
		return true, s.Storage.Problem
	case renewed && a.HasHeaders:
		if s.Storage.Problem != nil {
			p.say(describe(s.Storage.Problem))
		}
		_, err := fmt.Fprintf(p.stdout, "Signed in as %s (%s). The token is valid for %s.\n", oneLine(a.Username), a.Environment, left(a, s.Now(time.Now())))
		return true, err
	case failed:
		return true, a.Problem
	case l.begun:
		return true, errCancelled
	}
	return false, nil // a state from before
}

func link(prompt authcore.DevicePrompt) string {
	if prompt.VerificationURIComplete != "" {
		return prompt.VerificationURIComplete
	}
	return prompt.VerificationURI
}

// showPrompt writes what somebody needs who approves. It goes to standard
// error: it is a question, not the answer. The QR code comes first, so that on
// 24 lines the link and the code are not what scrolls away.
func (p *program) showPrompt(prompt authcore.DevicePrompt) {
	var b strings.Builder
	page, how := oneLine(link(prompt)), "open"
	if width, _, err := term.GetSize(int(p.stderr.Fd())); err == nil && drawsColours(p.stderr) && writeQR(&b, page, width) {
		how = "scan the QR code or open"
	}
	life := prompt.ExpiresAt.Sub(prompt.IssuedAt).Round(time.Minute)
	fmt.Fprintf(&b, "To sign in, %s this page, here or on another device:\n  %s\nCheck that it shows the code  %s\n"+
		"Only continue if you started this yourself. The code is good for %d minutes.\nWaiting for the approval; Ctrl-C cancels.\n",
		how, page, oneLine(prompt.UserCode), life/time.Minute)
	_, _ = io.WriteString(p.stderr, b.String())
}

// quietZone is the white border in modules. ISO/IEC 18004 asks for four; phones
// read two, and the whole must fit on 24 lines.
const quietZone = 2

// writeQR draws a QR code of half blocks, two modules a character, black on
// white whatever the terminal's colours are: not every reader takes an
// inverted one. It draws nothing if the terminal is too narrow.
func writeQR(b *strings.Builder, text string, width int) bool {
	code, err := qr.Encode(text, qr.L)
	if err != nil || code.Size+2*quietZone > width {
		return false
	}
	for y := -quietZone; y < code.Size+quietZone; y += 2 {
		b.WriteString("\x1b[30;107m")
		for x := -quietZone; x < code.Size+quietZone; x++ {
			top, bottom := code.Black(x, y), code.Black(x, y+1)
			switch {
			case top && bottom:
				b.WriteRune('█')
			case top:
				b.WriteRune('▀')
			case bottom:
				b.WriteRune('▄')
			default:
				b.WriteByte(' ')
			}
		}
		b.WriteString("\x1b[0m\n")
	}
	return true
}

func (p *program) openBrowser(page string) {
	browser.Stdout, browser.Stderr = io.Discard, io.Discard
	if err := browser.OpenURL(page); err != nil && !errors.Is(err, context.Canceled) {
		p.say("No browser could be opened. Open the page yourself.")
	}
}
