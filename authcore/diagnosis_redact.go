package authcore

import (
	"regexp"
	"strings"
	"sync"
	"unicode"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// What credentials look like in text. Types keep them out of texts; this is for
// the ones that arrive inside a text of somebody else's: an error of a library,
// the output of a program. They are compiled when the first is needed, since
// every start of the command line would pay for them.
var (
	// A JWT begins with `{"` in base64url, wherever it is cut off.
	jwtLike = pattern(`eyJ[A-Za-z0-9_-]{6,}(\.[A-Za-z0-9_-]*)*`)
	// An authentication scheme and its credentials (RFC 9110 section 11.4).
	schemeLike = pattern(`(?i)\b(bearer|basic|negotiate|ntlm)(["']?[ :=]+["']?)[^\s"',;]{4,}`)
	// A name and its value: a header, a form field, a JSON member, a variable.
	namedLike = pattern(`(?i)\b((?:[a-z0-9]+[_-])*(?:authorization|api[_-]?key(?:[_-]id)?|token|password|passwd|secret|assertion|device_code|user_code|cookie))(\\?["']?\s*[:=]\s*\\?["']?)([^\s"',;&\\]+)`)
	// User name and password in a URL (RFC 3986 section 3.2.1).
	userinfoLike = pattern(`([a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s"']*@`)
	// A run of characters that no word or name has.
	runLike = pattern(`[A-Za-z0-9_~+/-]{24,}={0,2}`)
)

func pattern(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// Redact takes out of a text whatever looks like a credential: JWTs, bearer
// tokens, named keys and passwords, passwords in URLs, and long runs of mixed
// characters, which opaque tokens are. It is the last net, for logs and
// reports: it can take out too much.
func Redact(text string) string {
	text = jwtLike().ReplaceAllString(text, secret.Redacted)
	text = schemeLike().ReplaceAllString(text, "${1}${2}"+secret.Redacted)
	text = namedLike().ReplaceAllString(text, "${1}${2}"+secret.Redacted)
	text = userinfoLike().ReplaceAllString(text, "${1}"+secret.Redacted+"@")
	return runLike().ReplaceAllStringFunc(text, func(run string) string {
		if !strings.HasPrefix(run, "/") {
			return redactRun(run)
		}
		parts := strings.Split(run, "/") // a path
		for i, part := range parts {
			parts[i] = redactRun(part)
		}
		return strings.Join(parts, "/")
	})
}

// redactRun leaves what is long but has no digit, or no letter: a name or a
// number.
func redactRun(run string) string {
	if len(run) < 24 || !strings.ContainsFunc(run, unicode.IsDigit) || !strings.ContainsFunc(run, unicode.IsLetter) {
		return run
	}
	return secret.Redacted
}
