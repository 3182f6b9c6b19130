package vault

import (
	"context"

	"github.com/godbus/dbus/v5"
)

// The Secret Service's names on the session bus.
const (
	secretService    = "org.freedesktop.secrets"
	secretInterface  = "org.freedesktop.Secret.Service"
	secretCollection = "org.freedesktop.Secret.Collection"
)

// Watch calls ready whenever a keyring comes or is unlocked, until ctx ends: a
// vault that could not be read or written for want of it is worth another try.
// It asks nobody for a password. Without a session bus it returns at once.
func Watch(ctx context.Context, ready func()) {
	if reachable() != nil {
		return
	}
	// A connection of its own: what arrives on the shared one, every other user of
	// that sees too.
	bus, err := dbus.SessionBusPrivateNoAutoStartup(dbus.WithContext(ctx))
	if err != nil {
		return
	}
	defer bus.Close()
	if bus.Auth(nil) != nil || bus.Hello() != nil {
		return
	}
	signals := make(chan *dbus.Signal, 16)
	bus.Signal(signals)
	for _, match := range [][]dbus.MatchOption{
		{dbus.WithMatchSender("org.freedesktop.DBus"), dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, secretService)},
		{dbus.WithMatchInterface(secretInterface), dbus.WithMatchMember("CollectionChanged")},
	} {
		if bus.AddMatchSignalContext(ctx, match...) != nil {
			return
		}
	}
	for {
		select {
		case <-ctx.Done():
			return
		case signal, ok := <-signals:
			if !ok {
				return
			}
			if came(signal) || unlocked(ctx, bus, signal) {
				ready()
			}
		}
	}
}

// came reports whether the signal tells of a new owner of the service's name.
func came(signal *dbus.Signal) bool {
	if signal.Name != "org.freedesktop.DBus.NameOwnerChanged" || len(signal.Body) != 3 {
		return false
	}
	owner, ok := signal.Body[2].(string)
	return ok && owner != ""
}

// unlocked reports whether the signal tells of a change of a collection that is
// not locked now.
func unlocked(ctx context.Context, bus *dbus.Conn, signal *dbus.Signal) bool {
	if signal.Name != secretInterface+".CollectionChanged" || len(signal.Body) != 1 {
		return false
	}
	path, ok := signal.Body[0].(dbus.ObjectPath)
	if !ok || !path.IsValid() {
		return false
	}
	var locked dbus.Variant
	err := bus.Object(secretService, path).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", dbus.FlagNoAutoStart,
		secretCollection, "Locked").Store(&locked)
	is, _ := locked.Value().(bool)
	return err == nil && !is
}
