package usage

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the kernel's unit of CPU time in /proc (proc_pid_stat(5)): less is not
// measurable there.
const tick = 10 * time.Millisecond

// look is how often the threads are looked at. What several of them do within
// one or two looks is one wake-up: a timer wakes one thread, which may wake
// others to help.
const look = 100 * time.Millisecond

// Calmness is what a process did while nobody did anything with it.
type Calmness struct {
	// Wakes are the moments at which it ran, and Switches how often any of its
	// threads gave up a core.
	Wakes, Switches int
	// CPU is what its threads ran, to the nanosecond, and Ticks the same as
	// ps and top see it.
	CPU, Ticks time.Duration
}

// Watch looks at a process for a time.
func Watch(ctx context.Context, pid int, duration time.Duration) (Calmness, error) {
	before, err := Of(pid)
	if err != nil {
		return Calmness{}, err
	}
	ticksBefore, err := ticksOf(pid)
	if err != nil {
		return Calmness{}, err
	}
	first, err := switchesOf(pid)
	if err != nil {
		return Calmness{}, err
	}
	var c Calmness
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
			after, err := Of(pid)
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
