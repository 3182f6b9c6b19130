package early

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// listenVariable makes this test program somebody who listens at that socket.
const listenVariable = "BITFOUNT_EARLY_TEST_LISTEN"

func TestMain(m *testing.M) {
	if path := os.Getenv(listenVariable); path != "" {
		ln, err := net.Listen("unix", path)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("ready")
		conn, err := ln.Accept()
		if err == nil {
			_, _ = io.Copy(os.Stdout, conn) // what the client says
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestOnlyThePlainFormsAreTaken(t *testing.T) {
	const run = "XDG_RUNTIME_DIR=/run/user/7"
	for _, test := range []struct{ line, environment, path string }{
		{"token", run, "/v1/token?"},
		{"token --json", run, "/v1/token?"},
		{"token --min-valid 20m --json", run, "/v1/token?min_valid=20m"},
		{"headers", run, "/v1/headers/hub?format=headers&"},
		{"headers am", run, "/v1/headers/am?format=headers&"},
		{"headers --format curl-config message-service --min-valid 1h30m", run, "/v1/headers/message-service?format=curl-config&min_valid=1h30m"},
		{"headers", run + " BITFOUNT_API_KEY_ID=i", "/v1/headers/hub?format=headers&"},
		{"token", run + " BITFOUNT_API_KEY_ID=i BITFOUNT_API_KEY=k", "/v1/token?"},
		{"token", run + " BITFOUNT_ENVIRONMENT=", "/v1/token?"},

		{"", run, ""},
		{"status", run, ""},
		{"token", "", ""},
		{"token", "XDG_RUNTIME_DIR=run", ""},
		{"token", run + " BITFOUNT_ENVIRONMENT=staging", ""},
		{"headers", run + " BITFOUNT_API_KEY_ID=i BITFOUNT_API_KEY=k", ""},
		{"token --account x", run, ""},
		{"--account x token", run, ""},
		{"token hub", run, ""},
		{"token --help", run, ""},
		{"token --json=false", run, ""},
		{"token --json --json", run, ""},
		{"token --min-valid", run, ""},
		{"token --min-valid -5m", run, ""},
		{"token --min-valid 5m&account=x", run, ""},
		{"headers hub am", run, ""},
		{"headers --format", run, ""},
		{"headers --format json&account=x", run, ""},
		{"headers hub/../../token", run, ""},
		{"headers --username x", run, ""},
		{"headers --", run, ""},
	} {
		getenv := func(name string) (string, bool) {
			for _, kv := range strings.Fields(test.environment) {
				if value, ok := strings.CutPrefix(kv, name+"="); ok {
					return value, true
				}
			}
			return "", false
		}
		q, ok := parse(append([]string{"bitfount-auth"}, strings.Fields(test.line)...), getenv)
		if ok != (test.path != "") || ok && (q.path != test.path || q.socket != "/run/user/7/bitfount-tray/api.sock") {
			t.Errorf("%q with %q: %v, %s, %s", test.line, test.environment, ok, q.path, q.socket)
		}
	}
	if _, ok := parse([]string{"bitfount-auth", "headers", ""}, func(string) (string, bool) { return "/run", true }); ok {
		t.Error("an empty argument is taken")
	}
}

func TestTheTokenIsPrintedAsByMain(t *testing.T) {
	const body = "{\"token\":\"eyJ.a-b_c\",\"expires\":\"2026-11-26T04:11:20.1234Z\"}\n"
	for asJSON, want := range map[bool]string{
		false: "eyJ.a-b_c\n",
		true:  "{\"token\":\"eyJ.a-b_c\",\"expires\":\"2026-11-26T04:11:20+00:00\"}\n",
	} {
		if got, ok := tokenOf([]byte(body), asJSON); !ok || string(got) != want {
			t.Errorf("%q, %v", got, ok)
		}
	}
	for _, body := range []string{
		"", "{}\n", `{"token":"a"}` + "\n", // a token that does not expire
		`{"token":"a\u0026b","expires":"2026-11-26T04:11:20Z"}` + "\n",
		`{"token":"","expires":"2026-11-26T04:11:20Z"}` + "\n",
	} {
		if got, ok := tokenOf([]byte(body), false); ok {
			t.Errorf("%q is printed as %q", body, got)
		}
	}
	if got, ok := tokenOf([]byte(`{"token":"a","expires":"2026-11-26T04:11:20+01:00"}`+"\n"), true); ok {
		t.Errorf("another time zone is printed as %q", got)
	}
}

// answering listens at a socket and answers each request with this text, or
// never.
func answering(t *testing.T, answer string) (socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "early-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket = filepath.Join(dir, "s")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
					return
				}
				if answer == never {
					<-t.Context().Done()
				}
				_, _ = io.WriteString(conn, answer)
			}()
		}
	}()
	return socket
}

const never = "never"

func TestOnlyAWholeSuccessIsAnAnswer(t *testing.T) {
	ok := func(body string) string {
		return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body)
	}
	if got, err := ask(answering(t, ok("a: b\r\n\r\n")), "/v1/x"); err != nil || string(got) != "a: b\r\n\r\n" {
		t.Errorf("%q, %v", got, err)
	}
	for name, answer := range map[string]string{
		"nothing":    "",
		"a refusal":  strings.Replace(ok("{}"), "200 OK", "409 Conflict", 1),
		"cut short":  ok("a: b")[:len(ok("a: b"))-1],
		"too much":   ok("a: b") + "c",
		"no length":  strings.Replace(ok("a"), "Content-Length", "X-Length", 1),
		"bad length": strings.Replace(ok("a"), "Length: 1", "Length: x", 1),
		"too long":   ok(strings.Repeat("a", maxAnswer)),
		"no HTTP":    "hello",
	} {
		if got, err := ask(answering(t, answer), "/v1/x"); err == nil {
			t.Errorf("%s: %q", name, got)
		}
	}
	if _, err := ask(answering(t, never), "/v1/x"); !errors.Is(err, syscall.EAGAIN) {
		t.Errorf("an answer that takes its time: %v", err)
	}
}

func TestNobodyThere(t *testing.T) {
	dir := t.TempDir()
	if _, err := ask(filepath.Join(dir, "s"), "/"); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("no socket: %v", err)
	}
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	_ = ln.Close()
	if _, err := ask(filepath.Join(dir, "s"), "/"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a socket that was left behind: %v", err)
	}
}

func TestAnotherUserIsToldNothing(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be another user")
	}
	dir, err := os.MkdirTemp("", "early-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "other") // the test's own folder is closed to others
	if err := os.WriteFile(program, self, 0o755); err != nil {
		t.Fatal(err)
	}
	other := exec.Command(program)
	other.Env = append(os.Environ(), listenVariable+"="+filepath.Join(dir, "s"))
	other.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewReader(out)
	if line, err := said.ReadString('\n'); line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := ask(filepath.Join(dir, "s"), "/v1/token"); !errors.Is(err, syscall.EPERM) {
		t.Errorf("%v", err)
	}
	if heard, _ := io.ReadAll(said); len(heard) > 0 {
		t.Errorf("it hears %q", heard)
	}
	_ = other.Wait()
}

// FuzzAnswer: what is taken for an answer is one for net/http and encoding/json,
// too, and means the same.
func FuzzAnswer(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\nContent-Length: 56\r\n\r\n{\"token\":\"a.b\",\"expires\":\"2026-11-26T04:11:20.123456Z\"}\n")
	f.Add("HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 2\r\n\r\nab")
	f.Fuzz(func(t *testing.T, answer string) {
		body, ok := bodyOf(answer)
		if !ok {
			return
		}
		r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), nil)
		if err != nil {
			return // stricter about lines that are nothing to us
		}
		if data, err := io.ReadAll(r.Body); err == nil && r.ContentLength >= 0 && string(data) != string(body) {
			t.Errorf("%q instead of %q", body, data)
		}
		token, ok := tokenOf(body, false)
		if !ok {
			return
		}
		var parsed struct{ Token string }
		if err := json.Unmarshal(body, &parsed); err == nil && parsed.Token+"\n" != string(token) {
			t.Errorf("%q instead of %q", token, parsed.Token)
		}
	})
}
