package autostart

import (
	"encoding/xml"
	"io"
	"slices"
	"strings"
	"testing"
)

// paths that break careless quoting.
var awkward = []string{
	"/usr/bin/bitfount-tray", "/opt/Bitfount Tray/bitfount-tray", "/home/100%/bitfount-tray", `/home/a"b/x`, "/home/a$HOME/`id`/x",
	`/home/back\slash/x`, "/home/tab\there/x", "/home/ä ö/日本/x", "/home/a&b<c>'d'/x", "/home/#1;2/x", "/home/%f %u/x", `/home/end\`,
}

func TestDesktopEntriesSurviveAwkwardPaths(t *testing.T) {
	for _, path := range awkward {
		entry := desktopEntry([]string{path, hidden})
		if on, program := parseDesktopEntry(entry); !on || program != path {
			t.Errorf("%q: on %v, %q in\n%s", path, on, program, entry)
		}
	}
}

func TestExecIsQuotedAsTheSpecificationSays(t *testing.T) {
	for arg, want := range map[string]string{
		"/usr/bin/x": "/usr/bin/x",
		"/a b":       `"/a b"`,
		"50%":        "50%%",
		"$HOME":      `"\\$HOME"`,
		`a"b`:        `"a\\"b"`,
		"`id`":       "\"\\\\`id\\\\`\"",
		`a\b`:        `"a\\\\b"`,
		"":           `""`,
	} {
		if got := quoteExec(arg); got != want {
			t.Errorf("%q: %s, want %s", arg, got, want)
		}
	}
}

func TestEntriesThatAreSwitchedOffAreRespected(t *testing.T) {
	for name, c := range map[string]struct {
		entry string
		want  bool
	}{
		"plain":               {"[Desktop Entry]\nExec=x\n", true},
		"Hidden":              {"[Desktop Entry]\nExec=x\nHidden=true\n", false},
		"Hidden with blanks":  {"[Desktop Entry]\nHidden = true \nExec=x\n", false},
		"not Hidden":          {"[Desktop Entry]\nExec=x\nHidden=false\n", true},
		"GNOME":               {"[Desktop Entry]\nExec=x\nX-GNOME-Autostart-enabled=false\n", false},
		"another group":       {"[Desktop Entry]\nExec=x\n[Desktop Action Off]\nHidden=true\nExec=y\n", true},
		"Windows line ends":   {"[Desktop Entry]\r\nExec=x\r\nHidden=true\r\n", false},
		"a comment":           {"# Hidden=true\n[Desktop Entry]\n#Hidden=true\nExec=x\n", true},
		"without a program":   {"[Desktop Entry]\nType=Application\n", false},
		"empty":               {"", false},
		"not a desktop entry": {"\x00\x01\x02", false},
	} {
		if got, _ := parseDesktopEntry([]byte(c.entry)); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func FuzzParseDesktopEntry(f *testing.F) {
	f.Add([]byte("[Desktop Entry]\nExec=\"a b\" c\n"))
	f.Add([]byte("[Desktop Entry]\nExec=\\"))
	f.Fuzz(func(t *testing.T, data []byte) {
		on, program := parseDesktopEntry(data)
		if on && program == "" {
			t.Error("an entry that starts nothing is on")
		}
		if _, again := parseDesktopEntry(desktopEntry([]string{strings.ReplaceAll(program, "\r", "")})); !strings.ContainsAny(program, "\r\x00") && program != "" && again != program {
			t.Errorf("%q came back as %q", program, again)
		}
	})
}

func TestLaunchAgentsSurviveAwkwardPaths(t *testing.T) {
	for _, path := range awkward {
		plist := launchAgent([]string{path, hidden})
		if got := launchProgram(plist); got != path {
			t.Errorf("%q came back as %q", path, got)
		}
		var texts []string
		for d := xml.NewDecoder(strings.NewReader(string(plist))); ; {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%q: %v", path, err)
			}
			if text, ok := token.(xml.CharData); ok && strings.TrimSpace(string(text)) != "" {
				texts = append(texts, string(text))
			}
		}
		if want := []string{"Label", id, "ProgramArguments", path, hidden, "RunAtLoad", "ProcessType", "Interactive"}; !slices.Equal(texts, want) {
			t.Errorf("%q, want %q", texts, want)
		}
	}
}

func TestLaunchctlIsUnderstood(t *testing.T) {
	for printed, want := range map[string]bool{
		"": false,
		"\tdisabled services = {\n\t\t\"com.bitfount.tray\" => disabled\n\t}": true,
		"\t\t\"com.bitfount.tray\" => true\n":                                 true,
		"\t\t\"com.bitfount.tray\" => enabled\n":                              false,
		"\t\t\"com.bitfount.tray\" => false\n":                                false,
		"\t\t\"com.bitfountXtray\" => disabled\n":                             false,
	} {
		if got := launchDisabled(printed, id); got != want {
			t.Errorf("%q: %v", printed, got)
		}
	}
}

func TestTaskManagersNoteIsUnderstood(t *testing.T) {
	for _, c := range []struct {
		state []byte
		want  bool
	}{
		{nil, true}, {[]byte{2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, true}, {[]byte{3, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8}, false},
		{[]byte{6}, true}, {[]byte{7}, false},
	} {
		if got := approved(c.state); got != c.want {
			t.Errorf("%v: %v", c.state, got)
		}
	}
}
