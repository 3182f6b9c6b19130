package clipboard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// startTime is how long wl-copy is watched for an early end: it has taken the
// clipboard, or failed to, within milliseconds.
const startTime = 300 * time.Millisecond

// waylandClaim is a wl-copy in the foreground: it serves the text until
// somebody else takes the clipboard, and ending it empties the clipboard.
type waylandClaim struct {
	tool string
	text secret.Secret
	cmd  *exec.Cmd
	// exited is closed when wl-copy has ended, done when the claim has.
	exited, done chan struct{}
	releasing    chan struct{}
	once         sync.Once // closes releasing
}

func putWayland(ctx context.Context, tool string, text secret.Secret) (claim, error) {
	args := []string{"--foreground", "--type", "text/plain;charset=utf-8"}
	if sensitive(ctx, tool) {
		args = append(args, "--sensitive")
	}
	c := &waylandClaim{
		tool: tool, text: text, cmd: exec.Command(tool, args...),
		exited: make(chan struct{}), done: make(chan struct{}), releasing: make(chan struct{}),
	}
	var complaint bytes.Buffer
	c.cmd.Stdin = strings.NewReader(text.Reveal()) // never an argument: those are public
	c.cmd.Stderr = &complaint
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	var ended error
	go func() {
		ended = c.cmd.Wait()
		close(c.exited)
	}()
	select {
	case <-c.exited:
		close(c.done)
		return nil, fmt.Errorf("wl-copy ended: %w: %s", errors.Join(ended), strings.TrimSpace(complaint.String()))
	case <-time.After(startTime):
	case <-ctx.Done():
		_ = c.cmd.Process.Kill()
		<-c.exited
		return nil, ctx.Err()
	}
	go c.serve()
	return c, nil
}

// sensitive reports whether this wl-copy can mark the text as a password, which
// version 2.3 began with.
func sensitive(ctx context.Context, tool string) bool {
	help, _ := exec.CommandContext(ctx, tool, "--help").CombinedOutput()
	return bytes.Contains(help, []byte("--sensitive"))
}

// serve ends the claim when wl-copy has ended, unless a clipboard manager now
// offers the same text.
func (c *waylandClaim) serve() {
	defer close(c.done)
	<-c.exited
	select {
	case <-c.releasing:
		return
	default:
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	if c.offeredByAnother(ctx) {
		<-c.releasing
	}
}

func (c *waylandClaim) ended() <-chan struct{} { return c.done }

// release ends wl-copy, which empties the clipboard. GNOME's compositor then
// puts back what it has kept, and clipboard managers offer the text as theirs:
// whatever still offers it is told to clear, and else given an empty text.
func (c *waylandClaim) release(ctx context.Context) error {
	c.once.Do(func() { close(c.releasing) })
	select {
	case <-c.exited:
	default:
		_ = c.cmd.Process.Kill()
		select {
		case <-c.exited:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, remedy := range [][]string{{"--clear"}, {""}} {
		kept, err := c.keptByAnother(ctx)
		if err != nil || !kept {
			return err
		}
		if err := exec.CommandContext(ctx, c.tool, remedy...).Run(); err != nil {
			return fmt.Errorf("wl-copy: %w", err)
		}
	}
	kept, err := c.keptByAnother(ctx)
	if kept {
		return errKept
	}
	return err
}

// keptByAnother is offeredByAnother, once others have had the time to put the
// text back.
func (c *waylandClaim) keptByAnother(ctx context.Context) (bool, error) {
	select {
	case <-time.After(restoreTime):
	case <-ctx.Done():
		return false, ctx.Err()
	}
	limited, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	kept := c.offeredByAnother(limited)
	if limited.Err() != nil {
		return false, errors.New("wl-paste does not tell whether the desktop keeps a copy")
	}
	return kept, nil
}

// offeredByAnother reads the clipboard and reports whether it is our text. On an
// empty clipboard, wl-paste fails.
func (c *waylandClaim) offeredByAnother(ctx context.Context) bool {
	now, err := exec.CommandContext(ctx, "wl-paste", "--no-newline").Output()
	return err == nil && secret.New(string(now)).Equal(c.text)
}
