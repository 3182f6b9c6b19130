// Package clipboard puts a secret on the system's clipboard and takes it away
// again. The resident owns it: no window has to be open, and the text goes when
// the program ends.
//
// Libraries for this exist, but none marks the text as concealed on all three
// systems, serves it from memory without a tool, and clears it only if it is
// still there; so each system's few calls are made here.
//
// What a system cannot do: on Wayland, where a program without a window may not
// touch the clipboard, it takes the tool wl-copy (package wl-clipboard), or
// else XWayland, which some desktops connect to the Wayland clipboard only while
// an X window has the focus. A clipboard manager that ignores the mark keeps its
// own copy, which nobody can take back.
package clipboard

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// Clipboard is this program's use of the system's clipboard. It is safe for
// concurrent use.
type Clipboard struct {
	lost func()

	using   sync.Mutex // held during a Set, Clear or Close
	mu      sync.Mutex // guards what follows
	current claim
	closed  bool
}

// claim is one text of ours on the clipboard. A claim ends when the text is no
// longer there, or by release.
type claim interface {
	// ended is closed when the claim has ended.
	ended() <-chan struct{}
	// release takes the text away if it is still there, and ends the claim.
	// After an error it may be called again, if the claim has not ended.
	release(context.Context) error
}

// maxSize is the longest text that can be put on the clipboard, in bytes. It
// fits into one X11 request on every server (at least 256 KB with their
// header), and headers are a hundredth of it.
const maxSize = 128 << 10

// Open prepares the use of the clipboard; it takes no resource before the first
// Set. lost is called (on its own goroutine; it may be nil) when somebody else
// has put something on the clipboard in place of our text.
func Open(lost func()) *Clipboard { return &Clipboard{lost: lost} }

// Set puts the text on the clipboard, marked as a secret for clipboard managers
// that know such a mark, in place of whatever is there.
func (c *Clipboard) Set(ctx context.Context, text secret.Secret) error {
	if len(text.Reveal()) > maxSize {
		return fmt.Errorf("the text is longer than %d bytes", maxSize)
	}
	c.using.Lock()
	defer c.using.Unlock()
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if closed {
		return errors.New("the clipboard is closed")
	}
	// What cannot be taken away is overwritten in the next step anyway.
	_ = c.release(ctx)
	put, err := put(ctx, text)
	if err != nil {
		return fmt.Errorf("putting text on the clipboard: %w", err)
	}
	c.mu.Lock()
	c.current = put
	c.mu.Unlock()
	go c.follow(put)
	return nil
}

// follow waits for the end of a claim, and tells if it was not by our will.
func (c *Clipboard) follow(old claim) {
	<-old.ended()
	c.mu.Lock()
	ours := c.current == old
	if ours {
		c.current = nil
	}
	c.mu.Unlock()
	if ours && c.lost != nil {
		c.lost()
	}
}

// Clear empties the clipboard if it still holds what Set put there, also where
// a clipboard manager has taken it over. Otherwise it does nothing.
func (c *Clipboard) Clear(ctx context.Context) error {
	c.using.Lock()
	defer c.using.Unlock()
	return c.release(ctx)
}

// release ends the current claim, if any. The caller holds using.
func (c *Clipboard) release(ctx context.Context) error {
	c.mu.Lock()
	old := c.current
	c.current = nil
	c.mu.Unlock()
	if old == nil {
		return nil
	}
	err := old.release(ctx)
	if err == nil {
		return nil
	}
	select {
	case <-old.ended():
	default: // the text may still be there: let it be tried again
		c.mu.Lock()
		c.current = old
		c.mu.Unlock()
	}
	return fmt.Errorf("clearing the clipboard: %w", err)
}

// Owned reports whether the clipboard holds what Set put there, as far as is
// known.
func (c *Clipboard) Owned() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current != nil
}

// Close clears the clipboard as Clear does. The Clipboard cannot be used again.
func (c *Clipboard) Close(ctx context.Context) error {
	c.using.Lock()
	defer c.using.Unlock()
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	return c.release(ctx)
}
