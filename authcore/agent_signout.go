package authcore

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/oauth"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// signOut forgets the session at once, on disk as soon as the lock is free,
// and at the server as soon as it can be reached. With remove, the account
// itself goes as well.
func (a *Agent) signOut(acc *account, remove bool) {
	a.cancelSignIn(acc)
	acc.signing++
	acc.attempt++ // whatever is under way comes too late
	acc.busy, acc.cancel = false, nil
	id, env, token := acc.rec.ID, acc.rec.Environment, acc.rec.RefreshToken
	hadSession := acc.state != SignedOut
	acc.forget()
	acc.happen(eventSignOut)
	acc.unsaved, acc.leaving, acc.asked = false, true, true
	a.answer(acc, acc.notSignedIn())
	if token != "" {
		a.revocationDue(revocation{env, token, a.now()})
	}
	if hadSession {
		a.event(TimelineEvent{Kind: EventSignedOut, Account: id})
		a.log.Info("signed out", "account", id)
	}
	blank := acc.rec
	if remove {
		a.removed[id] = a.store.vault != nil
		a.drop(acc)
	}
	owed, now := slices.Clone(a.revocations), a.now()
	a.writing++
	a.work(func() {
		ctx, cancel := context.WithTimeout(context.Background(), renewTimeout)
		defer cancel()
		// A renewal under way holds the lock: by the time we get it, the disk
		// may hold a newer refresh token than memory ever saw.
		var newer revocation
		err := a.store.update(ctx, false, func(d *document) {
			for _, r := range owed {
				d.owe(r)
			}
			newer = d.leave(blank, remove, now)
		})
		a.post(func() {
			a.writing--
			a.departures++
			if newer.RefreshToken != token {
				a.revocationDue(newer)
			}
			acc.leaving = false
			switch {
			case err == nil, errors.Is(err, errNoStore):
				delete(a.removed, id)
			default:
				acc.unsaved = acc.unsaved || acc.rec.empty()
				a.storeFailed(err)
			}
		})
	})
}

// revocationDue notes that the server must be told to forget a token
// (RFC 7009), and does it at the next tick.
func (a *Agent) revocationDue(r revocation) {
	if r.RefreshToken == "" || slices.ContainsFunc(a.revocations, func(o revocation) bool { return o.RefreshToken == r.RefreshToken }) {
		return
	}
	a.revocations = append(a.revocations, r)
	a.revokeAt = a.now()
}

// revocationLife is how long a revocation is tried: Auth0's refresh tokens die
// by themselves 30 days after the sign-in.
const revocationLife = 30 * 24 * time.Hour

// startRevocation tells the server about the oldest token that is owed.
func (a *Agent) startRevocation() {
	due := a.revocations[0]
	client, err := a.client(due.Environment)
	if err != nil || a.now().Sub(due.Since) > revocationLife {
		a.revoked(due)
		return
	}
	a.revoking = true
	a.work(func() {
		ctx, cancel := context.WithTimeout(context.Background(), renewTimeout)
		defer cancel()
		err := client.Revoke(ctx, secret.New(due.RefreshToken))
		var fault *oauth.Fault
		if !errors.As(err, &fault) {
			// Done, or refused for good: asking again would change nothing.
			_ = a.store.update(ctx, false, func(d *document) {
				d.Revocations = slices.DeleteFunc(d.Revocations, func(r revocation) bool { return r.RefreshToken == due.RefreshToken })
			})
		}
		a.post(func() {
			a.revoking = false
			a.learnClock(client)
			if fault != nil {
				a.revokeRetries++
				a.revokeAt = a.now().Add(backOff(a.revokeRetries, fault.RetryAfter))
				a.log.Warn("the server could not be told of the sign-out yet", "cause", fault.Error(), "next", a.revokeAt)
				return
			}
			if err != nil {
				a.log.Warn("the server refused a revocation", "cause", err.Error())
			}
			a.revoked(due)
		})
	})
}

func (a *Agent) revoked(done revocation) {
	a.revocations = slices.DeleteFunc(a.revocations, func(r revocation) bool { return r.RefreshToken == done.RefreshToken })
	a.revokeAt, a.revokeRetries = a.now(), 0
}
