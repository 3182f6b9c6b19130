//go:build !linux

package resident

import "runtime/debug"

// rest gives freed heap back to the system after the start. The pages of code
// are left to the system's own judgement.
func rest() { debug.FreeOSMemory() }
