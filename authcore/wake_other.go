//go:build !linux

package authcore

import "context"

// watchWakeUps does nothing here: the agent's tick compares clocks and addresses
// every 25 s at most.
func watchWakeUps(context.Context, func(string)) {}
