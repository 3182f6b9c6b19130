package authcore

import (
	"fmt"
	"slices"
	"strings"
)

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

// Event is what can happen to a session.
type Event string

// The events.
const (
	// eventSignIn: the user asked to sign in.
	eventSignIn Event = "sign in"
	// eventGranted: the server gave tokens for the sign-in.
	eventGranted Event = "granted"
	// eventAbandoned: the sign-in was cancelled, declined, refused or ran out.
	eventAbandoned Event = "abandoned"
	// eventDue: a renewal is due or was asked for.
	eventDue Event = "renewal due"
	// eventRenewed: the server gave new tokens.
	eventRenewed Event = "renewed"
	// eventFaulted: the renewal failed for a reason that heals by itself.
	eventFaulted Event = "faulted"
	// eventRefused: the server said that the refresh token is no longer good.
	eventRefused Event = "refused"
	// eventLapsed: the access token has expired.
	eventLapsed Event = "lapsed"
	// eventSignOut: the user asked to sign out.
	eventSignOut Event = "sign out"
	// eventLoaded: live tokens were found in the vault.
	eventLoaded Event = "loaded"
)

// Events lists every Event.
var Events = []Event{
	eventSignIn, eventGranted, eventAbandoned, eventDue, eventRenewed,
	eventFaulted, eventRefused, eventLapsed, eventSignOut, eventLoaded,
}

// transitions answers every event in every state. An event that means nothing
// in a state leaves it as it is; "resume" is the state that a sign-in was
// started from, since an abandoned sign-in must not cost a session.
var transitions = map[State]map[Event]State{
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
func (s State) next(e Event, before State) State {
	to, ok := transitions[s][e]
	if !ok {
		return s
	}
	if to == resume {
		return before
	}
	return to
}

// TransitionDiagram prints the transition table as a Mermaid state diagram, for
// the documentation. Events that change nothing are left out.
func TransitionDiagram() string {
	var b strings.Builder
	b.WriteString("stateDiagram-v2\n    [*] --> SignedOut\n")
	name := func(s State) string {
		parts := strings.Split(string(s), "-")
		for i, p := range parts {
			parts[i] = strings.ToUpper(p[:1]) + p[1:]
		}
		return strings.Join(parts, "")
	}
	for _, from := range States {
		byTarget := map[State][]string{}
		var targets []State
		for _, e := range Events {
			to := transitions[from][e]
			if to == from {
				continue
			}
			if to == resume {
				to = SignedOut
				e += " (back to the state before)"
			}
			if !slices.Contains(targets, to) {
				targets = append(targets, to)
			}
			byTarget[to] = append(byTarget[to], string(e))
		}
		for _, to := range targets {
			fmt.Fprintf(&b, "    %s --> %s: %s\n", name(from), name(to), strings.Join(byTarget[to], ", "))
		}
	}
	return b.String()
}
