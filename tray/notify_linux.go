package tray

import (
	"context"
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
	hints := map[string]dbus.Variant{
		"desktop-entry": dbus.MakeVariant("bitfount-tray"),
		"urgency":       dbus.MakeVariant(byte(1)), // normal
	}
	return bus.Object("org.freedesktop.Notifications", "/org/freedesktop/Notifications").
		CallWithContext(ctx, "org.freedesktop.Notifications.Notify", 0,
			"Bitfount Tray", uint32(0), "bitfount-tray", title, escapeMarkup(body), []string{}, hints, int32(-1)).Err
}

// escapeMarkup protects text from servers that read the body as markup.
func escapeMarkup(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}
