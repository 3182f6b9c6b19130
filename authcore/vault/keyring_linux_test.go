package vault

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

func TestSecretServiceErrors(t *testing.T) {
	for name, c := range map[string]struct {
		err, want error
	}{
		"no service": {dbus.Error{Name: "org.freedesktop.DBus.Error.ServiceUnknown"}, ErrKeyringAbsent},
		"locked":     {dbus.Error{Name: "org.freedesktop.Secret.Error.IsLocked"}, ErrKeyringLocked},
		"wrapped":    {fmt.Errorf("get: %w", dbus.Error{Name: "org.freedesktop.Secret.Error.IsLocked"}), ErrKeyringLocked},
		"no bus":     {&net.OpError{Op: "dial", Err: errors.New("connection refused")}, ErrNoSessionBus},
		"unknown":    {errors.New("something else"), ErrKeyringAbsent},
		"our own":    {because(ErrKeyringLocked, errors.New("something else")), ErrKeyringLocked},
	} {
		if got := keyringError(c.err); !errors.Is(got, c.want) || !strings.Contains(got.Error(), c.err.Error()) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
