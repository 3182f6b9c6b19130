// Command demo shows the product: it starts the demo identity provider and the
// real Bitfount Tray, signed out.
//
// With a screen it leaves the rest to whoever sits before it. Without one it
// brings up a virtual desktop, walks through a sign-in by itself, says each step
// in plain words, and leaves pictures of what a user would see. With -readme it
// does so in any case, and writes the README's pictures, which are parts of them.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/bitfount/bitfount-tray/build/trial"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	readme := flag.String("readme", "", "walk through, and write the README's pictures into this `folder`")
	flag.Parse()
	if err := run(ctx, *readme); err != nil {
		fmt.Fprintf(os.Stderr, "\nThe demo failed: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, readme string) error {
	folder, err := os.MkdirTemp("", "bitfount-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	fmt.Println("Building Bitfount Tray and the demo identity provider. The first time takes several minutes.")
	programs, err := trial.Build(ctx, folder)
	if err != nil {
		return err
	}
	if hasScreen() && readme == "" {
		return showOnScreen(ctx, programs, folder)
	}
	out, err := filepath.Abs(filepath.Join("build", "out", "demo"))
	if err != nil {
		return err
	}
	return walkThrough(ctx, programs, out, readme)
}
