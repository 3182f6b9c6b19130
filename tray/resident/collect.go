package resident

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// growth is by how much memory may grow until garbage is collected. At rest the
// program makes some kilobytes a minute.
const growth = 3 << 20

// CollectByGrowth has garbage collected when memory has grown by some megabytes.
// By default Go also looks for garbage every two minutes, where there is none,
// and that was half of the processor time that a program at rest took.
func CollectByGrowth() {
	debug.SetGCPercent(-1)
	limitMemory()
}

// limitMemory sets the limit at which the collector works, and does so again
// after each of its rounds, so that the limit follows what is in use and never
// makes the collector work without end.
func limitMemory() {
	debug.SetMemoryLimit(int64(inUse()) + growth)
	round := &struct{ next *int }{}
	runtime.SetFinalizer(round, func(*struct{ next *int }) { limitMemory() })
}

// inUse is what the Go runtime would hold if all garbage were gone: the heap that
// the last round has left, and what is no heap.
func inUse() uint64 {
	samples := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
	}
	metrics.Read(samples)
	v := func(i int) uint64 { return samples[i].Value.Uint64() }
	other := v(1) - v(2) - v(3) - v(4)
	return v(0) + other
}
