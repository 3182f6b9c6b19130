//go:build !linux

package vault

import "context"

// Watch does nothing: here the keyring belongs to the login, and is there while
// the user is.
func Watch(context.Context, func()) {}
