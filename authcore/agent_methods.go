package authcore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// APIKeysAccount is a pair of API keys to be kept by the agent.
type APIKeysAccount struct {
	// Account is the ID of the account that gets them; empty means the
	// account of the same environment and user, or a new one.
	Account string
	// Environment is a name; empty means the agent's own.
	Environment string
	Username    string
	// KeyID and Key are as the Hub shows them, with both halves.
	KeyID, Key secret.Secret
}

// ExternalJWTAccount is a JWT that another program keeps fresh.
type ExternalJWTAccount struct {
	// Account, Environment and Username are those of APIKeysAccount.
	Account     string
	Environment string
	Username    string
	Source      JWTSource
}

// JWTSource is where an externally managed JWT comes from. Exactly one field
// is set.
type JWTSource struct {
	// Command is a program and its arguments; it is run without a shell. See
	// CommandSource.
	Command []string `json:"command,omitempty"`
	// File is the whole path of a file that another program keeps fresh. See
	// FileSource.
	File string `json:"file,omitempty"`
	// Variable is the name of an environment variable. See EnvironmentSource.
	Variable string `json:"variable,omitempty"`
}

// hook is the one that asks the source. The error says that it is not exactly
// one.
func (s JWTSource) hook() (GetToken, error) {
	var hooks []GetToken
	if len(s.Command) > 0 {
		hooks = append(hooks, CommandSource{Argv: s.Command}.GetToken)
	}
	if s.File != "" {
		hooks = append(hooks, FileSource{Path: s.File}.GetToken)
	}
	if s.Variable != "" {
		hooks = append(hooks, EnvironmentSource{Variable: s.Variable}.GetToken)
	}
	if len(hooks) != 1 {
		return nil, errors.New("name one source of the token: a command, a file or an environment variable")
	}
	return hooks[0], nil
}

// SetAPIKeys keeps a pair of API keys as an account and makes it the active
// one. Keys that NewAPIKeysHandler refuses are an error, and nothing changes.
func (a *Agent) SetAPIKeys(ctx context.Context, k APIKeysAccount) error {
	if _, err := newAPIKeysHandler(k.KeyID, k.Key, k.Username, a.options.UserAgent); err != nil {
		return err
	}
	return a.call(ctx, func() error {
		return a.adopt(k.Account, k.Environment, record{
			Method: MethodAPIKeys, Username: k.Username, SignedInAt: a.now(),
			APIKeyID: k.KeyID.Reveal(), APIKey: k.Key.Reveal(),
		})
	})
}

// SetExternalJWT keeps a source of JWTs as an account, makes it the active one,
// and begins to ask the source. A source that is not set, or a username that is
// missing or AnyUser, is an error, and nothing changes; what the source answers
// is in the snapshots.
func (a *Agent) SetExternalJWT(ctx context.Context, e ExternalJWTAccount) error {
	_, err := e.Source.hook()
	if err := errors.Join(checkUsername(e.Username), err); err != nil {
		return err
	}
	source := e.Source
	source.Command = slices.Clone(source.Command)
	return a.call(ctx, func() error {
		return a.adopt(e.Account, e.Environment, record{
			Method: MethodExternalJWT, Username: e.Username, SignedInAt: a.now(), Source: &source,
		})
	})
}

// adopt gives r to the account that it is meant for, and saves it.
func (a *Agent) adopt(id, environment string, r record) error {
	r.Environment = *a.environment.Load()
	if environment != "" && environment != r.Environment.Name {
		env, err := EnvironmentByName(environment)
		if err != nil {
			return err
		}
		r.Environment = env
	}
	if err := a.settings.environmentRefusal(r.Environment); err != nil {
		return err
	}
	acc := a.account(id)
	switch {
	case id != "" && acc == nil:
		return fmt.Errorf("there is no account %q", id)
	case id != "" && acc.rec.Method == r.Method:
		r.Environment = acc.rec.Environment
	default:
		acc = a.twin(r)
		if active := a.account(""); acc == nil && active != nil && active.pristine() {
			acc = active
		}
		if acc == nil {
			acc = a.addPristine(r.Environment)
		}
	}
	a.cancelSignIn(acc)
	acc.signing++
	acc.unwatch()
	r.ID, r.Label = acc.rec.ID, acc.rec.Label
	acc.attempt++
	acc.busy = false
	acc.take(a, r)
	acc.problem, acc.failures = nil, 0
	acc.happen(eventLoaded)
	acc.unsaved = a.store.vault != nil
	a.active = r.ID
	a.work(func() {
		// As after a sign-in, a vault that is beyond reading is put aside.
		err := a.save(r, r.ID)
		a.post(func() {
			if acc.rec == r {
				a.saved(acc, err)
			}
			a.storeAt = a.now()
		})
	})
	a.event(TimelineEvent{Kind: EventSignedIn, Account: r.ID, Detail: r.Username})
	a.watch(acc)
	return nil
}

// watch begins to follow the account's source, if it has one.
func (a *Agent) watch(acc *account) {
	if acc.rec.Source == nil {
		return
	}
	if acc.rec.Source.File == "" {
		a.startRenewal(acc)
		return
	}
	ctx, cancel := context.WithCancel(a.ctx)
	acc.unwatch = cancel
	source := FileSource{Path: acc.rec.Source.File}
	a.work(func() {
		ask := func(wanted func() bool) {
			a.post(func() {
				if ctx.Err() == nil && wanted() {
					a.startRenewal(acc)
				}
			})
		}
		// Whoever was in a hurry may have asked already.
		source.watch(ctx, func() { ask(func() bool { return acc.cred == nil && !acc.busy }) }, func() {
			ask(func() bool {
				acc.changed = acc.busy // it may have been read before
				return !acc.busy
			})
		})
	})
}

// ask gets a JWT from the account's source by the rules of the handler, beside
// the owner.
func (a *Agent) ask(rec record, offset time.Duration) renewal {
	fail := func(err error) renewal {
		return renewal{rec: rec, err: &Problem{Code: ProblemBadSource, Cause: err.Error()}}
	}
	get, err := rec.Source.hook()
	if err != nil {
		return fail(err)
	}
	now := func() time.Time { return a.wall().Round(0).Add(offset) }
	h, err := newExternalJWTHandler(secret.Secret{}, time.Time{}, get, rec.Username, a.options.UserAgent, now)
	if err != nil {
		return fail(err)
	}
	ctx, cancel := context.WithTimeout(a.ctx, renewTimeout)
	defer cancel()
	if err := h.Authenticate(ctx); err != nil {
		return fail(err)
	}
	j := h.current.Load()
	if token := j.token.Reveal(); token != rec.AccessToken {
		rec.AccessToken, rec.IssuedAt = token, now()
	}
	rec.ExpiresAt = j.expires
	return renewal{rec: rec}
}

// startAsking is startRenewal for an account with a source.
func (a *Agent) startAsking(acc *account) {
	attempt, rec, offset := acc.attempt, acc.rec, a.offset
	a.work(func() {
		result := a.ask(rec, offset)
		a.post(func() { a.renewed(acc, attempt, nil, result) })
	})
}
