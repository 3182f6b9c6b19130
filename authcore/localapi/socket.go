package localapi

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// maxPath is the longest path of a socket: the system's field less its NUL.
const maxPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// Listen makes the socket, with mode 0600, and its folder, with mode 0700. It
// returns ErrRunning if a resident answers there. A socket that nobody answers
// at is what a resident left that was killed; only that is removed. Two calls
// at once, in two processes, are kept apart by a lock beside the socket.
//
// It refuses a folder that is a symbolic link, belongs to somebody else or is
// open to others (on Windows: a link; there the folder's access list, which
// the user's local application data inherits, keeps others out).
//
// Accept of the listener returns connections of the same user only: see
// checkPeer.
func Listen(path string) (net.Listener, error) {
	if len(path) > maxPath {
		return nil, fmt.Errorf("the path %s is too long for a socket: it has %d bytes, and this system takes %d; set XDG_RUNTIME_DIR to a shorter one", path, len(path), maxPath)
	}
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("the folder for the socket cannot be made: %w", err)
	}
	if err := checkFolder(folder); err != nil {
		return nil, err
	}
	// The lock is held for as long as the next lines take.
	lock := flock.New(path + ".lock")
	ctx, cancel := context.WithTimeout(context.Background(), transferLimit)
	defer cancel()
	if _, err := lock.TryLockContext(ctx, 10*time.Millisecond); err != nil {
		return nil, fmt.Errorf("the lock beside the socket cannot be had: %w", err)
	}
	defer lock.Close()

	switch conn, err := dial(ctx, path); {
	case err == nil:
		_ = conn.Close()
		return nil, ErrRunning
	case !errors.Is(err, ErrNotRunning):
		return nil, fmt.Errorf("the socket %s is in use: %w", path, err)
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, explain(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = ln.Close()
		return nil, fmt.Errorf("the socket cannot be made private: %w", err)
	}
	return &listener{ln}, nil
}

func notMade(err error) error { return fmt.Errorf("the socket cannot be made: %w", err) }

func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the old socket cannot be looked at: %w", err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is in the way: it is not a socket; move it somewhere else", path)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("the old socket cannot be removed: %w", err)
	}
	return nil
}

func checkFolder(folder string) error {
	info, err := os.Lstat(folder)
	switch {
	case err != nil:
		return fmt.Errorf("the folder for the socket cannot be looked at: %w", err)
	case !info.IsDir():
		return fmt.Errorf("%s must be a folder, not a link or a file: remove it, and it is made anew", folder)
	}
	return checkPrivate(folder, info)
}

// listener lets in connections of the same user only.
type listener struct{ net.Listener }

func (l *listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if err := checkPeer(conn); err != nil {
			slog.Warn("local API: a connection was refused", "error", err)
			_ = conn.Close()
			continue
		}
		return conn, nil
	}
}

// dial connects to the resident of the same user.
func dial(ctx context.Context, path string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		if _, gone := os.Lstat(path); isRefused(err) || errors.Is(gone, fs.ErrNotExist) {
			return nil, ErrNotRunning
		}
		return nil, err
	}
	if err := checkPeer(conn); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// checkPeer is the one place that decides who may talk to whom: server and
// client both ask it about every connection, before a byte is read. The other
// side must run as the same user; root is another user. On Windows, which
// tells nothing about the other side's user, the folder's access list is what
// keeps others out.
func checkPeer(conn net.Conn) error {
	unix, ok := conn.(*net.UnixConn)
	if !ok {
		return fmt.Errorf("a connection is not of a Unix socket but a %T", conn)
	}
	return checkUser(unix)
}
