package clipboard

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

var (
	user32                  = windows.NewLazySystemDLL("user32.dll")
	openClipboard           = user32.NewProc("OpenClipboard")
	closeClipboard          = user32.NewProc("CloseClipboard")
	emptyClipboard          = user32.NewProc("EmptyClipboard")
	setClipboardData        = user32.NewProc("SetClipboardData")
	registerClipboardFormat = user32.NewProc("RegisterClipboardFormatW")
	clipboardSequence       = user32.NewProc("GetClipboardSequenceNumber")

	kernel32      = windows.NewLazySystemDLL("kernel32.dll")
	globalAlloc   = kernel32.NewProc("GlobalAlloc")
	globalFree    = kernel32.NewProc("GlobalFree")
	globalLock    = kernel32.NewProc("GlobalLock")
	globalUnlock  = kernel32.NewProc("GlobalUnlock")
	rtlMoveMemory = kernel32.NewProc("RtlMoveMemory")
)

const (
	unicodeText = 13     // CF_UNICODETEXT
	movable     = 0x0002 // GMEM_MOVEABLE
	busyRetry   = 20 * time.Millisecond
	// busyMost limits the wait for a program that has the clipboard open, which
	// most do for milliseconds.
	busyMost     = 2 * time.Second
	sequencePoll = time.Second
)

// marks are the formats that keep a text out of clipboard managers, out of the
// history (Win+V) and off the user's other computers, as Microsoft documents
// under "Cloud Clipboard and Clipboard History Formats"; the first is older than
// those, and Ditto, CopyQ and others know it. Each holds a DWORD of 0; of the
// first two, their presence counts.
var marks = []string{
	"Clipboard Viewer Ignore",
	"ExcludeClipboardContentFromMonitorProcessing",
	"CanIncludeInClipboardHistory",
	"CanUploadToCloudClipboard",
}

// windowsClaim is known by the clipboard's sequence number, which Windows raises
// at every change.
type windowsClaim struct {
	sequence uintptr
	stop     sync.Once
	stopped  chan struct{}
	done     chan struct{}
}

func put(ctx context.Context, text secret.Secret) (claim, error) {
	encoded, err := windows.UTF16FromString(text.Reveal())
	if err != nil {
		return nil, errors.New("the text contains a zero character")
	}
	err = withClipboard(ctx, func() error {
		if ok, _, err := emptyClipboard.Call(); ok == 0 {
			return fmt.Errorf("emptying it: %w", err)
		}
		// The marks come first, so that nobody sees the text without them.
		var zero uint32
		for _, mark := range marks {
			name, err := windows.UTF16PtrFromString(mark)
			if err != nil {
				return err
			}
			format, _, err := registerClipboardFormat.Call(uintptr(unsafe.Pointer(name)))
			if format == 0 {
				return fmt.Errorf("registering %s: %w", mark, err)
			}
			if err := setData(format, unsafe.Pointer(&zero), unsafe.Sizeof(zero)); err != nil {
				return err
			}
		}
		return setData(unicodeText, unsafe.Pointer(&encoded[0]), uintptr(len(encoded))*2)
	})
	if err != nil {
		return nil, err
	}
	// Asked after closing, which can raise the number once more for the formats
	// that Windows derives from the text.
	sequence, _, _ := clipboardSequence.Call()
	c := &windowsClaim{sequence: sequence, stopped: make(chan struct{}), done: make(chan struct{})}
	go c.follow()
	return c, nil
}

// setData copies size bytes to memory that the clipboard takes over.
func setData(format uintptr, data unsafe.Pointer, size uintptr) error {
	memory, _, err := globalAlloc.Call(movable, size)
	if memory == 0 {
		return fmt.Errorf("allocating: %w", err)
	}
	place, _, err := globalLock.Call(memory)
	if place == 0 {
		_, _, _ = globalFree.Call(memory)
		return fmt.Errorf("locking: %w", err)
	}
	_, _, _ = rtlMoveMemory.Call(place, uintptr(data), size)
	_, _, _ = globalUnlock.Call(memory)
	if ok, _, err := setClipboardData.Call(format, memory); ok == 0 {
		_, _, _ = globalFree.Call(memory)
		return fmt.Errorf("setting: %w", err)
	}
	return nil
}

// withClipboard opens the clipboard, which belongs to one thread at a time on
// the whole desktop, and waits while another program has it open.
func withClipboard(ctx context.Context, use func() error) error {
	ctx, cancel := context.WithTimeout(ctx, busyMost)
	defer cancel()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		ok, _, err := openClipboard.Call(0)
		if ok != 0 {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("another program keeps it open: %w", errors.Join(ctx.Err(), err))
		case <-time.After(busyRetry):
		}
	}
	defer closeClipboard.Call() //nolint:errcheck // nothing can be done
	return use()
}

// follow asks for the sequence number every second, as long as the text is
// there: a window that Windows would tell needs a message loop.
func (c *windowsClaim) follow() {
	defer close(c.done)
	tick := time.NewTicker(sequencePoll)
	defer tick.Stop()
	for {
		select {
		case <-c.stopped:
			return
		case <-tick.C:
			if now, _, _ := clipboardSequence.Call(); now != c.sequence {
				return
			}
		}
	}
}

func (c *windowsClaim) ended() <-chan struct{} { return c.done }

func (c *windowsClaim) release(ctx context.Context) error {
	err := withClipboard(ctx, func() error {
		if now, _, _ := clipboardSequence.Call(); now != c.sequence {
			return nil
		}
		if ok, _, err := emptyClipboard.Call(); ok == 0 {
			return err
		}
		return nil
	})
	if err == nil {
		c.stop.Do(func() { close(c.stopped) })
	}
	return err
}
