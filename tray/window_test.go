package tray

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
)

func TestWindowProblem(t *testing.T) {
	for name, c := range map[string]struct {
		said  string
		want  authcore.ProblemCode
		cause string
	}{
		"no OpenGL, and unrelated trouble": {"Fyne error:  Failed to create fyne cache space\n  Cause: mkdir /home/x: read-only\n" +
			"Fyne error:  window creation error\n  Cause: VersionUnavailable: GLX: Failed to create context: BadValue\n  At: driver.go:180\n", authcore.ProblemNoWindow, "exit status 2: VersionUnavailable"},
		"no platform": {"Fyne error:  failed to initialise GLFW\n  Cause: PlatformUnavailable: Failed to detect any supported platform\n" +
			"bitfount-tray: NotInitialized: The GLFW library is not initialized\ngoroutine 1 [running]:\n", authcore.ProblemNoDisplay, "Failed to detect any supported platform"},
		"no OpenGL": {"2026/11/23 22:00:00 Fyne error:  window creation error\n2026/11/23 22:00:00   Cause: APIUnavailable: GLX: GLX extension not found\n" +
			"panic: runtime error: invalid memory address or nil pointer dereference\n", authcore.ProblemNoWindow, "GLX extension not found"},
		"no display": {"panic: NotInitialized: The GLFW library is not initialized\nX11: The DISPLAY environment variable is missing\n",
			authcore.ProblemNoDisplay, "environment variable is missing"},
		"wrong display": {"Cause: PlatformError: X11: Failed to open display :99\n", authcore.ProblemNoDisplay, ":99"},
		"no OpenGL on Windows": {"2026/11/24 00:00:33 PlatformError: WGL: Failed to set pixel format for dummy context: Invalid window handle.\n",
			authcore.ProblemNoWindow, "exit status 2: PlatformError: WGL"},
		"another crash": {"starting\npanic: index out of range [3]\n\ngoroutine 1 [running]:\n", authcore.ProblemInternal, "index out of range"},
		"silence":       {"", authcore.ProblemInternal, "exit status 2"},
		"a long line":   {strings.Repeat("x", 5000), authcore.ProblemInternal, "…"},
	} {
		p := windowProblem("exit status 2", c.said)
		if p.Code != c.want || !strings.Contains(p.Cause, c.cause) {
			t.Errorf("%s: %s, cause %q; want %s with %q", name, p.Code, p.Cause, c.want, c.cause)
		}
		if len(p.Cause) > 400 {
			t.Errorf("%s: a cause of %d bytes", name, len(p.Cause))
		}
	}
}

// window starts this test binary as its window, to behave as asked (TestMain).
func window(t *testing.T, behaviour string) (w *Window, reports chan *authcore.Problem, raised chan struct{}) {
	t.Helper()
	t.Setenv("TRAY_TEST_CHILD", behaviour)
	t.Setenv("DISPLAY", ":0") // nobody connects to it
	reports, raised = make(chan *authcore.Problem, 4), make(chan struct{}, 4)
	w = &Window{
		Args:   []string{"--window"},
		Raise:  func() bool { raised <- struct{}{}; return true },
		Report: func(p *authcore.Problem) { reports <- p },
	}
	t.Cleanup(w.Close)
	return w, reports, raised
}

func TestWindowWithoutOpenGLIsReported(t *testing.T) {
	w, reports, _ := window(t, "no-opengl")
	if err := w.Open(); err != nil {
		t.Fatal(err)
	}
	p := within(t, 20*time.Second, reports)
	if p == nil || p.Code != authcore.ProblemNoWindow || !strings.Contains(p.Cause, "exit status 2") {
		t.Errorf("reported %+v", p)
	}
	if w.Running() {
		t.Error("a dead window counts as running")
	}
	// It can be tried again.
	if err := w.Open(); err != nil {
		t.Fatal(err)
	}
	within(t, 20*time.Second, reports)
}

func TestWindowThatStaysInvisibleIsEnded(t *testing.T) {
	w, reports, _ := window(t, "invisible")
	if err := w.Open(); err != nil {
		t.Fatal(err)
	}
	if p := within(t, 20*time.Second, reports); p == nil || p.Code != authcore.ProblemNoWindow || w.Running() {
		t.Errorf("reported %+v, running: %v", p, w.Running())
	}
}

func TestSecondOpenRaisesTheFirstWindow(t *testing.T) {
	w, reports, raised := window(t, "stay")
	for range 3 {
		if err := w.Open(); err != nil {
			t.Fatal(err)
		}
	}
	within(t, 10*time.Second, raised)
	within(t, 10*time.Second, raised)
	if !w.Running() {
		t.Error("no window is running")
	}
	w.Close()
	if p := within(t, 10*time.Second, reports); p != nil {
		t.Errorf("a window that was closed is reported as %v", p)
	}
}

// Whoever closes the window and opens it again at once asks a process that is
// ending.
func TestAWindowThatIsGoingIsOpenedAgain(t *testing.T) {
	trace := filepath.Join(t.TempDir(), "started")
	t.Setenv("TRAY_TEST_TRACE", trace)
	t.Setenv("GORACE", "atexit_sleep_ms=0") // the first one ends when it ends
	w, reports, raised := window(t, "end, stay")
	w.Raise = func() bool { raised <- struct{}{}; return false }
	if err := w.Open(); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "the first window to be there", func() bool {
		_, err := os.Stat(trace)
		return err == nil
	})
	if err := w.Open(); err != nil {
		t.Fatal(err)
	}
	within(t, 10*time.Second, raised)
	if p := within(t, 10*time.Second, reports); p != nil || !w.Running() {
		t.Errorf("reported %v, running: %v", p, w.Running())
	}
	// One that its user closes otherwise stays closed.
	w.Close()
	if p := within(t, 10*time.Second, reports); p != nil || w.Running() {
		t.Errorf("reported %v, running: %v", p, w.Running())
	}
}

func TestWindowClosedByTheUserIsNoProblem(t *testing.T) {
	w, reports, _ := window(t, "end")
	if err := w.Open(); err != nil {
		t.Fatal(err)
	}
	if p := within(t, 10*time.Second, reports); p != nil {
		t.Errorf("reported %v", p)
	}
}

func TestFailureHasWordsForEveryError(t *testing.T) {
	heading, text := failure(english, errors.New("disk on fire"))
	if heading == "" || text == "" || strings.Contains(heading+text, "fire") {
		t.Errorf("%q, %q", heading, text)
	}
	heading, _ = failure(english, &authcore.Problem{Code: authcore.ProblemClipboard})
	if heading != authcore.WordsTemplate(authcore.ProblemClipboard).What {
		t.Errorf("%q", heading)
	}
}

// waitUntil looks again and again until it is so.
func waitUntil(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited 30 s for %s", what)
		}
	}
}

// within receives one value or fails.
func within[T any](t *testing.T, d time.Duration, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(d):
		t.Helper()
		t.Fatalf("nothing came within %v", d)
		panic("unreachable")
	}
}
