//go:build !linux

package window

// hasDisplay is always true where every session of a person has a display.
func hasDisplay(func(string) string) bool { return true }
