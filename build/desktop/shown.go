package desktop

import (
	"context"
	"errors"
	"fmt"
	"image"
	"slices"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/jezek/xgb"
	"github.com/jezek/xgb/damage"
	"github.com/jezek/xgb/xproto"
)

// Drawings notes when which part of the screen is drawn (X Damage Extension),
// to the millisecond and without asking again and again.
type Drawings struct {
	x    *xgb.Conn
	mu   sync.Mutex
	all  []drawing
	done chan struct{}
}

type drawing struct {
	area image.Rectangle
	at   time.Time
}

// WatchDrawings begins. Close ends it.
func (d *Desktop) WatchDrawings() (*Drawings, error) {
	x, err := xgb.NewConnDisplay(d.display)
	if err != nil {
		return nil, err
	}
	w := &Drawings{x: x, done: make(chan struct{})}
	if err := w.begin(); err != nil {
		x.Close()
		return nil, fmt.Errorf("the X server does not tell what is drawn: %w", err)
	}
	go w.follow()
	return w, nil
}

func (w *Drawings) begin() error {
	if err := damage.Init(w.x); err != nil {
		return err
	}
	if _, err := damage.QueryVersion(w.x, 1, 1).Reply(); err != nil {
		return err
	}
	object, err := damage.NewDamageId(w.x)
	if err != nil {
		return err
	}
	root := xproto.Setup(w.x).DefaultScreen(w.x).Root
	return damage.CreateChecked(w.x, object, xproto.Drawable(root), damage.ReportLevelRawRectangles).Check()
}

func (w *Drawings) follow() {
	defer close(w.done)
	for {
		event, err := w.x.WaitForEvent()
		now := time.Now()
		if event == nil && err == nil {
			return // closed
		}
		if e, ok := event.(damage.NotifyEvent); ok {
			r := image.Rect(int(e.Area.X), int(e.Area.Y), int(e.Area.X)+int(e.Area.Width), int(e.Area.Y)+int(e.Area.Height))
			w.mu.Lock()
			w.all = append(w.all, drawing{r, now})
			w.mu.Unlock()
		}
	}
}

// First is when an area was first drawn as a whole, and nothing around it: a
// window's content, not its frame or what lay below.
func (w *Drawings) First(area image.Rectangle) (time.Time, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.all {
		if d.area.Eq(area) {
			return d.at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%v was never drawn as a whole (%d drawings)", area, len(w.all))
}

// Close ends the watch.
func (w *Drawings) Close() {
	w.x.Close()
	<-w.done
}

// Signals follows one signal on the session bus. The function returned waits
// for the next one and says when it came; it is not for several goroutines.
func (d *Desktop) Signals(iface, member string) (next func(context.Context) (*dbus.Signal, time.Time, error), stop func(), err error) {
	bus, err := dbus.Connect(d.busAddress())
	if err != nil {
		return nil, nil, err
	}
	if err := bus.AddMatchSignal(dbus.WithMatchInterface(iface), dbus.WithMatchMember(member)); err != nil {
		_ = bus.Close()
		return nil, nil, err
	}
	type arrival struct {
		signal *dbus.Signal
		at     time.Time
	}
	signals, arrivals := make(chan *dbus.Signal, 64), make(chan arrival, 64)
	bus.Signal(signals)
	go func() {
		defer close(arrivals)
		for s := range signals {
			if s.Name == iface+"."+member {
				arrivals <- arrival{s, time.Now()}
			}
		}
	}()
	return func(ctx context.Context) (*dbus.Signal, time.Time, error) {
		select {
		case <-ctx.Done():
			return nil, time.Time{}, ctx.Err()
		case a, ok := <-arrivals:
			if !ok {
				return nil, time.Time{}, errors.New("the session bus has ended")
			}
			return a.signal, a.at, nil
		}
	}, func() { _ = bus.Close() }, nil
}

// Last is when an area was last drawn as a whole.
func (w *Drawings) Last(area image.Rectangle) (time.Time, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range slices.Backward(w.all) {
		if d.area.Eq(area) {
			return d.at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%v was never drawn as a whole (%d drawings)", area, len(w.all))
}
