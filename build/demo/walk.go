package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/bitfount/bitfount-tray/build/desktop"
	"github.com/bitfount/bitfount-tray/build/trial"
)

// person is who signs in: one of those whom the demo provider's page offers.
const person = "dr.amelia.stone"

// patience is how long one step may take. Each takes a second at most on an
// idle machine.
const patience = 30 * time.Second

// code is a user code as the provider writes it.
var code = regexp.MustCompile(`\b[A-Z0-9]{4}-[A-Z0-9]{4}\b`)

// walk is a walk through the product on a virtual desktop.
type walk struct {
	ctx context.Context
	out string
	// readme is the folder for the README's pictures, empty for none.
	readme string
	step   int
	d      *desktop.Desktop
}

// say prints one step.
func (w *walk) say(format string, args ...any) {
	w.step++
	fmt.Printf("%2d. %s\n", w.step, fmt.Sprintf(format, args...))
}

// picture keeps what the screen shows, once it has stopped changing.
func (w *walk) picture(name string) error {
	path := filepath.Join(w.out, name+".png")
	if err := w.d.Settle(w.ctx); err != nil {
		return err
	}
	if err := w.d.Screenshot(w.ctx, path); err != nil {
		return err
	}
	fmt.Printf("    Picture: %s\n", path)
	return nil
}

// closeWindow returns when the window is gone.
func (w *walk) closeWindow(window desktop.Window) error {
	if err := window.Close(w.ctx); err != nil {
		return err
	}
	return w.d.NoWindow(w.ctx, patience)
}

// until waits for something that the product does.
func (w *walk) until(what string, done func() error) error {
	return desktop.Until(w.ctx, patience, what, done)
}

// walkThrough signs in and uses the session as a user would: by the tray menu,
// the provider's page and the clipboard.
func walkThrough(ctx context.Context, programs trial.Programs, out, readme string) (err error) {
	w := &walk{ctx: ctx, out: out, readme: readme}
	w.say("There is no screen here (neither DISPLAY nor WAYLAND_DISPLAY is set), so a virtual desktop starts.")
	if w.d, err = desktop.Start(ctx, desktop.Options{Width: 1024, Height: 800}); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w\n\nWhat the parts have printed:\n%s", err, w.d.Logs())
		}
		w.d.Stop()
	}()

	w.say("The demo identity provider starts, with a small Hub and Access Manager. They stand in for Bitfount's.")
	log, err := w.d.LogFile("demoidp")
	if err != nil {
		return err
	}
	defer log.Close()
	provider, err := programs.StartProvider(ctx, filepath.Join(w.d.ConfigHome(), "bitfount-tray", "config.toml"), log, "-interval", "1s")
	if err != nil {
		return err
	}
	defer provider.Stop()

	w.say("Bitfount Tray starts, as at the login of a user.")
	resident, err := programs.Start(ctx, w.d, "--hidden")
	if err != nil {
		return err
	}
	defer resident.Kill()
	if err := w.until("the panel to show the icon", func() error {
		shown, err := resident.Tray.Registered(ctx)
		if err == nil && !shown {
			err = errors.New("the panel does not list it")
		}
		return err
	}); err != nil {
		return err
	}
	tip, err := resident.Tray.Tooltip(ctx)
	if err != nil {
		return err
	}
	w.say("Its icon is in the tray. The tooltip says: %s", tip)
	if err := w.d.HoverTray(ctx); err != nil {
		return err
	}
	if err := w.picture("1-tray"); err != nil {
		return err
	}
	if err := w.publishCorner("tray", image.Pt(330, 90)); err != nil {
		return err
	}

	if err := w.d.RestMouse(ctx); err != nil {
		return err
	}

	w.say("A click on the icon opens the menu:")
	if err := w.d.OpenTrayMenu(ctx); err != nil {
		return err
	}
	menu, err := resident.Tray.Menu(ctx)
	if err != nil {
		return err
	}
	fmt.Print(indented(desktop.MenuText(menu)))
	if err := w.picture("2-menu"); err != nil {
		return err
	}
	if err := w.publishCorner("menu", image.Pt(330, 300)); err != nil {
		return err
	}
	if err := w.d.CloseTrayMenu(ctx); err != nil {
		return err
	}
	if err := w.d.RestMouse(ctx); err != nil {
		return err
	}

	w.say("We choose “Sign in…”.")
	if err := resident.Tray.Click(ctx, "Sign in…"); err != nil {
		return err
	}
	var link, shown string
	if err := w.until("the browser to be opened", func() error {
		links := w.d.Opened()
		if len(links) == 0 {
			return errors.New("nothing was opened")
		}
		link = links[len(links)-1]
		tip, err := resident.Tray.Tooltip(ctx)
		if shown = code.FindString(tip); err == nil && shown == "" {
			err = fmt.Errorf("the tooltip shows no code; it says %q", tip)
		}
		return err
	}); err != nil {
		return err
	}
	w.say("The browser was asked to open %s, and the tray shows the code %s.", link, shown)

	w.say("We open the window, which shows the same code.")
	if err := resident.Tray.Click(ctx, "Open Bitfount Tray"); err != nil {
		return err
	}
	window, err := w.d.Window(ctx, patience)
	if err != nil {
		return err
	}
	if err := w.picture("3-code"); err != nil {
		return err
	}
	if err := w.publishWindow("code", window); err != nil {
		return err
	}

	w.say("On the provider's page we compare the code, say that we are %s, and approve.", person)
	if err := trial.Approve(ctx, link, shown, person); err != nil {
		return err
	}
	if err := w.until("the tray to say who is signed in", func() error {
		tip, err = resident.Tray.Tooltip(ctx)
		if err == nil && !strings.Contains(tip, person) {
			err = fmt.Errorf("the tooltip says %q", tip)
		}
		return err
	}); err != nil {
		return err
	}
	w.say("Signed in. The tooltip says: %s", tip)
	if err := w.picture("4-signed-in"); err != nil {
		return err
	}

	if err := w.closeWindow(window); err != nil {
		return err
	}
	w.say("We close the window and open it again. It shows how long the session still lasts.")
	if err := resident.Tray.Click(ctx, "Open Bitfount Tray"); err != nil {
		return err
	}
	if window, err = w.d.Window(ctx, patience); err != nil {
		return err
	}
	if err := w.picture("5-session"); err != nil {
		return err
	}
	if err := w.publishWindow("signed-in", window); err != nil {
		return err
	}
	w.say("We close the window. The session goes on without it.")
	if err := w.closeWindow(window); err != nil {
		return err
	}

	w.say("We choose “Copy Hub headers” and paste them into another program.")
	if err := resident.Tray.Click(ctx, "Copy Hub headers"); err != nil {
		return err
	}
	var headers string
	if err := w.until("the headers on the clipboard", func() error {
		headers, err = w.d.Clipboard(ctx)
		return err
	}); err != nil {
		return err
	}
	for line := range strings.Lines(headers) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if scheme, _, ok := strings.Cut(value, " "); ok && strings.EqualFold(name, "authorization") {
			value = scheme + " …"
		}
		fmt.Printf("    %s: %s\n", name, value)
	}
	answer, err := trial.Whoami(ctx, provider.HubURL, headers)
	if err != nil {
		return err
	}
	if !strings.Contains(answer, person) {
		return fmt.Errorf("the Hub does not name %s; it says: %s", person, answer)
	}
	w.say("The demo Hub accepts them. It answers: %s", answer)

	w.say("We choose “Quit”.")
	if err := resident.Tray.Click(ctx, "Quit"); err != nil {
		return err
	}
	exit, err := resident.Ended(ctx, patience)
	if err == nil && exit != 0 {
		err = fmt.Errorf("bitfount-tray ended with exit code %d", exit)
	}
	if err != nil {
		return err
	}
	fmt.Printf("\nThe demo worked. Its pictures are in %s\n", out)
	return nil
}

func indented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("    " + line)
	}
	return b.String()
}
