//go:build !linux

package main

import "os"

// hasScreen is true where every session of a person has a screen.
func hasScreen() bool { return true }

func ownEnvironment(string) []string { return os.Environ() }
