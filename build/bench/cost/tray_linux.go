package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/bitfount/bitfount-tray/build/bench/usage"
	"github.com/bitfount/bitfount-tray/build/desktop"
	"github.com/bitfount/bitfount-tray/build/trial"
)

// trayProgram is one that shows an icon.
type trayProgram struct {
	name, path string
	args       []string
}

// trays are the product, its floor and its peers. KeePassXC, where it is
// installed, is a resident in C++ and Qt that hospitals know.
func (b *bench) trays() []trayProgram {
	all := []trayProgram{
		{"bitfount-tray", b.programs.Product, []string{"--hidden"}},
		{"smallest systray", b.program(floorTray), nil},
		{"Fyne's own tray", b.program(peerTray), nil},
	}
	if path, err := exec.LookPath("keepassxc"); err == nil {
		all = append(all, trayProgram{"KeePassXC", path, nil})
	}
	return all
}

// prepareKeePassXC has it rest in the tray, without a first word to its user.
func (b *bench) prepareKeePassXC() error {
	folder := filepath.Join(b.d.ConfigHome(), "keepassxc")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "keepassxc.ini"), []byte("[General]\nConfigVersion=2\nUpdateCheckMessageShown=true\n"+
		"[GUI]\nShowTrayIcon=true\nMinimizeOnStartup=true\nMinimizeToTray=true\nMinimizeOnClose=true\nCheckForUpdates=false\n"), 0o600)
}

// start starts a program and returns when the panel has its icon.
func (b *bench) start(p trayProgram) (*trial.Resident, time.Duration, error) {
	next, stop, err := b.d.Signals("org.kde.StatusNotifierWatcher", "StatusNotifierItemRegistered")
	if err != nil {
		return nil, 0, err
	}
	defer stop()
	ctx, cancel := b.within()
	defer cancel()
	began := time.Now()
	r, err := trial.Programs{Product: p.path}.Launch(b.d, nil, p.args...)
	if err != nil {
		return nil, 0, err
	}
	_, at, err := next(ctx)
	if err != nil {
		r.Kill()
		return nil, 0, fmt.Errorf("%s shows no icon: %w\n%s", p.name, err, r.Log())
	}
	return r, at.Sub(began), nil
}

// prepare signs somebody in, as in everyday use.
func (b *bench) prepare() error {
	if err := b.prepareKeePassXC(); err != nil {
		return err
	}
	r, err := b.programs.Start(b.ctx, b.d, "--hidden")
	if err != nil {
		return err
	}
	defer r.Kill()
	_, err = b.signIn(r)
	return err
}

func (b *bench) starts() error {
	all := b.trays()
	took := make([]samples, len(all))
	for round := range b.rounds + 1 {
		for i, p := range all {
			r, d, err := b.start(p)
			if err != nil {
				return err
			}
			r.Kill()
			if round > 0 { // the first one fills the caches
				took[i].add(d)
			}
		}
	}
	for i, p := range all {
		b.report.add(row{group: "start to tray icon", name: p.name, samples: took[i], unit: "ms", floor: i == 1, product: i == 0})
	}
	return nil
}

// memory looks at all of them side by side, and at the product again with a
// window and after it.
func (b *bench) memory() error {
	all := b.trays()
	running := make([]*trial.Resident, len(all))
	for i, p := range all {
		r, _, err := b.start(p)
		if err != nil {
			return err
		}
		defer r.Kill()
		running[i] = r
	}
	product := running[0]
	var err error
	if product.Tray, err = b.d.Tray(b.ctx, product.PID, patience); err != nil {
		return err
	}
	// Go gives memory back within seconds, and the product after ten.
	if err := b.sleep(20 * time.Second); err != nil {
		return err
	}
	calm := make([]usage.Calmness, len(all))
	faults := make([]error, len(all))
	var watching sync.WaitGroup
	for i, r := range running {
		watching.Go(func() { calm[i], faults[i] = usage.Watch(b.ctx, r.PID, b.rest) })
	}
	watching.Wait()
	before := make([]usage.Usage, len(all))
	for i, r := range running {
		if faults[i] != nil {
			return faults[i]
		}
		if before[i], err = usage.Of(r.PID); err != nil {
			return err
		}
	}
	for i, p := range all {
		b.report.add(row{group: "memory at rest", name: p.name, value: megabytes(before[i].RSS), unit: "MB", floor: i == 1, product: i == 0,
			note: fmt.Sprintf("its share (PSS) %.1f MB", megabytes(before[i].PSS))})
	}

	window, err := b.openWindow(product)
	if err != nil {
		return err
	}
	if err := b.sleep(5 * time.Second); err != nil {
		return err
	}
	with, err := usage.Of(window.PID)
	if err != nil {
		return err
	}
	small, smallWindow, err := b.openSmall("420x680")
	if err != nil {
		return err
	}
	if err := b.sleep(5 * time.Second); err != nil {
		return err
	}
	floor, err := usage.Of(smallWindow.PID)
	if err != nil {
		return err
	}
	small.Kill()
	b.report.add(
		row{group: "memory of an open window", name: "bitfount-tray --window", value: megabytes(with.RSS), unit: "MB", product: true, note: fmt.Sprintf("its share (PSS) %.1f MB", megabytes(with.PSS))},
		row{group: "memory of an open window", name: "smallest Fyne window", value: megabytes(floor.RSS), unit: "MB", floor: true, note: fmt.Sprintf("its share (PSS) %.1f MB", megabytes(floor.PSS))},
	)
	if err := window.Close(b.ctx); err != nil {
		return err
	}
	if err := b.d.NoWindow(b.ctx, patience); err != nil {
		return err
	}
	if err := b.sleep(10 * time.Second); err != nil {
		return err
	}
	after, err := usage.Of(product.PID)
	if err != nil {
		return err
	}
	b.report.add(
		row{group: "memory after the window", name: "bitfount-tray", value: megabytes(after.RSS), unit: "MB", product: true,
			note: fmt.Sprintf("before it %.1f MB", megabytes(before[0].RSS))},
		row{group: "memory after the window", name: "smallest systray", value: megabytes(before[1].RSS), unit: "MB", floor: true},
	)
	for i, p := range all {
		b.report.add(row{group: "CPU at rest", name: p.name, value: 100 * calm[i].CPU.Seconds() / b.rest.Seconds(), unit: "% of a core", floor: i == 1, product: i == 0, noRatio: true})
	}
	for i, p := range all {
		b.report.add(row{group: "context switches at rest", name: p.name, value: float64(calm[i].Switches) * 60 / b.rest.Seconds(), unit: "a minute", floor: i == 1, product: i == 0, noRatio: true,
			note: moments(calm[i], b.rest)})
	}
	return nil
}

// moments says at how many moments a process woke up. One that never rests has
// a single long one.
func moments(c usage.Calmness, rest time.Duration) string {
	switch n := c.Wakes; {
	case c.Switches > 10*int(rest/time.Second):
		return "without a pause"
	case n == 1:
		return "at 1 moment"
	default:
		return fmt.Sprintf("at %d moments", n)
	}
}

func megabytes(bytes int64) float64 { return float64(bytes) / 1e6 }

// signIn goes through a sign-in by the tray and returns how long the icon took
// from the approval on.
func (b *bench) signIn(r *trial.Resident) (time.Duration, error) {
	ctx, cancel := b.within()
	defer cancel()
	// The icon is drawn a second time a second after the start.
	if err := b.sleep(1500 * time.Millisecond); err != nil {
		return 0, err
	}
	next, stop, err := b.d.Signals("org.kde.StatusNotifierItem", "NewIcon")
	if err != nil {
		return 0, err
	}
	defer stop()
	if err := r.Tray.Click(ctx, "Sign in…"); err != nil {
		return 0, err
	}
	var code string
	if err := desktop.Until(ctx, patience, "a code", func() error {
		tip, err := r.Tray.Tooltip(ctx)
		if err != nil {
			return err
		}
		if code = userCode.FindString(tip); code == "" {
			return fmt.Errorf("the tooltip says %q", tip)
		}
		return nil
	}); err != nil {
		return 0, err
	}
	if _, _, err := next(ctx); err != nil { // the icon of a sign-in
		return 0, err
	}
	waiting, err := r.Tray.Icon(ctx)
	if err != nil {
		return 0, err
	}
	approved := time.Now()
	if err := b.approve(code, "dr.amelia.stone"); err != nil {
		return 0, err
	}
	for {
		_, at, err := next(ctx)
		if err != nil {
			return 0, fmt.Errorf("the icon stays as it was: %w", err)
		}
		icon, err := r.Tray.Icon(ctx)
		if err != nil {
			return 0, err
		}
		if string(icon[0].Pixels) != string(waiting[0].Pixels) {
			return at.Sub(approved), nil
		}
	}
}
