package vault

import (
	"errors"
	"os/exec"

	"github.com/zalando/go-keyring"
)

func reachable() error { return nil }

func get(service, user string) (string, error) { return keyring.Get(service, user) }

// platformKeyringError reads the exit status of /usr/bin/security, which is the
// low byte of the Security framework's result code.
func platformKeyringError(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		switch exit.ExitCode() {
		case 36, // errSecInteractionNotAllowed (-25308): locked, and no screen to ask on
			51,  // errSecAuthFailed (-25293): wrong password
			128: // userCanceledErr (-128): prompt dismissed
			return ErrKeyringLocked
		}
	}
	return ErrKeyringAbsent
}
