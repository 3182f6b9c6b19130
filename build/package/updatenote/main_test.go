package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestANoteIsSignedWithANewKeyAndBelievedWithItsPublicPart(t *testing.T) {
	var private, public, signed, said bytes.Buffer
	if err := run(nil, &private, &public, true, false, "", "", ""); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(public.String()), "\n")
	key := lines[len(lines)-1]
	if !strings.HasPrefix(private.String(), "PRIVATE+KEY+bitfount-tray+") || strings.Contains(public.String(), "PRIVATE") {
		t.Fatal("the two keys are mixed up")
	}
	t.Setenv("UPDATE_KEY", strings.TrimSpace(private.String()))
	if err := run(nil, &signed, nil, false, false, "1.2.0", "", ""); err != nil {
		t.Fatal(err)
	}
	if err := run(bytes.NewReader(signed.Bytes()), &said, nil, false, true, "", "", key); err != nil || !strings.Contains(said.String(), "version 1.2.0, https://github.com/bitfount/bitfount-tray/releases/tag/v1.2.0") {
		t.Errorf("%q, %v", said.String(), err)
	}
	// A release whose key is not in keys.txt ends here, and not with its users.
	if err := run(bytes.NewReader(signed.Bytes()), &said, nil, false, true, "", "", "# none"); err == nil {
		t.Error("believed without a key")
	}
	t.Setenv("UPDATE_KEY", "PRIVATE+KEY+nonsense")
	if err := run(nil, &signed, nil, false, false, "1.2.0", "", ""); err == nil || strings.Contains(err.Error(), "nonsense") {
		t.Errorf("%v", err)
	}
}
