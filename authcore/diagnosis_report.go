package authcore

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// Report is a diagnosis as text for support: version, system, accounts, state,
// storage, desktop, settings, the last day, and what was checked, if d is not
// nil. It holds no secret, sign-in code or file's content; user names and
// paths are in it. It is in English, whatever the user's language.
func Report(s *Snapshot, d *Diagnosis, now time.Time) string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-18s %s\n", name, fmt.Sprintf(format, args...))
	}
	problem := func(name string, p *Problem) {
		if p == nil {
			return
		}
		line(name, "%s: %s", p.Code, p.Words().What)
		if p.Cause != "" {
			line("", "cause: %s", p.Cause)
		}
		if !p.Since.IsZero() {
			line("", "since %s", stamp(p.Since))
		}
	}
	b.WriteString("Bitfount Tray report\n")
	line("version", "%s", s.Version)
	line("system", "%s, %s %s, %s", systemName(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	for _, name := range []string{"XDG_CURRENT_DESKTOP", "XDG_SESSION_TYPE", "LANG"} {
		if value := os.Getenv(name); value != "" {
			line(strings.ToLower(name), "%s", value)
		}
	}
	line("written", "%s", stamp(now))
	line("clock", "server minus this computer: %s", s.Clock.Offset.Round(time.Second))
	problem("clock", s.Clock.Problem)

	for _, a := range s.Accounts {
		b.WriteString("\nAccount")
		if a.ID == s.Active {
			b.WriteString(" (active)")
		}
		b.WriteString("\n")
		line("id", "%s", a.ID)
		line("user", "%s", a.Username)
		line("label", "%s", a.Label)
		line("method", "%s", a.Method)
		line("environment", "%s: %s, %s", a.Environment, a.HubURL, a.AccessManagerURL)
		line("state", "%s, headers: %t, renewable: %t", a.State, a.HasHeaders, a.Renewable)
		for _, t := range []struct {
			name string
			at   time.Time
		}{
			{"signed in", a.SignedInAt}, {"token issued", a.IssuedAt}, {"token expires", a.ExpiresAt},
			{"next renewal", a.RenewAt}, {"session ends", a.SessionExpiresAt},
		} {
			if !t.at.IsZero() {
				line(t.name, "%s", stamp(t.at))
			}
		}
		problem("problem", a.Problem)
	}

	b.WriteString("\nStorage and desktop\n")
	line("saved", "%t", s.Storage.Saved)
	line("keyring", "%s", keyringState(s.Storage))
	problem("storage", s.Storage.Problem)
	if s.Desktop.Resident {
		line("tray icon", "%s", map[bool]string{true: "a panel shows it", false: "cannot be seen"}[s.Desktop.Tray == nil])
	} else {
		line("tray icon", "Bitfount Tray is not running")
	}
	problem("tray icon", s.Desktop.Tray)
	problem("window", s.Desktop.Window)
	problem("browser", s.Desktop.Browser)
	problem("clipboard", s.Desktop.Clipboard.Problem)
	if len(s.Settings.Locked) > 0 || s.Desktop.Policy != nil {
		line("policy", "fixes %s", strings.Join(s.Settings.Locked, ", "))
	} else {
		line("policy", "none")
	}
	problem("policy", s.Desktop.Policy)
	problem("settings", s.Desktop.Settings)
	if paths, err := DefaultPaths(); err == nil {
		line("log", "%s", paths.LogPath())
	}
	for _, f := range s.LiveFiles {
		line("live file", "%s (%s, %s), written %s", f.Path, f.Service, f.Format, stamp(f.WrittenAt))
		problem("live file", f.Problem)
	}

	b.WriteString("\nSettings\n")
	for _, name := range SettingNames() {
		value, _ := s.Settings.Value(name)
		if s.Settings.IsLocked(name) {
			value += " (fixed by a policy)"
		}
		line(name, "%s", value)
	}

	if d != nil {
		fmt.Fprintf(&b, "\nChecks of %s\n", stamp(d.StartedAt))
		for _, c := range d.Checks {
			w := c.Words()
			mark := "ok"
			if !c.OK() {
				mark = "FAILED"
			}
			line(mark, "%s: %s", w.Title, w.Found)
			if w.Next != "" {
				line("", "%s", w.Next)
			}
			if c.Problem != nil && c.Problem.Cause != "" {
				line("", "cause: %s", c.Problem.Cause)
			}
		}
		if d.Running() {
			line("", "(still running)")
		}
	}

	b.WriteString("\nThe last day\n")
	for _, e := range s.Events {
		text := string(e.Kind)
		if e.Detail != "" {
			text += " " + e.Detail
		}
		if !e.Until.IsZero() {
			text += " until " + stamp(e.Until)
		}
		line(e.At.UTC().Format("02 15:04:05"), "%s %s", text, e.Account)
	}
	return Redact(trimLines(b.String()))
}

// keyringState says what the vault's state tells of the keyring.
func keyringState(s Storage) string {
	switch {
	case s.Problem == nil && s.Saved:
		return "it answers, and has the vault's key"
	case s.Problem == nil:
		return "not asked, or not needed yet"
	}
	switch s.Problem.Code {
	case ProblemKeyringAbsent, ProblemKeyringLocked, ProblemKeyringSlow, ProblemKeyringKeyMissing, ProblemNoSessionBus:
		return string(s.Problem.Code)
	}
	return "not the reason"
}

// stamp writes a time as RFC 3339 in UTC, which support can compare.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.RFC3339)
}

func trimLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}
