package tray

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
)

// notifyTime limits one notification: where no server runs yet, the bus starts
// it first.
const notifyTime = 10 * time.Second

// Notify shows a notification (Freedesktop Desktop Notifications 1.2). It must
// not carry a secret: servers keep a history. An error means that this desktop
// shows none, or not now; whatever a notification says is in the menu too.
func Notify(ctx context.Context, title, body string) error {
	ctx, cancel := context.WithTimeout(ctx, notifyTime)
	defer cancel()
	bus, err := connectSessionBus(ctx)
	if err != nil {
		return err
	}
	defer bus.Close()
	_, err = show(ctx, bus, title, body, []string{})
	return err
}

// NotifyWithAction shows a notification with a button, where the desktop has
// them, and returns when it is gone: acted says whether the button was pressed.
// Without buttons it is Notify. It ends with ctx, which leaves the notification
// where it is, without effect.
func NotifyWithAction(ctx context.Context, title, body, button string) (acted bool, err error) {
	bus, err := connectSessionBus(ctx)
	if err != nil {
		return false, err
	}
	defer bus.Close()
	server := bus.Object(notifyName, notifyPath)
	call, cancel := context.WithTimeout(ctx, notifyTime)
	defer cancel()
	var capabilities []string
	if err := server.CallWithContext(call, notifyName+".GetCapabilities", 0).Store(&capabilities); err != nil {
		return false, err
	}
	if !slices.Contains(capabilities, "actions") {
		_, err := show(call, bus, title, body, []string{})
		return false, err
	}
	signals := make(chan *dbus.Signal, 16)
	bus.Signal(signals)
	for _, match := range [][]dbus.MatchOption{
		{dbus.WithMatchInterface(notifyName), dbus.WithMatchObjectPath(notifyPath)},
		{dbus.WithMatchSender("org.freedesktop.DBus"), dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, notifyName)},
	} {
		if err := bus.AddMatchSignalContext(call, match...); err != nil {
			return false, err
		}
	}
	const action = "act"
	id, err := show(call, bus, title, body, []string{action, button})
	if err != nil {
		return false, err
	}
	for {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case s, ok := <-signals:
			switch {
			case !ok, s.Name == "org.freedesktop.DBus.NameOwnerChanged":
				return false, nil // a server that ends takes its notifyName along
			case len(s.Body) != 2 || s.Body[0] != id:
			case s.Name == notifyName+".ActionInvoked":
				return s.Body[1] == action, nil
			case s.Name == notifyName+".NotificationClosed":
				return false, nil
			}
		}
	}
}

const (
	notifyName = "org.freedesktop.Notifications"
	notifyPath = dbus.ObjectPath("/org/freedesktop/Notifications")
)

// show asks the server and returns the notification's number.
func show(ctx context.Context, bus *dbus.Conn, title, body string, actions []string) (id uint32, err error) {
	hints := map[string]dbus.Variant{
		"desktop-entry": dbus.MakeVariant("bitfount-tray"),
		"urgency":       dbus.MakeVariant(byte(1)), // normal
	}
	err = bus.Object(notifyName, notifyPath).CallWithContext(ctx, notifyName+".Notify", 0,
		"Bitfount Tray", uint32(0), "bitfount-tray", title, escapeMarkup(body), actions, hints, int32(-1)).Store(&id)
	return id, err
}

// escapeMarkup protects text from servers that read the body as markup.
func escapeMarkup(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}
