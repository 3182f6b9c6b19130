package vault

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/godbus/dbus/v5"
	"github.com/zalando/go-keyring"
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

// get asks the short way first.
func get(service, user string) (string, error) {
	if secret, ok := unlockedEntry(service, user); ok {
		return secret, nil
	}
	return keyring.Get(service, user)
}

// unlockedEntry reads an entry that needs nobody's leave: two questions that do
// not wait for each other, and a third for the secret, where go-keyring asks seven
// in a row. This is most of what a start costs that has to open the vault. In every
// other case it reports false; go-keyring unlocks, prompts and says what is wrong.
// The collection and the attributes are go-keyring's.
func unlockedEntry(service, user string) (string, bool) {
	bus, err := dbus.SessionBus()
	if err != nil {
		return "", false
	}
	const secrets, root = "org.freedesktop.secrets", "/org/freedesktop/secrets"
	opened := bus.Object(secrets, root).
		Go("org.freedesktop.Secret.Service.OpenSession", 0, make(chan *dbus.Call, 1), "plain", dbus.MakeVariant(""))
	found := bus.Object(secrets, root+"/collection/login").
		Go("org.freedesktop.Secret.Collection.SearchItems", 0, make(chan *dbus.Call, 1), map[string]string{"username": user, "service": service})
	var nothing dbus.Variant
	var session dbus.ObjectPath
	if (<-opened.Done).Store(&nothing, &session) != nil {
		return "", false
	}
	defer bus.Object(secrets, session).Call("org.freedesktop.Secret.Session.Close", dbus.FlagNoReplyExpected)
	var items []dbus.ObjectPath
	if (<-found.Done).Store(&items) != nil || len(items) == 0 {
		return "", false
	}
	var secret struct {
		Session           dbus.ObjectPath
		Parameters, Value []byte
		ContentType       string
	}
	if bus.Object(secrets, items[0]).Call("org.freedesktop.Secret.Item.GetSecret", 0, session).Store(&secret) != nil {
		return "", false
	}
	return string(secret.Value), true
}
