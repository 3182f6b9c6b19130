package desktop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Screenshot writes what the screen shows to a PNG file and makes its folder.
func (d *Desktop) Screenshot(ctx context.Context, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	_, err := d.output(ctx, "import", "-silent", "-window", "root", "png:"+path)
	return err
}

// Picture returns what the screen shows.
func (d *Desktop) Picture(ctx context.Context) (image.Image, error) {
	path := filepath.Join(d.dir, "picture.png")
	if err := d.Screenshot(ctx, path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return png.Decode(f)
}

// Settle waits until the screen shows the same for half a second, and at most
// three seconds: windows fade in and draw themselves piece by piece, and nothing
// announces when they have done. A screen that keeps moving is no error.
func (d *Desktop) Settle(ctx context.Context) error {
	var last []byte
	since := time.Now()
	for end := since.Add(3 * time.Second); time.Now().Before(end) && time.Since(since) < 500*time.Millisecond; {
		path := filepath.Join(d.dir, "screen.rgb")
		if _, err := d.output(ctx, "import", "-silent", "-window", "root", "rgb:"+path); err != nil {
			return err
		}
		now, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !bytes.Equal(now, last) {
			last, since = now, time.Now()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}

// Window is a window on the screen.
type Window struct {
	d  *Desktop
	id string
	// PID of the program that it belongs to.
	PID int
}

// Windows returns the windows that the window manager shows, other than the
// panel.
func (d *Desktop) Windows(ctx context.Context) ([]Window, error) {
	out, err := d.output(ctx, "wmctrl", "-l", "-p")
	if err != nil {
		// wmctrl ends with 1 when there is no window at all.
		if out == "" && !strings.Contains(err.Error(), "display") {
			return nil, nil
		}
		return nil, err
	}
	var windows []Window
	for line := range strings.Lines(out) {
		// "0x00800003  0 1234   host Title": the desktop is -1 for panels.
		f := strings.Fields(line)
		if len(f) < 3 || f[1] == "-1" {
			continue
		}
		pid, _ := strconv.Atoi(f[2])
		windows = append(windows, Window{d, f[0], pid})
	}
	return windows, nil
}

// Window waits for a window and returns the first one.
func (d *Desktop) Window(ctx context.Context, limit time.Duration) (Window, error) {
	var w Window
	err := Until(ctx, limit, "a window", func() error {
		windows, err := d.Windows(ctx)
		if err != nil {
			return err
		}
		if len(windows) == 0 {
			return errors.New("no window is open")
		}
		w = windows[0]
		return nil
	})
	return w, err
}

// NoWindow waits until no window is open.
func (d *Desktop) NoWindow(ctx context.Context, limit time.Duration) error {
	return Until(ctx, limit, "the window to close", func() error {
		windows, err := d.Windows(ctx)
		if err == nil && len(windows) > 0 {
			err = errors.New("it is still open")
		}
		return err
	})
}

// Title is the window's title.
func (w Window) Title(ctx context.Context) (string, error) {
	out, err := w.d.output(ctx, "xdotool", "getwindowname", w.id)
	return strings.TrimSuffix(out, "\n"), err
}

// Bounds is the window's content on the screen, in pixels.
func (w Window) Bounds(ctx context.Context) (image.Rectangle, error) {
	// xdotool counts the window manager's frame twice; xwininfo does not.
	out, err := w.d.output(ctx, "xwininfo", "-id", w.id)
	if err != nil {
		return image.Rectangle{}, err
	}
	values := map[string]int{}
	for line := range strings.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		values[name], _ = strconv.Atoi(strings.TrimSpace(value))
	}
	x, y := values["Absolute upper-left X"], values["Absolute upper-left Y"]
	return image.Rect(x, y, x+values["Width"], y+values["Height"]), nil
}

// Picture returns what the window's content shows now.
func (w Window) Picture(ctx context.Context) (*image.RGBA, error) {
	bounds, err := w.Bounds(ctx)
	if err != nil {
		return nil, err
	}
	screen, err := w.d.Picture(ctx)
	if err != nil {
		return nil, err
	}
	out := image.NewRGBA(image.Rect(0, 0, bounds.Dx(), bounds.Dy()))
	for y := range bounds.Dy() {
		for x := range bounds.Dx() {
			out.Set(x, y, screen.At(bounds.Min.X+x, bounds.Min.Y+y))
		}
	}
	return out, nil
}

// Click moves the mouse to a point of the window, in pixels from its top left
// corner, and presses the left button.
func (w Window) Click(ctx context.Context, x, y int) error {
	b, err := w.Bounds(ctx)
	if err != nil {
		return err
	}
	return w.d.click(ctx, 1, b.Min.X+x, b.Min.Y+y)
}

// Close asks the window to close, as its close button does.
func (w Window) Close(ctx context.Context) error {
	_, err := w.d.output(ctx, "wmctrl", "-i", "-c", w.id)
	return err
}

// Activate brings the window to the front and gives it the keyboard.
func (w Window) Activate(ctx context.Context) error {
	_, err := w.d.output(ctx, "wmctrl", "-i", "-a", w.id)
	return err
}

// Key presses keys by their X names, such as "Tab" or "ctrl+c".
func (d *Desktop) Key(ctx context.Context, keys ...string) error {
	_, err := d.output(ctx, append([]string{"xdotool", "key", "--clearmodifiers"}, keys...)...)
	return err
}

// Type types text into the window that has the keyboard.
func (d *Desktop) Type(ctx context.Context, text string) error {
	_, err := d.output(ctx, "xdotool", "type", "--", text)
	return err
}

func (d *Desktop) click(ctx context.Context, button, x, y int) error {
	_, err := d.output(ctx, "xdotool", "mousemove", "--sync", strconv.Itoa(x), strconv.Itoa(y))
	if err == nil {
		_, err = d.output(ctx, "xdotool", "click", strconv.Itoa(button))
	}
	return err
}

// OpenTrayMenu presses the left mouse button on the panel's rightmost icon, so
// that the panel opens its menu, and waits until a menu is on the screen.
// CloseTrayMenu closes it.
func (d *Desktop) OpenTrayMenu(ctx context.Context) error {
	half := panelHeight * d.options.Scale / 2
	before, err := d.popups(ctx)
	if err != nil {
		return err
	}
	if err := d.click(ctx, 1, d.options.Width-half-2, d.options.Height-half); err != nil {
		return err
	}
	return Until(ctx, 10*time.Second, "the tray menu on the screen", func() error {
		now, err := d.popups(ctx)
		if err == nil && !slices.ContainsFunc(now, func(id string) bool { return !slices.Contains(before, id) }) {
			err = errors.New("the panel shows no menu")
		}
		return err
	})
}

// CloseTrayMenu closes the menu that OpenTrayMenu opened.
func (d *Desktop) CloseTrayMenu(ctx context.Context) error { return d.Key(ctx, "Escape") }

// HoverTray moves the mouse over the panel's rightmost icon, so that the panel
// shows its tooltip.
func (d *Desktop) HoverTray(ctx context.Context) error {
	half := panelHeight * d.options.Scale / 2
	_, err := d.output(ctx, "xdotool", "mousemove", "--sync", strconv.Itoa(d.options.Width-half-2), strconv.Itoa(d.options.Height-half))
	return err
}

// RestMouse moves the mouse to the top left corner, where nothing reacts to it.
func (d *Desktop) RestMouse(ctx context.Context) error {
	_, err := d.output(ctx, "xdotool", "mousemove", "--sync", "1", "1")
	return err
}

// popups returns the visible windows of the panel and of its plugins, which run
// in wrapper processes.
func (d *Desktop) popups(ctx context.Context) ([]string, error) {
	out, err := d.output(ctx, "xdotool", "search", "--onlyvisible", "--class", "^(xfce4-panel|wrapper-2.0)$")
	if err != nil && out == "" {
		return nil, nil
	}
	return strings.Fields(out), err
}

// Clipboard returns the clipboard's text, read by a program that is neither the
// product nor this one. An empty clipboard is an error.
func (d *Desktop) Clipboard(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, err := d.output(ctx, "xclip", "-selection", "clipboard", "-out")
	if err != nil {
		return "", fmt.Errorf("the clipboard cannot be read: %w", err)
	}
	return out, nil
}
