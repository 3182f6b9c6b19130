//go:build !linux

package main

import "context"

// trayHost has nothing to look for: the system itself shows icons.
func trayHost(context.Context) string { return "the system would show it" }
