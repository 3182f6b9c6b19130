package resident

import (
	"context"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
)

// fixIt runs a diagnosis, which menu and window show as it goes on, and opens
// the window. While one runs, it only opens the window.
func (r *resident) fixIt() error {
	r.mu.Lock()
	running := r.fixing
	r.fixing = true
	r.mu.Unlock()
	if !running {
		r.others.Go(func() {
			defer func() {
				r.mu.Lock()
				r.fixing = false
				r.mu.Unlock()
			}()
			r.diagnose(r.ctx)
		})
	}
	return r.window.Open()
}

func (r *resident) diagnose(ctx context.Context) {
	s := r.agent.Snapshot().Settings
	network := authcore.NetworkOptions{Proxy: s.Proxy, CABundle: s.CABundle}
	show := func(d *authcore.Diagnosis) {
		r.agent.SetDesktop(func(desktop *authcore.Desktop) { desktop.Diagnosis = d })
	}
	d, err := authcore.Diagnose(ctx, r.agent, network, show)
	if err != nil {
		r.log.Warn("the diagnosis was not finished", "cause", err)
	}
	if d == nil {
		return
	}
	for _, c := range d.Checks {
		if !c.OK() {
			r.log.Warn("a check failed", "check", c.Name, "host", c.Params["Host"], "problem", c.Problem.Code, "cause", c.Problem.Cause)
		}
	}
	if d.Running() { // nobody shall wait for the rest
		ended := *d
		ended.FinishedAt = r.agent.Snapshot().Now(time.Now()).Round(0)
		show(&ended)
	}
}

// copyReport puts what support needs on the clipboard.
func (r *resident) copyReport(ctx context.Context) error {
	s := r.agent.Snapshot()
	return r.copyText(ctx, authcore.Report(s, s.Desktop.Diagnosis, time.Now()))
}
