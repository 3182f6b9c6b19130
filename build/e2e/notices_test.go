package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/build/desktop"
)

const (
	notifyName = "org.freedesktop.Notifications"
	notifyPath = dbus.ObjectPath("/org/freedesktop/Notifications")
)

// notifications is the desktop's notification server (Freedesktop Desktop
// Notifications 1.2): it keeps what it is asked to show.
type notifications struct {
	mu    sync.Mutex
	bus   *dbus.Conn
	shown []shownNotice
}

type shownNotice struct {
	at          time.Time
	title, body string
	actions     []string
}

func (n *notifications) GetCapabilities() ([]string, *dbus.Error) {
	return []string{"body", "actions"}, nil
}

func (n *notifications) Notify(_ string, _ uint32, _, title, body string, actions []string, _ map[string]dbus.Variant, _ int32) (uint32, *dbus.Error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.shown = append(n.shown, shownNotice{time.Now(), title, body, actions})
	return uint32(len(n.shown)), nil
}

func (n *notifications) all() []shownNotice {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]shownNotice(nil), n.shown...)
}

// serveNotifications brings the server onto the desktop's bus.
func (s *scene) serveNotifications() *notifications {
	s.Helper()
	bus, err := dbus.Connect(s.d.SessionBus().Address())
	s.ok(err)
	s.Cleanup(func() { _ = bus.Close() })
	n := &notifications{bus: bus}
	s.ok(bus.Export(n, notifyPath, notifyName))
	_, err = bus.RequestName(notifyName, dbus.NameFlagDoNotQueue)
	s.ok(err)
	return n
}

// notice waits until that many were shown, and returns the last.
func (s *scene) notice(n *notifications, count int) shownNotice {
	s.Helper()
	s.until(fmt.Sprintf("notification %d", count), func() error {
		if got := n.all(); len(got) < count {
			return fmt.Errorf("%d were shown: %v", len(got), got)
		}
		return nil
	})
	return n.all()[count-1]
}

// press presses a notification's button.
func (s *scene) pressNotice(n *notifications, number int) {
	s.Helper()
	action := n.all()[number-1].actions[0]
	s.ok(n.bus.Emit(notifyPath, notifyName+".ActionInvoked", uint32(number), action))
}

// When the server has ended the session, the user is told once, whatever is
// started again, and the notification's button signs in.
func TestAnEndedSessionIsNotifiedOnceAndItsButtonSignsIn(t *testing.T) {
	s := newScene(t, desktop.Options{})
	n := s.serveNotifications()
	s.start("--hidden")
	s.signedIn()
	s.ok(s.provider.Control(s.ctx, "end-sessions", ""))
	s.click(renew)
	got := s.notice(n, 1)
	if want := (&authcore.Problem{Code: authcore.ProblemSessionEnded}).Words().What; got.title != want || len(got.actions) != 2 || got.actions[1] != "Sign in" {
		t.Errorf("shown: %v", got)
	}
	s.pressNotice(n, 1)
	s.opened(2)
	s.click(cancel)
	s.tooltip("sign in again")
	for range 2 {
		s.resident.Kill()
		s.start("--hidden")
		s.tooltip("sign in again")
	}
	// A notice that comes too often would be there by the time that another
	// sign-in has been started and cancelled.
	s.click(signIn)
	s.opened(3)
	s.click(cancel)
	s.tooltip("sign in again")
	if all := n.all(); len(all) != 1 {
		t.Errorf("it is told again: %v", all)
	}
}

// The session's end is announced before it comes, where the server tells it, and
// the button signs in.
func TestTheEndOfASessionIsAnnounced(t *testing.T) {
	s := newScene(t, desktop.Options{}, "-refresh-lifetime", "12s", "-tell-session-end")
	n := s.serveNotifications()
	s.start("--hidden")
	s.signedIn()
	end := s.snapshot().ActiveAccount().SessionExpiresAt
	got := s.notice(n, 1)
	if left := end.Sub(got.at); left > 1500*time.Millisecond {
		t.Errorf("it is announced %v before the end, a tenth is 1.2 s", left)
	}
	if !strings.HasPrefix(got.title, "The session ends ") || len(got.actions) != 2 {
		t.Errorf("shown: %v", got)
	}
	before := len(s.d.Opened())
	s.pressNotice(n, 1)
	s.opened(before + 1)
	s.tooltip("approve in the browser")
}
