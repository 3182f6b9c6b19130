package resident

import (
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

const (
	// settled is how long nothing must have happened until the resident rests.
	// After the start, the tray is drawn by then, the vault is read and the first
	// renewal, if one was due, has ended.
	settled = 10 * time.Second
	// restAgain is when a resident that has been at rest tidies up what its ticks
	// have left, some kilobytes a minute.
	restAgain = time.Hour
	// percent is Go's target for garbage while something happens: a small one,
	// since there is little, and memory counts.
	percent = 50
	// mostMemory is when garbage is collected in any case, in bytes. The resident
	// never needs a tenth of it.
	mostMemory = 64 << 20
)

// quiet lets the program rest when nothing has happened for a while. At rest no
// garbage is collected: Go looks for it every two minutes, where there is none,
// and that was half of the processor time that a program at rest took. It is
// safe for concurrent use; nil does nothing.
type quiet struct {
	mu      sync.Mutex
	timer   *time.Timer
	resting bool
}

func newQuiet() *quiet {
	debug.SetGCPercent(percent)
	debug.SetMemoryLimit(mostMemory)
	q := &quiet{}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.timer = time.AfterFunc(settled, q.rest)
	return q
}

// stirred puts off the rest: something has happened.
func (q *quiet) stirred() {
	if q == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.resting {
		debug.SetGCPercent(percent)
		q.resting = false
	}
	q.timer.Reset(settled)
}

func (q *quiet) rest() {
	q.mu.Lock()
	defer q.mu.Unlock()
	runtime.GC() // what pools hold survives one round, and rest makes the second
	rest()
	debug.SetGCPercent(-1)
	q.resting = true
	q.timer.Reset(restAgain)
}

func (q *quiet) stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.timer.Stop()
}
