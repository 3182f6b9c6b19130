package resident

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// What the loader has written into a mapping that is read-only now would be lost
// with its pages.
func TestOnlyWhatIsInTheFileIsGivenBack(t *testing.T) {
	const smaps = `00400000-00403000 r--p 00000000 fe:00 1234                               /usr/bin/bitfount-tray
Size:                 12 kB
Anonymous:             0 kB
VmFlags: rd mr mw me sd
00403000-00d1c000 r-xp 00003000 fe:00 1234                               /usr/bin/bitfount-tray
Anonymous:             0 kB
00d1c000-00d20000 r--p 0091c000 fe:00 1234                               /usr/bin/bitfount-tray
Anonymous:            16 kB
00d20000-00e20000 rw-p 00920000 fe:00 1234                               /usr/bin/bitfount-tray
Anonymous:             0 kB
7f0000000000-7f0000001000 r-xp 00000000 fe:00 99                         /usr/lib/libc.so.6
Anonymous:             0 kB
7f0000002000-7f0000003000 rw-p 00000000 00:00 0
Anonymous:             0 kB
`
	want := []mapping{{0x400000, 0x403000}, {0x403000, 0xd1c000}}
	if got := unwritten(strings.NewReader(smaps), "/usr/bin/bitfount-tray"); !slices.Equal(got, want) {
		t.Errorf("given back: %x, want %x", got, want)
	}
}

func TestRestingCostsNothingThatIsNeeded(t *testing.T) {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	smaps, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer smaps.Close()
	if len(unwritten(smaps, program)) < 2 {
		t.Error("the program's code and constants are not found")
	}
	rest()
	if got := strings.ToUpper("still here"); got != "STILL HERE" {
		t.Errorf("afterwards: %q", got)
	}
	rest()
}
