package main

import (
	"fmt"
	"time"

	"github.com/bitfount/bitfount-tray/build/bench/usage"
	"github.com/bitfount/bitfount-tray/build/desktop"
	"github.com/bitfount/bitfount-tray/build/trial"
)

func (b *bench) openWindow(r *trial.Resident) (desktop.Window, error) {
	if err := r.Tray.Click(b.ctx, "Open Bitfount Tray"); err != nil {
		return desktop.Window{}, err
	}
	return b.d.Window(b.ctx, patience)
}

// openSmall opens the smallest window, in a size if one is given.
func (b *bench) openSmall(size ...string) (*trial.Resident, desktop.Window, error) {
	r, err := trial.Programs{Product: b.program(floorWindow)}.Launch(b.d, nil, size...)
	if err != nil {
		return nil, desktop.Window{}, err
	}
	var found desktop.Window
	err = desktop.Until(b.ctx, patience, "the smallest window", func() error {
		windows, err := b.d.Windows(b.ctx)
		for _, w := range windows {
			if w.PID == r.PID {
				found = w
				return nil
			}
		}
		if err == nil {
			err = fmt.Errorf("it is not among %d windows", len(windows))
		}
		return err
	})
	return r, found, err
}

// visible is how long after a moment a window's content was drawn for the first
// time.
func (b *bench) visible(drawings *desktop.Drawings, w desktop.Window, since time.Time) (took time.Duration, err error) {
	bounds, err := w.Bounds(b.ctx)
	if err != nil {
		return 0, err
	}
	return took, desktop.Until(b.ctx, patience, "the window's content", func() error {
		at, err := drawings.First(bounds)
		took = at.Sub(since)
		return err
	})
}

// windows measures the time from the click in the menu, or from the start of the
// small programs, to a window whose content is drawn.
func (b *bench) windows() error {
	r, _, err := b.start(trayProgram{"bitfount-tray", b.programs.Product, []string{"--hidden"}})
	if err != nil {
		return err
	}
	defer r.Kill()
	if r.Tray, err = b.d.Tray(b.ctx, r.PID, patience); err != nil {
		return err
	}
	// The product gives up the pages of its start after ten seconds.
	if err := b.sleep(12 * time.Second); err != nil {
		return err
	}
	var product, small, same, productCPU, smallCPU, sameCPU samples
	once := func(into, cpu *samples, open func() (desktop.Window, time.Time, func() error, error)) error {
		drawings, err := b.d.WatchDrawings()
		if err != nil {
			return err
		}
		defer drawings.Close()
		w, began, end, err := open()
		if err != nil {
			return err
		}
		took, err := b.visible(drawings, w, began)
		if err != nil {
			return err
		}
		into.add(took)
		if err := b.sleep(500 * time.Millisecond); err != nil { // it draws no more
			return err
		}
		used, err := usage.Of(w.PID)
		if err != nil {
			return err
		}
		cpu.add(used.CPU)
		if err := end(); err != nil {
			return err
		}
		if err := b.d.NoWindow(b.ctx, patience); err != nil {
			return err
		}
		return b.sleep(300 * time.Millisecond)
	}
	smallest := func(size ...string) func() (desktop.Window, time.Time, func() error, error) {
		return func() (desktop.Window, time.Time, func() error, error) {
			began := time.Now()
			p, w, err := b.openSmall(size...)
			return w, began, func() error { p.Kill(); return nil }, err
		}
	}
	for range b.rounds {
		if err := once(&product, &productCPU, func() (desktop.Window, time.Time, func() error, error) {
			item, err := r.Tray.Item(b.ctx, "Open Bitfount Tray")
			if err != nil {
				return desktop.Window{}, time.Time{}, nil, err
			}
			began := time.Now()
			if err := r.Tray.Press(b.ctx, item); err != nil {
				return desktop.Window{}, began, nil, err
			}
			w, err := b.d.Window(b.ctx, patience)
			return w, began, func() error { return w.Close(b.ctx) }, err
		}); err != nil {
			return err
		}
		if err := once(&small, &smallCPU, smallest()); err != nil {
			return err
		}
		if err := once(&same, &sameCPU, smallest("420x680")); err != nil {
			return err
		}
	}
	const group = "click to window visible"
	b.report.add(
		row{group: group, name: "bitfount-tray", samples: product, unit: "ms", product: true, goal: 1.3},
		row{group: group, name: "smallest Fyne window of the same size", samples: same, unit: "ms", floor: true},
		row{group: group, name: "smallest Fyne window (85 × 45)", samples: small, unit: "ms"},
	)
	// What a busy machine, too, tells.
	const work = "CPU time to open a window"
	b.report.add(
		row{group: work, name: "bitfount-tray --window", samples: productCPU, unit: "ms", product: true},
		row{group: work, name: "smallest Fyne window of the same size", samples: sameCPU, unit: "ms", floor: true},
		row{group: work, name: "smallest Fyne window (85 × 45)", samples: smallCPU, unit: "ms"},
	)
	return nil
}
