package tray

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
)

// Window starts the window, a process of its own, and keeps it to one. It is
// safe for concurrent use; its fields are set before the first Open.
type Window struct {
	// Args are the arguments after the program's name, such as "--window".
	Args []string
	// Raise is called by Open when the window is already there, to ask it to
	// come to the front.
	// It reports whether somebody heard it.
	Raise func() bool
	// Report is called, on a goroutine of its own, with the reason when a
	// window could not be opened or has failed, and with nil when one is open
	// (has lived for some seconds) or was closed as usual.
	Report func(*authcore.Problem)

	mu      sync.Mutex
	running *exec.Cmd
	closing bool
	// missed is when Open last found a window that did not hear it.
	missed time.Time
}

const (
	// opened is when a window that still lives counts as open: without OpenGL
	// or a display it fails within one second, also on slow machines.
	opened = 5 * time.Second
	// pipesLeft is how long after its end the window's standard error is still
	// read, where a program that it started (a browser) holds it open.
	pipesLeft = 2 * time.Second
	// going is how long a process may take to end whose window has left the
	// screen: some hundredths of a second, more on busy machines.
	going = 3 * time.Second
	// lastWords is how long a window that has said that it cannot be created may
	// take to end by itself. Fyne can also stay, without a window, for ever.
	lastWords = 2 * time.Second
	// tailSize is how much of a failing window's last words is kept.
	tailSize = 16 << 10
)

// Open starts the window, or asks the one that is there to come to the front.
// It does not wait for the window; what comes of it goes to Report. The error
// is an *authcore.Problem, for a window that could not even be started.
func (w *Window) Open() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running != nil {
		go w.raise()
		return nil
	}
	return w.start()
}

// raise asks the window to come to the front. One that does not hear it is only
// starting, or its user has just closed it.
func (w *Window) raise() {
	if w.Raise() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.running != nil:
		w.missed = time.Now()
	case !w.closing:
		_ = w.start() // Report is told of a failure
	}
}

// start starts the window. The caller holds the lock.
func (w *Window) start() error {
	if p := displayProblem(); p != nil {
		go w.Report(p)
		return p
	}
	program, err := os.Executable()
	if err != nil {
		p := notStarted(err)
		go w.Report(p)
		return p
	}
	cmd := exec.Command(program, w.Args...)
	said := &tail{hopeless: make(chan struct{})}
	cmd.Stdout = os.Stdout
	cmd.Stderr = said
	cmd.WaitDelay = pipesLeft
	if err := cmd.Start(); err != nil {
		p := notStarted(err)
		go w.Report(p)
		return p
	}
	w.running, w.closing, w.missed = cmd, false, time.Time{}
	go w.follow(cmd, said)
	return nil
}

// follow waits for the window's end and reports how it went.
func (w *Window) follow(cmd *exec.Cmd, said *tail) {
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var err error
	living := time.After(opened)
	hopeless := said.hopeless
	var kill <-chan time.Time
	for waiting := true; waiting; {
		select {
		case err = <-ended:
			waiting = false
		case <-living:
			w.Report(nil)
		case <-hopeless:
			hopeless, living, kill = nil, nil, time.After(lastWords)
		case <-kill:
			_ = cmd.Process.Kill()
		}
	}
	late := going
	if errors.Is(err, exec.ErrWaitDelay) {
		err, late = nil, late+pipesLeft // it ended that much earlier
	}
	w.mu.Lock()
	w.running = nil
	closing := w.closing
	if err == nil && !closing && time.Since(w.missed) < late {
		// Somebody wants a window, and asked the one that was going.
		_ = w.start() // Report is told of a failure
	}
	w.mu.Unlock()
	if closing || err == nil {
		w.Report(nil)
		return
	}
	w.Report(windowProblem(err.Error(), said.String()))
}

// Running reports whether a window is there.
func (w *Window) Running() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.running != nil
}

// Close ends the window, if there is one. The window holds nothing that could
// be lost.
func (w *Window) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closing = true
	if w.running != nil {
		_ = w.running.Process.Kill()
	}
}

func notStarted(err error) *authcore.Problem {
	return &authcore.Problem{Code: authcore.ProblemInternal, Cause: "the window's process could not be started: " + err.Error(), Since: time.Now()}
}

// What Fyne and GLFW say when there is no display or no OpenGL, in the log or in
// a panic (Fyne 2.8, GLFW 3.4; measured on X servers without GLX and without an
// X server). The process then ends with code 1 or 2, or stays without a window.
var (
	noDisplay  = regexp.MustCompile(`(?m)^.*(DISPLAY environment variable is missing|[Ff]ailed to open display|[Cc]annot open display|[Ff]ailed to connect to (the )?(display|Wayland)|PlatformUnavailable).*$`)
	noGraphics = regexp.MustCompile(`(?m)^.*(APIUnavailable|VersionUnavailable|FormatUnavailable|GLX:|WGL:|EGL:|NSGL:|OpenGL).*$`)
	notCreated = []byte("window creation error")
	timeStamp  = regexp.MustCompile(`^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d `) // of Go's log, which Fyne and GLFW use
	lastReason = regexp.MustCompile(`(?m)^(panic|fatal error|bitfount-tray):.*$`)
)

// windowProblem judges a window that has failed by how it ended and by what it
// wrote to standard error.
func windowProblem(exit, said string) *authcore.Problem {
	p := &authcore.Problem{Code: authcore.ProblemInternal, Cause: "the window ended: " + exit, Since: time.Now()}
	reason := noDisplay.FindString(said)
	if reason != "" {
		p.Code = authcore.ProblemNoDisplay
	} else if reason = noGraphics.FindString(said); reason != "" || strings.Contains(said, string(notCreated)) {
		p.Code = authcore.ProblemNoWindow
	}
	if reason == "" {
		reason = lastReason.FindString(said)
	}
	if reason == "" {
		said = strings.TrimSpace(said)
		reason = said[strings.LastIndexByte(said, '\n')+1:]
	}
	reason = timeStamp.ReplaceAllString(reason, "")
	if _, after, found := strings.Cut(reason, "Cause: "); found {
		reason = after
	}
	if reason != "" {
		p.Cause += ": " + shorten(strings.TrimSpace(reason), 300)
	}
	return p
}

// tail passes what is written to it on to our own standard error, and keeps the
// last part.
type tail struct {
	// hopeless is closed when the window says that it could not be created.
	hopeless chan struct{}

	mu        sync.Mutex
	kept      []byte
	signalled bool
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = os.Stderr.Write(p) // a closed standard error must not end the window
	t.kept = append(t.kept, p...)
	if !t.signalled && bytes.Contains(t.kept, notCreated) {
		t.signalled = true
		close(t.hopeless)
	}
	if extra := len(t.kept) - tailSize; extra > 0 {
		t.kept = append(t.kept[:0], t.kept[extra:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.ToValidUTF8(t.kept, []byte("?")))
}
