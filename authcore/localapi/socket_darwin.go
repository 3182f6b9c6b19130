package localapi

import "golang.org/x/sys/unix"

// peerUser asks for LOCAL_PEERCRED (unix(4)): the credentials at the time of
// connect or listen, which the kernel vouches for.
func peerUser(fd int) (uint32, error) {
	credentials, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return 0, err
	}
	return credentials.Uid, nil
}
