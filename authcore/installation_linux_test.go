package authcore

import "testing"

func TestWhoUpdatesAProgramIsKnownByItsPlace(t *testing.T) {
	for program, system := range map[string]bool{
		"/usr/bin/bitfount-tray": true, "/app/bin/bitfount-tray": true, "/snap/bitfount-tray/12/bitfount-tray": true,
		"/usr/local/bin/bitfount-tray": false, "/opt/bitfount-tray/bitfount-tray": false, "/home/usr/bin/bitfount-tray": false,
		"/tmp/.mount_bitfouABC/usr/bin/bitfount-tray": false,
	} {
		if got := systemPlace(program); got != system {
			t.Errorf("%s: updated by the system: %t", program, got)
		}
	}
}
