// Command bitfount-auth is Bitfount Tray without a screen: it signs in, and
// hands headers and tokens to scripts and other programs. Where Bitfount Tray
// runs, it asks that; where it does not, it opens the saved sessions itself,
// under the same lock.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// version is set by the release build (-ldflags "-X main.version=1.2.3").
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := newProgram(os.Stdin, os.Stdout, os.Stderr).run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
