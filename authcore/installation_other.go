//go:build !linux

package authcore

// systemUpdates: the installer and the disk image are updated by their users.
func systemUpdates() bool { return false }
