package authcore

import "context"

// WatchWakeUps calls nudge, with the reason, when the computer has woken up or
// the network has come back, until ctx ends: Agent.Nudge is meant to be called.
// It watches what the system offers and returns at once where it offers
// nothing. It is a matter of seconds only: the agent's own tick notices a sleep,
// and a change of this computer's addresses while something fails, within 25 s
// everywhere.
func WatchWakeUps(ctx context.Context, nudge func(reason string)) { watchWakeUps(ctx, nudge) }

// Reasons that WatchWakeUps gives.
const (
	wokeUp      = "the computer woke up"
	networkBack = "the network is back"
)
