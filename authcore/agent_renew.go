package authcore

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/oauth"
	"github.com/bitfount/bitfount-tray/authcore/secret"
	"github.com/bitfount/bitfount-tray/authcore/vault"
)

// renewal is what became of one try.
type renewal struct {
	rec record
	// err is nil when rec holds a fresh token.
	err error
	// saveErr is why rec is not on disk.
	saveErr error
	// interrupted: an earlier try with the same refresh token got no answer.
	interrupted bool
	// postponed: nothing was sent, since the answer could not have been kept.
	postponed bool
	// gone: another process signed this account out.
	gone bool
}

// startRenewal renews beside the owner. Callers that need the token wait for
// the one request.
func (a *Agent) startRenewal(acc *account) {
	client, err := a.client(acc.rec.Environment)
	if err != nil {
		acc.problem = &Problem{Code: ProblemInternal, Cause: err.Error(), Since: a.now()}
		acc.failures++
		acc.renewAt = a.now().Add(backOff(acc.failures, 0))
		a.answer(acc, acc.problem)
		return
	}
	acc.happen(eventDue)
	acc.busy = true
	acc.attempt++
	if acc.rec.Source != nil {
		a.startAsking(acc)
		return
	}
	attempt, rec, unsaved, now := acc.attempt, acc.rec, acc.unsaved, a.now()
	a.work(func() {
		result := renewal{rec: rec, err: errors.New("the renewal broke off")}
		// Deferred, so that a panic does not leave the account busy for ever.
		defer func() { a.post(func() { a.renewed(acc, attempt, client, result) }) }()
		result = a.renew(client, rec, unsaved, now)
	})
}

// renewTimeout bounds one renewal with its wait for the lock: other processes
// hold it for one request each, and the wire gives up on a request by itself.
const renewTimeout = 2 * time.Minute

// renew gets a fresh token under the lock between processes. It is not tied to
// the agent's context: a request that was sent must be waited for, because its
// answer holds the only good refresh token.
func (a *Agent) renew(client *oauth.Client, rec record, unsaved bool, now time.Time) (result renewal) {
	ctx, cancel := context.WithTimeout(context.Background(), renewTimeout)
	defer cancel()
	err := a.store.locked(ctx, func(l *lockedStore) {
		result = renewLocked(ctx, client, l, rec, unsaved, now)
	})
	switch {
	case err == nil:
	case ctx.Err() != nil:
		result = renewal{rec: rec, err: &oauth.Fault{Kind: oauth.FaultBusy, Err: errors.New("another program is renewing this session")}}
	default:
		// The folder is not writable: no other process can renew either.
		result = renewLocked(ctx, client, &lockedStore{err: err}, rec, unsaved, now)
	}
	return result
}

func renewLocked(ctx context.Context, client *oauth.Client, l *lockedStore, rec record, unsaved bool, now time.Time) renewal {
	if disk := l.doc.account(rec.ID); disk != nil {
		rec.Label = disk.Label
	}
	if l.err == nil && !unsaved && !l.gone {
		disk := l.doc.account(rec.ID)
		switch {
		case disk == nil && !slices.Contains(l.doc.Removed, rec.ID):
			// Lost with an earlier file, which is no sign-out.
		case disk == nil || disk.RefreshToken == "" && rec.RefreshToken != "" && disk.AccessToken == "":
			return renewal{rec: rec, gone: true}
		case disk.AccessToken != rec.AccessToken && !disk.IssuedAt.Before(rec.IssuedAt):
			// Another process was faster. Its token is as good as a new one,
			// unless its own renewal is due already.
			rec = *disk
			if now.Before(renewalDue(rec.IssuedAt, rec.ExpiresAt)) {
				return renewal{rec: rec}
			}
		default:
			rec.RefreshToken, rec.RenewalStarted = disk.RefreshToken, disk.RenewalStarted
		}
	}
	// What only memory has is no safer for waiting; else nothing is sent while
	// its answer could not be kept and there is time.
	canWait := !unsaved && rec.ExpiresAt.Sub(now) > renewalMargin
	if l.err != nil && !errors.Is(l.err, errNoStore) && canWait {
		return renewal{rec: rec, saveErr: l.err, postponed: true}
	}
	result := renewal{rec: rec, interrupted: !rec.RenewalStarted.IsZero()}
	if !result.interrupted {
		rec.RenewalStarted = now
	}
	if l.err == nil && !result.interrupted {
		l.doc.put(rec)
		if err := l.write(ctx); err != nil {
			if canWait {
				return renewal{rec: result.rec, saveErr: err, postponed: true}
			}
			l.err = err
		}
	}
	tokens, err := client.Refresh(ctx, secret.New(rec.RefreshToken))
	switch {
	case err == nil:
		rec.setTokens(tokens)
	case errors.Is(err, oauth.ErrSignInAgain):
		// The access token lives on until it expires; the refresh token is dead.
		rec.RefreshToken, rec.RenewalStarted = "", time.Time{}
		result.err = err
	case !tokens.RefreshToken.Empty():
		// The answer cannot be used, but the server has rotated: what it
		// expects next must not be lost.
		rec.RefreshToken, rec.RenewalStarted = tokens.RefreshToken.Reveal(), time.Time{}
		result.err = err
	case !result.interrupted && notProcessed(err):
		rec.RenewalStarted = time.Time{}
		result.err = err
	default:
		// The mark stays on disk: the server may have rotated the token.
		result.rec, result.err = rec, err
		return result
	}
	result.rec = rec
	if l.err != nil {
		result.saveErr = l.err
		return result
	}
	l.doc.put(rec)
	// The answer is the only copy: a shutdown's deadline must not stop it.
	saveCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	result.saveErr = l.write(saveCtx)
	return result
}

// notProcessed says of an error that the server cannot have used the refresh
// token: no connection was made, or it answered that it did nothing.
func notProcessed(err error) bool {
	var fault *oauth.Fault
	var refused *oauth.RefusedError
	var dial *net.OpError
	var dns *net.DNSError
	switch {
	case errors.As(err, &refused), errors.As(err, &dns):
		return true
	case errors.As(err, &dial) && dial.Op == "dial":
		return true
	}
	if !errors.As(err, &fault) {
		return false
	}
	return fault.Kind == oauth.FaultCertificate || fault.Kind == oauth.FaultProxy || fault.Status == http.StatusTooManyRequests
}

// renewed takes in what became of a renewal.
func (a *Agent) renewed(acc *account, attempt int, client *oauth.Client, r renewal) {
	if client != nil {
		a.learnClock(client)
	}
	if acc.attempt != attempt {
		// Signed out meanwhile. What is on disk is dealt with by the sign-out;
		// a token that only memory had is revoked here.
		if r.err == nil && r.saveErr != nil {
			a.revocationDue(revocation{r.rec.Environment, r.rec.RefreshToken, a.now()})
		}
		return
	}
	acc.busy = false
	if acc.changed && acc.rec.Source != nil {
		acc.changed = false
		defer a.startRenewal(acc)
	}
	now := a.now()
	switch {
	case r.gone:
		a.log.Info("signed out by another program", "account", acc.rec.ID)
		acc.forget()
		acc.happen(eventSignOut)
		a.answer(acc, acc.notSignedIn())
		return
	case r.postponed:
		acc.happen(eventLoaded)
		acc.renewAt = now.Add(storeEvery)
		a.storeFailed(r.saveErr)
		if errors.Is(r.saveErr, vault.ErrDamaged) || errors.Is(r.saveErr, vault.ErrKeyMissing) {
			// Nobody has to mend it: memory holds what was in it.
			a.storeAt, acc.renewAt = now, now.Add(renewalPause)
		}
		a.answer(acc, nil)
		return
	case r.err == nil && r.rec.Source != nil && r.rec.AccessToken == acc.rec.AccessToken && acc.cred != nil && r.rec.ExpiresAt.Equal(acc.cred.expires):
		// The source has nothing newer yet.
		acc.happen(eventRenewed)
		acc.problem, acc.failures = nil, 0
		acc.renewAt = now.Add(max(sourcePause, acc.cred.left(now)/4))
		a.online(acc)
		a.answer(acc, nil)
	case r.err == nil:
		r.rec.Label = acc.rec.Label // it may have been renamed meanwhile
		acc.take(a, r.rec)
		acc.happen(eventRenewed)
		acc.problem, acc.failures = nil, 0
		if acc.rec.Source == nil {
			a.saved(acc, r.saveErr)
		}
		a.online(acc)
		a.event(TimelineEvent{Kind: EventRenewed, Account: acc.rec.ID})
		a.log.Info("renewed", "account", acc.rec.ID, "until", acc.rec.ExpiresAt)
		a.answer(acc, nil)
	case errors.Is(r.err, oauth.ErrSignInAgain):
		acc.rec.RefreshToken, acc.rec.RenewalStarted = "", time.Time{}
		acc.happen(eventRefused)
		acc.renewAt, acc.failures = time.Time{}, 0
		acc.problem = a.problem(r.err, acc.rec.Environment)
		if r.interrupted {
			acc.problem.Code = ProblemRenewalInterrupted
		}
		a.saved(acc, r.saveErr)
		a.online(acc)
		a.event(TimelineEvent{Kind: EventEnded, Account: acc.rec.ID})
		a.log.Warn("the server ended the session", "account", acc.rec.ID, "interrupted", r.interrupted)
		a.answer(acc, acc.problem)
	default:
		if r.rec.RefreshToken != acc.rec.RefreshToken {
			acc.rec.RefreshToken = r.rec.RefreshToken
			a.saved(acc, r.saveErr)
		}
		acc.rec.RenewalStarted = r.rec.RenewalStarted
		acc.failures++
		acc.happen(eventFaulted)
		var asked time.Duration
		var fault *oauth.Fault
		if errors.As(r.err, &fault) {
			asked = fault.RetryAfter
		}
		acc.renewAt = now.Add(backOff(acc.failures, asked))
		acc.notBefore = time.Time{}
		if asked > 0 {
			acc.notBefore = now.Add(min(asked, longestAsked))
		}
		p := a.problem(r.err, acc.rec.Environment)
		if acc.problem != nil && acc.problem.Code == p.Code {
			p.Since = acc.problem.Since
		}
		acc.problem = p
		if !a.isOffline(acc) {
			a.event(TimelineEvent{Kind: EventOffline, Account: acc.rec.ID})
		}
		a.log.Warn("the renewal failed and is tried again", "account", acc.rec.ID, "problem", p.Code,
			"cause", p.Cause, "failures", acc.failures, "next", acc.renewAt)
		acc.lapse(a, now)
		a.answer(acc, acc.problem)
	}
}

// sourcePause is how soon a source is asked again that still gives the token
// that we have.
const sourcePause = 30 * time.Second

// isOffline says whether the account's last "offline" line is still open.
func (a *Agent) isOffline(acc *account) bool {
	for _, e := range slices.Backward(a.history.events) {
		if e.Kind == EventOffline && e.Account == acc.rec.ID {
			return e.Until.IsZero()
		}
	}
	return false
}

// online closes the account's open "offline" line in the timeline.
func (a *Agent) online(acc *account) {
	events := a.history.events
	for i := len(events) - 1; i >= 0; i-- {
		if e := &events[i]; e.Kind == EventOffline && e.Account == acc.rec.ID {
			if e.Until.IsZero() {
				e.Until = a.now()
				a.history.changed()
			}
			return
		}
	}
}
