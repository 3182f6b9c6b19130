package vault

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/godbus/dbus/v5"
)

// reachable makes sure that there is a session bus before go-keyring looks for
// one: without an address, the D-Bus library starts dbus-launch, which leaves a
// daemon behind that no desktop knows. The order is the library's own.
func reachable() error {
	if a := os.Getenv("DBUS_SESSION_BUS_ADDRESS"); a != "" && a != "autolaunch:" {
		return nil
	}
	runtime := fmt.Sprintf("/run/user/%d/", os.Getuid())
	if _, err := os.Stat(runtime + "bus"); err == nil {
		return nil
	}
	if note, err := os.ReadFile(runtime + "dbus-session"); err == nil && strings.HasPrefix(string(note), "DBUS_SESSION_BUS_ADDRESS=") {
		return nil
	}
	return because(ErrNoSessionBus, errors.New("DBUS_SESSION_BUS_ADDRESS is not set"))
}

// platformKeyringError tells the states of a Secret Service apart.
func platformKeyringError(err error) error {
	var dial *net.OpError
	if errors.As(err, &dial) {
		return ErrNoSessionBus
	}
	var fault dbus.Error
	if errors.As(err, &fault) && fault.Name == "org.freedesktop.Secret.Error.IsLocked" {
		return ErrKeyringLocked
	}
	// go-keyring says so, without a sentinel, when nobody can be asked for the
	// password and when the prompt was dismissed.
	if strings.HasPrefix(err.Error(), "failed to unlock correct collection") {
		return ErrKeyringLocked
	}
	return ErrKeyringAbsent
}
