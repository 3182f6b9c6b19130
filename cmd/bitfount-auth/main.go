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

	// It answers the commonest questions before main begins.
	"github.com/bitfount/bitfount-tray/cmd/bitfount-auth/early"
)

// version is set by the release build (-ldflags "-X main.version=1.2.3").
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	p := newProgram(os.Stdin, os.Stdout, os.Stderr)
	if early.Alone {
		p.openAhead()
	}
	code := p.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
