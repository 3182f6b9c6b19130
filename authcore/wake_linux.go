package authcore

import (
	"context"
	"os"
	"time"

	"github.com/godbus/dbus/v5"
)

// Where logind (org.freedesktop.login1) and NetworkManager tell.
const (
	loginInterface   = "org.freedesktop.login1.Manager"
	loginPath        = dbus.ObjectPath("/org/freedesktop/login1")
	networkInterface = "org.freedesktop.NetworkManager"
	networkPath      = dbus.ObjectPath("/org/freedesktop/NetworkManager")
	propertiesSignal = "org.freedesktop.DBus.Properties.PropertiesChanged"

	// NM_CONNECTIVITY_FULL and NM_STATE_CONNECTED_GLOBAL of NetworkManager's
	// D-Bus types: the Internet can be reached.
	fullConnectivity uint32 = 4
	connectedGlobal  uint32 = 70

	// systemBusSocket is the system bus where DBUS_SYSTEM_BUS_ADDRESS names no
	// other (D-Bus Specification, "Well-known Message Bus Instances").
	systemBusSocket = "/run/dbus/system_bus_socket"
	systemBusRetry  = 5 * time.Minute
	// systemBusPatience is for one answer, which takes milliseconds.
	systemBusPatience = 5 * time.Second
)

// watchWakeUps listens on a connection of its own, and again when the bus was
// gone, as it is while it is being updated.
func watchWakeUps(ctx context.Context, nudge func(reason string)) {
	for hasSystemBus() {
		listenForWakeUps(ctx, nudge)
		select {
		case <-ctx.Done():
			return
		case <-time.After(systemBusRetry):
		}
	}
}

// hasSystemBus says whether it is worth connecting. In a container there is
// often none.
func hasSystemBus() bool {
	if os.Getenv("DBUS_SYSTEM_BUS_ADDRESS") != "" {
		return true
	}
	_, err := os.Stat(systemBusSocket)
	return err == nil
}

// listenForWakeUps returns when ctx ends, or the bus. The bus delivers nothing
// of a service that is not there, and begins to when it comes.
func listenForWakeUps(ctx context.Context, nudge func(reason string)) {
	bus, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	if err != nil {
		return
	}
	defer bus.Close()
	signals := make(chan *dbus.Signal, 16)
	bus.Signal(signals)
	for _, match := range [][]dbus.MatchOption{
		{dbus.WithMatchInterface(loginInterface), dbus.WithMatchObjectPath(loginPath), dbus.WithMatchMember("PrepareForSleep"), dbus.WithMatchSender("org.freedesktop.login1")},
		{dbus.WithMatchInterface(networkInterface), dbus.WithMatchObjectPath(networkPath), dbus.WithMatchMember("StateChanged"), dbus.WithMatchSender(networkInterface)},
		{dbus.WithMatchInterface("org.freedesktop.DBus.Properties"), dbus.WithMatchObjectPath(networkPath), dbus.WithMatchMember("PropertiesChanged"),
			dbus.WithMatchArg(0, networkInterface), dbus.WithMatchSender(networkInterface)},
	} {
		if err := bus.AddMatchSignalContext(ctx, match...); err != nil {
			return
		}
	}
	online := networkNow(ctx, bus)
	for {
		select {
		case <-ctx.Done():
			return
		case signal, ok := <-signals:
			if !ok {
				return
			}
			if reason := online.judge(signal); reason != "" {
				nudge(reason)
			}
		}
	}
}

// network is what NetworkManager said last.
type network struct{ state, connectivity uint32 }

// networkNow asks NetworkManager, without starting it. Where it does not answer,
// it is as if all were well, so that a first signal counts only after a loss.
func networkNow(ctx context.Context, bus *dbus.Conn) network {
	n := network{state: connectedGlobal, connectivity: fullConnectivity}
	ctx, cancel := context.WithTimeout(ctx, systemBusPatience)
	defer cancel()
	var properties map[string]dbus.Variant
	if bus.Object(networkInterface, networkPath).CallWithContext(ctx, "org.freedesktop.DBus.Properties.GetAll",
		dbus.FlagNoAutoStart, networkInterface).Store(&properties) == nil {
		n.take(properties)
	}
	return n
}

// take takes over the properties that are there, of the right type.
func (n *network) take(properties map[string]dbus.Variant) {
	if c, ok := properties["Connectivity"].Value().(uint32); ok {
		n.connectivity = c
	}
	if state, ok := properties["State"].Value().(uint32); ok {
		n.state = state
	}
}

// judge returns the reason to look again, or "". Both services send the same
// news more than once; only the change from off to on counts.
func (n *network) judge(s *dbus.Signal) (reason string) {
	before := *n
	switch s.Name {
	case loginInterface + ".PrepareForSleep":
		// It is sent with true before the sleep and with false after it.
		if len(s.Body) == 1 && s.Body[0] == false {
			return wokeUp
		}
		return ""
	case networkInterface + ".StateChanged":
		if len(s.Body) == 1 {
			if state, ok := s.Body[0].(uint32); ok {
				n.state = state
			}
		}
	case propertiesSignal:
		if len(s.Body) < 2 {
			return ""
		}
		changed, _ := s.Body[1].(map[string]dbus.Variant)
		n.take(changed)
	}
	if n.state >= connectedGlobal && before.state < connectedGlobal ||
		n.connectivity >= fullConnectivity && before.connectivity < fullConnectivity {
		return networkBack
	}
	return ""
}
