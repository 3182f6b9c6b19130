package autostart

import (
	"bytes"
	"encoding/xml"
	"io"
	"regexp"
	"strings"
)

// What Windows and macOS write, read and written on every system, so that every
// system tests it.

// approved reads a value of the registry's StartupApproved key: its first byte
// is odd where the entry is switched off, and eight bytes of time follow.
func approved(state []byte) bool { return len(state) == 0 || state[0]&1 == 0 }

// launchAgent writes a launchd.plist(5) that starts the command at login.
func launchAgent(command []string) []byte {
	text := func(s string) string {
		var b bytes.Buffer
		_ = xml.EscapeText(&b, []byte(s)) // a bytes.Buffer takes everything
		return b.String()
	}
	var b bytes.Buffer
	b.WriteString(xml.Header + `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>` + text(id) + `</string>
	<key>ProgramArguments</key>
	<array>
`)
	for _, arg := range command {
		b.WriteString("\t\t<string>" + text(arg) + "</string>\n")
	}
	b.WriteString(`	</array>
	<key>RunAtLoad</key>
	<true/>
	<key>ProcessType</key>
	<string>Interactive</string>
</dict>
</plist>
`)
	return b.Bytes()
}

// launchProgram reads the program back from what launchAgent wrote: the first
// string in the array, empty if there is none.
func launchProgram(plist []byte) string {
	d := xml.NewDecoder(bytes.NewReader(plist))
	inArray := false
	for {
		token, err := d.Token()
		if err != nil {
			return "" // io.EOF, or no plist
		}
		start, ok := token.(xml.StartElement)
		switch {
		case !ok:
		case start.Name.Local == "array":
			inArray = true
		case start.Name.Local == "string" && inArray:
			var program string
			if err := d.DecodeElement(&program, &start); err != nil && err != io.EOF {
				return ""
			}
			return program
		}
	}
}

// launchDisabled reads what `launchctl print-disabled gui/UID` prints: whether
// the agent is switched off. Old systems say true and false.
//
//	"com.bitfount.tray" => disabled
func launchDisabled(printed, label string) bool {
	line := regexp.MustCompile(`"` + regexp.QuoteMeta(label) + `" => (\w+)`).FindStringSubmatch(printed)
	return line != nil && strings.Contains("disabled true", line[1])
}
