package resident

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
)

// Network is the way to the servers. Its proxy and certificates can be changed
// while requests are under way, which end on the old way. It is safe for
// concurrent use.
type Network struct {
	current atomic.Pointer[http.Transport]

	mu sync.Mutex
	// wanted is what the settings say, and fault why it is not in use.
	wanted authcore.NetworkOptions
	fault  error
	told   func(error)
}

// NewNetwork makes the way that the settings describe. Settings that cannot be
// used now, such as a CA bundle on a drive that is not there yet, are tried
// again with each request; until then it is the system's own way.
func NewNetwork(s authcore.Settings) (*Network, error) {
	n := &Network{wanted: networkOptions(s), told: func(error) {}}
	t, err := authcore.NewTransport(n.wanted)
	if n.fault = err; err != nil {
		if t, err = authcore.NewTransport(authcore.NetworkOptions{}); err != nil {
			return nil, err
		}
	}
	n.current.Store(t)
	return n, nil
}

func networkOptions(s authcore.Settings) authcore.NetworkOptions {
	return authcore.NetworkOptions{Proxy: s.Proxy, CABundle: s.CABundle}
}

// Tell calls told with why the settings are not in use, nil if they are, now
// and whenever that changes. told must not block.
func (n *Network) Tell(told func(error)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told = told
	told(n.fault)
}

// Change takes over the settings' proxy and CA bundle. With an error, nothing
// has changed.
func (n *Network) Change(s authcore.Settings) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.change(networkOptions(s))
}

func (n *Network) change(o authcore.NetworkOptions) error {
	t, err := authcore.NewTransport(o)
	if err != nil {
		return err
	}
	n.wanted, n.fault = o, nil
	n.told(nil)
	n.current.Swap(t).CloseIdleConnections()
	return nil
}

// RoundTrip implements http.RoundTripper. The detailed log tells of each
// request, without its query, headers and body.
func (n *Network) RoundTrip(r *http.Request) (*http.Response, error) {
	n.mu.Lock()
	if n.fault != nil {
		_ = n.change(n.wanted) // the old fault is still true
	}
	n.mu.Unlock()
	began := time.Now()
	answer, err := n.current.Load().RoundTrip(r)
	result := slog.Any("cause", err)
	if err == nil {
		result = slog.String("status", answer.Status)
	}
	slog.Debug("a request", "method", r.Method, "host", r.URL.Host, "path", r.URL.Path, "took", time.Since(began).Round(time.Millisecond), result)
	return answer, err
}

// set changes one setting: checked, saved, and only then in force.
func (r *resident) set(name, value string) error {
	r.settingsMu.Lock()
	defer r.settingsMu.Unlock()
	if err := r.change(name, value); err != nil {
		var p *authcore.Problem
		if !errors.As(err, &p) {
			p = &authcore.Problem{Code: authcore.ProblemBadSetting, Cause: err.Error(), Since: time.Now()}
		}
		return p
	}
	r.faulty(func() { r.fileFault = nil }) // it is a whole file again
	return nil
}

func (r *resident) change(name, value string) error {
	if name == "environment" && value == r.configured().Name {
		value = "" // as without the setting
	}
	now, err := r.settings.With(name, value)
	if err != nil {
		return err
	}
	environment, err := r.options.Environment(now)
	if err != nil {
		return err
	}
	if name == "start_at_login" {
		// The system's entry may have changed meanwhile, so it is always written.
		if err := writeAutostart(now.StartAtLogin); err != nil {
			return err
		}
	}
	if err := authcore.WriteSettings(r.options.SettingsPath, now); err != nil {
		return err
	}
	if now.Proxy != r.settings.Proxy || now.CABundle != r.settings.CABundle {
		if err := r.options.Network.Change(now); err != nil {
			return err
		}
		r.agent.Nudge("the network settings changed")
	}
	if now.Environment != r.settings.Environment {
		if err := r.agent.SetEnvironment(r.ctx, environment); err != nil {
			return err
		}
	}
	r.options.Log.SetLevel(now.LogLevel)
	changed := now.UpdateNotice != r.settings.UpdateNotice
	r.settings = now
	r.showSettings()
	if changed {
		select {
		case r.updatesChanged <- struct{}{}:
		default: // it is told already
		}
	}
	return nil
}

// configured is the environment without the setting: the organisation's own
// where config.toml describes one, else production.
func (r *resident) configured() authcore.Environment {
	s := r.settings
	s.Environment = ""
	e, _ := r.options.Environment(s) // it was there at the start
	return e
}

// showSettings puts the settings into the snapshot, the environment by its name
// also where nobody has chosen one.
func (r *resident) showSettings() {
	s := r.settings
	if s.Environment == "" {
		s.Environment = r.configured().Name
	}
	r.agent.SetSettings(s)
}

// networkTold is told why the network's settings are not in use, or nil.
func (r *resident) networkTold(fault error) { r.faulty(func() { r.networkFault = fault }) }

// faulty changes fileFault or networkFault, and shows what is then wrong.
func (r *resident) faulty(change func()) {
	r.mu.Lock()
	change()
	r.mu.Unlock()
	r.agent.SetDesktop(func(d *authcore.Desktop) {
		r.mu.Lock()
		file, network := r.fileFault, r.networkFault
		r.mu.Unlock()
		d.Settings = nil
		for _, f := range []struct {
			code authcore.ProblemCode
			err  error
		}{{authcore.ProblemSettingsFile, file}, {authcore.ProblemNetworkSettings, network}} {
			if f.err != nil { // the latter keeps people from working, so it is said
				d.Settings = &authcore.Problem{Code: f.code, Since: time.Now().Round(0), Cause: strings.ReplaceAll(f.err.Error(), "\n", "; ")}
			}
		}
	})
}
