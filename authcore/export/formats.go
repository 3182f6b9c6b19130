package export

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// Format is a way to write headers down. Clipboard, live files and command line
// all use these and no others.
type Format string

// The formats, by the names used in settings and on the command line.
const (
	// FormatHeaders is one HTTP header a line, which `curl -H @file` reads too.
	FormatHeaders Format = "headers"
	// FormatCurl is one line of -H arguments, quoted for a POSIX shell.
	FormatCurl Format = "curl"
	// FormatCurlConfig is a file for `curl -K`, which keeps the headers off the
	// command line, where every user of the computer could read them.
	FormatCurlConfig Format = "curl-config"
	// FormatJSON is one object of header names and values.
	FormatJSON Format = "json"
	// FormatEnv is a .env file: see VariableName for the names.
	//
	// No standard says how such files are quoted. A value is written as 'value',
	// which shells, systemd, Docker Compose, Node.js and python-dotenv read the
	// same way (but python-dotenv replaces ${NAME} everywhere, and takes \\ for
	// one backslash). One that holds ' is written as "value", where any of
	// "$`\ gets a backslash as in a shell, which Node.js does not take away
	// again. `docker run --env-file` knows no quotes at all.
	FormatEnv Format = "env"
	// FormatShell is `export NAME='value'` for sh, bash, zsh and their kin.
	FormatShell Format = "shell"
	// FormatPowerShell is `$env:NAME = 'value'`. Windows PowerShell 5.1 reads a
	// script file as UTF-8 only with a byte order mark, which is not written.
	FormatPowerShell Format = "powershell"
	// FormatPython is a dict literal, in ASCII.
	FormatPython Format = "python"
)

// Formats lists every format, in the order in which menus show them.
var Formats = []Format{
	FormatHeaders, FormatCurl, FormatCurlConfig, FormatJSON,
	FormatEnv, FormatShell, FormatPowerShell, FormatPython,
}

// Title is the format's name as people say it.
func (f Format) Title() string { return formats[f].title }

// Description is one line for a menu or a help text: what the output is for.
func (f Format) Description() string { return formats[f].description }

var formats = map[Format]struct {
	title, description string
	write              func(Service, []Header) string
}{
	FormatHeaders:    {"HTTP headers", "one “name: value” a line, as on the wire", writeHeaders},
	FormatCurl:       {"curl arguments", "-H 'name: value', to paste after curl", writeCurl},
	FormatCurlConfig: {"curl config file", "a file for curl -K, which keeps the headers off the command line", writeCurlConfig},
	FormatJSON:       {"JSON", "one object: {\"name\": \"value\"}", writeJSON},
	FormatEnv:        {".env file", "BITFOUNT_…='value' lines for dotenv readers, containers and services", writeEnv},
	FormatShell:      {"Shell", "export BITFOUNT_…='value' for sh, bash and zsh", writeShell},
	FormatPowerShell: {"PowerShell", "$env:BITFOUNT_… = 'value'", writePowerShell},
	FormatPython:     {"Python", "a dict, to paste after headers=", writePython},
}

// ParseFormat accepts the names of Formats. The error lists them.
func ParseFormat(name string) (Format, error) {
	names := make([]string, len(Formats))
	for i, f := range Formats {
		if string(f) == name {
			return f, nil
		}
		names[i] = string(f)
	}
	return "", fmt.Errorf("there is no format %q: choose one of %s", name, strings.Join(names, ", "))
}

// Render writes the headers of one service in a format, ending with a newline.
// It fails for an unknown format, for no headers at all, and for a header that
// a request could not carry: a name that is not a token (RFC 9110 section
// 5.6.2), an empty value, or one with a line break, a NUL or another control
// character, with blanks at its ends (section 5.5), or that is not UTF-8. The
// error names the header and never its value.
func Render(f Format, service Service, headers []Header) (secret.Secret, error) {
	format, ok := formats[f]
	if !ok {
		_, err := ParseFormat(string(f))
		return secret.Secret{}, err
	}
	if len(headers) == 0 {
		return secret.Secret{}, fmt.Errorf("there are no headers for the %s", service.Title())
	}
	seen := map[string]bool{}
	for _, h := range headers {
		if err := check(h); err != nil {
			return secret.Secret{}, err
		}
		variable := VariableName(service, h.Name)
		if seen[variable] {
			return secret.Secret{}, fmt.Errorf("the header %s is there twice", h.Name)
		}
		seen[variable] = true
	}
	return secret.New(format.write(service, headers)), nil
}

func check(h Header) error {
	if !isToken(h.Name) {
		return fmt.Errorf("%q is not the name of a header", h.Name)
	}
	v := h.Value.Reveal()
	switch {
	case v == "":
		return fmt.Errorf("the header %s has no value", h.Name)
	case !utf8.ValidString(v):
		return fmt.Errorf("the value of the header %s is not UTF-8 text", h.Name)
	case strings.ContainsFunc(v, func(r rune) bool { return (r < ' ' && r != '\t') || r == 0x7f }):
		return fmt.Errorf("the value of the header %s holds a line break or another control character", h.Name)
	case strings.Trim(v, " \t") != v:
		return fmt.Errorf("the value of the header %s begins or ends with a blank", h.Name)
	}
	return nil
}

func isToken(name string) bool {
	return name != "" && strings.Trim(name, "!#$%&'*+-.^_`|~0123456789"+
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// VariableName is the environment variable that carries a header in the
// formats env, shell and powershell: BITFOUNT, the service and the header's
// name in capitals, joined by underscores, as in BITFOUNT_HUB_AUTHORIZATION,
// BITFOUNT_AM_X_API_KEY_ID or BITFOUNT_MESSAGE_SERVICE_TOKEN. The value is the
// header's whole value, with its "Bearer ".
func VariableName(service Service, header string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper("BITFOUNT_"+string(service)+"_"+header))
}

func each(headers []Header, line func(name, value string) string) string {
	var b strings.Builder
	for _, h := range headers {
		b.WriteString(line(h.Name, h.Value.Reveal()))
	}
	return b.String()
}

func writeHeaders(_ Service, headers []Header) string {
	return each(headers, func(name, value string) string { return name + ": " + value + "\n" })
}

func writeCurl(_ Service, headers []Header) string {
	return strings.TrimPrefix(each(headers, func(name, value string) string {
		return " -H " + shellQuote(name+": "+value)
	}), " ") + "\n"
}

// curlEscape follows the section on -K in curl(1): inside double quotes only
// the backslash sequences \\, \", \t, \n, \r and \v exist.
var curlEscape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\t", `\t`)

func writeCurlConfig(_ Service, headers []Header) string {
	return each(headers, func(name, value string) string {
		return `header = "` + curlEscape.Replace(name+": "+value) + "\"\n"
	})
}

func writeJSON(_ Service, headers []Header) string {
	lines := each(headers, func(name, value string) string {
		return ",\n  " + jsonString(name) + ": " + jsonString(value)
	})
	return "{" + strings.TrimPrefix(lines, ",") + "\n}\n"
}

// jsonString leaves <, > and & as they are: this is not for a web page.
func jsonString(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // a string always encodes
	}
	return strings.TrimSuffix(b.String(), "\n")
}

var envEscape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`")

func writeEnv(service Service, headers []Header) string {
	return each(headers, func(name, value string) string {
		quoted := "'" + value + "'"
		if strings.Contains(value, "'") {
			quoted = `"` + envEscape.Replace(value) + `"`
		}
		return VariableName(service, name) + "=" + quoted + "\n"
	})
}

func writeShell(service Service, headers []Header) string {
	return each(headers, func(name, value string) string {
		return "export " + VariableName(service, name) + "=" + shellQuote(value) + "\n"
	})
}

// shellQuote relies on POSIX XCU section 2.2.2: between single quotes nothing
// but the single quote is special.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// powerShellEscape doubles every character that PowerShell takes for a single
// quote; the typographic ones end a string too.
var powerShellEscape = strings.NewReplacer("'", "''", "‘", "‘‘", "’", "’’", "‚", "‚‚", "‛", "‛‛")

func writePowerShell(service Service, headers []Header) string {
	return each(headers, func(name, value string) string {
		return "$env:" + VariableName(service, name) + " = '" + powerShellEscape.Replace(value) + "'\n"
	})
}

// writePython uses Go's ASCII quoting: all its escapes mean the same in Python.
func writePython(_ Service, headers []Header) string {
	return "{\n" + each(headers, func(name, value string) string {
		return "    " + strconv.QuoteToASCII(name) + ": " + strconv.QuoteToASCII(value) + ",\n"
	}) + "}\n"
}
