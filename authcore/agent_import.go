package authcore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/oauth"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// ImportTokenFile takes over the session of a token file that the Bitfount SDK
// has written, makes its account the active one, and keeps the file fresh from
// then on, as a live file. An empty path is the SDK's own place.
//
// There can be only one owner of a session: the tenant rotates refresh tokens,
// and ends a session whose old one is used again. So the file's refresh token
// is used at once, under the lock between processes, which makes it worthless;
// the next one is in the vault alone; and the file is written again in the form
// of export.TokenFile, which has none. It must stay and be kept fresh: an SDK
// that runs holds the old token in memory, but reads the file before it would
// use it. Still, an SDK that renews in the very moment of the import may end
// the session, so Pods are best stopped first.
//
// It returns when the session is stored. The error is a *Problem, ErrStopped or
// the context's: with the context's the import goes on, since it cannot be
// undone. A file that is not the SDK's own, belongs to another environment or
// cannot be replaced is refused before anything is sent, as is every file while
// the vault cannot be read and written.
func (a *Agent) ImportTokenFile(ctx context.Context, path string) error {
	reply := make(chan error, 1)
	err := a.call(ctx, func() error {
		if path == "" {
			home, err := os.UserHomeDir()
			if err == nil {
				path, err = export.TokenFilePath(os.Getenv, home, "")
			}
			if err != nil {
				return cannotImport(err)
			}
		}
		// The SDK's file could not be kept fresh, and its session not be used.
		if err := a.settings.exportRefusal(string(export.FormatSDKToken)); err != nil {
			return err
		}
		if err := a.settings.environmentRefusal(a.options.Environment); err != nil {
			return err
		}
		switch {
		case a.storeProblem != nil:
			return a.storeProblem
		case !a.loaded:
			return cannotImport(errors.New("the saved sessions have not been read yet"))
		}
		client, err := a.client(*a.environment.Load())
		if err != nil {
			return &Problem{Code: ProblemInternal, Cause: err.Error(), Since: a.now()}
		}
		i := tokenImport{
			client: client, path: path, username: a.options.Username, now: a.now(),
			rec: record{ID: newID(), Method: MethodDeviceCode, Environment: *a.environment.Load()},
		}
		a.work(func() {
			i.err = errors.New("the import broke off")
			defer func() {
				a.post(func() {
					err := a.imported(i)
					a.publish() // so that the caller sees what came of it
					reply <- err
				})
			}()
			i.run(a.store)
		})
		return nil
	})
	if err != nil {
		return err
	}
	select {
	case err := <-reply:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-a.done:
		return ErrStopped
	}
}

func cannotImport(err error) *Problem {
	return &Problem{Code: ProblemBadRequest, Params: map[string]string{"Reason": err.Error()}}
}

// tokenImport is one import, seen from its worker.
type tokenImport struct {
	client *oauth.Client
	path   string
	// username, if set, is the only one that is welcome.
	username string
	now      time.Time
	rec      record
	// err is nil when rec is a session.
	err error
	// saveErr is why rec is not on disk.
	saveErr error
	// owed is a refresh token that was received and is not wanted.
	owed secret.Secret
}

// run imports under the lock between processes: of two programs that are asked
// for the same file at once, the second finds one without a refresh token.
func (i *tokenImport) run(s store) {
	ctx, cancel := context.WithTimeout(context.Background(), renewTimeout)
	defer cancel()
	err := s.locked(ctx, func(l *lockedStore) { i.err = i.locked(ctx, s, l) })
	if err != nil {
		i.err = storeProblem(err, s.vault.Path())
	}
}

func (i *tokenImport) locked(ctx context.Context, s store, l *lockedStore) error {
	file, err := i.read()
	if err != nil {
		return cannotImport(err)
	}
	inMemory := errors.Is(l.err, errNoStore)
	save := func(change func(*document)) error {
		if inMemory {
			return nil
		}
		if l.err != nil {
			return l.err
		}
		change(&l.doc)
		// The answer is the only copy: a shutdown's deadline must not stop it.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
		defer cancel()
		return l.write(ctx)
	}
	// On disk before it is sent, as for every renewal: if this process dies now,
	// the next one finds the token and that its answer was missed.
	i.rec.AccessToken, i.rec.RefreshToken, i.rec.IDToken = file.AccessToken.Reveal(), file.RefreshToken.Reveal(), file.IDToken.Reveal()
	i.rec.SignedInAt, i.rec.IssuedAt, i.rec.ExpiresAt, i.rec.RenewalStarted = i.now, i.now, file.ExpiresAt, i.now
	if err := save(func(d *document) { d.put(i.rec) }); err != nil {
		return storeProblem(err, s.vault.Path())
	}

	tokens, err := i.client.Refresh(ctx, file.RefreshToken)
	var name string
	if err == nil {
		name, err = i.identify(ctx, tokens, file)
	}
	if err != nil {
		// A server that does not rotate has sent the file's own one, with which
		// the SDK lives on.
		if next := tokens.RefreshToken; !next.Empty() && !next.Equal(file.RefreshToken) {
			i.owed = next
		}
		_ = save(func(d *document) {
			d.remove(i.rec.ID)
			if !i.owed.Empty() {
				d.owe(revocation{i.rec.Environment, i.owed.Reveal(), i.now})
			}
		})
		return err
	}
	temporary := i.rec.ID
	i.rec.Username = name
	i.rec.setTokens(tokens)
	i.rec.SignedInAt = i.rec.IssuedAt
	i.saveErr = save(func(d *document) {
		// An account of the same user stays the one that live files and
		// settings know.
		for _, old := range d.Accounts {
			if old.Username == name && old.Method == i.rec.Method && old.Environment == i.rec.Environment {
				d.remove(temporary)
				i.rec.ID, i.rec.Label = old.ID, old.Label
				break
			}
		}
		d.put(i.rec)
		d.Active = i.rec.ID
	})
	// At once, so that no SDK that starts now finds the dead token. A failure
	// is shown and mended as that of a live file.
	_ = export.WriteTokenFile(i.path, tokenFileOf(i.rec))
	return nil
}

// read reads the file, and refuses it while that costs nothing.
func (i *tokenImport) read() (export.TokenFile, error) {
	file, err := export.ReadTokenFile(i.path)
	if err != nil {
		return file, err
	}
	if file.RefreshToken.Empty() {
		return file, errors.New("this application has written that file itself; there is no session in it to take over")
	}
	e := i.rec.Environment
	for _, f := range []struct{ what, got, want string }{
		{"auth domain", file.AuthDomain, hostOf(e.Issuer)},
		{"client ID", file.ClientID, e.ClientID},
		{"scopes", file.Scopes, e.Scopes},
		{"audience", file.Audience, e.Audience},
	} {
		if f.got != f.want {
			return file, fmt.Errorf("the file belongs to another environment: its %s is %q, that of %s is %q", f.what, f.got, e.Name, f.want)
		}
	}
	// The file's ID token proves nothing, but a name in it that is not welcome
	// saves a session from being lost here.
	if i.username != "" {
		var claims jwt.MapClaims
		_, _, err := jwt.NewParser().ParseUnverified(file.IDToken.Reveal(), &claims)
		if name, _ := claims["https://www.bitfount.com/username"].(string); err == nil && name != i.username {
			return file, fmt.Errorf("the file belongs to %s, not to %s", name, i.username)
		}
	}
	return file, export.Test(i.path)
}

// identify says whose the session is, by an ID token that the issuer has
// signed: that of the answer or, as an answer to a refresh need not have one
// (OpenID Connect Core 1.0, section 12.2), that of the file while it is valid.
func (i *tokenImport) identify(ctx context.Context, tokens oauth.Tokens, file export.TokenFile) (string, error) {
	identity := tokens.Identity
	if identity.Username == "" {
		raw := tokens.IDToken
		if raw.Empty() {
			raw = file.IDToken
		}
		var err error
		if identity, err = i.client.VerifyIDToken(ctx, raw); err != nil {
			return "", err
		}
	}
	if i.username != "" && identity.Username != i.username {
		return "", &Problem{Code: ProblemWrongUser, Params: map[string]string{"Got": identity.Username, "Want": i.username}}
	}
	return identity.Username, nil
}

// imported takes in what became of an import.
func (a *Agent) imported(i tokenImport) error {
	a.learnClock(i.client)
	if !i.owed.Empty() {
		a.revocationDue(revocation{i.rec.Environment, i.owed.Reveal(), a.now()})
	}
	if i.err != nil {
		p := a.problem(i.err, i.rec.Environment)
		a.log.Warn("a token file was not imported", "problem", p.Code, "cause", p.Cause)
		return p
	}
	rec := i.rec
	acc := a.account(rec.ID)
	if acc == nil {
		if acc = a.twin(rec); acc != nil {
			rec.ID = acc.rec.ID // it was not saved yet
		} else if active := a.account(""); active != nil && active.pristine() {
			acc = active
		} else {
			acc = a.addPristine(rec.Environment)
		}
	}
	rec.Label = acc.rec.Label
	acc.unwatch()
	if acc.cancel != nil {
		acc.cancel()
	}
	acc.cancel, acc.prompt = nil, nil
	acc.signing++
	acc.attempt++ // what is under way is of the session before
	acc.busy = false
	acc.take(a, rec)
	acc.problem, acc.failures = nil, 0
	acc.happen(eventLoaded)
	acc.happen(eventGranted)
	a.saved(acc, i.saveErr)
	if rec.ID != i.rec.ID && a.store.vault != nil {
		acc.unsaved, a.storeAt = true, a.now()
	}
	if twin := a.twin(rec); twin != nil {
		a.drop(twin)
	}
	a.active = rec.ID
	a.event(TimelineEvent{Kind: EventSignedIn, Account: rec.ID, Detail: rec.Username})
	a.log.Info("took over the session of a token file", "account", rec.ID, "until", rec.ExpiresAt)
	a.liveFiles = slices.DeleteFunc(slices.Clone(a.liveFiles), func(f *liveFile) bool { return f.spec.Path == i.path })
	a.liveFiles = append(a.liveFiles, newLiveFile(export.Spec{Path: i.path, Service: export.Hub, Format: export.FormatSDKToken, Account: rec.ID}))
	if err := a.saveLiveFiles(); err != nil {
		// The session is safe and the file fresh; it only is not after a restart.
		a.log.Warn("the list of live files cannot be written", "cause", err)
	}
	a.answer(acc, nil)
	return nil
}
