package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/build/desktop"
	"github.com/bitfount/bitfount-tray/build/trial"
)

// Panels come late at boot and restart after a crash. The icon must be there
// afterwards, also when the bus has brought the program a signal of the kind
// that a keyring's prompt sends.
func TestTheIconSurvivesPanelsThatComeLateAndRestart(t *testing.T) {
	s := newScene(t, desktop.Options{NoPanel: true})
	s.start("--hidden")
	s.ok(s.d.StartPanel(s.ctx))
	s.shown()
	s.ok(s.d.StopPanel(s.ctx))
	s.ok(s.d.StartPanel(s.ctx))
	s.shown()

	// Two values: org.freedesktop.Secret.Prompt.Completed (dismissed, result).
	s.ok(s.d.SendSignal(s.ctx, s.resident.Tray.BusName(), "/org/freedesktop/secrets/prompt/p1",
		"org.freedesktop.Secret.Prompt", "Completed", false, dbus.MakeVariant("")))
	s.ok(s.d.StopPanel(s.ctx))
	s.ok(s.d.StartPanel(s.ctx))
	s.shown()
	s.signedIn()
}

// problem waits until the snapshot holds a problem with that code.
func (s *scene) problem(code authcore.ProblemCode, of func(*authcore.Snapshot) *authcore.Problem) *authcore.Problem {
	s.Helper()
	var p *authcore.Problem
	s.until("the problem "+string(code), func() error {
		if p = of(s.snapshot()); p == nil || p.Code != code {
			return fmt.Errorf("it is %v", p)
		}
		return nil
	})
	return p
}

func trayProblem(s *authcore.Snapshot) *authcore.Problem    { return s.Desktop.Tray }
func windowProblem(s *authcore.Snapshot) *authcore.Problem  { return s.Desktop.Window }
func storageProblem(s *authcore.Snapshot) *authcore.Problem { return s.Storage.Problem }

// Stock GNOME shows no tray icons: the window opens and says why, and when a
// tray comes, the icon is in it.
func TestWithoutATrayTheWindowOpensAndSaysWhy(t *testing.T) {
	s := newScene(t, desktop.Options{NoPanel: true})
	s.start()
	s.problem(authcore.ProblemNoTrayHost, trayProblem)
	if _, err := s.d.Window(s.ctx, patience); err != nil {
		t.Fatal(err)
	}
	s.picture("1-no-tray")
	s.ok(s.d.StartPanel(s.ctx))
	s.shown()
	s.until("the problem to be over", func() error {
		if p := s.snapshot().Desktop.Tray; p != nil {
			return p
		}
		return nil
	})
	s.picture("2-tray")
}

// Without a session bus there is neither a tray nor a keyring. The window is
// there, the session lives in memory, and no bus is left behind by us.
func TestWithoutASessionBusTheWindowOpens(t *testing.T) {
	s := newScene(t, desktop.Options{NoKeyring: true, NoPanel: true})
	// The bus is not found by its usual place either.
	elsewhere := filepath.Join(s.d.Dir(), "r")
	s.ok(os.Mkdir(elsewhere, 0o700))
	s.runtimeDir = elsewhere
	s.launch(append(desktop.Without(s.d.Env(), "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"), "XDG_RUNTIME_DIR="+elsewhere))
	s.problem(authcore.ProblemNoSessionBus, trayProblem)
	w, err := s.d.Window(s.ctx, patience)
	s.ok(err)
	s.picture("1-no-session-bus")

	// The window is enough to sign in and to use the session.
	m := newMirror(s, w, false)
	m.press("Sign in…")
	link := s.opened(1)
	m.settle("the code")
	s.ok(trial.Approve(s.ctx, link, s.snapshot().ActiveAccount().Prompt.UserCode, person))
	s.until("the sign-in", func() error {
		if a := s.snapshot().ActiveAccount(); a.State != authcore.SignedIn || a.Username != person {
			return fmt.Errorf("%q is %s, %v", a.Username, a.State, a.Problem)
		}
		return nil
	})
	s.problem(authcore.ProblemNoSessionBus, storageProblem)
	m.press("Continue")
	m.press("Copy headers")
	headers := s.clipboard("")
	s.accepted(s.provider.HubURL, headers)
	s.noSecretsAbout(headers)
	s.picture("2-signed-in")

	started, err := s.d.Running("dbus-daemon", "dbus-launch")
	s.ok(err)
	if len(started) != 1 {
		t.Errorf("there are %d buses on the desktop, want its own one", len(started))
	}
}

// With no display the tray still works, and says why there is no window.
func TestWithoutADisplayTheTrayWorks(t *testing.T) {
	s := newScene(t, desktop.Options{})
	s.withoutWindow(desktop.Without(s.d.Env(), "DISPLAY"), authcore.ProblemNoDisplay)
}

// Remote desktops and virtual machines may lack OpenGL. The window cannot open
// there, and nothing else is lost.
func TestWithoutOpenGLTheTrayWorks(t *testing.T) {
	s := newScene(t, desktop.Options{NoOpenGL: true})
	s.withoutWindow(s.d.Env(), authcore.ProblemNoWindow)
}

// withoutWindow proves that the tray is enough where no window can open.
func (s *scene) withoutWindow(env []string, code authcore.ProblemCode) {
	s.Helper()
	s.launch(env, "--hidden")
	var err error
	s.resident.Tray, err = s.d.Tray(s.ctx, s.resident.PID, patience)
	s.ok(err)
	s.shown()
	s.click(openWindow)
	p := s.problem(code, windowProblem)
	what := p.Words().What
	s.until("the menu to say why", func() error {
		items, err := s.resident.Tray.Menu(s.ctx)
		// The menu breaks long sentences into lines.
		if text := strings.Join(strings.Fields(desktop.MenuText(items)), " "); err == nil &&
			!strings.Contains(strings.NewReplacer("(", "", ")", "").Replace(text), strings.Join(strings.Fields(what), " ")) {
			err = fmt.Errorf("%q is not in\n%s", what, desktop.MenuText(items))
		}
		return err
	})
	s.signedIn()
}

// The keyring is locked, and its user sends the password window away: the
// session waits for the keyring, nobody is sent to the browser, and the icon
// survives the signal that a real prompt ends with.
func TestALockedKeyringIsSaidAndItsPromptCostsNoIcon(t *testing.T) {
	s := newScene(t, desktop.Options{NoKeyring: true})
	k := desktop.Keyring(t, s.d.SessionBus())
	s.start("--hidden")
	s.signedIn()
	s.until("the session to be saved", func() error {
		if storage := s.snapshot().Storage; !storage.Saved {
			return fmt.Errorf("storage is %+v", storage)
		}
		return nil
	})
	s.resident.Kill()
	s.ok(k.Lock(s.ctx))
	s.ok(k.DismissPrompts(s.ctx))

	s.start("--hidden")
	s.problem(authcore.ProblemKeyringLocked, storageProblem)
	s.tooltip("Waiting for the keyring")
	if n := k.Prompts(); n != 1 {
		t.Errorf("the user was asked for the password %d times, want once", n)
	}
	s.shown()
	s.ok(s.d.StopPanel(s.ctx))
	s.ok(s.d.StartPanel(s.ctx))
	s.shown()
	s.click(openWindow)
	if _, err := s.d.Window(s.ctx, patience); err != nil {
		t.Fatal(err)
	}
	s.picture("1-locked")

	// It is unlocked for another program, which is noticed.
	s.ok(k.Unlock(s.ctx))
	s.tooltip(person)
	if !strings.Contains(s.resident.Log(), "the keyring is there") {
		t.Error("the session was found without the keyring being noticed")
	}
	if n := len(s.d.Opened()); n != 1 {
		t.Errorf("the browser was opened %d times, want once", n)
	}
	s.picture("2-unlocked")
}

// Without a keyring the session lives in memory, the user is told so, and
// nothing is written in plain text.
func TestWithoutAKeyringTheSessionLivesInMemory(t *testing.T) {
	s := newScene(t, desktop.Options{NoKeyring: true})
	s.start("--hidden")
	s.signedIn()
	s.problem(authcore.ProblemKeyringAbsent, storageProblem)
	s.click(copyHub)
	headers := s.clipboard("")
	s.accepted(s.provider.HubURL, headers)
	s.noSecretsAbout(headers)
	s.click(openWindow)
	if _, err := s.d.Window(s.ctx, patience); err != nil {
		t.Fatal(err)
	}
	s.picture("no-keyring")
}

// A second start opens the first one's window and ends; --quit ends the first.
func TestASecondStartOpensTheWindowOfTheFirst(t *testing.T) {
	s := newScene(t, desktop.Options{})
	s.start("--hidden")
	s.shown()
	s.noWindow()
	first := s.resident
	for range 2 {
		second, err := s.programs.Launch(s.d, nil)
		s.ok(err)
		if code, err := second.Ended(s.ctx, patience); err != nil || code != 0 {
			t.Fatalf("the second start ends with %d, %v\n%s", code, err, second.Log())
		}
		if _, err := s.d.Window(s.ctx, patience); err != nil {
			t.Fatal(err)
		}
	}
	windows, err := s.d.Windows(s.ctx)
	s.ok(err)
	if len(windows) != 1 {
		t.Errorf("%d windows are open, want one", len(windows))
	}
	last, err := s.programs.Launch(s.d, nil, "--quit")
	s.ok(err)
	if code, err := last.Ended(s.ctx, patience); err != nil || code != 0 {
		t.Errorf("--quit ends with %d, %v", code, err)
	}
	if code, err := first.Ended(s.ctx, patience); err != nil || code != 0 {
		t.Errorf("after --quit the first one ends with %d, %v", code, err)
	}
	s.ok(s.d.NoWindow(s.ctx, patience))
}

// A wrong setting is a plain sentence on the terminal, not a stack trace.
func TestAWrongEnvironmentIsExplained(t *testing.T) {
	s := newScene(t, desktop.Options{NoPanel: true, NoKeyring: true})
	r, err := s.programs.Launch(s.d, append(s.d.Env(), authcore.EnvironmentVariable+"=nonsense"), "--hidden")
	s.ok(err)
	code, err := r.Ended(s.ctx, patience)
	s.ok(err)
	if log := r.Log(); code == 0 || !strings.Contains(log, "nonsense") || !strings.Contains(log, "sandbox") {
		t.Errorf("the exit code is %d, and it says: %s", code, log)
	}
}
