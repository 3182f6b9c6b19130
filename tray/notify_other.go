//go:build !linux

package tray

import "context"

// NotifyWithAction shows a notification without the button: what runs behind
// the icon here (a balloon, osascript) has none. What the button would do is in
// the menu.
func NotifyWithAction(ctx context.Context, title, body, _ string) (acted bool, err error) {
	return false, Notify(ctx, title, body)
}
