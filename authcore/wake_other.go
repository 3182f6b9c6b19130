//go:build !linux

package authcore

import "context"

// watchWakeUps does nothing here: the agent's tick compares the clocks every
// 20 s at most, and tries what failed again.
func watchWakeUps(context.Context, func(string)) {}
