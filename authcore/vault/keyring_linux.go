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
	// password, when the prompt was dismissed, and when there is no collection.
	if strings.HasPrefix(err.Error(), "failed to unlock correct collection") && hasCollection() {
		return ErrKeyringLocked
	}
	return ErrKeyringAbsent
}

// hasCollection reports whether the Secret Service has a default collection. A
// login without a password can have none, and then there is nothing that the
// user could unlock. Where the answer is unclear, it is yes.
func hasCollection() bool {
	bus, err := dbus.SessionBus()
	if err != nil {
		return true
	}
	var collection dbus.ObjectPath
	err = bus.Object("org.freedesktop.secrets", "/org/freedesktop/secrets").
		Call("org.freedesktop.Secret.Service.ReadAlias", 0, "default").Store(&collection)
	return err != nil || collection != "/"
}
