package resident

import "golang.org/x/sys/unix"

// Harden keeps this process's memory, which holds tokens, out of core dumps and
// away from other programs of the same user that would attach to it (prctl(2),
// PR_SET_DUMPABLE). A kernel that refuses is left as it is.
func Harden() {
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
}
