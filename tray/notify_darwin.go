package tray

import (
	"context"
	"os/exec"
)

// notifyScript takes the texts as arguments, so that nothing in them is read as
// a program.
const notifyScript = `on run argv
	display notification (item 2 of argv) with title (item 1 of argv)
end run`

// Notify shows a notification. It must not carry a secret: the system keeps a
// history, and the texts are arguments of a short-lived process. An error means
// that none was shown; whatever a notification says is in the menu too.
func Notify(ctx context.Context, title, body string) error {
	return exec.CommandContext(ctx, "/usr/bin/osascript", "-e", notifyScript, title, body).Run()
}
