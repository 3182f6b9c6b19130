package resident

import (
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
)

// Network is the way to the servers. Its proxy and certificates can be changed
// while requests are under way, which end on the old way. It is safe for
// concurrent use.
type Network struct {
	current atomic.Pointer[http.Transport]
}

// NewNetwork makes the way that the settings describe. With an error, which
// says what is wrong with them, it is the system's own way.
func NewNetwork(s authcore.Settings) (*Network, error) {
	n := &Network{}
	err := n.Change(s)
	if err != nil {
		t, systemErr := authcore.NewTransport(authcore.NetworkOptions{})
		if systemErr != nil {
			return nil, systemErr
		}
		n.current.Store(t)
	}
	return n, err
}

// Change takes over the settings' proxy and CA bundle. With an error, nothing
// has changed.
func (n *Network) Change(s authcore.Settings) error {
	t, err := authcore.NewTransport(authcore.NetworkOptions{Proxy: s.Proxy, CABundle: s.CABundle})
	if err != nil {
		return err
	}
	if old := n.current.Swap(t); old != nil {
		old.CloseIdleConnections()
	}
	return nil
}

// RoundTrip implements http.RoundTripper.
func (n *Network) RoundTrip(r *http.Request) (*http.Response, error) {
	return n.current.Load().RoundTrip(r)
}

// set changes one setting: checked, saved, and only then in force.
func (r *resident) set(name, value string) error {
	r.settingsMu.Lock()
	defer r.settingsMu.Unlock()
	now, err := r.settings.With(name, value)
	if err == nil && name == "start_at_login" {
		// The system's entry may have changed meanwhile, so it is always written.
		err = writeAutostart(now.StartAtLogin)
	}
	if err == nil {
		err = authcore.WriteSettings(r.options.SettingsPath, now)
	}
	if err == nil {
		err = r.apply(now)
	}
	if err != nil {
		var p *authcore.Problem
		if !errors.As(err, &p) {
			p = &authcore.Problem{Code: authcore.ProblemBadSetting, Cause: err.Error(), Since: time.Now()}
		}
		return p
	}
	r.settings = now
	r.agent.SetSettings(now)
	return nil
}

// apply brings about what the settings say.
func (r *resident) apply(s authcore.Settings) error {
	if s.Proxy != r.settings.Proxy || s.CABundle != r.settings.CABundle {
		if err := r.options.Network.Change(s); err != nil {
			return err
		}
		r.agent.Nudge("the network settings changed")
	}
	r.options.Log.SetLevel(s.LogLevel)
	return nil
}
