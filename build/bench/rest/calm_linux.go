package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/bitfount/bitfount-tray/build/desktop"
	"github.com/bitfount/bitfount-tray/build/trial"
)

// The goals of a program that nobody notices.
const (
	mostWakeUps = 1.0 / 20 // a second
	// tick is the kernel's unit of CPU time in /proc (proc_pid_stat(5)): less is
	// not measurable there.
	tick = 10 * time.Millisecond
)

// look is how often the threads are looked at. What several of them do within
// one or two looks is one wake-up: a timer wakes one thread, which may wake
// others to help.
const look = 100 * time.Millisecond

// calmness is what a process did while nobody did anything with it.
type calmness struct {
	// Wakes are the moments at which it ran, and Switches how often any of its
	// threads gave up a core.
	Wakes, Switches int
	// CPU is what its threads ran, to the nanosecond, and Ticks the same as
	// ps and top see it.
	CPU, Ticks time.Duration
}

// watch looks at a process for a time.
func watch(ctx context.Context, pid int, duration time.Duration) (calmness, error) {
	before, err := usageOf(pid)
	if err != nil {
		return calmness{}, err
	}
	ticksBefore, err := ticksOf(pid)
	if err != nil {
		return calmness{}, err
	}
	first, err := switchesOf(pid)
	if err != nil {
		return calmness{}, err
	}
	var c calmness
	last, running := first, false
	every := time.NewTicker(look)
	defer every.Stop()
	for end := time.After(duration); ; {
		select {
		case <-ctx.Done():
			return c, ctx.Err()
		case <-every.C:
			now, err := switchesOf(pid)
			if err != nil {
				return c, err
			}
			if now != last && !running {
				c.Wakes++
			}
			running = now != last
			last = now
		case <-end:
			after, err := usageOf(pid)
			if err != nil {
				return c, err
			}
			ticks, err := ticksOf(pid)
			if err != nil {
				return c, err
			}
			c.Switches, c.CPU, c.Ticks = last-first, after.CPU-before.CPU, ticks-ticksBefore
			return c, nil
		}
	}
}

// switchesOf counts the context switches of all threads (proc_pid_status(5)).
func switchesOf(pid int) (int, error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(tasks) == 0 {
		return 0, fmt.Errorf("process %d has ended", pid)
	}
	sum := 0
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			continue // the thread has just ended
		}
		for line := range strings.Lines(string(text)) {
			name, value, _ := strings.Cut(line, ":")
			if name == "voluntary_ctxt_switches" || name == "nonvoluntary_ctxt_switches" {
				n, err := strconv.Atoi(strings.TrimSpace(value))
				if err != nil {
					return 0, err
				}
				sum += n
			}
		}
	}
	return sum, nil
}

// ticksOf is utime and stime of proc_pid_stat(5).
func ticksOf(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the name may hold blanks
	f := strings.Fields(rest)
	user, err := strconv.Atoi(f[11])
	if err != nil {
		return 0, err
	}
	system, err := strconv.Atoi(f[12])
	return time.Duration(user+system) * tick, err
}

// calmRun measures a signed-in resident at rest, and then its open window.
func calmRun(ctx context.Context, d *desktop.Desktop, product *trial.Resident, duration time.Duration) error {
	fmt.Printf("Measuring for %v without a window, and for %v with one. The product is signed in.\n", duration, windowTime)
	// The start is over, with the look at a second that it takes.
	if err := sleep(ctx, 2*calm); err != nil {
		return err
	}
	rest, err := watch(ctx, product.PID, duration)
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
	// A tick of the text, which is one drawing, is waited for where it can be.
	type count struct {
		drawn int
		err   error
	}
	drawings := make(chan count, 1)
	go func() {
		n, err := w.Drawn(ctx, windowTime)
		drawings <- count{n, err}
	}()
	beside := make(chan calmness, 1)
	go func() {
		c, _ := watch(ctx, product.PID, windowTime)
		beside <- c
	}()
	window, err := watch(ctx, w.PID, windowTime)
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
	line := func(name string, over time.Duration, c calmness, drawn string) {
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
	verdict("at rest, no CPU time that ps would show", rest.Ticks == 0)
	verdict("the open window draws nothing", drawn.drawn == 0)
	return nil
}

// windowTime is how long the open window is looked at. The time left that it
// shows changes once an hour.
const windowTime = time.Minute
