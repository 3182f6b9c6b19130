package authcore

import (
	"time"

	"github.com/bitfount/bitfount-tray/authcore/export"
)

// Snapshot is everything that a view may know of the sessions at one moment.
// It is immutable: nobody writes to it, or to anything it points to, after it
// was published; copies share their slices. It holds no secret, so it may be
// logged, sent to a window and put in a report. Times are wall-clock times.
type Snapshot struct {
	// Sequence grows by at least one with every published snapshot.
	Sequence uint64    `json:"sequence"`
	Taken    time.Time `json:"taken"`
	// Version is the version of the program that owns the sessions.
	Version string `json:"version"`
	// Accounts in the order in which they were added. There is always at
	// least one: a fresh installation has a signed-out device-code account.
	Accounts []Account `json:"accounts"`
	// Active is the ID of the account whose headers are handed out.
	Active  string  `json:"active"`
	Storage Storage `json:"storage"`
	Clock   Clock   `json:"clock"`
	Desktop Desktop `json:"desktop"`
	// LiveFiles are the exported files that follow the session.
	LiveFiles []LiveFile `json:"live_files,omitempty"`
	// Settings are the user's and the administrator's choices.
	Settings Settings `json:"settings"`
	// Events are the last day's happenings, oldest first.
	Events []TimelineEvent `json:"events,omitempty"`
}

// ActiveAccount returns the account whose headers are handed out, or the zero
// Account (signed out) if Active names none.
func (s *Snapshot) ActiveAccount() Account {
	a, _ := s.Account(s.Active)
	return a
}

// Account returns the account with that ID.
func (s *Snapshot) Account(id string) (Account, bool) {
	for _, a := range s.Accounts {
		if a.ID == id {
			return a, true
		}
	}
	return Account{}, false
}

// Method is how an account proves who it is.
type Method string

// The three ways in.
const (
	MethodDeviceCode  Method = "device-code"
	MethodAPIKeys     Method = "api-keys"
	MethodExternalJWT Method = "external-jwt"
)

// Account is one (environment, method, user) and the state of its session.
type Account struct {
	// ID is stable for the account's life and means nothing to people.
	ID string `json:"id"`
	// Label is the user's own name for the account, or empty.
	Label       string `json:"label,omitempty"`
	Method      Method `json:"method"`
	Environment string `json:"environment"`
	// HubURL and AccessManagerURL are the only places that credentials go to.
	HubURL           string `json:"hub_url"`
	AccessManagerURL string `json:"access_manager_url"`
	// Username is empty until somebody has signed in.
	Username string `json:"username,omitempty"`
	State    State  `json:"state"`
	// SignedInAt is when the user last proved who they are.
	SignedInAt time.Time `json:"signed_in_at,omitzero"`
	// IssuedAt and ExpiresAt bound the life of the access token.
	// Both are zero for API keys, which do not expire.
	IssuedAt  time.Time `json:"issued_at,omitzero"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// RenewAt is when the next renewal is due, or the next try of a failing one.
	RenewAt time.Time `json:"renew_at,omitzero"`
	// SessionExpiresAt is when the refresh token ends, where the server tells it.
	SessionExpiresAt time.Time `json:"session_expires_at,omitzero"`
	// SessionStartedAt is when the life that ends at SessionExpiresAt began: at
	// the sign-in or, where the server gives a refresh token a new life with each
	// renewal, at the last renewal. It is zero where the end is.
	SessionStartedAt time.Time `json:"session_started_at,omitzero"`
	// Prompt is there only while State is Prompting and a code is known.
	Prompt *DevicePrompt `json:"prompt,omitempty"`
	// Problem is the last one that has not healed, or nil.
	Problem *Problem `json:"problem,omitempty"`
	// HasHeaders says whether headers can be handed out at this moment.
	HasHeaders bool `json:"has_headers"`
	// Renewable says whether a renewal needs no user.
	Renewable bool `json:"renewable"`
}

// DevicePrompt is what the user needs in order to approve a sign-in
// (RFC 8628 section 3.2, without the device code, which is a secret).
type DevicePrompt struct {
	UserCode                string    `json:"user_code"`
	VerificationURI         string    `json:"verification_uri"`
	VerificationURIComplete string    `json:"verification_uri_complete"`
	IssuedAt                time.Time `json:"issued_at"`
	ExpiresAt               time.Time `json:"expires_at"`
}

// Storage says whether the session would survive a restart.
type Storage struct {
	// Saved is true when everything in memory is also on disk.
	Saved bool `json:"saved"`
	// Waiting is true while sessions that were saved cannot be opened for want of
	// the keyring; Problem says why, and it heals by itself.
	Waiting bool     `json:"waiting,omitempty"`
	Problem *Problem `json:"problem,omitempty"`
}

// Clock says how far this computer's clock is from the servers' (server minus
// local). Problem is set when the offset is an hour-scale fault.
type Clock struct {
	Offset  time.Duration `json:"offset_ns"`
	Problem *Problem      `json:"problem,omitempty"`
}

// Desktop is what the resident knows of the desktop that it runs in.
type Desktop struct {
	// Resident is true where a resident took the snapshot, which knows the rest
	// of this; the command line knows nothing of it.
	Resident bool `json:"resident,omitempty"`
	// Tray is nil when the icon is shown, else why it is not.
	Tray *Problem `json:"tray,omitempty"`
	// Window is why the last try to open the window failed, or nil.
	Window *Problem `json:"window,omitempty"`
	// Browser is why the browser could not be opened, or nil.
	Browser *Problem `json:"browser,omitempty"`
	// Clipboard is what was copied last and is still there.
	Clipboard Clipboard `json:"clipboard,omitzero"`
	// Policy is why the administrator's policy is not in force, or nil.
	Policy *Problem `json:"policy,omitempty"`
	// Settings is why some of the user's settings are not in force, or nil.
	Settings *Problem `json:"settings,omitempty"`
	// Updates says whether this program can ask for newer versions at all, and
	// Update is one that it has found, or nil.
	Updates bool    `json:"updates,omitempty"`
	Update  *Update `json:"update,omitempty"`
	// Diagnosis is what the last "Fix it" found, or has found so far; nil
	// before the first.
	Diagnosis *Diagnosis `json:"diagnosis,omitempty"`
}

// Update is a newer version that was published.
type Update struct {
	Version string `json:"version"`
	// Page tells people about it, over https.
	Page string `json:"page"`
}

// Clipboard says what of ours is on the clipboard.
type Clipboard struct {
	// Holds is the service whose headers are on the clipboard, or empty.
	Holds   export.Service `json:"holds,omitempty"`
	ClearAt time.Time      `json:"clear_at,omitzero"`
	Problem *Problem       `json:"problem,omitempty"`
}

// LiveFile is one exported file and its state.
type LiveFile struct {
	Path      string         `json:"path"`
	Account   string         `json:"account"`
	Service   export.Service `json:"service"`
	Format    string         `json:"format"`
	WrittenAt time.Time      `json:"written_at,omitzero"`
	Problem   *Problem       `json:"problem,omitempty"`
}

// TimelineEvent is one line of the last day's history. It holds no secret.
type TimelineEvent struct {
	At      time.Time `json:"at"`
	Until   time.Time `json:"until,omitzero"`
	Kind    EventKind `json:"kind"`
	Account string    `json:"account,omitempty"`
	Detail  string    `json:"detail,omitempty"`
}

// EventKind names a kind of TimelineEvent.
type EventKind string

// The kinds of timeline events.
const (
	EventSignedIn   EventKind = "signed-in"
	EventRenewed    EventKind = "renewed"
	EventOffline    EventKind = "offline"
	EventEnded      EventKind = "ended"
	EventSignedOut  EventKind = "signed-out"
	EventFile       EventKind = "file-written"
	EventFileFailed EventKind = "file-failed"
	EventWoke       EventKind = "woke"
)

// Indicator is the one picture of a session that an icon shows.
type Indicator string

// The six pictures.
const (
	IndicatorSignedOut Indicator = "signed-out"
	IndicatorSigningIn Indicator = "signing-in"
	IndicatorSignedIn  Indicator = "signed-in"
	IndicatorExpiring  Indicator = "expiring"
	IndicatorOffline   Indicator = "offline"
	IndicatorAttention Indicator = "attention"
)

// Indicators lists every Indicator.
var Indicators = []Indicator{
	IndicatorSignedOut, IndicatorSigningIn, IndicatorSignedIn,
	IndicatorExpiring, IndicatorOffline, IndicatorAttention,
}

// Indicator judges the account at a moment of corrected time (see Snapshot.Now).
func (a Account) Indicator(now time.Time) Indicator {
	switch a.State {
	case Prompting:
		return IndicatorSigningIn
	case SignedIn, Renewing:
		if a.Expiring(now) {
			return IndicatorExpiring
		}
		return IndicatorSignedIn
	case Offline:
		return IndicatorOffline
	case Expired, NeedsSignIn:
		return IndicatorAttention
	}
	return IndicatorSignedOut
}

// Expiring reports whether the access token is in the last tenth of its life
// or its last 10 minutes, whichever is shorter, or the whole session is in the
// last tenth of its life or its last 3 days.
func (a Account) Expiring(now time.Time) bool {
	from := a.ExpiringFrom()
	return !from.IsZero() && !now.Before(from)
}

// ExpiringFrom is from when on Expiring is true, zero for never.
func (a Account) ExpiringFrom() time.Time {
	token := lastPart(a.IssuedAt, a.ExpiresAt, 10*time.Minute)
	session := a.SessionEndsSoonFrom()
	if token.IsZero() || !session.IsZero() && session.Before(token) {
		return session
	}
	return token
}

// SessionEndsSoonFrom is from when on the end of the whole session is near: the
// last tenth of its life or its last 3 days, whichever is shorter. It is zero
// where the server does not tell the end.
func (a Account) SessionEndsSoonFrom() time.Time {
	return lastPart(a.SessionStartedAt, a.SessionExpiresAt, 72*time.Hour)
}

// lastPart is when the last tenth of a life begins, or its last part of that
// length, whichever is later. It is zero for a life without an end.
func lastPart(from, to time.Time, most time.Duration) time.Time {
	if to.IsZero() {
		return time.Time{}
	}
	part := most
	if tenth := to.Sub(from) / 10; !from.IsZero() && tenth < part {
		part = tenth
	}
	return to.Add(-part)
}

// Now corrects a local wall-clock time by the servers' time.
func (s *Snapshot) Now(local time.Time) time.Time { return local.Add(s.Clock.Offset) }

// Left is how long the access token still lives at corrected time now, never
// negative, and zero for one that does not expire.
func (a Account) Left(now time.Time) time.Duration {
	if a.ExpiresAt.IsZero() {
		return 0
	}
	return max(0, a.ExpiresAt.Sub(now))
}
