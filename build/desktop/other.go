package desktop

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

// Active reports whether the window is the one that has the keyboard.
func (w Window) Active(ctx context.Context) (bool, error) {
	out, err := w.d.output(ctx, "xdotool", "getactivewindow")
	if err != nil {
		return false, err
	}
	active, err := strconv.ParseUint(strings.TrimSpace(out), 10, 32)
	if err != nil {
		return false, err
	}
	own, err := strconv.ParseUint(w.id, 0, 32)
	return active == own, err
}

// Minimize asks the window manager to put the window away, as its button does.
func (w Window) Minimize(ctx context.Context) error {
	_, err := w.d.output(ctx, "xdotool", "windowminimize", w.id)
	return err
}

// Cover opens a window of another program over everything; the function closes
// it. The window manager gives it the keyboard.
func (d *Desktop) Cover() (uncover func(), err error) {
	x, err := xgb.NewConnDisplay(d.display)
	if err != nil {
		return nil, err
	}
	id, err := xproto.NewWindowId(x)
	if err != nil {
		x.Close()
		return nil, err
	}
	screen := xproto.Setup(x).DefaultScreen(x)
	err = xproto.CreateWindowChecked(x, screen.RootDepth, id, screen.Root, 0, 0,
		uint16(d.options.Width), uint16(d.options.Height), 0, xproto.WindowClassInputOutput, screen.RootVisual, 0, nil).Check()
	if err == nil {
		name := "Another program"
		err = xproto.ChangePropertyChecked(x, xproto.PropModeReplace, id, xproto.AtomWmName, xproto.AtomString, 8, uint32(len(name)), []byte(name)).Check()
	}
	if err == nil {
		err = xproto.MapWindowChecked(x, id).Check()
	}
	if err != nil {
		x.Close()
		return nil, fmt.Errorf("another program's window: %w", err)
	}
	return x.Close, nil
}
