package clipboard

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// The X11 clipboard is a conversation: the owner of the selection CLIPBOARD is
// asked for the text at every paste (Inter-Client Communication Conventions
// Manual, ICCCM, section 2). So as long as the text is there, a connection with
// a window that is never shown stays open.

// xgb writes to standard error what it also returns as errors.
func init() { xgb.Logger.SetOutput(io.Discard) }

// answerTime is how long another owner of the selection may take to hand out
// its text: a program on this computer, so a second is long.
const answerTime = time.Second

// restoreTime is how long a desktop may take to put a text back whose owner has
// gone. GNOME's window manager does so within milliseconds.
const restoreTime = 250 * time.Millisecond

// restoreTries is how often a desktop is given an empty text to keep: a busy one
// may miss the first.
const restoreTries = 3

// errKept says that a copy of the text stays on the clipboard.
var errKept = errors.New("the desktop keeps a copy and puts it back each time that it is taken away")

// x11Claim owns the selection. Everything but its channels belongs to the
// goroutine of serve.
type x11Claim struct {
	conn   *xgb.Conn
	window xproto.Window
	atom   map[string]xproto.Atom
	text   secret.Secret
	// offered is what is handed out: the text, until another takes its place.
	offered secret.Secret
	since   xproto.Timestamp

	owner  bool
	events chan xgb.Event
	// releases carries the request to take the text away.
	releases chan chan error
	done     chan struct{}
}

// The names that the conversation uses. SAVE_TARGETS is not among them: a
// clipboard manager that asks for it would keep the text beyond our life.
const (
	clipboardAtom = "CLIPBOARD"
	targetsAtom   = "TARGETS"
	multipleAtom  = "MULTIPLE"
	timestampAtom = "TIMESTAMP"
	atomPairAtom  = "ATOM_PAIR"
	utf8Atom      = "UTF8_STRING"
	stringAtom    = "STRING"
	textAtom      = "TEXT"
	// hintAtom is KDE's mark for passwords, which Klipper, CopyQ, GPaste and
	// others honour: its content is "secret".
	hintAtom = "x-kde-passwordManagerHint"
	// ownAtom is the property of our window that others write their text to.
	ownAtom = "BITFOUNT_TRAY_SELECTION"
	// timeAtom is the property that is changed to learn the server's time.
	timeAtom = "BITFOUNT_TRAY_TIME"
)

// textAtoms are the forms in which the text is offered, the best first.
var textAtoms = []string{utf8Atom, "text/plain;charset=utf-8", "text/plain", textAtom, stringAtom}

func putX11(ctx context.Context, text secret.Secret) (claim, error) {
	type result struct {
		claim *x11Claim
		err   error
	}
	// The server may hang; xgb knows no deadline.
	opened := make(chan result, 1)
	go func() {
		c, err := openX11(text)
		opened <- result{c, err}
	}()
	select {
	case r := <-opened:
		if r.err != nil {
			return nil, r.err
		}
		return r.claim, nil
	case <-ctx.Done():
		go func() {
			if r := <-opened; r.err == nil {
				_ = r.claim.release(context.Background())
			}
		}()
		return nil, ctx.Err()
	}
}

func openX11(text secret.Secret) (*x11Claim, error) {
	conn, err := xgb.NewConn()
	if err != nil {
		return nil, fmt.Errorf("connecting to the X server: %w", err)
	}
	c := &x11Claim{
		conn: conn, text: text, offered: text, atom: map[string]xproto.Atom{},
		events: make(chan xgb.Event), releases: make(chan chan error), done: make(chan struct{}),
	}
	go c.pump()
	err = c.prepare()
	if err == nil {
		err = c.take()
	}
	if err != nil {
		conn.Close()
		close(c.done)
		return nil, err
	}
	go c.serve()
	return c, nil
}

// pump hands the server's events on and ends with the connection.
func (c *x11Claim) pump() {
	defer close(c.events)
	for {
		event, fault := c.conn.WaitForEvent()
		if event == nil && fault == nil {
			return
		}
		if event == nil {
			continue // such as a requestor's window that has gone
		}
		select {
		case c.events <- event:
		case <-c.done:
			return
		}
	}
}

// prepare learns the names of the conversation and makes the window.
func (c *x11Claim) prepare() error {
	for _, name := range append([]string{clipboardAtom, targetsAtom, multipleAtom, timestampAtom, atomPairAtom, hintAtom, ownAtom, timeAtom}, textAtoms...) {
		reply, err := xproto.InternAtom(c.conn, false, uint16(len(name)), name).Reply()
		if err != nil {
			return fmt.Errorf("naming %s: %w", name, err)
		}
		c.atom[name] = reply.Atom
	}
	window, err := xproto.NewWindowId(c.conn)
	if err != nil {
		return err
	}
	c.window = window
	root := xproto.Setup(c.conn).DefaultScreen(c.conn).Root
	err = xproto.CreateWindowChecked(c.conn, 0, window, root, -1, -1, 1, 1, 0, xproto.WindowClassInputOnly, 0,
		xproto.CwEventMask, []uint32{xproto.EventMaskPropertyChange}).Check()
	if err != nil {
		return fmt.Errorf("making a window: %w", err)
	}
	return nil
}

// take takes the selection for the window.
func (c *x11Claim) take() error {
	// The time of the claim must be the server's (ICCCM 2.1). A change of a
	// property tells it.
	xproto.ChangeProperty(c.conn, xproto.PropModeAppend, c.window, c.atom[timeAtom], xproto.AtomInteger, 32, 0, nil)
	deadline := time.After(answerTime)
	for told := false; !told; {
		select {
		case event, ok := <-c.events:
			if !ok {
				return errors.New("the X server closed the connection")
			}
			if changed, ok := event.(xproto.PropertyNotifyEvent); ok && changed.Atom == c.atom[timeAtom] {
				c.since, told = changed.Time, true
			} else {
				c.handle(event)
			}
		case <-deadline:
			return errors.New("the X server does not tell the time")
		}
	}
	xproto.SetSelectionOwner(c.conn, c.window, c.atom[clipboardAtom], c.since)
	reply, err := xproto.GetSelectionOwner(c.conn, c.atom[clipboardAtom]).Reply()
	if err != nil {
		return fmt.Errorf("asking who owns the selection: %w", err)
	}
	if reply.Owner != c.window {
		return errors.New("another program took the clipboard at the same moment")
	}
	c.owner = true
	return nil
}

func (c *x11Claim) ended() <-chan struct{} { return c.done }

func (c *x11Claim) release(ctx context.Context) error {
	answer := make(chan error, 1)
	select {
	case c.releases <- answer:
	case <-c.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// serve answers until the text is no longer on the clipboard. A program that
// takes the selection over and offers the same text, as clipboard managers do,
// does not end the claim.
func (c *x11Claim) serve() {
	defer close(c.done)
	defer c.conn.Close()
	takenOver := false
	for {
		select {
		case event, ok := <-c.events:
			if !ok {
				return
			}
			c.handle(event)
			if !c.owner && !takenOver {
				if !c.offeredByAnother() {
					return
				}
				takenOver = true
			}
		case answer := <-c.releases:
			answer <- c.giveUp()
			return
		}
	}
}

// giveUp leaves the clipboard empty if it still offers the text. A desktop that
// keeps what is copied and puts it back when its owner goes, as GNOME's window
// manager does, is given an empty text to keep instead.
func (c *x11Claim) giveUp() error {
	at := c.since
	if !c.owner {
		if !c.offeredByAnother() {
			return nil
		}
		at = xproto.TimeCurrentTime
	}
	if err := c.disown(at); err != nil || !c.putBack() {
		return err
	}
	c.offered = secret.Secret{}
	for range restoreTries {
		if c.take() != nil {
			break
		}
		// Whoever keeps copies asks for this one now.
		c.handleFor(restoreTime)
		if !c.owner { // somebody else has copied something, or the desktop has ours
			break
		}
		if err := c.disown(c.since); err != nil || !c.putBack() {
			return err
		}
	}
	if c.offeredByAnother() {
		return errKept
	}
	return nil
}

// disown leaves the selection without an owner.
func (c *x11Claim) disown(at xproto.Timestamp) error {
	c.owner = false
	return xproto.SetSelectionOwnerChecked(c.conn, xproto.WindowNone, c.atom[clipboardAtom], at).Check()
}

// putBack reports whether the text is on the clipboard again although it was
// taken away.
func (c *x11Claim) putBack() bool {
	for deadline := time.Now().Add(restoreTime); time.Now().Before(deadline); c.handleFor(restoreTime / 10) {
		owner, err := xproto.GetSelectionOwner(c.conn, c.atom[clipboardAtom]).Reply()
		if err != nil {
			return false
		}
		if owner.Owner != xproto.WindowNone {
			return c.offeredByAnother()
		}
	}
	return false
}

// handleFor answers others for a while.
func (c *x11Claim) handleFor(d time.Duration) {
	end := time.After(d)
	for {
		select {
		case event, ok := <-c.events:
			if !ok {
				return
			}
			c.handle(event)
		case <-end:
			return
		}
	}
}

func (c *x11Claim) handle(event xgb.Event) {
	switch e := event.(type) {
	case xproto.SelectionRequestEvent:
		c.answer(e)
	case xproto.SelectionClearEvent:
		if e.Selection == c.atom[clipboardAtom] {
			c.owner = false
		}
	}
}

// answer hands out the text (ICCCM 2.2).
func (c *x11Claim) answer(e xproto.SelectionRequestEvent) {
	property := e.Property
	if property == xproto.AtomNone {
		property = e.Target // an obsolete client
	}
	if e.Selection != c.atom[clipboardAtom] || !c.owner || !c.convert(e.Requestor, e.Target, property, true) {
		property = xproto.AtomNone
	}
	xproto.SendEvent(c.conn, false, e.Requestor, xproto.EventMaskNoEvent, string(xproto.SelectionNotifyEvent{
		Time: e.Time, Requestor: e.Requestor, Selection: e.Selection, Target: e.Target, Property: property,
	}.Bytes()))
}

// convert writes the clipboard in the form target to a property of the
// requestor's window, and reports whether it could.
func (c *x11Claim) convert(requestor xproto.Window, target, property xproto.Atom, multiple bool) bool {
	write := func(kind xproto.Atom, format byte, data []byte) bool {
		length := uint32(len(data) / (int(format) / 8))
		return xproto.ChangePropertyChecked(c.conn, xproto.PropModeReplace, requestor, property, kind, format, length, data).Check() == nil
	}
	switch {
	case target == c.atom[targetsAtom]:
		offered := []string{targetsAtom, timestampAtom, multipleAtom, hintAtom}
		var list []byte
		for _, name := range append(offered, textAtoms...) {
			list = binary.NativeEndian.AppendUint32(list, uint32(c.atom[name]))
		}
		return write(xproto.AtomAtom, 32, list)
	case target == c.atom[timestampAtom]:
		return write(xproto.AtomInteger, 32, binary.NativeEndian.AppendUint32(nil, uint32(c.since)))
	case target == c.atom[hintAtom]:
		return write(target, 8, []byte("secret"))
	case target == c.atom[multipleAtom] && multiple:
		return c.convertMultiple(requestor, property)
	case target == c.atom[textAtom]:
		// TEXT leaves the encoding to the owner, who says which it is.
		return write(c.atom[utf8Atom], 8, []byte(c.offered.Reveal()))
	case slices.ContainsFunc(textAtoms, func(name string) bool { return c.atom[name] == target }):
		return write(target, 8, []byte(c.offered.Reveal()))
	}
	return false
}

// convertMultiple reads pairs of target and property and converts each; those
// that it cannot it marks by None (ICCCM 2.6.2).
func (c *x11Claim) convertMultiple(requestor xproto.Window, property xproto.Atom) bool {
	const mostPairs = 64
	pairs, err := xproto.GetProperty(c.conn, false, requestor, property, c.atom[atomPairAtom], 0, 2*mostPairs).Reply()
	if err != nil || pairs.Format != 32 {
		return false
	}
	list := pairs.Value
	for i := 0; i+8 <= len(list); i += 8 {
		target := xproto.Atom(binary.NativeEndian.Uint32(list[i:]))
		into := xproto.Atom(binary.NativeEndian.Uint32(list[i+4:]))
		if into == xproto.AtomNone || !c.convert(requestor, target, into, false) {
			binary.NativeEndian.PutUint32(list[i+4:], xproto.AtomNone)
		}
	}
	return xproto.ChangePropertyChecked(c.conn, xproto.PropModeReplace, requestor, property,
		c.atom[atomPairAtom], 32, uint32(len(list)/4), list).Check() == nil
}

// offeredByAnother asks the selection's new owner for its text, and reports
// whether it is ours.
func (c *x11Claim) offeredByAnother() bool {
	owner, err := xproto.GetSelectionOwner(c.conn, c.atom[clipboardAtom]).Reply()
	if err != nil || owner.Owner == xproto.WindowNone {
		return false
	}
	xproto.ConvertSelection(c.conn, c.window, c.atom[clipboardAtom], c.atom[utf8Atom], c.atom[ownAtom], xproto.TimeCurrentTime)
	deadline := time.After(answerTime)
	for {
		select {
		case event, ok := <-c.events:
			if !ok {
				return false
			}
			notify, ok := event.(xproto.SelectionNotifyEvent)
			if !ok {
				c.handle(event)
				continue
			}
			if notify.Property == xproto.AtomNone {
				return false
			}
			// One unit more than ours is enough to see that it is longer. A
			// large text comes as INCR, which is not ours either.
			got, err := xproto.GetProperty(c.conn, true, c.window, notify.Property, xproto.GetPropertyTypeAny, 0, maxSize/4+1).Reply()
			return err == nil && got.BytesAfter == 0 && got.Format == 8 && secret.New(string(got.Value)).Equal(c.text)
		case <-deadline:
			return false
		}
	}
}
