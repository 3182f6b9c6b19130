//go:build unix

package localapi

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
)

func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// explain has nothing to add: every system here has Unix sockets.
func explain(err error) error { return notMade(err) }

func checkPrivate(folder string, info fs.FileInfo) error {
	if owner := info.Sys().(*syscall.Stat_t).Uid; owner != uint32(os.Geteuid()) {
		return fmt.Errorf("the folder %s belongs to another user (%d): remove it, and it is made anew", folder, owner)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("the folder %s is open to other users (mode %04o): close it by chmod 700 %s", folder, mode, folder)
	}
	return nil
}

func checkUser(conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var user uint32
	var failed error
	if err := raw.Control(func(fd uintptr) { user, failed = peerUser(int(fd)) }); err != nil {
		return err
	}
	if failed != nil {
		return fmt.Errorf("the system does not say who is at the other end of the socket: %w", failed)
	}
	if user != uint32(os.Geteuid()) {
		return fmt.Errorf("the other end of the socket belongs to another user (%d)", user)
	}
	return nil
}
