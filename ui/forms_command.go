package ui

import (
	"errors"
	"strings"
	"unicode"
)

// errOpenQuote says that a quotation mark is not closed.
var errOpenQuote = errors.New("a quotation mark is not closed")

// splitCommand takes a line apart into a program and its arguments. Blanks part
// them; "…" and '…' keep blanks and the other kind of quotation marks. Nothing
// else is special: a backslash is part of a Windows path, and there is no shell
// that could read $, | or >.
func splitCommand(line string) ([]string, error) {
	var args []string
	var arg strings.Builder
	inArg := false
	var quote rune
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, inArg = r, true
		case quote == 0 && unicode.IsSpace(r):
			if inArg {
				args = append(args, arg.String())
				arg.Reset()
				inArg = false
			}
		default:
			arg.WriteRune(r)
			inArg = true
		}
	}
	if quote != 0 {
		return nil, errOpenQuote
	}
	if inArg {
		args = append(args, arg.String())
	}
	return args, nil
}

// joinCommand writes a command so that splitCommand takes it apart again.
func joinCommand(args []string) string {
	quoted := make([]string, len(args))
	for i, arg := range args {
		quoted[i] = quoteArgument(arg)
	}
	return strings.Join(quoted, " ")
}

func quoteArgument(arg string) string {
	if arg != "" && !strings.ContainsFunc(arg, func(r rune) bool { return unicode.IsSpace(r) || r == '"' || r == '\'' }) {
		return arg
	}
	// Each run without a double quotation mark stands between two of them, and
	// the marks themselves between single ones.
	var b strings.Builder
	for i, part := range strings.Split(arg, `"`) {
		if i > 0 {
			b.WriteString(`'"'`)
		}
		if part != "" || arg == "" {
			b.WriteString(`"` + part + `"`)
		}
	}
	return b.String()
}
