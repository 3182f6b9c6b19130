// Package secret holds the one type that every token, key and password in this
// module travels in. It prints as "[redacted]" by every road that the standard
// library offers, so that a log line, an error text, a panic or a test failure
// cannot carry what it holds.
//
// It does not protect memory: a value lives on the garbage-collected heap, and
// a debugger of the same user can read it.
package secret

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// Redacted is what a Secret prints as.
const Redacted = "[redacted]"

// Secret is a string that must not be shown. The zero value is the empty
// secret. It is immutable and safe for concurrent use.
type Secret struct {
	value string
}

// New wraps a value.
func New(value string) Secret { return Secret{value: value} }

// Reveal returns the value itself. Every call is a place where a secret leaves
// its wrapping: keep it next to the wire, the vault or the export that needs it.
func (s Secret) Reveal() string { return s.value }

// Empty reports whether there is nothing in it.
func (s Secret) Empty() bool { return s.value == "" }

// Equal compares two secrets in time that depends only on their lengths.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.value), []byte(other.value)) == 1
}

// String returns Redacted, or "" for the empty secret.
func (s Secret) String() string {
	if s.value == "" {
		return ""
	}
	return Redacted
}

// Format writes Redacted for every verb and flag, so that %#v and %x leak nothing.
func (s Secret) Format(f fmt.State, verb rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText redacts in JSON, TOML and every other text encoding.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue redacts in structured logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
