package resident

import "golang.org/x/sys/unix"

// Harden keeps this process's memory, which holds tokens, out of core dumps.
// Attaching to it is kept from other programs by the hardened runtime.
func Harden() { _ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) }
