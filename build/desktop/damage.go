package desktop

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/damage"
	"github.com/jezek/xgb/xproto"
)

// The library says on standard error how it connects.
func init() { xgb.Logger.SetOutput(io.Discard) }

// Drawn counts how often something is drawn into the window within a time: the
// X server's own count of changed rectangles (X Damage Extension), whoever and
// whatever draws.
func (w Window) Drawn(ctx context.Context, within time.Duration) (int, error) {
	id, err := strconv.ParseUint(w.id, 0, 32)
	if err != nil {
		return 0, err
	}
	x, err := xgb.NewConnDisplay(w.d.display)
	if err != nil {
		return 0, err
	}
	defer x.Close()
	if err := damage.Init(x); err != nil {
		return 0, fmt.Errorf("the X server does not count what is drawn: %w", err)
	}
	if _, err := damage.QueryVersion(x, 1, 1).Reply(); err != nil {
		return 0, err
	}
	object, err := damage.NewDamageId(x)
	if err != nil {
		return 0, err
	}
	if err := damage.CreateChecked(x, object, xproto.Drawable(id), damage.ReportLevelRawRectangles).Check(); err != nil {
		return 0, err
	}
	// The server begins by calling everything changed: that is in front of the
	// answer to a further question.
	if _, err := xproto.GetInputFocus(x).Reply(); err != nil {
		return 0, err
	}
	for {
		event, err := x.PollForEvent()
		if err != nil {
			return 0, err
		}
		if event == nil {
			break
		}
	}
	events := make(chan error)
	go func() {
		defer close(events)
		for {
			event, err := x.WaitForEvent()
			if event == nil && err == nil {
				return // closed
			}
			var fault error
			if err != nil {
				fault = err
			} else if _, drawn := event.(damage.NotifyEvent); !drawn {
				continue
			}
			select {
			case events <- fault:
			case <-ctx.Done():
				return
			}
		}
	}()
	drawn := 0
	for limit := time.After(within); ; {
		select {
		case <-ctx.Done():
			return drawn, ctx.Err()
		case <-limit:
			// What follows is nobody's any more.
			go func() {
				for range events {
				}
			}()
			return drawn, nil
		case err, ok := <-events:
			if err != nil || !ok {
				return drawn, fmt.Errorf("the X server ended: %v", err)
			}
			drawn++
		}
	}
}
