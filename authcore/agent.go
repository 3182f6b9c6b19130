package authcore

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/oauth"
	"github.com/bitfount/bitfount-tray/authcore/secret"
	"github.com/bitfount/bitfount-tray/authcore/vault"
)

// ErrStopped is returned to callers of an agent whose Run has ended.
var ErrStopped = errors.New("the session agent has stopped")

// AgentOptions are what an Agent is made from.
type AgentOptions struct {
	// Environment that new accounts belong to.
	Environment Environment
	// EnvironmentChosen says that the user or an administrator named the
	// environment, so that an account of it becomes the active one at start.
	EnvironmentChosen bool
	// Username, if set, is the only user whom new sign-ins may bring; an
	// account of theirs becomes the active one at start.
	Username string
	// Vault keeps the sessions over restarts; nil keeps them in memory only.
	Vault *vault.Vault
	// Settings to begin with; nil means DefaultSettings.
	Settings *Settings
	// LiveFileList is the whole path of the file that keeps the list of live
	// files over restarts; it holds no secret. Empty keeps it in memory.
	LiveFileList string
	// HistoryPath is the whole path of the file that keeps the timeline for 7
	// days; it holds no secret. Empty keeps it in memory.
	HistoryPath string
	// Transport carries every request to the issuer; nil means
	// http.DefaultTransport.
	Transport http.RoundTripper
	// UserAgent goes out with Hub and Access Manager headers; empty means
	// "Bitfount Tray" without a version.
	UserAgent string
	// Version is shown in the snapshot.
	Version string
	// Log is told what happened, never a secret; nil means nowhere.
	Log *slog.Logger
}

// Agent owns the sessions of one user: it signs in, renews ahead of need,
// remembers over restarts, and signs out. One goroutine, Run, is the only
// writer of its state; everybody else sends it commands and reads snapshots.
// All methods are safe for concurrent use.
type Agent struct {
	options AgentOptions
	log     *slog.Logger
	store   store

	inbox chan func()
	done  chan struct{}

	// environment that new accounts belong to, at first options.Environment.
	environment atomic.Pointer[Environment]

	snapshot    atomic.Pointer[Snapshot]
	credentials atomic.Pointer[credentials]

	subscribersMu sync.Mutex
	subscribers   map[chan *Snapshot]struct{}

	// wall is the local wall clock, replaced in tests that set the clock, and
	// addresses networkAddresses, replaced in tests that change the network.
	wall      func() time.Time
	addresses func() string

	// What follows belongs to the goroutine of Run.

	ctx       context.Context
	workers   int
	accounts  []*account
	active    string
	clients   map[clientKey]*oauth.Client
	desktop   Desktop
	liveFiles []*liveFile
	settings  Settings
	history   history
	awaiting  []awaited
	replies   []func()

	offset        time.Duration
	clockSince    time.Time
	loaded        bool
	storing       bool
	writing       int             // workers that carry the list of revocations to disk
	removed       map[string]bool // accounts that the vault still has
	departures    int             // sign-outs that were carried to disk
	storeProblem  *Problem
	storeLate     *Problem // shown while the first answer is waited for
	storeAt       time.Time
	storeRefusals int // of a locked keyring in a row
	revocations   []revocation
	revoking      bool
	revokeAt      time.Time
	revokeRetries int
	lastAddresses *string   // nil while nothing fails
	lastWall      time.Time // without monotonic part
	lastMonotonic time.Time
}

// credentials are what callers read without a lock, in one load: made with each
// snapshot, never changed.
type credentials struct {
	active *credential            // nil if the active account has none
	byID   map[string]*credential // by account
	offset time.Duration          // Clock.Offset
}

// credential is one account's: made once, never changed.
type credential struct {
	account                 string
	token                   secret.Secret // empty for API keys
	expires                 time.Time     // zero: does not expire
	hub, am, messageService []export.Header
}

// headers is HeadersFor for a credential; nil means that there is no such service.
func (c *credential) headers(s export.Service) []export.Header {
	switch s {
	case export.Hub:
		return c.hub
	case export.AccessManager:
		return c.am
	case export.MessageService:
		return c.messageService
	}
	return nil
}

func (c *credential) left(now time.Time) time.Duration {
	if c.expires.IsZero() {
		return 1<<63 - 1
	}
	return c.expires.Sub(now)
}

type clientKey struct{ issuer, clientID, scopes, audience string }

func (e Environment) clientKey() clientKey {
	return clientKey{e.Issuer, e.ClientID, e.Scopes, e.Audience}
}

// tickEvery is the longest that the agent sleeps. A laptop that wakes up is
// noticed within it, since timers stand still during sleep while the wall
// clock does not. What is due then has to be done within 30 s of waking, so
// there is time left for a second try: networks come back later. A program at
// rest should not wake up more often than every 20 s, this and all else together.
const tickEvery = 25 * time.Second

// NewAgent makes an agent. It does nothing before Run. The error is that of an
// environment that Validate refuses.
func NewAgent(o AgentOptions) (*Agent, error) {
	if err := o.Environment.Validate(); err != nil {
		return nil, err
	}
	if o.UserAgent == "" {
		o.UserAgent = "Bitfount Tray"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	a := &Agent{
		options: o, log: o.Log, store: store{o.Vault},
		inbox: make(chan func()), done: make(chan struct{}),
		subscribers: map[chan *Snapshot]struct{}{},
		clients:     map[clientKey]*oauth.Client{},
		removed:     map[string]bool{},
		wall:        time.Now,
		addresses:   networkAddresses,
		settings:    DefaultSettings(),
	}
	if o.Settings != nil {
		a.settings = *o.Settings
	}
	a.environment.Store(&o.Environment)
	a.addPristine(o.Environment)
	a.publish()
	return a, nil
}

// Run owns the sessions until ctx ends; it then lets a renewal that is under
// way finish (at most 10 s), so that a rotated token is never lost. It must be
// called exactly once. It returns nil after an orderly end.
func (a *Agent) Run(ctx context.Context) error {
	defer close(a.done)
	a.ctx = ctx
	a.lastWall, a.lastMonotonic = a.wall().Round(0), time.Now()
	a.loadLiveFiles()
	a.loadHistory()
	a.syncStore()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return a.drain()
		case f := <-a.inbox:
			f()
		case <-timer.C:
			a.tick()
		}
		a.exportDue()
		a.saveHistory()
		a.show()
		a.meet()
		timer.Reset(a.untilNext())
	}
}

// drain waits for the workers that are finishing what cannot be repeated, and
// saves what is not saved.
func (a *Agent) drain() error {
	// A refresh answer takes at most the wire's own limit; 10 s keeps a
	// shutdown from hanging and covers all but the slowest answers.
	limit := time.NewTimer(10 * time.Second)
	defer limit.Stop()
	// The first try may only read what is there.
	flushes := 0
	for {
		if a.workers == 0 {
			if flushes == 2 || !slices.ContainsFunc(a.accounts, func(acc *account) bool { return acc.unsaved || acc.renamed }) && len(a.removed) == 0 {
				break
			}
			flushes++
			a.ctx = context.WithoutCancel(a.ctx)
			a.syncStore()
			continue
		}
		select {
		case f := <-a.inbox:
			f()
			a.show()
		case <-limit.C:
			return nil
		}
	}
	a.publish()
	return nil
}

// Snapshot returns the latest state. It never blocks.
func (a *Agent) Snapshot() *Snapshot { return a.snapshot.Load() }

// Subscribe returns a channel that always holds the latest snapshot that its
// reader has not seen, beginning with the current one. A slow reader misses
// snapshots in between and never holds anybody up. cancel closes the channel.
func (a *Agent) Subscribe() (updates <-chan *Snapshot, cancel func()) {
	ch := make(chan *Snapshot, 1)
	a.subscribersMu.Lock()
	defer a.subscribersMu.Unlock()
	ch <- a.snapshot.Load()
	a.subscribers[ch] = struct{}{}
	return ch, sync.OnceFunc(func() {
		a.subscribersMu.Lock()
		defer a.subscribersMu.Unlock()
		delete(a.subscribers, ch)
		close(ch)
	})
}

// SetDesktop lets the resident put what it knows of the desktop into the
// snapshot. change runs on the owner's goroutine and must not block.
func (a *Agent) SetDesktop(change func(*Desktop)) {
	a.post(func() { change(&a.desktop) })
}

// SetSettings lets the resident put the settings into the snapshot. With
// Exports off, no live file is written any more, and those that are there are
// removed.
func (a *Agent) SetSettings(s Settings) {
	a.post(func() { a.settings = s })
}

// SetEnvironment chooses another environment for new accounts, and makes an
// account of it the active one, as a start with it does. Accounts that somebody
// has signed in to stay as they are. The error is that of an environment that
// Validate refuses, the context's, or ErrStopped.
func (a *Agent) SetEnvironment(ctx context.Context, e Environment) error {
	if err := e.Validate(); err != nil {
		return err
	}
	return a.call(ctx, func() error {
		if *a.environment.Load() == e {
			return nil
		}
		a.environment.Store(&e)
		a.options.EnvironmentChosen = true
		// What nobody has signed in to would only be in the way.
		for _, acc := range slices.Clone(a.accounts) {
			if acc.pristine() && len(acc.waiters) == 0 {
				a.drop(acc)
			}
		}
		if a.loaded {
			a.chooseEnvironment()
		}
		return nil
	})
}

// Nudge makes the agent look at its clock and its failing renewals at once:
// the computer woke up, or the network came back.
func (a *Agent) Nudge(reason string) {
	a.post(func() {
		a.log.Info("looking again", "reason", reason)
		a.retryNow()
		a.tick()
	})
}

// post hands f to the owner, unless the agent has ended.
func (a *Agent) post(f func()) {
	select {
	case a.inbox <- f:
	case <-a.done:
	}
}

// call runs f on the owner's goroutine and returns its error, the context's,
// or ErrStopped.
func (a *Agent) call(ctx context.Context, f func() error) error {
	reply := make(chan error, 1)
	select {
	case a.inbox <- func() {
		err := f()
		a.publish() // before the reply, so that callers see what they did
		reply <- err
	}:
	case <-ctx.Done():
		return ctx.Err()
	case <-a.done:
		return ErrStopped
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

// work runs f beside the owner; the owner's end waits for it. f posts its
// results. Owner's goroutine only.
func (a *Agent) work(f func()) {
	a.workers++
	go func() {
		defer func() {
			if r := recover(); r != nil {
				a.log.Error("a worker failed", "panic", r)
			}
			a.post(func() { a.workers-- })
		}()
		f()
	}()
}

// now is the wall clock as the servers see it, without a monotonic part, so
// that time spent asleep counts.
func (a *Agent) now() time.Time { return a.wall().Round(0).Add(a.offset) }

// untilNext is how long the owner may sleep.
func (a *Agent) untilNext() time.Duration {
	now := a.now()
	wait := tickEvery
	consider := func(at time.Time) {
		if !at.IsZero() {
			wait = min(wait, at.Sub(now))
		}
	}
	for _, acc := range a.accounts {
		if acc.renewable() && !acc.busy {
			consider(acc.renewAt)
		}
		if acc.state == SignedIn || acc.state == Offline {
			consider(acc.rec.ExpiresAt)
		}
	}
	if !a.storing && !a.revoking {
		consider(a.storeAt)
	}
	if len(a.revocations) > 0 && !a.revoking && a.writing == 0 {
		consider(a.revokeAt)
	}
	for _, f := range a.liveFiles {
		if !f.busy {
			consider(f.retryAt)
		}
	}
	// Never a busy loop, whatever the clocks say.
	return max(wait, 20*time.Millisecond)
}

// tick looks at the clock and starts everything that is due.
func (a *Agent) tick() {
	a.noticeJump()
	a.noticeNetwork()
	a.checkTokenFiles()
	now := a.now()
	for _, acc := range a.accounts {
		acc.lapse(a, now)
		if acc.renewable() && !acc.busy && !acc.renewAt.IsZero() && !now.Before(acc.renewAt) {
			a.startRenewal(acc)
		}
	}
	// The list of revocations is on its way to the disk, or one of them to the
	// server, but never both: neither could tell what the other had done.
	if !a.storing && !a.revoking && !a.storeAt.IsZero() && !now.Before(a.storeAt) {
		a.syncStore()
	}
	if len(a.revocations) > 0 && !a.revoking && a.writing == 0 && !now.Before(a.revokeAt) {
		a.startRevocation()
	}
}

// jumpTolerance is above what time synchronisation slews in one tick and far
// below any sleep that matters.
const jumpTolerance = 5 * time.Second

// noticeJump compares the wall clock with the monotonic one since the last
// look. They part when the computer slept or somebody set the clock.
func (a *Agent) noticeJump() {
	wall, monotonic := a.wall().Round(0), time.Now()
	jump := wall.Sub(a.lastWall) - monotonic.Sub(a.lastMonotonic)
	a.lastWall, a.lastMonotonic = wall, monotonic
	if jump.Abs() < jumpTolerance {
		return
	}
	switch {
	case a.offset != 0 && (jump-a.offset).Abs() < jumpTolerance:
		// A clock that was wrong has just been set right.
		a.setOffset(0)
	case jump < 0:
		// No sleep turns a clock back: it was set, and the servers' was not.
		a.setOffset(a.offset - jump)
	}
	a.log.Info("the wall clock jumped", "by", jump.Round(time.Second))
	a.event(TimelineEvent{Kind: EventWoke, Detail: jump.Round(time.Second).String()})
	a.retryNow()
}

// retryNow forgets the back-off of everything that failed for a reason that
// heals by itself. What a server has asked for (Retry-After) still holds: many
// computers wake up at the same hour.
func (a *Agent) retryNow() {
	now := a.now()
	for _, acc := range a.accounts {
		switch {
		case acc.failures == 0 || acc.busy:
		case now.Before(acc.notBefore):
			acc.renewAt = acc.notBefore
		default:
			acc.renewAt, acc.failures = now, 0
		}
	}
	if len(a.revocations) > 0 {
		a.revokeAt, a.revokeRetries = now, 0
	}
	if a.storeProblem != nil {
		a.storeAt, a.storeRefusals = now, 0
	}
}

// learnClock takes over what the issuer's answers said of the time.
func (a *Agent) learnClock(client *oauth.Client) {
	if offset, known := client.ClockOffset(); known && offset != a.offset {
		a.setOffset(offset)
	}
}

// setOffset makes the agent and every client judge times alike.
func (a *Agent) setOffset(offset time.Duration) {
	a.offset = offset
	for _, c := range a.clients {
		c.SetClockOffset(offset)
	}
}

// wrongClock is the offset that is worth telling people: Kerberos, and with it
// most hospital networks, refuses a computer at 5 minutes.
const wrongClock = 5 * time.Minute

// publish makes the state visible, if it changed.
func (a *Agent) publish() {
	s := &Snapshot{
		Version: a.options.Version, Active: a.active, Desktop: a.desktop,
		Accounts: make([]Account, len(a.accounts)),
		Storage:  Storage{Problem: cmp.Or(a.storeProblem, a.storeLate)},
		Clock:    Clock{Offset: a.offset},
		Events:   a.history.shown(a.now()), Settings: a.settings,
	}
	s.Storage.Saved = a.store.vault != nil && s.Storage.Problem == nil
	if p := s.Storage.Problem; p != nil && !a.loaded {
		// Where nothing was ever saved, the keyring is not asked.
		s.Storage.Waiting = slices.Contains(keyringAway, p.Code)
	}
	for _, f := range a.liveFiles {
		s.LiveFiles = append(s.LiveFiles, f.view)
	}
	if a.offset.Abs() >= wrongClock {
		if a.clockSince.IsZero() {
			a.clockSince = a.now()
		}
		s.Clock.Problem = &Problem{Code: ProblemClockWrong, Since: a.clockSince, Params: map[string]string{
			"Offset": span(a.offset),
		}}
	} else {
		a.clockSince = time.Time{}
	}
	creds := credentials{byID: make(map[string]*credential, len(a.accounts)), offset: a.offset}
	for i, acc := range a.accounts {
		s.Accounts[i] = acc.view(a.now())
		if acc.unsaved || acc.renamed {
			s.Storage.Saved = false
		}
		if acc.cred != nil {
			creds.byID[acc.rec.ID] = acc.cred
		}
	}
	creds.active = creds.byID[a.active]
	a.credentials.Store(&creds)
	old := a.snapshot.Load()
	if old != nil {
		s.Sequence, s.Taken = old.Sequence, old.Taken
		if reflect.DeepEqual(old, s) {
			return
		}
	}
	s.Sequence++
	s.Taken = a.now()
	a.snapshot.Store(s)

	a.subscribersMu.Lock()
	defer a.subscribersMu.Unlock()
	for ch := range a.subscribers {
		select {
		case <-ch:
		default:
		}
		ch <- s // never blocks: only the owner sends, and it has just made room
	}
}

func (a *Agent) client(e Environment) (*oauth.Client, error) {
	if c, ok := a.clients[e.clientKey()]; ok {
		return c, nil
	}
	transport := a.options.Transport
	if transport == nil {
		transport = http.DefaultTransport
	}
	c, err := oauth.New(oauth.Config{
		Issuer: e.Issuer, ClientID: e.ClientID, Scopes: e.Scopes, Audience: e.Audience,
		HTTP: &http.Client{Transport: transport},
	})
	if err == nil {
		c.SetClockOffset(a.offset)
		a.clients[e.clientKey()] = c
	}
	return c, err
}

func (a *Agent) account(id string) *account {
	if id == "" {
		id = a.active
	}
	for _, acc := range a.accounts {
		if acc.rec.ID == id {
			return acc
		}
	}
	return nil
}

// newID names an account. 64 random bits: nobody has two of them.
func newID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}
