package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/bitfount/bitfount-tray/build/trial"
)

// showOnScreen starts everything for somebody to click, and waits until they
// quit.
func showOnScreen(ctx context.Context, programs trial.Programs, folder string) error {
	for _, sub := range []string{"config/bitfount-tray", "data", "run"} {
		if err := os.MkdirAll(filepath.Join(folder, sub), 0o700); err != nil {
			return err
		}
	}
	config := filepath.Join(folder, "config", "bitfount-tray", "config.toml")
	log, err := os.Create(filepath.Join(folder, "provider.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	provider, err := programs.StartProvider(ctx, config, log)
	if err != nil {
		return err
	}
	defer provider.Stop()

	cmd := exec.CommandContext(ctx, programs.Product, "--config", config, "--show")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Env = ownEnvironment(folder)
	cmd.Stderr = os.Stderr
	fmt.Printf(`
Bitfount Tray is starting. What to try:

  1. Look for its icon in the tray, and open the menu with a click.
     If your desktop has no tray, its window opens and says so.
  2. Choose "Sign in…". Your browser opens the demo provider's page.
     Compare the code, choose who you are, and approve.
  3. The icon changes, and the menu says who is signed in and for how long.
  4. Choose "Copy Hub headers" and ask the demo Hub whose they are: start this in a
     terminal, paste, and press Ctrl+D.
       %s
  5. Choose "Quit" when you have seen enough. Ctrl+C ends the demo, too.

Everything runs on this computer. If you sign in, an entry "bitfount-tray" stays in
your keyring afterwards; what it could open is gone.
`, trial.PasteCommand(provider.HubURL))
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("bitfount-tray ended: %w", err)
	}
	return nil
}
