package autostart

import (
	"bufio"
	"bytes"
	"strings"
)

// The functions here read and write desktop entries (Freedesktop Desktop
// Entry Specification 1.5, Desktop Application Autostart Specification 0.5). They
// are the same on every system, so that every system tests them.

// desktopEntry writes an entry that starts the command. With TryExec, desktops
// pass over the entry once its program was removed: packages do not touch the
// files in users' homes.
func desktopEntry(command []string) []byte {
	var b bytes.Buffer
	b.WriteString("[Desktop Entry]\nType=Application\nName=Bitfount Tray\n" +
		"Comment=Keeps you signed in to Bitfount\nIcon=" + id + "\n")
	b.WriteString("TryExec=" + escapeString(command[0]) + "\nExec=")
	for i, arg := range command {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(quoteExec(arg))
	}
	b.WriteString("\nTerminal=false\nX-GNOME-Autostart-enabled=true\n")
	return b.Bytes()
}

// quoteExec writes one argument of an Exec line. Reserved characters make
// quotes necessary, four of them a backslash within; a backslash itself is
// doubled once more, since Exec is of the type "string"; and "%" begins a field
// code unless it is doubled.
func quoteExec(arg string) string {
	arg = strings.ReplaceAll(arg, "%", "%%")
	if arg != "" && !strings.ContainsAny(arg, " \t\n\"'\\><~|&;$*?#()`") {
		return arg
	}
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", "$", `\$`).Replace(arg)
	return `"` + escapeString(quoted) + `"`
}

// escapeString writes a value of the type "string".
func escapeString(s string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\t", `\t`).Replace(s)
}

// parseDesktopEntry reads what decides about an entry: whether it counts, and
// the program that it starts.
func parseDesktopEntry(data []byte) (on bool, program string) {
	on = true
	inEntry := false
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			inEntry = line == "[Desktop Entry]"
			continue
		}
		key, value, found := strings.Cut(line, "=")
		if !inEntry || !found {
			continue
		}
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		switch {
		case key == "Hidden" && value == "true", key == "X-GNOME-Autostart-enabled" && value == "false":
			on = false
		case key == "Exec":
			program = firstArgument(value)
		}
	}
	return on && program != "", program
}

// firstArgument undoes quoteExec for the first argument of an Exec line.
func firstArgument(line string) string {
	line = strings.NewReplacer(`\\`, `\`, `\s`, " ", `\n`, "\n", `\t`, "\t", `\r`, "\r").Replace(line)
	var b strings.Builder
	quoted := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted && i+1 < len(line):
			i++
			b.WriteByte(line[i])
		case c == ' ' && !quoted:
			i = len(line)
		default:
			b.WriteByte(c)
		}
	}
	return strings.ReplaceAll(b.String(), "%%", "%")
}
