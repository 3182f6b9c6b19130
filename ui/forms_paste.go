package ui

import (
	"regexp"
	"strings"
	"sync"
	"unicode"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// pastedKeys is what was recognised in a pasted text. What was not there is
// empty.
type pastedKeys struct {
	keyID, key secret.Secret
	username   string
}

// named finds "name = value" in everything that people copy keys from: the
// SDK's environment variables in a POSIX shell, cmd or PowerShell, a .env file,
// YAML, JSON, TOML, arguments in Python, HTTP headers. The value may be in
// quotes, behind which a quoted JSON name may have its closing one.
var named = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(
		`(?i)(?:^|[^a-z0-9])((?:api|access)[_-]?key(?:[_-]?id)?|user[_-]?name)["']?\s*[:=]\s*(?:"([^"]*)"|'([^']*)'|([^\s"',;&)}\]]+))`)
})

// recogniseKeys finds API keys in a pasted text: by their names if there are
// any, else as two values, the ID first. One value alone is nobody's: it is
// returned as rest, without the blanks, quotes and invisible characters around
// it, as it belongs into the field that it was pasted into. Anything else is
// not recognised, and everything returned is empty.
func recogniseKeys(text string) (found pastedKeys, rest string) {
	text = strings.Map(visible, text)
	for _, m := range named().FindAllStringSubmatch(text, -1) {
		value := strings.TrimSpace(m[2] + m[3] + m[4])
		if value == "" || strings.HasPrefix(value, "$") {
			continue // a variable, or nothing
		}
		switch name := strings.ToLower(m[1]); {
		case strings.HasPrefix(name, "user"):
			found.username = value
		case strings.HasSuffix(name, "id"):
			found.keyID = secret.New(value)
		default:
			found.key = secret.New(value)
		}
	}
	if !found.keyID.Empty() || !found.key.Empty() {
		return found, ""
	}
	found = pastedKeys{}
	var values []string
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == ';' }) {
		if word = strings.Trim(word, quotes); word != "" {
			values = append(values, word)
		}
	}
	switch len(values) {
	case 1:
		return found, values[0]
	case 2:
		found.keyID, found.key = secret.New(values[0]), secret.New(values[1])
	}
	return found, ""
}

// quotes are what word processors, chats and shells put around a value.
const quotes = "\"'`“”„‟‘’‚«»‹›<>"

// visible takes out characters that nobody sees: byte order marks, soft
// hyphens, directions and zero-width blanks, which web pages hide in a text.
func visible(r rune) rune {
	if unicode.Is(unicode.Cf, r) || (unicode.IsControl(r) && !unicode.IsSpace(r)) || r == unicode.ReplacementChar {
		return -1
	}
	return r
}

// halves are the two parts of a key as NewAPIKeysHandler takes them: what goes
// to the Hub and the message service, and what is for the Access Manager alone.
func halves(key string) (hub, rest string, both bool) { return strings.Cut(key, ":") }
