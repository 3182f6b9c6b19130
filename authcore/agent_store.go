package authcore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/vault"
)

// documentVersion is the format of the vault's content. A newer one is left
// untouched.
const documentVersion = 1

// document is the content of the vault. Its strings are real secrets: it is
// never logged and lives only between the vault and the agent.
type document struct {
	Version     int          `json:"version"`
	Active      string       `json:"active,omitempty"`
	Accounts    []record     `json:"accounts"`
	Revocations []revocation `json:"revocations,omitempty"`
	// Removed are the IDs of accounts that were taken off the list: an account
	// that is neither there nor here was lost with an earlier file, and
	// whoever still has it in memory brings it back.
	Removed []string `json:"removed,omitempty"`
}

// mostRemoved bounds the list: nobody has that many accounts in memory.
const mostRemoved = 100

// bury notes that an account was removed.
func (d *document) bury(id string) {
	if !slices.Contains(d.Removed, id) {
		d.Removed = append(d.Removed, id)
	}
	d.Removed = d.Removed[max(0, len(d.Removed)-mostRemoved):]
}

// record is one account as it is kept.
type record struct {
	ID          string      `json:"id"`
	Label       string      `json:"label,omitempty"`
	Method      Method      `json:"method"`
	Environment Environment `json:"environment"`
	Username    string      `json:"username,omitempty"`

	AccessToken      string    `json:"access_token,omitempty"`
	RefreshToken     string    `json:"refresh_token,omitempty"`
	IDToken          string    `json:"id_token,omitempty"`
	SignedInAt       time.Time `json:"signed_in_at,omitzero"`
	IssuedAt         time.Time `json:"issued_at,omitzero"`
	ExpiresAt        time.Time `json:"expires_at,omitzero"`
	SessionExpiresAt time.Time `json:"session_expires_at,omitzero"`
	SessionStartedAt time.Time `json:"session_started_at,omitzero"`

	APIKeyID string     `json:"api_key_id,omitempty"`
	APIKey   string     `json:"api_key,omitempty"`
	Source   *JWTSource `json:"source,omitempty"`

	// RenewalStarted is set on disk before a refresh token is sent and
	// cleared by the server's answer. Found later, it means that the answer
	// never arrived, and the server may have rotated the token.
	RenewalStarted time.Time `json:"renewal_started,omitzero"`
}

// empty records belong to nobody who is signed in.
func (r record) empty() bool {
	return r.AccessToken == "" && r.RefreshToken == "" && r.APIKey == "" && r.Source == nil
}

// String keeps a record's secrets out of everything that prints one.
func (r record) String() string { return "account " + r.ID }

// GoString does the same for %#v.
func (r record) GoString() string { return r.String() }

// revocation is a refresh token that the server must still be told to forget.
type revocation struct {
	Environment  Environment `json:"environment"`
	RefreshToken string      `json:"refresh_token"`
	Since        time.Time   `json:"since"`
}

// String keeps the token out of everything that prints a revocation.
func (r revocation) String() string { return "revocation at " + r.Environment.Issuer }

// GoString does the same for %#v.
func (r revocation) GoString() string { return r.String() }

func (d *document) account(id string) *record {
	for i := range d.Accounts {
		if d.Accounts[i].ID == id {
			return &d.Accounts[i]
		}
	}
	return nil
}

// put replaces or adds a record. Another record of the same environment, method
// and user gives way: it is the session that this one replaces.
func (d *document) put(r record) {
	if r.Method == MethodExternalJWT {
		// The token is the other program's: only where it comes from is kept.
		r.AccessToken, r.IssuedAt, r.ExpiresAt = "", time.Time{}, time.Time{}
	}
	d.Removed = slices.DeleteFunc(d.Removed, func(id string) bool { return id == r.ID })
	d.Accounts = slices.DeleteFunc(d.Accounts, func(o record) bool {
		twin := o.ID != r.ID && r.Username != "" && o.Username == r.Username &&
			o.Method == r.Method && o.Environment == r.Environment
		if twin {
			d.bury(o.ID)
		}
		return twin
	})
	if old := d.account(r.ID); old != nil {
		*old = r
		return
	}
	d.Accounts = append(d.Accounts, r)
}

// bring takes over a session that memory could not save at once. One that
// another process has renewed since then is newer: to put an older refresh
// token over it would cost the session.
func (d *document) bring(r record) {
	disk := d.account(r.ID)
	newer := disk != nil && r.Method == MethodDeviceCode && disk.Method == r.Method && !r.empty() &&
		disk.IssuedAt.After(r.IssuedAt) && !disk.SignedInAt.Before(r.SignedInAt)
	if !newer {
		d.put(r)
	}
}

// leave forgets an account's session, or the account. What is on disk may be
// newer than what memory knew: its refresh token is owed too, and returned.
func (d *document) leave(blank record, remove bool, at time.Time) (owed revocation) {
	disk := d.account(blank.ID)
	if disk != nil && disk.SignedInAt.After(at) {
		return revocation{} // signed in again meanwhile
	}
	if disk != nil && disk.RefreshToken != "" {
		owed = revocation{disk.Environment, disk.RefreshToken, at}
		d.owe(owed)
	}
	if remove {
		d.remove(blank.ID)
	} else {
		d.put(blank)
	}
	return owed
}

func (d *document) remove(id string) {
	d.bury(id)
	d.Accounts = slices.DeleteFunc(d.Accounts, func(r record) bool { return r.ID == id })
}

// owe adds a revocation unless it is there.
func (d *document) owe(r revocation) {
	if !slices.ContainsFunc(d.Revocations, func(o revocation) bool { return o.RefreshToken == r.RefreshToken }) {
		d.Revocations = append(d.Revocations, r)
	}
}

// errNoStore means that the agent was made without a vault.
var errNoStore = errors.New("no vault")

// store reads and changes the document. It is safe for concurrent use: the
// vault's lock orders its changes, between processes too.
type store struct{ vault *vault.Vault }

func decode(content []byte, err error) (document, error) {
	doc := document{Version: documentVersion}
	if errors.Is(err, vault.ErrNoVault) {
		return doc, nil
	}
	if err != nil {
		return document{}, err
	}
	if err := json.Unmarshal(content, &doc); err != nil {
		// The text of a JSON error can quote the content.
		return document{}, fmt.Errorf("%w: its content is not a session list", vault.ErrDamaged)
	}
	if doc.Version > documentVersion {
		return document{}, fmt.Errorf("%w: content version %d", vault.ErrNewerVersion, doc.Version)
	}
	return doc, nil
}

// load reads the document; one that was never written is empty.
func (s store) load(ctx context.Context) (document, error) {
	if s.vault == nil {
		return document{}, errNoStore
	}
	return decode(s.vault.Read(ctx))
}

// lockedStore is the document under the lock between processes.
type lockedStore struct {
	lock *vault.Lock
	doc  document
	// gone says that there is no vault, which is no sign-out.
	gone bool
	// err is why the document could not be read; then it cannot be written.
	err error
}

// locked runs f with the lock held. f is called even if the document cannot be
// read, because a renewal must happen under the lock in any case. The error is
// that of the lock itself.
func (s store) locked(ctx context.Context, f func(*lockedStore)) error {
	if s.vault == nil {
		f(&lockedStore{err: errNoStore})
		return nil
	}
	lock, err := s.vault.Lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	l := &lockedStore{lock: lock}
	content, err := lock.Read(ctx)
	l.gone = errors.Is(err, vault.ErrNoVault)
	l.doc, l.err = decode(content, err)
	f(l)
	return nil
}

// write puts the document on disk before it returns.
func (l *lockedStore) write(ctx context.Context) error {
	if l.err != nil {
		return l.err
	}
	l.doc.Version = documentVersion
	content, err := json.Marshal(l.doc)
	if err != nil {
		return err
	}
	return l.lock.Write(ctx, content)
}

// update applies change to the document and writes it. If replace is set and
// the document is beyond reading (damaged, or its key is gone), it is put
// aside and a new one begins.
func (s store) update(ctx context.Context, replace bool, change func(*document)) error {
	var err error
	lockErr := s.locked(ctx, func(l *lockedStore) {
		if replace && (errors.Is(l.err, vault.ErrDamaged) || errors.Is(l.err, vault.ErrKeyMissing)) {
			if _, err = s.vault.SetAside(); err != nil {
				return
			}
			l.doc, l.err = document{}, nil
		}
		if err = l.err; err != nil {
			return
		}
		change(&l.doc)
		err = l.write(ctx)
	})
	if lockErr != nil {
		return lockErr
	}
	return err
}

// saveTimeout is how long a sign-in or renewal waits for the vault before it
// goes on in memory. Local keyrings answer in 3 to 15 ms, disks in tens; a
// keyring that asks its user is waited for in the background instead.
const saveTimeout = 10 * time.Second

// storeEvery is how often a vault that failed is tried again.
const storeEvery = 30 * time.Second

// mostStorePause bounds the pauses after a locked keyring, which double.
const mostStorePause = 10 * time.Minute

// lateAfter is when people are told at the start that the keyring has not
// answered yet. It answers in 3 to 15 ms, or asks its user; on locked-down
// computers 10 to 29 s are reported, and all that time nobody is signed in.
const lateAfter = 5 * time.Second

// syncStore brings memory and vault together: what was saved by an earlier or
// another process comes in, what could not be saved yet goes out.
func (a *Agent) syncStore() {
	if a.store.vault == nil || a.storing {
		if a.store.vault == nil {
			a.setLoaded()
		}
		return
	}
	a.storing = true
	a.writing++
	a.storeAt = time.Time{}
	var unsaved, renamed []record
	for _, acc := range a.accounts {
		if acc.unsaved {
			unsaved = append(unsaved, acc.rec)
		}
		if acc.renamed {
			renamed = append(renamed, acc.rec)
		}
	}
	removed, now := slices.Collect(maps.Keys(a.removed)), a.now()
	active, first, owed := a.active, !a.loaded, slices.Clone(a.revocations)
	departures := a.departures
	ctx := a.ctx
	a.work(func() {
		if first {
			late := time.AfterFunc(lateAfter, func() { a.post(a.storeIsLate) })
			doc, err := a.store.load(ctx)
			late.Stop()
			a.post(func() { a.synced(doc, synced{departures: departures}, err) })
			return
		}
		// A vault that was good before and is beyond reading now is put aside:
		// memory holds what was in it.
		var doc document
		var found []revocation
		err := a.store.update(ctx, true, func(d *document) {
			for _, r := range unsaved {
				if r.empty() {
					found = append(found, d.leave(r, false, now))
				} else {
					d.bring(r)
				}
			}
			for _, id := range removed {
				found = append(found, d.leave(record{ID: id}, true, now))
			}
			for _, r := range renamed {
				if disk := d.account(r.ID); disk != nil {
					disk.Label = r.Label
				} else if r.empty() {
					d.put(r)
				}
			}
			for _, r := range owed {
				d.owe(r)
			}
			d.Active = active
			doc = *d
		})
		a.post(func() { a.synced(doc, synced{unsaved, renamed, removed, found, departures}, err) })
	})
}

// synced is what syncStore has put on disk.
type synced struct {
	sessions, labels []record
	removed          []string
	// owed are refresh tokens that only the disk knew.
	owed []revocation
	// departures are the agent's when it began.
	departures int
}

// synced takes in what syncStore found.
func (a *Agent) synced(doc document, done synced, err error) {
	a.storing = false
	a.writing--
	a.storeLate = nil
	if err != nil {
		a.storeFailed(err)
		return
	}
	a.storeProblem, a.storeRefusals = nil, 0
	for _, r := range done.sessions {
		if acc := a.account(r.ID); acc != nil {
			if r.Label = acc.rec.Label; acc.rec == r {
				acc.unsaved = false
			}
		}
	}
	for _, r := range done.labels {
		if acc := a.account(r.ID); acc != nil && acc.rec.Label == r.Label {
			acc.renamed = false
		}
	}
	for _, r := range done.owed {
		a.revocationDue(r)
	}
	if done.departures == a.departures {
		a.merge(doc)
		a.setLoaded()
	} else {
		// A sign-out was faster: the document may be from before it.
		a.storeAt = a.now()
	}
	for _, id := range done.removed {
		delete(a.removed, id)
	}
	for _, acc := range a.accounts {
		if acc.unsaved || acc.renamed {
			a.storeAt = a.now()
		}
	}
}

// keyringAway are the problems of a keyring that is not there yet.
var keyringAway = []ProblemCode{ProblemKeyringAbsent, ProblemKeyringLocked, ProblemKeyringSlow, ProblemNoSessionBus}

// storeIsLate shows that the saved session is still waited for. It is no failure
// yet: callers go on waiting.
func (a *Agent) storeIsLate() {
	if a.storing && !a.loaded && a.storeProblem == nil {
		a.storeLate = &Problem{Code: ProblemKeyringSlow, Cause: fmt.Sprintf("no answer after %v", lateAfter), Since: a.now()}
	}
}

// storeFailed shows why the session is not saved, and tries again later.
func (a *Agent) storeFailed(err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, errNoStore) {
		return
	}
	p := storeProblem(err, a.store.vault.Path())
	if a.storeProblem == nil || a.storeProblem.Code != p.Code {
		p.Since = a.now()
		a.storeProblem = p
		a.log.Warn("the vault is not usable", "problem", p.Code, "cause", p.Cause)
	}
	pause := storeEvery
	if p.Code == ProblemKeyringLocked {
		// Each try can ask for the keyring's password. Whoever has sent that
		// window away is not to see it again twice a minute.
		pause = min(storeEvery<<min(a.storeRefusals, 8), mostStorePause)
		a.storeRefusals++
	}
	a.storeAt = a.now().Add(pause)
	// Callers that came before the vault was read have waited for nothing.
	for _, acc := range a.accounts {
		if !acc.busy {
			a.answer(acc, p)
		}
	}
}

// setLoaded notes that the vault was read, and serves those who waited for it.
func (a *Agent) setLoaded() {
	if a.loaded {
		return
	}
	a.loaded = true
	for _, acc := range a.accounts {
		a.serve(acc)
	}
}

// merge brings the vault's accounts into memory. Memory wins where it holds
// something that the vault does not have yet.
func (a *Agent) merge(doc document) {
	for _, r := range doc.Accounts {
		acc := a.account(r.ID)
		switch {
		case a.removed[r.ID]:
			// It is on its way off the disk.
		case acc == nil:
			if twin := a.twin(r); twin != nil && twin.unsaved {
				continue // signed in again meanwhile; it replaces r when it is saved
			}
			acc = newAccount()
			acc.asked = true // it was worth keeping
			a.accounts = append(a.accounts, acc)
			a.load(acc, r)
		case !acc.unsaved && !acc.leaving && !acc.busy && acc.state != Prompting && r.IssuedAt.After(acc.rec.IssuedAt):
			if acc.renamed {
				r.Label = acc.rec.Label
			}
			a.load(acc, r)
		}
	}
	for _, acc := range a.accounts {
		// Lost with a vault that vanished or was put aside: bring it back.
		if a.loaded && !acc.rec.empty() && doc.account(acc.rec.ID) == nil && !slices.Contains(doc.Removed, acc.rec.ID) {
			acc.unsaved = true
		}
	}
	var waiting []waiter
	if len(doc.Accounts) > 0 {
		waiting = a.dropPristine()
	}
	if !a.loaded {
		if a.account(doc.Active) != nil && doc.Active != "" {
			a.active = doc.Active
		}
		a.chooseEnvironment()
	}
	if a.account(a.active) == nil {
		a.active = a.accounts[0].rec.ID
	}
	active := a.account(a.active)
	active.waiters = append(active.waiters, waiting...)
	if !a.loaded {
		for _, r := range doc.Revocations {
			a.revocationDue(r)
		}
	}
}

// load makes r the account's session, as it stood when it was saved.
func (a *Agent) load(acc *account, r record) {
	// A token from the future means that this computer's clock is behind, by
	// that much at least; the next answer of the server says how much.
	if ahead := r.IssuedAt.Sub(a.now()); ahead > jumpTolerance {
		a.setOffset(a.offset + ahead)
	}
	acc.take(a, r)
	acc.problem, acc.failures = nil, 0
	if r.empty() {
		return
	}
	acc.happen(eventLoaded)
	if r.Method == MethodDeviceCode && r.RefreshToken == "" && strings.Contains(r.Environment.Scopes, "offline_access") {
		// The server had refused the refresh token before the restart.
		acc.happen(eventRefused)
		acc.problem = &Problem{Code: ProblemSessionEnded, Since: a.now(), Params: map[string]string{"Host": hostOf(r.Environment.Issuer)}}
	}
	acc.lapse(a, a.now())
	a.watch(acc)
	a.log.Info("found a saved session", "account", r.ID, "state", acc.state)
}

// twin finds another account of the same environment, method and user.
func (a *Agent) twin(r record) *account {
	for _, acc := range a.accounts {
		if acc.rec.ID != r.ID && acc.rec.Username != "" && acc.rec.Username == r.Username &&
			acc.rec.Method == r.Method && acc.rec.Environment == r.Environment {
			return acc
		}
	}
	return nil
}

// dropPristine removes the placeholders of a fresh installation. It returns
// whoever waits for a placeholder's token, having asked for the active
// account's before the vault was read.
func (a *Agent) dropPristine() []waiter {
	keep := a.accounts[:0:0]
	var waiting []waiter
	for _, acc := range a.accounts {
		if acc.pristine() && !acc.asked && acc.problem == nil {
			waiting = append(waiting, acc.waiters...)
		} else {
			keep = append(keep, acc)
		}
	}
	if len(keep) == 0 {
		return nil
	}
	a.accounts = keep
	return waiting
}

// chooseEnvironment makes an account of the environment and the user that were
// asked for the active one.
func (a *Agent) chooseEnvironment() {
	if !a.options.EnvironmentChosen && a.options.Username == "" {
		return
	}
	wanted := func(acc *account) bool {
		return acc != nil && acc.rec.Environment.clientKey() == a.environment.Load().clientKey() &&
			(a.options.Username == "" || acc.rec.Username == "" || acc.rec.Username == a.options.Username)
	}
	if wanted(a.account(a.active)) {
		return
	}
	for _, acc := range a.accounts {
		if wanted(acc) {
			a.active = acc.rec.ID
			return
		}
	}
	acc := a.addPristine(*a.environment.Load())
	acc.asked = true
	a.active = acc.rec.ID
}

// save puts what a sign-in has brought on disk, with the ID of the account that
// is active then. It is called by workers, not by the owner.
func (a *Agent) save(rec record, active string) error {
	ctx, cancel := context.WithTimeout(context.Background(), saveTimeout)
	defer cancel()
	return a.store.update(ctx, true, func(d *document) {
		d.put(rec)
		d.Active = active
	})
}

// saved notes the outcome of a save.
func (a *Agent) saved(acc *account, err error) {
	switch {
	case err == nil:
		acc.unsaved = false
		if a.storeProblem != nil {
			// It may be a new file: the other accounts belong into it, too.
			a.storeProblem, a.storeAt = nil, a.now()
		}
	case errors.Is(err, errNoStore):
	default:
		acc.unsaved = true
		a.storeFailed(err)
	}
}
