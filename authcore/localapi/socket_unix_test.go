//go:build unix

package localapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

const privateModes = true

// stranger is the number of a user that is not the one of the tests.
const stranger = 65534

func TestMain(m *testing.M) {
	// As a child process, connect to the socket as another user and print
	// what comes back, or be the server that another user's client meets.
	if path := os.Getenv("LOCALAPI_TEST_CONNECT"); path != "" {
		conn, err := net.Dial("unix", path)
		if err != nil {
			fmt.Println("dial:", err)
			os.Exit(1)
		}
		_, _ = io.WriteString(conn, "GET /v1/snapshot HTTP/1.1\r\nHost: "+host+"\r\n"+marker+": 1\r\nConnection: close\r\n\r\n")
		answer, err := io.ReadAll(conn)
		fmt.Printf("connected; %d bytes; %v\n", len(answer), err)
		os.Exit(0)
	}
	if path := os.Getenv("LOCALAPI_TEST_LISTEN"); path != "" {
		ln, err := net.Listen("unix", path)
		if err != nil {
			fmt.Println("listen:", err)
			os.Exit(1)
		}
		fmt.Println("listening")
		conn, err := ln.Accept()
		if err != nil {
			os.Exit(1)
		}
		got, _ := io.ReadAll(conn)
		fmt.Printf("read %d bytes\n", len(got))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// asStranger runs this test binary again as another user.
func asStranger(t *testing.T, variable, path string) *exec.Cmd {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can start a process of another user")
	}
	// The stranger may not be able to reach the folder of the test binary.
	binary := filepath.Join(filepath.Dir(path), "child")
	data, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Skipf("the test binary cannot be copied: %v", err)
	}
	if err := os.WriteFile(binary, data, 0o755); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(binary)
	c.Dir = "/"
	c.Env = []string{variable + "=" + path}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: stranger, Gid: stranger}}
	return c
}

// open makes a folder that every user can reach, as no folder of ours is.
func open(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "localapi-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestAnotherUserIsRefusedEvenWhereTheFilesWouldLetThemIn(t *testing.T) {
	var logged lockedBuffer
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&logged, nil)))
	defer slog.SetDefault(old)

	dir := open(t)
	path := filepath.Join(dir, "api.sock")
	ln, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = Serve(t.Context(), ln, newResident().backend()) }()
	child := asStranger(t, "LOCALAPI_TEST_CONNECT", path)
	for name, mode := range map[string]os.FileMode{dir: 0o755, path: 0o666} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	out, err := child.CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "connected; 0 bytes") {
		t.Errorf("the stranger got %s (%v)", out, err)
	}
	if !strings.Contains(logged.String(), "another user (65534)") {
		t.Errorf("the log does not name the stranger: %s", logged.String())
	}
	if _, err := NewClient(path).Snapshot(t.Context()); err != nil {
		t.Errorf("the owner is refused too: %v", err)
	}
}

func TestAClientSaysNothingToAnotherUsersServer(t *testing.T) {
	dir := open(t)
	path := filepath.Join(dir, "api.sock")
	child := asStranger(t, "LOCALAPI_TEST_LISTEN", path)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, len("listening\n"))
	if _, err := io.ReadFull(stdout, line); err != nil {
		t.Fatal(err)
	}
	_, err = NewClient(path).Snapshot(t.Context())
	if err == nil || !strings.Contains(err.Error(), "another user (65534)") {
		t.Errorf("the client says %v", err)
	}
	rest, _ := io.ReadAll(stdout)
	if err := child.Wait(); err != nil || string(rest) != "read 0 bytes\n" {
		t.Errorf("the server says %q (%v)", rest, err)
	}
}

func TestAnOpenFolderIsRefused(t *testing.T) {
	for _, mode := range []os.FileMode{0o755, 0o710, 0o777, 0o770} {
		folder := filepath.Join(t.TempDir(), "run")
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(folder, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Listen(filepath.Join(folder, "api.sock")); err == nil || !strings.Contains(err.Error(), "chmod 700") {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
}

func TestAFolderOfAnotherUserIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder away")
	}
	folder := filepath.Join(t.TempDir(), "run")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(folder, stranger, stranger); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(filepath.Join(folder, "api.sock")); err == nil || !strings.Contains(err.Error(), "belongs to another user") {
		t.Errorf("got %v", err)
	}
}

func TestASocketThatMayNotBeOpenedIsNotTakenForAbsent(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may open everything")
	}
	path, _ := serve(t, newResident().backend())
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := NewClient(path).Snapshot(t.Context()); err == nil || errors.Is(err, ErrNotRunning) {
		t.Errorf("got %v", err)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
