package authcore

import (
	"context"
	"errors"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/oauth"
)

// startSignIn asks for a device code and waits for the user, beside the owner.
func (a *Agent) startSignIn(acc *account) error {
	client, err := a.client(acc.rec.Environment)
	if err != nil {
		return &Problem{Code: ProblemInternal, Cause: err.Error(), Since: a.now()}
	}
	acc.before = acc.state
	acc.happen(eventSignIn)
	acc.prompt, acc.problem, acc.suspended = nil, nil, acc.problem
	ctx, cancel := context.WithCancel(a.ctx)
	acc.cancel = cancel
	acc.signing++
	s := signIn{agent: a, acc: acc, attempt: acc.signing, client: client, rec: acc.rec, active: a.active}
	if s.rec.Username == "" {
		s.rec.Username = a.options.Username
	}
	a.log.Info("signing in", "account", acc.rec.ID, "environment", acc.rec.Environment.Name)
	a.work(func() {
		defer cancel()
		s.run(ctx)
	})
	return nil
}

// signIn is one sign-in under way, seen from its worker.
type signIn struct {
	agent   *Agent
	acc     *account
	attempt int
	client  *oauth.Client
	rec     record
	// active is the ID of the account that was active when it began.
	active string
}

// owner runs f on the owner's goroutine if the sign-in is still wanted.
func (s *signIn) owner(f func()) {
	s.agent.post(func() {
		if s.acc.signing == s.attempt && s.acc.state == Prompting {
			f()
		}
	})
}

func (s *signIn) run(ctx context.Context) {
	code, err := s.requestCode(ctx)
	if err != nil {
		s.abandon(err)
		return
	}
	s.owner(func() {
		s.agent.learnClock(s.client)
		s.acc.problem = nil
		s.acc.device = code
		s.acc.prompt = &DevicePrompt{
			UserCode: code.UserCode, VerificationURI: code.VerificationURI,
			VerificationURIComplete: code.VerificationURIComplete,
			IssuedAt:                code.IssuedAt, ExpiresAt: code.ExpiresAt,
		}
	})
	tokens, err := s.client.Poll(ctx, code, func(trouble error) {
		s.owner(func() { s.acc.problem = s.agent.problem(trouble, s.rec.Environment) })
	})
	if err != nil {
		// Granted, but not verified in time: the server must forget them.
		s.disown(tokens)
		s.abandon(err)
		return
	}
	s.finish(tokens)
}

// requestCode asks for a device code. A lost packet is no reason to send the
// user back to the menu, so a fault is tried again twice; more would look like
// a hanging window.
func (s *signIn) requestCode(ctx context.Context) (oauth.DeviceCode, error) {
	for try := 1; ; try++ {
		code, err := s.client.RequestDeviceCode(ctx)
		var fault *oauth.Fault
		if err == nil || try == 3 || !errors.As(err, &fault) || fault.Kind == oauth.FaultCertificate {
			return code, err
		}
		s.owner(func() { s.acc.problem = s.agent.problem(err, s.rec.Environment) })
		select {
		case <-time.After(time.Duration(try) * time.Second):
		case <-ctx.Done():
			return code, ctx.Err()
		}
	}
}

// abandon goes back to where the sign-in started; the session that was there
// stays as it was.
func (s *signIn) abandon(err error) {
	s.owner(func() {
		a, acc := s.agent, s.acc
		a.learnClock(s.client)
		acc.prompt, acc.cancel = nil, nil
		acc.happen(eventAbandoned)
		acc.problem = nil
		if !errors.Is(err, context.Canceled) {
			acc.problem = a.problem(err, s.rec.Environment)
			a.log.Warn("the sign-in failed", "account", acc.rec.ID, "problem", acc.problem.Code, "cause", acc.problem.Cause)
		} else if acc.failures > 0 || acc.state == NeedsSignIn {
			acc.problem = acc.suspended // what the session before suffered from
		}
		acc.lapse(a, a.now())
	})
}

// finish puts the tokens on disk, and only then shows that somebody is signed in.
func (s *signIn) finish(tokens oauth.Tokens) {
	a := s.agent
	// From here on the sign-in cannot be cancelled: its tokens are real.
	wanted := false
	_ = a.call(context.Background(), func() error {
		if wanted = s.acc.signing == s.attempt && s.acc.state == Prompting; wanted {
			s.acc.cancel = nil
			s.rec.Label = s.acc.rec.Label
		}
		return nil
	})
	if want := s.rec.Username; want != "" && tokens.Identity.Username != want {
		s.abandon(&Problem{Code: ProblemWrongUser, Since: tokens.IssuedAt, Params: map[string]string{
			"Got": tokens.Identity.Username, "Want": want,
		}})
		wanted = false
	}
	if !wanted {
		// Cancelled, or by somebody else: the server must forget these tokens.
		s.disown(tokens)
		return
	}
	rec := s.rec
	rec.Username = tokens.Identity.Username
	rec.SignedInAt = tokens.IssuedAt
	rec.SessionExpiresAt, rec.SessionStartedAt = time.Time{}, time.Time{}
	rec.RefreshToken, rec.IDToken = "", "" // nothing of the session before
	rec.setTokens(tokens)
	err := a.save(rec, s.active)
	a.post(func() {
		acc := s.acc
		if acc.signing != s.attempt {
			// Signed out or removed while this was on its way to the disk.
			a.revocationDue(revocation{rec.Environment, rec.RefreshToken, a.now()})
			if acc.unsaved = acc.rec.empty(); a.account(rec.ID) == nil {
				a.removed[rec.ID] = true
			}
			a.storeAt = a.now()
			return
		}
		acc.attempt++ // a renewal under way was of the session before
		acc.busy = false
		a.learnClock(s.client)
		rec.Label = acc.rec.Label
		acc.take(a, rec)
		acc.prompt, acc.problem, acc.failures = nil, nil, 0
		acc.happen(eventGranted)
		a.saved(acc, err)
		if twin := a.twin(rec); twin != nil {
			a.drop(twin)
		}
		a.event(TimelineEvent{Kind: EventSignedIn, Account: rec.ID, Detail: rec.Username})
		a.log.Info("signed in", "account", rec.ID, "until", rec.ExpiresAt)
		a.answer(acc, nil)
	})
}

// disown has the server forget tokens that will not be used.
func (s *signIn) disown(tokens oauth.Tokens) {
	a := s.agent
	a.post(func() {
		if !tokens.RefreshToken.Empty() {
			a.revocationDue(revocation{s.rec.Environment, tokens.RefreshToken.Reveal(), a.now()})
			a.storeAt = a.now()
		}
	})
}

// setTokens takes over what a token answer brought.
func (r *record) setTokens(t oauth.Tokens) {
	r.AccessToken = t.AccessToken.Reveal()
	if !t.RefreshToken.Empty() {
		r.RefreshToken = t.RefreshToken.Reveal()
	}
	if !t.IDToken.Empty() {
		r.IDToken = t.IDToken.Reveal()
	}
	r.IssuedAt, r.ExpiresAt = t.IssuedAt, t.ExpiresAt
	r.setSessionEnd(t)
	r.RenewalStarted = time.Time{}
}

// sameEnd is how far apart two answers may put the same end of a session: they
// say how many seconds are left, rounded, and arrive some seconds late.
const sameEnd = time.Minute

// setSessionEnd takes over when the refresh token ends. Some servers count down
// from the sign-in to one end, others give each new refresh token a life of its
// own; a tenth of the life means something else with each.
func (r *record) setSessionEnd(t oauth.Tokens) {
	if t.RefreshExpiresAt.IsZero() {
		return
	}
	later := t.RefreshExpiresAt.Sub(r.SessionExpiresAt)
	switch {
	case r.SessionExpiresAt.IsZero(), later > sameEnd:
		r.SessionExpiresAt, r.SessionStartedAt = t.RefreshExpiresAt, t.IssuedAt
	case later < -sameEnd:
		r.SessionExpiresAt = t.RefreshExpiresAt
	}
}

// drop removes an account from memory.
func (a *Agent) drop(gone *account) {
	gone.unwatch()
	keep := a.accounts[:0:0]
	for _, acc := range a.accounts {
		if acc != gone {
			keep = append(keep, acc)
		}
	}
	a.accounts = keep
	gone.attempt++
	gone.signing++
	a.answer(gone, gone.notSignedIn())
	if len(a.accounts) == 0 {
		a.addPristine(*a.environment.Load())
	}
	if a.account(a.active) == nil {
		a.active = a.accounts[0].rec.ID
	}
}

func (a *Agent) cancelSignIn(acc *account) {
	if acc.state == Prompting && acc.cancel != nil {
		acc.cancel()
	}
}
