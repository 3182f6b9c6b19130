package authcore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// ErrUnknownCommand is returned for a command that the agent does not carry out.
var ErrUnknownCommand = errors.New("unknown command")

// Do carries out one command. It returns when the command was begun: what
// becomes of it is in the snapshots. The error is a *Problem where a person can
// do something about it; ErrUnknownCommand, ErrStopped or the context's error
// otherwise.
func (a *Agent) Do(ctx context.Context, c Command) error {
	if c.Name == CommandImportTokenFile {
		return a.ImportTokenFile(ctx, c.Path) // returns when it is done
	}
	return a.call(ctx, func() error {
		acc := a.account(c.Account)
		if acc == nil {
			return fmt.Errorf("there is no account %q", c.Account)
		}
		switch c.Name {
		case CommandSignIn:
			if acc.rec.Method != MethodDeviceCode {
				return &Problem{Code: ProblemRefused, Params: map[string]string{"Host": acc.rec.Environment.Name}}
			}
			if acc.state == Prompting || acc.state == Renewing {
				return nil // it is under way; a second click asks for nothing new
			}
			if err := a.settings.environmentRefusal(acc.rec.Environment); err != nil {
				return err
			}
			return a.startSignIn(acc)
		case CommandCancelSignIn:
			a.cancelSignIn(acc)
		case CommandRenew:
			if acc.busy {
				return nil
			}
			if !acc.renewable() || acc.state == Prompting {
				return acc.notSignedIn()
			}
			a.startRenewal(acc)
		case CommandSignOut:
			a.signOut(acc, false)
		case CommandRemove:
			a.signOut(acc, true)
		case CommandSetActive:
			a.active = acc.rec.ID
			a.storeAt = a.now()
		case CommandRename:
			acc.rec.Label = c.Text
			acc.renamed = true
			a.storeAt = a.now()
		case CommandAddAccount:
			env, err := EnvironmentByName(c.Text)
			if c.Text == "" || c.Text == a.environment.Load().Name {
				env, err = *a.environment.Load(), nil
			}
			if err == nil {
				err = a.settings.environmentRefusal(env)
			}
			if err != nil {
				return err
			}
			acc = a.addPristine(env)
			acc.asked = true
			a.active = acc.rec.ID
		case CommandAddLiveFile:
			return a.addLiveFile(acc, c)
		case CommandRemoveFile:
			return a.removeLiveFile(c.Path)
		default:
			return fmt.Errorf("%w: %q", ErrUnknownCommand, c.Name)
		}
		return nil
	})
}

// Headers returns the account's headers (empty: the active account's) for one
// service, made from a token that lives at least minValid longer, renewing it
// if need be. While the token lives long enough it takes no lock and makes no
// request. The headers must not be changed. The error is a *Problem, the
// context's error or ErrStopped; it is never a stale header.
func (a *Agent) Headers(ctx context.Context, account string, service export.Service, minValid time.Duration) ([]export.Header, error) {
	c, err := a.credential(ctx, account, minValid)
	if err != nil {
		return nil, err
	}
	if headers := c.headers(service); headers != nil {
		return headers, nil
	}
	_, err = export.ParseService(string(service))
	return nil, err
}

// Token returns the account's access token and its expiry on the servers'
// clock, as Headers does. For API keys it is an error: they are no token.
func (a *Agent) Token(ctx context.Context, account string, minValid time.Duration) (secret.Secret, time.Time, error) {
	c, err := a.credential(ctx, account, minValid)
	if err != nil {
		return secret.Secret{}, time.Time{}, err
	}
	if c.token.Empty() {
		return secret.Secret{}, time.Time{}, errors.New("this account uses API keys, which are no token: ask for headers")
	}
	return c.token, c.expires, nil
}

func (a *Agent) credential(ctx context.Context, account string, minValid time.Duration) (*credential, error) {
	creds := a.credentials.Load()
	c := creds.active
	if account != "" {
		c = creds.byID[account]
	}
	if c != nil {
		if c.expires.IsZero() {
			return c, nil
		}
		if left := c.expires.Sub(a.wall()) - creds.offset; left > 0 && left >= minValid {
			return c, nil
		}
	}
	return a.wait(ctx, func(reply chan<- credentialReply) {
		acc := a.account(account)
		if acc == nil {
			reply <- credentialReply{err: fmt.Errorf("there is no account %q", account)}
			return
		}
		acc.waiters = append(acc.waiters, waiter{minValid: minValid, reply: reply})
		a.serve(acc)
	})
}

// freshToken is how long a token counts as just issued.
const freshToken = time.Minute

// replaceRejected renews because a server refused the token, unless a newer
// one is there already.
func (a *Agent) replaceRejected(ctx context.Context, account string, rejected secret.Secret) error {
	_, err := a.wait(ctx, func(reply chan<- credentialReply) {
		acc := a.account(account)
		switch {
		case acc == nil:
			reply <- credentialReply{err: fmt.Errorf("there is no account %q", account)}
		case acc.cred != nil && !acc.cred.token.Equal(rejected):
			reply <- acc.reply(a.now(), waiter{}, nil)
		case acc.cred != nil && a.now().Sub(acc.rec.IssuedAt) < freshToken:
			// A server that refuses a token this new refuses the user: another
			// one would be refused as well.
			reply <- credentialReply{cred: acc.cred}
		case !acc.renewable():
			reply <- credentialReply{err: acc.notSignedIn()}
		case !acc.busy && acc.failures > 0 && a.now().Before(acc.renewAt):
			reply <- credentialReply{err: acc.notSignedIn()}
		default:
			acc.waiters = append(acc.waiters, waiter{rejected: rejected, reply: reply})
			if !acc.busy {
				a.startRenewal(acc)
			}
		}
	})
	return err
}

// wait hands a reply channel to the owner and waits for it with the caller's
// own context.
func (a *Agent) wait(ctx context.Context, ask func(chan<- credentialReply)) (*credential, error) {
	reply := make(chan credentialReply, 1)
	select {
	case a.inbox <- func() { ask(reply) }:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-a.done:
		return nil, ErrStopped
	}
	select {
	case r := <-reply:
		return r.cred, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-a.done:
		return nil, ErrStopped
	}
}

// serve answers everybody who waits for the account's token, or starts the one
// renewal that will. A failure is remembered until the next try is due.
func (a *Agent) serve(acc *account) {
	if len(acc.waiters) == 0 || acc.busy || !a.loaded && a.storing {
		return
	}
	now := a.now()
	pending := acc.waiters[:0:0]
	for _, w := range acc.waiters {
		r := acc.reply(now, w, nil)
		switch {
		case r.err != nil && !a.loaded && a.storeProblem != nil && acc.rec.empty():
			// Not "signed out": nobody knows before the vault can be read.
			a.reply(w, credentialReply{err: a.storeProblem})
		case r.err == nil, !acc.renewable():
			a.reply(w, r)
		case acc.failures > 0 && now.Before(acc.renewAt):
			a.reply(w, credentialReply{err: acc.notSignedIn()})
		case acc.cred != nil && w.minValid >= acc.rec.ExpiresAt.Sub(acc.rec.IssuedAt):
			a.reply(w, r) // no renewal can satisfy it
		default:
			pending = append(pending, w)
		}
	}
	acc.waiters = pending
	if len(pending) > 0 {
		a.startRenewal(acc)
	}
}
