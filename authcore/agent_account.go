package authcore

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/oauth"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// account is one session as its owner sees it.
type account struct {
	rec   record
	state State
	// before is the state that the sign-in under way was started from.
	before State
	cred   *credential
	prompt *DevicePrompt
	// device is the last device code, kept for DeviceCodeFlowHandler's attributes.
	device oauth.DeviceCode
	// problem is shown; it is what waiters get while a failure is remembered.
	problem *Problem
	// suspended is the problem that a sign-in under way has put out of sight.
	suspended *Problem
	renewAt   time.Time
	// failures counts failed renewals since the last good one.
	failures int
	// notBefore is when the server lets us try again (Retry-After); zero where
	// it did not say.
	notBefore time.Time
	// busy while a worker renews; attempt tells its result from a stale one.
	busy    bool
	attempt int
	// signing tells the sign-in under way from an earlier one.
	signing int
	// cancel ends the sign-in under way; nil once its tokens are being saved.
	cancel  context.CancelFunc
	waiters []waiter
	// changed: the source has other content, perhaps, than while it was asked.
	changed bool
	// unwatch ends the watching of the account's source; never nil.
	unwatch context.CancelFunc
	// asked for by the user: it stays, even if nobody has signed in to it.
	asked bool
	// unsaved when memory's session is newer than the vault's.
	unsaved bool
	// renamed when the label alone is.
	renamed bool
	// leaving while a sign-out is on its way to the disk.
	leaving bool
}

// waiter is a caller that needs a token which is not there yet.
type waiter struct {
	minValid time.Duration
	// rejected is the token that a server has refused, which is no answer.
	rejected secret.Secret
	reply    chan<- credentialReply
}

type credentialReply struct {
	cred *credential
	err  error
}

// happen moves the session along the transition table. While a sign-in waits
// for its user, the session that it was started from lives on, and may be what
// an abandoned sign-in comes back to.
func (acc *account) happen(e event) {
	switch e {
	case eventSignIn, eventGranted, eventAbandoned, eventSignOut:
	default:
		if acc.state == Prompting {
			acc.before = acc.before.next(e, acc.before)
		}
	}
	acc.state = acc.state.next(e, acc.before)
}

func newAccount() *account { return &account{state: SignedOut, unwatch: func() {}} }

// addPristine adds the signed-out account that a fresh installation has.
func (a *Agent) addPristine(e Environment) *account {
	acc := newAccount()
	acc.rec = record{ID: newID(), Method: MethodDeviceCode, Environment: e}
	a.accounts = append(a.accounts, acc)
	if a.active == "" {
		a.active = acc.rec.ID
	}
	return acc
}

// pristine accounts hold nothing that a user would miss.
func (acc *account) pristine() bool {
	return acc.state == SignedOut && acc.rec.Username == "" && acc.rec.Label == "" && !acc.unsaved
}

// renewable says whether a renewal needs no user.
func (acc *account) renewable() bool {
	switch acc.rec.Method {
	case MethodDeviceCode:
		return acc.rec.RefreshToken != "" && acc.state != NeedsSignIn && acc.state != SignedOut
	case MethodExternalJWT:
		return acc.rec.Source != nil && acc.state != SignedOut
	}
	return false
}

// view is the account without its secrets.
func (acc *account) view(now time.Time) Account {
	r := acc.rec
	v := Account{
		ID: r.ID, Label: r.Label, Method: r.Method, Environment: r.Environment.Name,
		HubURL: r.Environment.HubURL, AccessManagerURL: r.Environment.AccessManagerURL,
		Username: r.Username, State: acc.state, SignedInAt: r.SignedInAt, IssuedAt: r.IssuedAt, ExpiresAt: r.ExpiresAt,
		SessionExpiresAt: r.SessionExpiresAt, SessionStartedAt: r.SessionStartedAt, Prompt: acc.prompt, Problem: acc.problem,
		HasHeaders: acc.cred != nil && acc.cred.left(now) > 0,
		Renewable:  acc.renewable(),
	}
	if v.Renewable {
		v.RenewAt = acc.renewAt
	}
	return v
}

// take makes rec the account's session.
func (acc *account) take(a *Agent, rec record) {
	acc.rec = rec
	acc.cred = newCredential(rec, a.options.UserAgent)
	acc.renewAt = renewalDue(rec.IssuedAt, rec.ExpiresAt)
	if rec.SessionStartedAt.Equal(rec.IssuedAt) {
		// A new refresh token with a life of its own, which may be the shorter.
		if due := renewalDue(rec.IssuedAt, rec.SessionExpiresAt); !due.IsZero() && due.Before(acc.renewAt) {
			acc.renewAt = due
		}
	}
	if soon := a.now().Add(renewalPause); !acc.renewAt.IsZero() && acc.renewAt.Before(soon) {
		acc.renewAt = soon
	}
	a.log.Debug("a session", "account", rec.ID, "expires", rec.ExpiresAt, "renewal", acc.renewAt)
}

// newCredential makes what callers read, or nil if the record has nothing to
// make it from.
func newCredential(rec record, userAgent string) *credential {
	c := &credential{account: rec.ID, expires: rec.ExpiresAt}
	if rec.Method == MethodAPIKeys {
		h, err := newAPIKeysHandler(secret.New(rec.APIKeyID), secret.New(rec.APIKey), rec.Username, userAgent)
		if err != nil {
			return nil
		}
		c.hub, c.am, c.messageService = h.hub, h.am, h.messageService
		return c
	}
	token := secret.New(rec.AccessToken)
	if token.Empty() {
		return nil
	}
	c.token = token
	c.hub, c.am = bearerHeaders(export.Hub, token, userAgent), bearerHeaders(export.AccessManager, token, userAgent)
	c.messageService = bearerHeaders(export.MessageService, token, userAgent)
	return c
}

// forget drops everything that only a sign-in brings. An account whose keys or
// source are gone is one to sign in to.
func (acc *account) forget() {
	acc.unwatch()
	r := acc.rec
	acc.rec = record{ID: r.ID, Label: r.Label, Method: MethodDeviceCode, Environment: r.Environment}
	acc.cred, acc.prompt, acc.problem = nil, nil, nil
	acc.renewAt, acc.failures = time.Time{}, 0
}

// lapse notices that the access token's life is over.
func (acc *account) lapse(a *Agent, now time.Time) {
	none := acc.rec.Source != nil && acc.cred == nil // its first token is not there yet
	if !none && (acc.rec.ExpiresAt.IsZero() || now.Before(acc.rec.ExpiresAt)) {
		return
	}
	was := acc.state
	acc.happen(eventLapsed)
	if acc.state == Expired && !acc.renewable() {
		acc.happen(eventRefused)
		acc.problem = &Problem{Code: ProblemSessionEnded, Since: now}
	}
	if acc.state != was {
		a.log.Info("the access token expired", "account", acc.rec.ID, "state", acc.state)
	}
}

// renewalMargin keeps an exported file from ever reaching the last 10 minutes,
// in which the Bitfount SDK would refresh by itself: 10 minutes, and 5 for
// retries.
const renewalMargin = 15 * time.Minute

// renewalPause is the least time between two renewals, whatever lifetimes a
// server gives: a storm would be worse than an expired token.
const renewalPause = 5 * time.Second

// renewalDue is when to renew a token: at 70 to 80 % of its life, so that many
// computers do not come at once, but never later than 15 minutes before its
// end. A token that lives for less than half an hour would not see half of its
// life that way: it is renewed at 40 to 50 %.
func renewalDue(issued, expires time.Time) time.Time {
	if expires.IsZero() {
		return time.Time{}
	}
	life := expires.Sub(issued)
	jitter := time.Duration(rand.Float64() * 0.10 * float64(life))
	last := max(life-renewalMargin, life/2)
	return issued.Add(min(life*8/10, last) - jitter)
}

// retrySteps are the waits after the first, second, … failure; the last one
// repeats. Five minutes keep a day offline under 300 tries; waking up and a
// network that comes back cut them short.
var retrySteps = []time.Duration{
	2 * time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute,
}

// longestAsked is how much of a server's own wish (Retry-After) is believed.
const longestAsked = 15 * time.Minute

// backOff is the wait before the next try, with 20 % jitter either way. What
// the server asked for is a minimum.
func backOff(failures int, asked time.Duration) time.Duration {
	step := retrySteps[min(max(failures, 1), len(retrySteps))-1]
	wait := time.Duration(float64(step) * (0.8 + 0.4*rand.Float64()))
	return max(wait, min(asked, longestAsked))
}

// answer replies to everybody who waits.
func (a *Agent) answer(acc *account, err error) {
	waiters := acc.waiters
	acc.waiters = nil
	for _, w := range waiters {
		a.reply(w, acc.reply(a.now(), w, err))
	}
}

// reply is for after the next publish: whoever has waited for a token and then
// asks for headers must not get those of the one before.
func (a *Agent) reply(w waiter, r credentialReply) {
	a.replies = append(a.replies, func() { w.reply <- r })
}

// show publishes, and then sends the replies.
func (a *Agent) show() {
	a.publish()
	for _, send := range a.replies {
		send() // never blocks: there is room for one, and each waiter gets one
	}
	a.replies = a.replies[:0]
}

// reply is what a caller gets at this moment: the token if it lives long
// enough, else the error.
func (acc *account) reply(now time.Time, w waiter, err error) credentialReply {
	refused := acc.cred != nil && !w.rejected.Empty() && acc.cred.token.Equal(w.rejected)
	if acc.cred != nil && !refused {
		left := acc.cred.left(now)
		if left > 0 && left >= w.minValid {
			return credentialReply{cred: acc.cred}
		}
		if err == nil && left > 0 {
			err = &Problem{Code: ProblemTooShort, Params: map[string]string{
				"Asked": w.minValid.String(), "Left": left.Round(time.Second).String(),
			}}
		}
	}
	if err == nil {
		err = acc.notSignedIn()
	}
	return credentialReply{err: err}
}

func (acc *account) notSignedIn() error {
	if acc.problem != nil {
		return acc.problem
	}
	return &Problem{Code: ProblemNotSignedIn}
}
