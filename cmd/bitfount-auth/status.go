package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/bitfount/bitfount-tray/authcore"
)

// status is what status --json prints. Members are added, never changed.
type status struct {
	SignedIn    bool            `json:"signed_in"`
	State       authcore.State  `json:"state"`
	Username    string          `json:"username,omitempty"`
	Account     string          `json:"account"`
	Label       string          `json:"label,omitempty"`
	Environment string          `json:"environment"`
	Method      authcore.Method `json:"method"`
	// Expires is the access token's end, and SessionExpires the latest time
	// at which somebody must sign in again, where it is known.
	Expires        string `json:"expires,omitempty"`
	SessionExpires string `json:"session_expires,omitempty"`
	// Resident says whether Bitfount Tray runs, and Saved whether the session
	// would survive a restart.
	Resident bool           `json:"resident"`
	Saved    bool           `json:"saved"`
	Problem  *statusProblem `json:"problem,omitempty"`
}

type statusProblem struct {
	Code authcore.ProblemCode `json:"code"`
	What string               `json:"what"`
	Next string               `json:"next"`
}

func (p *program) statusCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Say who is signed in, and for how long",
		Long: `Say who is signed in, and for how long. The exit code is 0 only if headers can be
handed out now: 3 means that somebody must sign in, 4 that it heals by itself.`,
		Example: `  bitfount-auth status
  bitfount-auth status --json
  bitfount-auth status >/dev/null || bitfount-auth login`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.withSessions(c.Context(), func(ctx context.Context, s sessions) error {
				return p.status(ctx, s, asJSON)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print an object for programs")
	return c
}

func (p *program) status(ctx context.Context, s sessions, asJSON bool) error {
	snapshot, err := s.snapshot(ctx)
	if err != nil {
		return err
	}
	a, err := p.find(snapshot)
	if err != nil {
		return err
	}
	problem := a.Problem
	if problem == nil {
		problem = snapshot.Storage.Problem
	}
	if problem == nil && !a.HasHeaders {
		problem = &authcore.Problem{Code: authcore.ProblemNotSignedIn}
	}
	if asJSON {
		err = p.statusJSON(snapshot, a, problem, s.resident())
	} else {
		_, err = fmt.Fprintln(p.stdout, sentence(a, snapshot.Now(time.Now())))
	}
	switch {
	case err != nil:
		return err
	case a.HasHeaders && problem != nil && !asJSON:
		p.say(describe(problem))
		return nil
	case a.HasHeaders:
		return nil
	}
	code := exitNotSignedIn
	if a.State == authcore.Expired || exitCode(ctx, problem) == exitTryAgain {
		code = exitTryAgain
	}
	if asJSON {
		return exitError(code)
	}
	return codeError{problem, code}
}

func (p *program) statusJSON(snapshot *authcore.Snapshot, a authcore.Account, problem *authcore.Problem, resident bool) error {
	out := status{
		SignedIn: a.HasHeaders, State: a.State, Username: a.Username, Account: a.ID, Label: a.Label,
		Environment: a.Environment, Method: a.Method, Resident: resident, Saved: snapshot.Storage.Saved,
	}
	if !a.ExpiresAt.IsZero() {
		out.Expires = pythonTime(a.ExpiresAt)
	}
	if !a.SessionExpiresAt.IsZero() {
		out.SessionExpires = pythonTime(a.SessionExpiresAt)
	}
	if problem != nil {
		out.Problem = &statusProblem{problem.Code, problem.Words().What, nextStep(problem)}
	}
	e := json.NewEncoder(p.stdout)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(out)
}

// sentence is the state of an account in a line.
func sentence(a authcore.Account, now time.Time) string {
	who := oneLine(title(a))
	switch {
	case a.HasHeaders && a.Method == authcore.MethodAPIKeys:
		return fmt.Sprintf("API keys of %s are in use (%s).", who, a.Environment)
	case a.HasHeaders && a.Renewable:
		return fmt.Sprintf("Signed in as %s (%s). The token is valid for %s, and is renewed by itself.", who, a.Environment, left(a, now))
	case a.HasHeaders:
		return fmt.Sprintf("Signed in as %s (%s) for %s.", who, a.Environment, left(a, now))
	case a.State == authcore.Prompting:
		return fmt.Sprintf("Waiting for a sign-in to be approved (%s).", a.Environment)
	case a.State == authcore.Expired:
		return fmt.Sprintf("The token of %s has expired (%s). Renewing it is tried again by itself.", who, a.Environment)
	case a.State == authcore.NeedsSignIn:
		return fmt.Sprintf("The session of %s has ended (%s).", who, a.Environment)
	}
	return fmt.Sprintf("Nobody is signed in (%s).", a.Environment)
}

// left is the life of the access token, in whole minutes from a minute on.
func left(a authcore.Account, now time.Time) string {
	d := a.Left(now)
	switch {
	case d >= time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

func (p *program) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "logout",
		Short: "Sign out, here and at the server",
		Long: `Sign out: the session is forgotten here at once, and the server is told to end it
as soon as it can be reached. Live files of the account are removed.`,
		Example: `  bitfount-auth logout
  bitfount-auth logout --account dr.amelia.stone`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.withSessions(c.Context(), p.logout)
		},
	}
}

func (p *program) logout(ctx context.Context, s sessions) error {
	snapshot, err := s.snapshot(ctx)
	if err != nil {
		return err
	}
	a, err := p.find(snapshot)
	if err != nil {
		return err
	}
	switch {
	case a.State == authcore.Prompting:
		err = s.do(ctx, authcore.Command{Name: authcore.CommandCancelSignIn, Account: a.ID})
		if err == nil {
			p.say("A sign-in was waiting; it was cancelled.")
		}
		if err != nil || !a.HasHeaders {
			return err
		}
	case a.State == authcore.SignedOut:
		if snapshot.Storage.Problem != nil {
			return snapshot.Storage.Problem
		}
		p.say("Nobody was signed in.")
		return nil
	}
	err = s.do(ctx, authcore.Command{Name: authcore.CommandSignOut, Account: a.ID})
	var problem *authcore.Problem
	if errors.As(err, &problem) && problem.Code == authcore.ProblemNotSignedIn {
		return nil // somebody else was faster
	}
	if err == nil {
		_, err = fmt.Fprintf(p.stdout, "Signed out %s (%s).\n", oneLine(title(a)), a.Environment)
	}
	return err
}
