package resident

import (
	"context"
	"time"

	"github.com/cli/browser"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/tray/update"
)

// watchUpdates asks for newer versions beside everything else, for as long as
// the user and the policy want that. What it finds is a line in the menu and the
// window that leads to a page.
func (r *resident) watchUpdates(ctx context.Context) {
	if !update.HasKeys(r.options.Updates.Keys) {
		return
	}
	var told authcore.Update
	w := update.Watcher{
		Fetch: r.options.Updates.Fetch, Version: r.agent.Snapshot().Version, Path: r.options.UpdatePath, Log: r.log,
		Wanted:  func() bool { return r.agent.Snapshot().Settings.UpdateNotice },
		Changed: r.updatesChanged,
		Now:     func() time.Time { return r.agent.Snapshot().Now(time.Now()) },
		Found: func(u *authcore.Update) {
			if u != nil && *u != told {
				told = *u
				r.log.Info("there is a newer version", "version", u.Version)
			}
			r.agent.SetDesktop(func(d *authcore.Desktop) { d.Updates, d.Update = true, u })
		},
	}
	r.others.Go(func() { w.Run(ctx) })
}

func (r *resident) openUpdate(u *authcore.Update) error {
	if err := browser.OpenURL(u.Page); err != nil {
		return &authcore.Problem{Code: authcore.ProblemNoPage, Params: map[string]string{"Page": u.Page}, Cause: err.Error(), Since: time.Now()}
	}
	return nil
}
