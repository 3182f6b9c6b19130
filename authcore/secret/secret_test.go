package secret

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestNoWayOfPrintingShowsTheValue(t *testing.T) {
	const canary = "eyJ-canary-value"
	s := New(canary)
	holder := struct {
		S Secret
		P *Secret
		M map[string]Secret
		L []Secret
	}{s, &s, map[string]Secret{"k": s}, []Secret{s}}

	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10.3s", "%t"} {
		fmt.Fprintf(&out, verb+"\n", s)
		fmt.Fprintf(&out, verb+"\n", &s)
		fmt.Fprintf(&out, verb+"\n", holder)
	}
	encoded, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(encoded)
	slog.New(slog.NewTextHandler(&out, nil)).Info("m", "s", s, "h", holder)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "s", s, "h", holder)
	fmt.Fprintln(&out, fmt.Errorf("wrapped: %v", s))

	hex := fmt.Sprintf("%x", canary)
	for _, form := range []string{canary, "canary", hex, strings.ToUpper(hex)} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the value shows as %q in:\n%s", form, out.String())
		}
	}
	if !strings.Contains(out.String(), Redacted) {
		t.Errorf("nothing says %s", Redacted)
	}
}

func TestRevealAndEqual(t *testing.T) {
	if got := New("a").Reveal(); got != "a" {
		t.Errorf("Reveal() = %q", got)
	}
	if !New("a").Equal(New("a")) || New("a").Equal(New("b")) || New("a").Equal(New("ab")) {
		t.Error("Equal compares wrongly")
	}
	if !(Secret{}).Empty() || New("a").Empty() {
		t.Error("Empty answers wrongly")
	}
}
