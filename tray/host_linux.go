package tray

import (
	"context"
	"log/slog"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/bitfount/bitfount-tray/authcore"
)

// The StatusNotifierItem protocol of Freedesktop: an item registers with the
// watcher, and hosts (panels) show what the watcher lists.
const (
	watcherName = "org.kde.StatusNotifierWatcher"
	watcherPath = dbus.ObjectPath("/StatusNotifierWatcher")
	itemPath    = "/StatusNotifierItem"
)

const (
	// busRetry is how often a missing session bus is looked for: it comes, if
	// ever, when the user logs in to a desktop.
	busRetry = 30 * time.Second
	// absence is how long a tray must be away before it is called missing: at
	// login the panel often starts after us, and a panel that restarts is back
	// within a second or two.
	absence = 5 * time.Second
	// callTime limits one call to the watcher, which answers in milliseconds.
	callTime = 5 * time.Second
	// registerTries, a second apart: a watcher may take its name on the bus
	// before it answers.
	registerTries = 5
)

// host is a connection of our own to the session bus. systray and go-keyring
// share another one, and any signal on that with fewer than three values, as a
// keyring prompt sends, ends systray's watch for a returning panel.
type host struct{ bus *dbus.Conn }

// findHost waits for a session bus, and fails only when ctx ends.
func findHost(ctx context.Context, changed func(*authcore.Problem)) (host, error) {
	for reported := false; ; reported = true {
		bus, err := connectSessionBus(ctx)
		if err == nil {
			return host{bus}, nil
		}
		if !reported {
			changed(&authcore.Problem{Code: authcore.ProblemNoSessionBus, Cause: err.Error(), Since: time.Now()})
		}
		select {
		case <-ctx.Done():
			return host{}, ctx.Err()
		case <-time.After(busRetry):
		}
	}
}

// connectSessionBus opens a private connection. It never starts a bus:
// dbus.ConnectSessionBus would, through dbus-launch, and leave it behind.
func connectSessionBus(ctx context.Context) (*dbus.Conn, error) {
	bus, err := dbus.SessionBusPrivateNoAutoStartup(dbus.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	if err := bus.Auth(nil); err != nil {
		_ = bus.Close()
		return nil, err
	}
	if err := bus.Hello(); err != nil {
		_ = bus.Close()
		return nil, err
	}
	return bus, nil
}

// watch registers the icon whenever a watcher comes, and reports whether
// somebody shows icons, until ctx ends.
func (h host) watch(ctx context.Context, changed func(*authcore.Problem)) {
	defer h.bus.Close()
	signals := make(chan *dbus.Signal, 16)
	h.bus.Signal(signals)
	for _, match := range [][]dbus.MatchOption{
		{dbus.WithMatchSender("org.freedesktop.DBus"), dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, watcherName)},
		{dbus.WithMatchInterface(watcherName), dbus.WithMatchObjectPath(watcherPath)},
	} {
		if err := h.bus.AddMatchSignalContext(ctx, match...); err != nil {
			slog.Warn("the tray's panel cannot be watched", "err", err)
		}
	}

	first, shown := true, false
	report := func(p *authcore.Problem) {
		if !first && shown == (p == nil) {
			return
		}
		first, shown = false, p == nil
		changed(p)
	}
	var missing *time.Timer // runs while no tray is there and none was reported
	missed := make(chan struct{}, 1)
	judge := func() {
		if missing != nil {
			missing.Stop()
			missing = nil
		}
		if h.present(ctx) {
			report(nil)
			return
		}
		missing = time.AfterFunc(absence, func() { missed <- struct{}{} })
	}
	judge()
	for {
		select {
		case <-ctx.Done():
			return
		case <-missed:
			// Asked again: not every watcher tells when its first host comes.
			if h.present(ctx) {
				report(nil)
			} else if ctx.Err() == nil {
				report(&authcore.Problem{Code: authcore.ProblemNoTrayHost, Since: time.Now()})
			}
		case signal, ok := <-signals:
			if !ok {
				if ctx.Err() == nil {
					report(&authcore.Problem{Code: authcore.ProblemNoSessionBus, Cause: "the session bus has ended", Since: time.Now()})
				}
				return
			}
			owner, changedOwner := watcherOwner(signal)
			if changedOwner && owner != "" {
				h.register(ctx)
			}
			if changedOwner || signal.Name == watcherName+".StatusNotifierHostRegistered" ||
				signal.Name == watcherName+".StatusNotifierHostUnregistered" {
				judge()
			}
		}
	}
}

// watcherOwner reads a NameOwnerChanged signal about the watcher: its new owner,
// empty if it has gone.
func watcherOwner(signal *dbus.Signal) (owner string, ok bool) {
	if signal.Name != "org.freedesktop.DBus.NameOwnerChanged" || len(signal.Body) != 3 || signal.Body[0] != watcherName {
		return "", false
	}
	owner, ok = signal.Body[2].(string)
	return owner, ok
}

// present reports whether there is a watcher and a host that shows its items.
func (h host) present(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	var owned bool
	if err := h.bus.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0, watcherName).Store(&owned); err != nil || !owned {
		return false
	}
	var shown dbus.Variant
	err := h.bus.Object(watcherName, watcherPath).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0,
		watcherName, "IsStatusNotifierHostRegistered").Store(&shown)
	if err != nil {
		return true // a watcher without the property: believe that it has a reason to exist
	}
	registered, ok := shown.Value().(bool)
	return registered || !ok
}

// register tells a watcher of the icon, for the case that systray no longer
// does. It sends the very message that systray sends, over the same connection:
// watchers know an item by connection and path, so that telling them twice makes
// one icon. By the item's bus name it would be two.
func (h host) register(ctx context.Context) {
	for try := range registerTries {
		if try > 0 {
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Second):
			}
		}
		shared, err := dbus.SessionBus()
		if err == nil {
			call, cancel := context.WithTimeout(ctx, callTime)
			err = shared.Object(watcherName, watcherPath).
				CallWithContext(call, watcherName+".RegisterStatusNotifierItem", 0, itemPath).Err
			cancel()
		}
		if err == nil || ctx.Err() != nil {
			return
		}
		slog.Warn("the icon could not be registered", "err", err)
	}
}
