package authcore

import "context"

// awaited is a condition that somebody waits for.
type awaited struct {
	holds func() bool
	met   chan struct{}
}

// Ready waits until the vault was read for the first time, or could not be:
// from then on snapshots show the sessions that were saved. The error is
// ctx's, or ErrStopped.
func (a *Agent) Ready(ctx context.Context) error {
	return a.until(ctx, func() bool { return a.loaded || a.storeProblem != nil })
}

// Settle waits until nothing is left to do of what the agent was asked for:
// changes are on disk, live files are written, and servers were told of
// sign-outs. It is for programs that end soon. What failed counts as done,
// since it is tried again by whoever opens the vault next: see the snapshot's
// Storage. The error is ctx's, or ErrStopped.
func (a *Agent) Settle(ctx context.Context) error {
	return a.until(ctx, func() bool {
		for _, f := range a.liveFiles {
			if f.busy {
				return false
			}
		}
		stored := !a.storing && a.writing == 0 && (a.storeAt.IsZero() || a.storeProblem != nil)
		told := !a.revoking && (len(a.revocations) == 0 || a.revokeRetries > 0)
		return stored && told && (a.loaded || a.storeProblem != nil)
	})
}

// until waits for a condition, which is asked on the owner's goroutine each
// time that it has published.
func (a *Agent) until(ctx context.Context, holds func() bool) error {
	w := awaited{holds, make(chan struct{})}
	if err := a.call(ctx, func() error { a.awaiting = append(a.awaiting, w); return nil }); err != nil {
		return err
	}
	select {
	case <-w.met:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-a.done:
		return ErrStopped
	}
}

// meet tells those whose condition holds. Conditions of callers that have gone
// stay until theirs holds: they are few, and every one does in the end.
func (a *Agent) meet() {
	keep := a.awaiting[:0:0]
	for _, w := range a.awaiting {
		if w.holds() {
			close(w.met)
		} else {
			keep = append(keep, w)
		}
	}
	a.awaiting = keep
}
