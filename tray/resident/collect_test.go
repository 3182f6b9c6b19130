package resident

import (
	"runtime"
	"runtime/debug"
	"testing"
)

var held [][]byte

// TestGarbageIsCollectedByGrowth: some megabytes bring about a round, and memory
// that is really needed does not make the collector work without end.
func TestGarbageIsCollectedByGrowth(t *testing.T) {
	old := debug.SetGCPercent(100)
	limit := debug.SetMemoryLimit(-1)
	t.Cleanup(func() {
		held = nil
		debug.SetGCPercent(old)
		debug.SetMemoryLimit(limit)
	})
	runtime.GC()
	CollectByGrowth()
	rounds := func(work func()) uint32 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		work()
		runtime.ReadMemStats(&after)
		return after.NumGC - before.NumGC
	}
	make64K := func() []byte { return make([]byte, 64<<10) }
	if n := rounds(func() { held = append(held, make64K()) }); n != 0 {
		t.Errorf("%d rounds for 64 kB", n)
	}
	// A hundred megabytes of garbage, of which growth at a time is there.
	if n := rounds(func() {
		for range 1600 {
			held = held[:0:0]
			held = append(held, make64K())
		}
	}); n < 10 || n > 400 {
		t.Errorf("%d rounds for 100 MB of garbage", n)
	}
	// And as much that is needed.
	if n := rounds(func() {
		for range 1600 {
			held = append(held, make64K())
		}
	}); n < 5 || n > 400 {
		t.Errorf("%d rounds for 100 MB that are needed", n)
	}
	runtime.GC()
	runtime.GC()
	if n := rounds(func() {
		for range 10 {
			_ = append([]byte(nil), make64K()...)
		}
	}); n > 3 {
		t.Errorf("afterwards, %d rounds for 1 MB", n)
	}
}
