package localapi

import "golang.org/x/sys/unix"

// peerUser asks for SO_PEERCRED (unix(7)): the credentials at the time of
// connect or listen, which the kernel vouches for.
func peerUser(fd int) (uint32, error) {
	credentials, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0, err
	}
	return credentials.Uid, nil
}
