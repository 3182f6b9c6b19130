package authcore_test

import (
	"context"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/build/desktop"
)

// service plays logind or NetworkManager on a real bus.
func service(t *testing.T, address, name string) *dbus.Conn {
	t.Helper()
	bus, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bus.Close() })
	if reply, err := bus.RequestName(name, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatalf("%s: %v, %v", name, reply, err)
	}
	return bus
}

func TestWakeUpsAndReturningNetworksAreNoticed(t *testing.T) {
	address := desktop.Bus(t).Address()
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
	reasons := make(chan string, 100)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		authcore.WatchWakeUps(ctx, func(reason string) { reasons <- reason })
	}()

	logind := service(t, address, "org.freedesktop.login1")
	manager := service(t, address, "org.freedesktop.NetworkManager")
	stranger, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stranger.Close() })
	sleep := func(from *dbus.Conn, begins bool) {
		t.Helper()
		if err := from.Emit("/org/freedesktop/login1", "org.freedesktop.login1.Manager.PrepareForSleep", begins); err != nil {
			t.Fatal(err)
		}
	}
	state := func(n uint32) {
		t.Helper()
		if err := manager.Emit("/org/freedesktop/NetworkManager", "org.freedesktop.NetworkManager.StateChanged", n); err != nil {
			t.Fatal(err)
		}
	}
	properties := func(values map[string]dbus.Variant) {
		t.Helper()
		err := manager.Emit("/org/freedesktop/NetworkManager", "org.freedesktop.DBus.Properties.PropertiesChanged",
			"org.freedesktop.NetworkManager", values, []string{})
		if err != nil {
			t.Fatal(err)
		}
	}
	connectivity := func(n uint32) {
		t.Helper()
		properties(map[string]dbus.Variant{"Connectivity": dbus.MakeVariant(n)})
	}
	const woke, back = "the computer woke up", "the network is back"
	expect := func(want string) {
		t.Helper()
		select {
		case got := <-reasons:
			if got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%q never came", want)
		}
	}
	// The watcher says nothing when it listens: call until it hears.
	for heard := false; !heard; {
		sleep(logind, false)
		select {
		case <-reasons:
			heard = true
		case <-time.After(50 * time.Millisecond):
		case <-ended:
			t.Fatal("it gave up")
		}
	}
	for drained := false; !drained; {
		select {
		case <-reasons:
		case <-time.After(200 * time.Millisecond):
			drained = true
		}
	}

	sleep(stranger, false) // anybody may send such a signal; only logind is heard
	sleep(logind, true)
	sleep(logind, false)
	expect(woke)

	// One service's signals arrive in order, so each expect also proves that
	// what came before it said nothing.
	state(70) // was never off
	connectivity(4)
	state(20)
	state(60) // site only
	state(70)
	expect(back)
	connectivity(2) // a portal
	connectivity(4)
	expect(back)
	connectivity(1)
	properties(map[string]dbus.Variant{"Metered": dbus.MakeVariant(uint32(4))})
	properties(map[string]dbus.Variant{"Connectivity": dbus.MakeVariant("full")})
	connectivity(4)
	connectivity(4)
	expect(back)
	sleep(logind, false)
	expect(woke)

	cancel()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Error("it does not end")
	}
}

// properties plays NetworkManager's.
type properties map[string]dbus.Variant

func (p properties) GetAll(string) (map[string]dbus.Variant, *dbus.Error) { return p, nil }

// Somebody logs in where the guest network still wants something: the first
// thing that NetworkManager says afterwards is that all is well.
func TestANetworkThatIsNotThereAtTheStartIsNoticedWhenItComes(t *testing.T) {
	address := desktop.Bus(t).Address()
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
	const path, name = dbus.ObjectPath("/org/freedesktop/NetworkManager"), "org.freedesktop.NetworkManager"
	manager := service(t, address, name)
	portal := properties{"State": dbus.MakeVariant(uint32(60)), "Connectivity": dbus.MakeVariant(uint32(2))}
	if err := manager.Export(portal, path, "org.freedesktop.DBus.Properties"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	reasons, ended := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		authcore.WatchWakeUps(ctx, func(reason string) {
			select {
			case reasons <- reason:
			default:
			}
		})
	}()
	defer func() { cancel(); <-ended }()
	// The watcher says nothing when it listens: tell until it hears.
	for end := time.After(20 * time.Second); ; {
		err := manager.Emit(path, "org.freedesktop.DBus.Properties.PropertiesChanged", name,
			map[string]dbus.Variant{"Connectivity": dbus.MakeVariant(uint32(4))}, []string{})
		if err != nil {
			t.Fatal(err)
		}
		select {
		case got := <-reasons:
			if got != "the network is back" {
				t.Errorf("got %q", got)
			}
			return
		case <-time.After(50 * time.Millisecond):
		case <-end:
			t.Fatal("it was not noticed")
		}
	}
}

func TestWithoutASystemBusNobodyWaits(t *testing.T) {
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path="+t.TempDir()+"/nobody")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		authcore.WatchWakeUps(ctx, func(string) { t.Error("it was told of something") })
	}()
	cancel()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Error("it does not end")
	}
}
