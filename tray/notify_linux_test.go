package tray

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// buttons is a notification server that can have buttons.
type buttons struct {
	plain atomic.Bool   // it has none
	shown chan []string // the actions of each notification
}

func (b *buttons) GetCapabilities() ([]string, *dbus.Error) {
	if b.plain.Load() {
		return []string{"body"}, nil
	}
	return []string{"body", "actions"}, nil
}

func (b *buttons) Notify(_ string, _ uint32, _, _, _ string, actions []string, _ map[string]dbus.Variant, _ int32) (uint32, *dbus.Error) {
	b.shown <- actions
	return 7, nil
}

func TestANotificationsButtonActs(t *testing.T) {
	address := startBus(t)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", address)
	server := &buttons{shown: make(chan []string, 1)}
	bus := connect(t, address)
	if err := bus.Export(server, notifyPath, notifyName); err != nil {
		t.Fatal(err)
	}
	if _, err := bus.RequestName(notifyName, 0); err != nil {
		t.Fatal(err)
	}
	emit := func(signal string, values ...any) {
		t.Helper()
		if err := bus.Emit(notifyPath, notifyName+"."+signal, values...); err != nil {
			t.Fatal(err)
		}
	}
	type outcome struct {
		acted bool
		err   error
	}
	notify := func(ctx context.Context) <-chan outcome {
		t.Helper()
		ended := make(chan outcome, 1)
		go func() {
			acted, err := NotifyWithAction(ctx, "Title", "Body", "Sign in")
			ended <- outcome{acted, err}
		}()
		return ended
	}
	buttonsShown := func(want ...string) {
		t.Helper()
		if got := within(t, 10*time.Second, server.shown); !slices.Equal(got, want) {
			t.Fatalf("shown with %q, want %q", got, want)
		}
	}

	ended := notify(t.Context())
	buttonsShown("act", "Sign in")
	emit("ActionInvoked", uint32(6), "act") // somebody else's
	emit("NotificationClosed", uint32(6), uint32(2))
	emit("ActionInvoked", uint32(7), "act")
	if got := within(t, 10*time.Second, ended); !got.acted || got.err != nil {
		t.Errorf("pressed: %+v", got)
	}

	ended = notify(t.Context())
	buttonsShown("act", "Sign in")
	emit("NotificationClosed", uint32(7), uint32(2))
	if got := within(t, 10*time.Second, ended); got.acted || got.err != nil {
		t.Errorf("closed: %+v", got)
	}

	ctx, cancel := context.WithCancel(t.Context())
	ended = notify(ctx)
	buttonsShown("act", "Sign in")
	cancel()
	if got := within(t, 10*time.Second, ended); got.acted || got.err == nil {
		t.Errorf("ended: %+v", got)
	}

	ended = notify(t.Context())
	buttonsShown("act", "Sign in")
	if _, err := bus.ReleaseName(notifyName); err != nil {
		t.Fatal(err)
	}
	if got := within(t, 10*time.Second, ended); got.acted || got.err != nil {
		t.Errorf("the server ended: %+v", got)
	}

	if _, err := bus.RequestName(notifyName, 0); err != nil {
		t.Fatal(err)
	}
	server.plain.Store(true)
	ended = notify(t.Context())
	buttonsShown()
	if got := within(t, 10*time.Second, ended); got.acted || got.err != nil {
		t.Errorf("without buttons: %+v", got)
	}
}
