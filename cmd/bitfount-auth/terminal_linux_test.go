package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bitfount/bitfount-tray/build/provider"
)

// terminal is a pseudo-terminal: what a person at it sees and types.
type terminal struct {
	master *os.File
	mu     sync.Mutex
	screen strings.Builder
	done   chan struct{}
}

// onTerminal starts a command at a terminal of 80 by 24 characters.
func (r *room) onTerminal(cmd *exec.Cmd) *terminal {
	r.t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		r.t.Skip("this machine has no pseudo-terminals: ", err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
	}
	if err != nil {
		r.t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	_ = slave.Close()
	s := &terminal{master: master, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		buffer := make([]byte, 4096)
		for {
			n, err := master.Read(buffer)
			s.mu.Lock()
			s.screen.Write(buffer[:n])
			s.mu.Unlock()
			if err != nil { // EIO: the last program has ended
				return
			}
		}
	}()
	r.t.Cleanup(func() { _ = master.Close() })
	return s
}

func (s *terminal) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.ReplaceAll(s.screen.String(), "\r\n", "\n")
}

func (r *room) expect(s *terminal, words string) {
	r.t.Helper()
	r.eventually("the terminal shows "+words, func() bool { return strings.Contains(s.text(), words) })
}

func TestLoginAtATerminalShowsAQRCodeThatFits(t *testing.T) {
	r := newRoom(t, provider.Options{})
	cmd := r.with("TERM=xterm-256color").command("login")
	s := r.onTerminal(cmd)
	r.expect(s, "Waiting for the approval")
	screen := s.text()
	page := regexp.MustCompile(`http\S+`).FindString(screen)
	if file := os.Getenv("BITFOUNT_AUTH_TEST_SCREEN"); file != "" {
		_ = os.WriteFile(file, []byte(screen), 0o600)
	}
	var rows []string
	for line := range strings.Lines(screen) {
		if row, ok := strings.CutPrefix(line, "\x1b[30;107m"); ok {
			rows = append(rows, strings.TrimSuffix(row, "\x1b[0m\n"))
		}
	}
	// The link's code has 29 to 41 modules with a border of two on each side.
	if len(rows) < 17 || len(rows) > 23 {
		t.Fatalf("%d rows of a QR code:\n%s", len(rows), screen)
	}
	width := len([]rune(rows[0]))
	for _, row := range rows {
		if len([]rune(row)) != width || !strings.HasPrefix(row, "  ") || !strings.HasSuffix(row, "  ") {
			t.Fatalf("a row has no white border or another width: %q", row)
		}
	}
	if strings.TrimSpace(rows[0]) != "" {
		t.Error("there is no white border above")
	}
	// The three finder patterns: seven modules wide, dark all around.
	finder := "█▀▀▀▀▀█"
	if top := strings.TrimSpace(rows[1]); !strings.HasPrefix(top, finder) || !strings.HasSuffix(top, finder) {
		t.Errorf("no finder patterns: %q", rows[1])
	}
	if width > 80 {
		t.Errorf("%d columns do not fit", width)
	}
	r.provider.ApproveOnPage(page, amelia)
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	r.expect(s, "Signed in as dr.amelia.stone")
}

func TestAPIKeysTypedAtATerminalDoNotShow(t *testing.T) {
	r := newRoom(t, provider.Options{})
	cmd := r.command("apikeys", "set")
	s := r.onTerminal(cmd)
	for _, step := range []struct{ prompt, answer string }{
		{"Username: ", amelia}, {"API key ID: ", r.provider.APIKeyID}, {"API key: ", r.provider.APIKey},
	} {
		r.expect(s, step.prompt)
		r.eventually("the terminal is ready", func() bool {
			mode, err := unix.IoctlGetTermios(int(s.master.Fd()), unix.TCGETS)
			return err == nil && (mode.Lflag&unix.ECHO == 0) == (step.prompt != "Username: ")
		})
		if _, err := s.master.WriteString(step.answer + "\n"); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, s.text())
	}
	r.expect(s, "The API keys of dr.amelia.stone are kept.")
	if strings.Contains(s.text(), "first-half") {
		t.Error("the keys show")
	}
	if got := r.ok("curl", "-sf", r.provider.HubURL+"/api/whoami"); !strings.Contains(got, `"method":"api_keys"`) {
		t.Errorf("the Hub answers %q", got)
	}
}

func TestTakingASessionOverAsksAtATerminal(t *testing.T) {
	r := newRoom(t, provider.Options{})
	path := filepath.Join(r.value("HOME"), "sdk", ".token")
	r.sdkFile(path, amelia)
	for _, step := range []struct {
		answer, words string
		code          int
	}{{"n", "Nothing was changed.", exitFailed}, {"y", "Took over the session of dr.amelia.stone", exitOK}} {
		cmd := r.command("import", path)
		s := r.onTerminal(cmd)
		r.expect(s, "Take over the session in "+path+"? [y/N]")
		if !strings.Contains(s.text(), "Stop your Pods first") || !strings.Contains(s.text(), "ends the session for everybody") {
			t.Errorf("the danger is not explained:\n%s", s.text())
		}
		if _, err := s.master.WriteString(step.answer + "\n"); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		r.expect(s, step.words)
		if got := cmd.ProcessState.ExitCode(); got != step.code {
			t.Errorf("answer %s: exit code %d", step.answer, got)
		}
	}
}
