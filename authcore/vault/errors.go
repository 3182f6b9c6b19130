package vault

import (
	"errors"
	"fmt"
)

// Errors of the vault, to be asked for with errors.Is. Each is wrapped together
// with its technical cause, and no text of theirs holds a secret. An error is
// one of these, an error of the caller's context, or a misuse of this package.
var (
	// ErrNoVault: there is no file yet. Nothing is wrong.
	ErrNoVault = errors.New("there is no vault yet")

	// ErrKeyringAbsent: no keyring can be reached, or it refuses to work.
	ErrKeyringAbsent = errors.New("no keyring can be used")
	// ErrNoSessionBus is the ErrKeyringAbsent of a Linux login without a D-Bus
	// session bus. errors.Is finds both in it.
	ErrNoSessionBus = fmt.Errorf("there is no D-Bus session bus: %w", ErrKeyringAbsent)
	// ErrKeyringLocked: the keyring is locked, and nobody unlocked it.
	ErrKeyringLocked = errors.New("the keyring is locked")
	// ErrKeyringSlow: the keyring has not answered in time; it may be showing a
	// prompt. The question stays open, and the next call waits for its answer.
	ErrKeyringSlow = errors.New("the keyring has not answered in time")
	// ErrKeyMissing: the file exists and the keyring works, but the file's key
	// is not in it. See SetAside.
	ErrKeyMissing = errors.New("the vault's key is not in the keyring")

	// ErrDamaged: the file is cut short or altered, or was not made by this
	// program, or not with the key of its name. See SetAside.
	ErrDamaged = errors.New("the vault is damaged")
	// ErrNewerVersion: a newer version of this program wrote the file. It is
	// whole and must not be set aside; updating the program opens it.
	ErrNewerVersion = errors.New("the vault was written by a newer version")
	// ErrUnreadable: the system does not let this user read the file, or a
	// symbolic link, a folder or another user's folder is in its place.
	ErrUnreadable = errors.New("the vault cannot be read")
	// ErrUnwritable: as ErrUnreadable, for writing.
	ErrUnwritable = errors.New("the vault cannot be written")
	// ErrDiskFull: no space or quota is left.
	ErrDiskFull = errors.New("the disk is full")
)

// because joins what went wrong with why.
func because(what, cause error) error { return fmt.Errorf("%w: %w", what, cause) }
