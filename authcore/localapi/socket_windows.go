package localapi

import (
	"errors"
	"fmt"
	"io/fs"
	"net"

	"golang.org/x/sys/windows"
)

func isRefused(err error) bool { return errors.Is(err, windows.WSAECONNREFUSED) }

// explain says which Windows has Unix sockets, to the user of one that has not:
// these words stand in a box.
func explain(err error) error {
	if errors.Is(err, windows.WSAEAFNOSUPPORT) {
		return fmt.Errorf("Its icon needs Windows 10 version 1803, Windows Server 2019 or a later one. The command bitfount-auth works here, too.\n\n(%w)", err)
	}
	return notMade(err)
}

// checkPrivate has nothing to ask: modes mean nothing here, and the folder in
// the user's local application data inherits an access list of the user, the
// system and the administrators.
func checkPrivate(string, fs.FileInfo) error { return nil }

// checkUser has nothing to ask either: see checkPeer.
func checkUser(*net.UnixConn) error { return nil }
