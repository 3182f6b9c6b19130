package resident

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/bitfount/bitfount-tray/authcore"
)

// Log is the program's log: lines on standard error, and the same ones in a
// file that only its user can read, of at most 1 MB, beside the last two such
// files. Secrets do not get into it by their type; what looks like one all the
// same is taken out of every line. It is safe for concurrent use.
type Log struct {
	*slog.Logger
	level slog.LevelVar
	file  *lumberjack.Logger
}

// OpenLog begins a log. path is the file's, in a folder of its own; with an
// empty one, or where no file can be written, it goes to standard error alone:
// a log is no reason not to start.
func OpenLog(stderr io.Writer, path, level string) *Log {
	l := &Log{}
	l.SetLevel(level)
	sink := &redacting{to: []io.Writer{stderr}}
	if path != "" {
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if err == nil {
			err = private(path)
		}
		if err == nil {
			l.file = &lumberjack.Logger{Filename: path, MaxSize: 1, MaxBackups: 2}
			sink.to = append(sink.to, l.file)
		} else {
			defer func() { l.Warn("there is no log file", "cause", err) }()
		}
	}
	l.Logger = slog.New(slog.NewTextHandler(sink, &slog.HandlerOptions{Level: &l.level}))
	return l
}

// private makes the file, or takes others' rights from one that is there.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = f.Chmod(0o600)
	if closing := f.Close(); err == nil {
		err = closing
	}
	return err
}

// SetLevel takes over the setting log_level.
func (l *Log) SetLevel(name string) {
	level := slog.LevelInfo
	if name == "debug" {
		level = slog.LevelDebug
	}
	l.level.Set(level)
}

// Close ends the file. Later lines go to standard error and open it again.
func (l *Log) Close() {
	if l.file != nil {
		_ = l.file.Close()
	}
}

// redacting writes each line to every place. What one of them does not take
// must not keep it from the others: a program without a terminal has no
// standard error, and disks are full at times.
type redacting struct{ to []io.Writer }

func (r *redacting) Write(line []byte) (int, error) {
	clean := []byte(authcore.Redact(string(line)))
	for _, w := range r.to {
		_, _ = w.Write(clean)
	}
	return len(line), nil
}
