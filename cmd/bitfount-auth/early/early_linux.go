package early

import "syscall"

func init() {
	args, ok := commandLine()
	if !ok {
		return
	}
	q, ok := parse(args, syscall.Getenv)
	if !ok {
		return
	}
	answer, err := ask(q.socket, q.path)
	Alone = err == syscall.ENOENT || err == syscall.ECONNREFUSED
	if err != nil {
		return
	}
	text, ok := q.print(answer)
	if ok && write(text) {
		syscall.Exit(0)
	}
}

// commandLine reads the arguments: package os, which has them too, is not
// initialised yet.
func commandLine() ([]string, bool) {
	fd, err := syscall.Open("/proc/self/cmdline", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, false
	}
	defer syscall.Close(fd)
	// More than this are not the plain forms.
	buffer := make([]byte, 512)
	n, err := syscall.Read(fd, buffer)
	if err != nil || n == 0 || n == len(buffer) || buffer[n-1] != 0 {
		return nil, false
	}
	var args []string
	start := 0
	for i, b := range buffer[:n] {
		if b == 0 {
			args = append(args, string(buffer[start:i]))
			start = i + 1
		}
	}
	return args, true
}

// patience is how long the resident may take, in nanoseconds. It answers in less
// than a millisecond unless it renews.
const patience = 500e6

// maxAnswer is more than the answers have whose tokens are of the usual length.
const maxAnswer = 16 << 10

// ask sends one request and returns the body of its answer. The errors of a
// socket that nobody listens at are ENOENT and ECONNREFUSED.
func ask(socket, path string) (body []byte, err error) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer syscall.Close(fd)
	if err := syscall.Connect(fd, &syscall.SockaddrUnix{Name: socket}); err != nil {
		return nil, err
	}
	// The other side must run as the same user, as localapi asks of it too.
	peer, err := syscall.GetsockoptUcred(fd, syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	if err != nil {
		return nil, err
	}
	if peer.Uid != uint32(syscall.Geteuid()) {
		return nil, syscall.EPERM
	}
	limit := syscall.NsecToTimeval(patience)
	for _, option := range []int{syscall.SO_SNDTIMEO, syscall.SO_RCVTIMEO} {
		if err := syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, option, &limit); err != nil {
			return nil, err
		}
	}
	request := "GET " + path + " HTTP/1.1\r\nHost: bitfount-tray\r\nBitfount-Tray: 1\r\nConnection: close\r\n\r\n"
	if n, err := syscall.Write(fd, []byte(request)); err != nil || n != len(request) {
		return nil, syscall.EIO
	}
	answer := make([]byte, 0, maxAnswer)
	for len(answer) < cap(answer) {
		n, err := syscall.Read(fd, answer[len(answer):cap(answer)])
		switch {
		case err == syscall.EINTR:
		case err != nil: // EAGAIN: it takes its time
			return nil, err
		case n == 0:
			if body, ok := bodyOf(string(answer)); ok {
				return body, nil
			}
			return nil, syscall.EIO
		default:
			answer = answer[:len(answer)+n]
		}
	}
	return nil, syscall.EMSGSIZE
}

// write prints the answer. It reports false if nothing was printed, so that main
// can do it, or end as a program does whose reader has gone.
func write(text []byte) bool {
	for written := 0; written < len(text); {
		n, err := syscall.Write(1, text[written:])
		switch {
		case err == syscall.EINTR, err == syscall.EAGAIN && written > 0:
		case err != nil && written == 0:
			return false
		case err != nil:
			_, _ = syscall.Write(2, []byte("bitfount-auth: standard output takes no more: "+err.Error()+"\n"))
			syscall.Exit(1)
		default:
			written += n
		}
	}
	return true
}
