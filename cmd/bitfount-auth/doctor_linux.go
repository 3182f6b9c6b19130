package main

import (
	"context"
	"time"

	"github.com/godbus/dbus/v5"
)

// trayHost says whether this desktop would show an icon: whether a panel serves
// the watcher of StatusNotifier items (Freedesktop).
func trayHost(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second) // panels answer in milliseconds
	defer cancel()
	bus, err := dbus.SessionBusPrivateNoAutoStartup(dbus.WithContext(ctx))
	if err != nil {
		return "not looked for: this login has no message bus (D-Bus)"
	}
	defer bus.Close()
	if bus.Auth(nil) != nil || bus.Hello() != nil {
		return "not looked for: the message bus (D-Bus) does not answer"
	}
	const watcher = "org.kde.StatusNotifierWatcher"
	var shown dbus.Variant
	err = bus.Object(watcher, "/StatusNotifierWatcher").CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get",
		dbus.FlagNoAutoStart, watcher, "IsStatusNotifierHostRegistered").Store(&shown)
	if yes, _ := shown.Value().(bool); err != nil || !yes {
		return "none would be shown: this desktop has no panel for them"
	}
	return "a panel would show it"
}
