// Package usage reads from /proc what a process uses: memory, CPU, and how often
// it woke up. The measurements of build/bench are made of it.
package usage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Usage is what a process has used up to one moment.
type Usage struct {
	// CPU is the time that all of its threads have run.
	CPU time.Duration
	// Wakes is how often one of its threads was taken off a core: each time it
	// had run for a reason.
	Wakes int
	// RSS is its memory in RAM, in bytes; PSS counts shared pages by its share. PSS
	// is 0 where only root may know: the product keeps other programs of its user
	// from looking into its memory.
	RSS, PSS int64
}

// Of reads /proc. The process must be this user's.
func Of(pid int) (Usage, error) {
	var u Usage
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil || len(tasks) == 0 {
		return u, errors.Join(fmt.Errorf("process %d has ended", pid), err)
	}
	for _, task := range tasks {
		// "nanoseconds on a core, nanoseconds waiting, time slices"
		// (Documentation/scheduler/sched-stats.rst).
		text, err := os.ReadFile(filepath.Join(task, "schedstat"))
		if err != nil {
			return u, err
		}
		f := strings.Fields(string(text))
		ns, err := strconv.ParseInt(f[0], 10, 64)
		if err != nil {
			return u, err
		}
		slices, err := strconv.Atoi(f[2])
		if err != nil {
			return u, err
		}
		u.CPU += time.Duration(ns)
		u.Wakes += slices
	}
	u.RSS, u.PSS, err = memoryOf(pid)
	return u, err
}

func memoryOf(pid int) (rss, pss int64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if errors.Is(err, fs.ErrPermission) {
		text, err = os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	}
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 3 {
			continue
		}
		n, err := strconv.ParseInt(f[1], 10, 64)
		if err != nil {
			continue
		}
		switch f[0] {
		case "Rss:", "VmRSS:":
			rss = n * 1024
		case "Pss:":
			pss = n * 1024
		}
	}
	if rss == 0 {
		return 0, 0, fmt.Errorf("process %d does not tell its memory", pid)
	}
	return rss, pss, nil
}
