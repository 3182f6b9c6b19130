package clipboard

import (
	"context"
	"fmt"
	"os/exec"
	"strings"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// pbcopy cannot mark a text as concealed, so the pasteboard is spoken to through
// the script bridge that every macOS has (JavaScript for Automation). The text
// comes by standard input, never as an argument.
const (
	setScript = `ObjC.import('AppKit');
const data = $.NSFileHandle.fileHandleWithStandardInput.readDataToEndOfFile;
const text = $.NSString.alloc.initWithDataEncoding(data, $.NSUTF8StringEncoding);
const board = $.NSPasteboard.generalPasteboard;
board.clearContents;
board.setStringForType(text, 'public.utf8-plain-text');
board.setStringForType($(''), 'org.nspasteboard.ConcealedType');
board.setStringForType($(''), 'org.nspasteboard.TransientType');
String(board.changeCount);`
	// The argument is the count that Set left behind: another one means that
	// somebody has written to the pasteboard since.
	clearScript = `ObjC.import('AppKit');
function run(argv) {
	const board = $.NSPasteboard.generalPasteboard;
	if (String(board.changeCount) === argv[0]) { board.clearContents; }
}`
)

// pasteboardClaim is known by the pasteboard's change count. It does not notice
// by itself when another program writes to the pasteboard: macOS tells nobody,
// and asking every second would start a script every second.
type pasteboardClaim struct {
	count string
	done  chan struct{}
}

func put(ctx context.Context, text secret.Secret) (claim, error) {
	cmd := exec.CommandContext(ctx, "/usr/bin/osascript", "-l", "JavaScript", "-e", setScript)
	cmd.Stdin = strings.NewReader(text.Reveal())
	count, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("osascript: %w", err)
	}
	return &pasteboardClaim{count: strings.TrimSpace(string(count)), done: make(chan struct{})}, nil
}

func (c *pasteboardClaim) ended() <-chan struct{} { return c.done }

func (c *pasteboardClaim) release(ctx context.Context) error {
	if err := exec.CommandContext(ctx, "/usr/bin/osascript", "-l", "JavaScript", "-e", clearScript, c.count).Run(); err != nil {
		return fmt.Errorf("osascript: %w", err)
	}
	close(c.done)
	return nil
}
