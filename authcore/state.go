package authcore

// State is where an account's session stands.
type State string

// The seven states.
const (
	// SignedOut: no credentials.
	SignedOut State = "signed-out"
	// Prompting: a device code is being asked for, or waits for the user.
	Prompting State = "prompting"
	// SignedIn: the access token lives and nothing is due.
	SignedIn State = "signed-in"
	// Renewing: a renewal is under way.
	Renewing State = "renewing"
	// Offline: the last renewal failed for a reason that heals by itself; the
	// access token still lives.
	Offline State = "offline"
	// Expired: as Offline, but the access token has expired. Still retrying.
	Expired State = "expired"
	// NeedsSignIn: the server refused the refresh token, or there is none and
	// the access token has expired. Only the user can mend it.
	NeedsSignIn State = "needs-sign-in"
)

// States lists every State.
var States = []State{SignedOut, Prompting, SignedIn, Renewing, Offline, Expired, NeedsSignIn}

// event is what can happen to a session.
type event string

// The events.
const (
	// eventSignIn: the user asked to sign in.
	eventSignIn event = "sign in"
	// eventGranted: the server gave tokens for the sign-in.
	eventGranted event = "granted"
	// eventAbandoned: the sign-in was cancelled, declined, refused or ran out.
	eventAbandoned event = "abandoned"
	// eventDue: a renewal is due or was asked for.
	eventDue event = "renewal due"
	// eventRenewed: the server gave new tokens.
	eventRenewed event = "renewed"
	// eventFaulted: the renewal failed for a reason that heals by itself.
	eventFaulted event = "faulted"
	// eventRefused: the server said that the refresh token is no longer good.
	eventRefused event = "refused"
	// eventLapsed: the access token has expired.
	eventLapsed event = "lapsed"
	// eventSignOut: the user asked to sign out.
	eventSignOut event = "sign out"
	// eventLoaded: live tokens were found in the vault.
	eventLoaded event = "loaded"
)

// events lists every event.
var events = []event{
	eventSignIn, eventGranted, eventAbandoned, eventDue, eventRenewed,
	eventFaulted, eventRefused, eventLapsed, eventSignOut, eventLoaded,
}

// transitions answers every event in every state. An event that means nothing
// in a state leaves it as it is; "resume" is the state that a sign-in was
// started from, since an abandoned sign-in must not cost a session.
var transitions = map[State]map[event]State{
	SignedOut: {
		eventSignIn: Prompting, eventGranted: SignedOut, eventAbandoned: SignedOut, eventDue: SignedOut,
		eventRenewed: SignedOut, eventFaulted: SignedOut, eventRefused: SignedOut, eventLapsed: SignedOut,
		eventSignOut: SignedOut, eventLoaded: SignedIn,
	},
	Prompting: {
		eventSignIn: Prompting, eventGranted: SignedIn, eventAbandoned: resume, eventDue: Prompting,
		eventRenewed: Prompting, eventFaulted: Prompting, eventRefused: Prompting, eventLapsed: Prompting,
		eventSignOut: SignedOut, eventLoaded: Prompting,
	},
	SignedIn: {
		eventSignIn: Prompting, eventGranted: SignedIn, eventAbandoned: SignedIn, eventDue: Renewing,
		eventRenewed: SignedIn, eventFaulted: Offline, eventRefused: NeedsSignIn, eventLapsed: Expired,
		eventSignOut: SignedOut, eventLoaded: SignedIn,
	},
	Renewing: {
		eventSignIn: Renewing, eventGranted: SignedIn, eventAbandoned: Renewing, eventDue: Renewing,
		eventRenewed: SignedIn, eventFaulted: Offline, eventRefused: NeedsSignIn, eventLapsed: Renewing,
		eventSignOut: SignedOut, eventLoaded: SignedIn,
	},
	Offline: {
		eventSignIn: Prompting, eventGranted: SignedIn, eventAbandoned: Offline, eventDue: Renewing,
		eventRenewed: SignedIn, eventFaulted: Offline, eventRefused: NeedsSignIn, eventLapsed: Expired,
		eventSignOut: SignedOut, eventLoaded: SignedIn,
	},
	Expired: {
		eventSignIn: Prompting, eventGranted: SignedIn, eventAbandoned: Expired, eventDue: Renewing,
		eventRenewed: SignedIn, eventFaulted: Expired, eventRefused: NeedsSignIn, eventLapsed: Expired,
		eventSignOut: SignedOut, eventLoaded: SignedIn,
	},
	NeedsSignIn: {
		eventSignIn: Prompting, eventGranted: SignedIn, eventAbandoned: NeedsSignIn, eventDue: NeedsSignIn,
		eventRenewed: SignedIn, eventFaulted: NeedsSignIn, eventRefused: NeedsSignIn, eventLapsed: NeedsSignIn,
		eventSignOut: SignedOut, eventLoaded: SignedIn,
	},
}

// resume stands in the table for "the state before the sign-in".
const resume State = "(as before)"

// next answers one event. before is the state that a sign-in under way was
// started from.
func (s State) next(e event, before State) State {
	to, ok := transitions[s][e]
	if !ok {
		return s
	}
	if to == resume {
		return before
	}
	return to
}
