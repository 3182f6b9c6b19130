package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/bitfount/bitfount-tray/build/bench/usage"
	"github.com/bitfount/bitfount-tray/build/desktop"
	"github.com/bitfount/bitfount-tray/build/trial"
)

// The goals of a program that nobody notices.
const (
	mostWakeUps = 1.0 / 20 // a second
	// leastSeen is the kernel's clock tick: ps and top count processor time in
	// it, by whoever runs when it strikes. Less than one in ten minutes is luck.
	leastSeen = 10 * time.Millisecond
	// mostDrawn is how often the time left, which the window shows to the minute,
	// changes in windowTime, wherever that begins.
	mostDrawn = 2
)

// calmRun measures a signed-in resident at rest, and then its open window.
func calmRun(ctx context.Context, d *desktop.Desktop, product *trial.Resident, duration time.Duration) error {
	fmt.Printf("Measuring for %v without a window, and for %v with one. The product is signed in.\n", duration, windowTime)
	// The start is over, with the look at a second that it takes.
	if err := sleep(ctx, 2*calm); err != nil {
		return err
	}
	rest, err := usage.Watch(ctx, product.PID, duration)
	if err != nil {
		return err
	}
	if err := product.Tray.Click(ctx, "Open Bitfount Tray"); err != nil {
		return err
	}
	w, err := d.Window(ctx, patience)
	if err != nil {
		return err
	}
	if err := sleep(ctx, calm); err != nil {
		return err
	}
	type count struct {
		drawn int
		err   error
	}
	drawings := make(chan count, 1)
	go func() {
		n, err := w.Drawn(ctx, windowTime)
		drawings <- count{n, err}
	}()
	beside := make(chan usage.Calmness, 1)
	go func() {
		c, _ := usage.Watch(ctx, product.PID, windowTime)
		beside <- c
	}()
	window, err := usage.Watch(ctx, w.PID, windowTime)
	if err != nil {
		return err
	}
	drawn := <-drawings
	if drawn.err != nil {
		return drawn.err
	}
	withWindow := <-beside

	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nprocess\tfor\twake-ups\tone in\tcontext switches\tCPU\tutime + stime\tdrawings")
	line := func(name string, over time.Duration, c usage.Calmness, drawn string) {
		every := "–"
		if c.Wakes > 0 {
			every = (over / time.Duration(c.Wakes)).Round(100 * time.Millisecond).String()
		}
		fmt.Fprintf(t, "%s\t%v\t%d\t%s\t%d\t%v\t%v\t%s\n", name, over, c.Wakes, every, c.Switches, c.CPU.Round(10*time.Microsecond), c.Ticks, drawn)
	}
	line("bitfount-tray", duration, rest, "")
	line("bitfount-tray, a window open", windowTime, withWindow, "")
	line("its window", windowTime, window, strconv.Itoa(drawn.drawn))
	_ = t.Flush()
	fmt.Println()
	verdict("at rest, at most one wake-up in 20 s", float64(rest.Wakes) <= mostWakeUps*duration.Seconds())
	verdict("at rest, less CPU time in 10 min than ps can tell (10 ms)", rest.CPU.Seconds()*600 <= leastSeen.Seconds()*duration.Seconds())
	verdict("the open window draws when the minutes left change, and nothing else", drawn.drawn <= mostDrawn)
	return nil
}

// windowTime is how long the open window is looked at.
const windowTime = time.Minute
