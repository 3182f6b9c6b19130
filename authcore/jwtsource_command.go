package authcore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

const (
	// commandTimeLimit is twice what the slowest of the well-known commands
	// that print a token are reported to take (15 s).
	commandTimeLimit = 30 * time.Second
	// commandPipeGrace is how long a finished command's children may keep its
	// output open before they are no longer listened to.
	commandPipeGrace = 2 * time.Second
	// commandComplaintLimit is how much of the error output is looked at.
	commandComplaintLimit = 4 << 10
)

// CommandSource takes the token from what a command prints on its standard
// output: the token alone, or a JSON object
//
//	{"token": "…", "expires": "2026-01-02T15:04:05Z"}
//
// whose expires is an RFC 3339 time or POSIX seconds. Without expires, the
// token must be a JWT whose exp claim says when it ends.
//
// The command runs without a shell, with nothing on its standard input, and in
// a process group of its own (on Windows: a job). It may take 30 s and print
// 64 KiB; beyond that, the whole group is ended.
type CommandSource struct {
	// Argv is the program, found in PATH or given with its path, and its
	// arguments, exactly as the program shall see them.
	Argv []string
}

// GetToken runs the command. The error of a command that fails has its status
// and the last line of its error output, in which everything that could be a
// token is redacted.
func (s CommandSource) GetToken(ctx context.Context) (secret.Secret, time.Time, error) {
	output, err := s.run(ctx, commandTimeLimit)
	if err != nil {
		return secret.Secret{}, time.Time{}, err
	}
	token, expires, err := parseToken(output)
	if err != nil {
		return secret.Secret{}, time.Time{}, fmt.Errorf("the output of the command %s: %w", s.Argv[0], err)
	}
	return token, expires, nil
}

var (
	errCommandSlow    = errors.New("it did not finish in time and was ended")
	errCommandVerbose = fmt.Errorf("it printed more than %d KiB and was ended", tokenSizeLimit>>10)
)

func (s CommandSource) run(ctx context.Context, limit time.Duration) ([]byte, error) {
	if len(s.Argv) == 0 || s.Argv[0] == "" {
		return nil, errors.New("no command is set")
	}
	fail := func(err error) ([]byte, error) {
		return nil, fmt.Errorf("the command %s: %w", s.Argv[0], err)
	}
	limited, end := context.WithCancelCause(ctx)
	defer end(nil)
	limited, stop := context.WithTimeoutCause(limited, limit, fmt.Errorf("%w (after %v)", errCommandSlow, limit))
	defer stop()

	cmd := exec.CommandContext(limited, s.Argv[0], s.Argv[1:]...)
	if cmd.Err == nil {
		cmd.Err = refuseShellScript(cmd.Path)
	}
	if cmd.Err != nil {
		return fail(withoutCommandName(cmd.Err))
	}
	output := &boundedBuffer{limit: tokenSizeLimit, full: func() { end(errCommandVerbose) }}
	complaint := &boundedBuffer{limit: commandComplaintLimit, full: func() {}}
	cmd.Stdout, cmd.Stderr = output, complaint
	cmd.WaitDelay = commandPipeGrace
	group, err := startInGroup(cmd)
	if err != nil {
		return fail(withoutCommandName(err))
	}
	defer group.release()
	err = cmd.Wait()
	if limited.Err() != nil {
		// The command itself may have ended in time and left others in its
		// group: they are no longer waited for, and must not go on.
		_ = cmd.Cancel()
		return fail(context.Cause(limited))
	}
	// A child that stays in the background and holds the pipe is no failure
	// of a command that ended well.
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		if line := complaint.lastLine(); line != "" {
			return fail(fmt.Errorf("%w: %s", err, line))
		}
		return fail(err)
	}
	return output.data.Bytes(), nil
}

// withoutCommandName takes off what the caller says anyway.
func withoutCommandName(err error) error {
	if e, ok := errors.AsType[*exec.Error](err); ok {
		return e.Err
	}
	return err
}

// boundedBuffer keeps the first limit bytes, swallows the rest, and calls full
// when there is a rest.
type boundedBuffer struct {
	data  bytes.Buffer
	limit int
	full  func()
}

func (b *boundedBuffer) Write(p []byte) (int, error) {
	room := b.limit - b.data.Len()
	if len(p) > room {
		b.data.Write(p[:max(room, 0)])
		b.full()
	} else {
		b.data.Write(p)
	}
	return len(p), nil
}

// tokenLike matches what could be a token, a key or a password in a complaint.
// Long words and paths fall to it as well; that is the cheaper mistake.
var tokenLike = pattern(`[^\s"'<>]{20,}`)

// lastLine is the last line of a complaint, bounded and redacted.
func (b *boundedBuffer) lastLine() string {
	lines := strings.Split(strings.TrimSpace(strings.ToValidUTF8(b.data.String(), "?")), "\n")
	line := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, tokenLike().ReplaceAllString(lines[len(lines)-1], secret.Redacted))
	const most = 200
	if r := []rune(strings.TrimSpace(line)); len(r) > most {
		line = string(r[:most]) + "…"
	}
	return strings.TrimSpace(line)
}
