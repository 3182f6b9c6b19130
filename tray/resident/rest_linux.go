package resident

import (
	"bufio"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// rest gives back what starting has touched and resting does not need: freed
// heap, and the pages of the program's own code and constants, most of which are
// the window's. The kernel would take the latter by itself when memory is short;
// what is needed again comes back from its cache (madvise(2), MADV_DONTNEED). It
// is best effort.
func rest() {
	debug.FreeOSMemory()
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	smaps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer smaps.Close()
	for _, m := range unwritten(smaps, program) {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.start, m.end-m.start, unix.MADV_DONTNEED)
	}
}

type mapping struct{ start, end uintptr }

// unwritten are the program's read-only mappings that hold nothing but what is
// in its file, so that nothing is lost with their pages. Others that are
// read-only now were written to by the loader (RELRO).
func unwritten(smaps io.Reader, program string) []mapping {
	var found []mapping
	var candidate *mapping
	for lines := bufio.NewScanner(smaps); lines.Scan(); {
		// 00403000-00d1c000 r-xp 00003000 fe:00 1234 /usr/bin/bitfount-tray
		// Anonymous:             0 kB
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) >= 5 && strings.Contains(fields[0], "-"):
			candidate = nil
			if len(fields) == 6 && fields[5] == program && (fields[1] == "r-xp" || fields[1] == "r--p") {
				candidate = parseMapping(fields[0])
			}
		case candidate != nil && len(fields) == 3 && fields[0] == "Anonymous:" && fields[1] == "0":
			found = append(found, *candidate)
			candidate = nil
		}
	}
	return found
}

// parseMapping reads an address range, or returns nil.
func parseMapping(text string) *mapping {
	from, to, _ := strings.Cut(text, "-")
	start, err1 := strconv.ParseUint(from, 16, strconv.IntSize)
	end, err2 := strconv.ParseUint(to, 16, strconv.IntSize)
	if err1 != nil || err2 != nil || start >= end {
		return nil
	}
	return &mapping{uintptr(start), uintptr(end)}
}
