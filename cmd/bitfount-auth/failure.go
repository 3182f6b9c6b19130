package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/vault"
)

// Exit codes. They are documented in the help of the root command.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotSignedIn = 3
	exitTryAgain    = 4
	// What POSIX shells and env(1) use for a program that cannot be run.
	exitCannotRun   = 126
	exitNoProgram   = 127
	exitInterrupted = 130
)

// usageError is a command line that makes no sense.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// exitError ends with a code and says nothing more: it was said already.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// codeError is an error with an exit code of its own.
type codeError struct {
	error
	code int
}

func (e codeError) Unwrap() error { return e.error }

// errCancelled is a sign-in that was cancelled somewhere else.
var errCancelled = codeError{errors.New("The sign-in was cancelled. Run bitfount-auth login to start again."), exitNotSignedIn}

// loginNext is the next step of the problems that only a sign-in mends. The
// words of authcore speak of a menu.
var loginNext = map[authcore.ProblemCode]string{
	authcore.ProblemNotSignedIn:        "Run bitfount-auth login.",
	authcore.ProblemSessionEnded:       "Run bitfount-auth login.",
	authcore.ProblemRenewalInterrupted: "Run bitfount-auth login.",
	authcore.ProblemSignInDenied:       "If this was a mistake, run bitfount-auth login again and approve the request.",
	authcore.ProblemCodeExpired:        "Run bitfount-auth login again to get a new code.",
	authcore.ProblemWrongUser:          "Sign out of the Bitfount web page in your browser, then run bitfount-auth login again as {{.Want}}.",
	authcore.ProblemKeyringKeyMissing:  "Run bitfount-auth login. A new key is made, and everything else goes on as before.",
	authcore.ProblemVaultDamaged:       "Run bitfount-auth login. Everything else goes on as before.",
}

// keyringNext is the next step where no keyring is: authcore's words send people
// to a desktop, or to this very command.
var keyringNext = map[authcore.ProblemCode]string{
	authcore.ProblemNoSessionBus:  "Start a session bus and a keyring first, as bitfount-auth login --help shows, or use API keys.",
	authcore.ProblemKeyringAbsent: "Start a keyring first, as bitfount-auth login --help shows, or use API keys.",
}

// tryAgain are the problems that pass by themselves.
var tryAgain = map[authcore.ProblemCode]bool{
	authcore.ProblemUnreachable: true, authcore.ProblemServerBusy: true, authcore.ProblemCaptivePortal: true, authcore.ProblemProxy: true,
	authcore.ProblemKeyringAbsent: true, authcore.ProblemKeyringLocked: true, authcore.ProblemKeyringSlow: true,
	authcore.ProblemNoSessionBus: true, authcore.ProblemDiskFull: true, authcore.ProblemBadSource: true,
}

// nextStep is what somebody at a terminal can do.
func nextStep(p *authcore.Problem) string {
	next := cmp.Or(loginNext[p.Code], keyringNext[p.Code])
	if next == "" {
		return p.Words().Next
	}
	for name, value := range p.Params {
		next = strings.ReplaceAll(next, "{{."+name+"}}", value)
	}
	return next
}

// describe is one line: what happened, and the next step.
func describe(err error) string {
	var problem *authcore.Problem
	switch {
	case errors.As(err, &problem) && problem.Code == authcore.ProblemInternal && problem.Cause != "":
		// The cause is the agent's own sentence; "something unexpected" says less.
		return oneLine(problem.Cause)
	case errors.As(err, &problem):
		text := problem.Words().What + " " + nextStep(problem)
		if problem.Cause != "" {
			text += " (" + problem.Cause + ")"
		}
		return oneLine(text)
	case errors.Is(err, context.DeadlineExceeded):
		return "That took too long. Try again; bitfount-auth doctor shows what does not answer."
	}
	return oneLine(err.Error())
}

// oneLine joins the lines of a text and takes out what a terminal would obey.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }), " ")
}

func exitCode(ctx context.Context, err error) int {
	var exit exitError
	var code codeError
	var usage usageError
	var problem *authcore.Problem
	switch {
	case errors.As(err, &exit):
		return int(exit)
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return exitInterrupted
	case errors.As(err, &code):
		return code.code
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, vault.ErrKeyringAbsent), errors.Is(err, vault.ErrKeyringSlow):
		return exitTryAgain
	case errors.As(err, &problem) && tryAgain[problem.Code]:
		return exitTryAgain
	case errors.As(err, &problem) && loginNext[problem.Code] != "":
		return exitNotSignedIn
	}
	return exitFailed
}

// fail says what went wrong, in one line, and returns the exit code.
func (p *program) fail(ctx context.Context, err error) int {
	code := exitCode(ctx, err)
	var said exitError
	switch {
	case errors.As(err, &said):
	case code == exitInterrupted:
		p.say("Interrupted.")
	default:
		p.say(describe(err))
	}
	return code
}

// say tells the user something that is not the answer.
func (p *program) say(text string) { fmt.Fprintln(p.stderr, "bitfount-auth:", text) }
