package resident

import (
	"runtime"
	"runtime/debug"
	"testing"
)

var sink []byte

// TestAtRestNoGarbageIsCollectedUntilSomethingHappens counts the collector's rounds.
func TestAtRestNoGarbageIsCollectedUntilSomethingHappens(t *testing.T) {
	old, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetGCPercent(old); debug.SetMemoryLimit(limit) })
	// rounds for 20 MB of garbage.
	rounds := func() uint32 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 320 {
			sink = make([]byte, 64<<10)
		}
		runtime.ReadMemStats(&after)
		return after.NumGC - before.NumGC
	}
	q := newQuiet()
	t.Cleanup(q.stop)
	if n := rounds(); n == 0 {
		t.Error("no garbage is collected at the start")
	}
	for range 2 {
		q.rest()
		if n := rounds(); n != 0 {
			t.Errorf("%d rounds at rest", n)
		}
		q.stirred()
		q.stirred()
		if n := rounds(); n == 0 {
			t.Error("no garbage is collected while something happens")
		}
	}
	q.rest()
	for range 10 { // 200 MB that nobody has announced
		rounds()
	}
	var m runtime.MemStats
	if runtime.ReadMemStats(&m); m.HeapAlloc > mostMemory {
		t.Errorf("%d MB of garbage are left at rest", m.HeapAlloc>>20)
	}
	var none *quiet
	none.stirred()
}
