package policy

import (
	"maps"
	"strings"
	"testing"

	"golang.org/x/sys/windows/registry"

	"github.com/bitfount/bitfount-tray/authcore"
)

func TestThePolicyOfTheRegistry(t *testing.T) {
	const path = `Software\Bitfount\Tray policy test`
	if values, err := readKey(registry.CURRENT_USER, path); values != nil || err != nil {
		t.Fatalf("without a key: %v, %v", values, err)
	}
	key, _, err := registry.CreateKey(registry.CURRENT_USER, path, registry.SET_VALUE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = key.Close()
		_ = registry.DeleteKey(registry.CURRENT_USER, path)
	})
	for _, err := range []error{
		key.SetStringValue("", "the key's own value"),
		key.SetStringValue("proxy", "http://proxy.hospital.test:3128"),
		key.SetDWordValue("exports", 1),
		key.SetDWordValue("clipboard_seconds", 20),
		key.SetDWordValue("start_at_login", 0),
		key.SetStringsValue("export_formats", []string{"sdk-token", "json"}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	values, p := judge(readKey(registry.CURRENT_USER, path))
	want := map[string]string{
		"proxy": "http://proxy.hospital.test:3128", "exports": "1", "clipboard_seconds": "20", "start_at_login": "0", "export_formats": "sdk-token,json",
	}
	if p != nil || !maps.Equal(values, want) {
		t.Fatalf("%v, %v", values, p)
	}
	s, err := authcore.ReadSettings("", values)
	if err != nil || !s.Exports || s.StartAtLogin || s.ClipboardSeconds != 20 || s.ExportFormats != "sdk-token,json" || !s.IsLocked("proxy") {
		t.Errorf("%+v, %v", s, err)
	}
	// A value of a kind that means nothing is a mistake, and forbids.
	if err := key.SetBinaryValue("exports", []byte{1}); err != nil {
		t.Fatal(err)
	}
	values, p = judge(readKey(registry.CURRENT_USER, path))
	if p == nil || !strings.Contains(p.Cause, "exports") {
		t.Errorf("a binary value: %v", p)
	}
	if s, _ := authcore.ReadSettings("", values); s.Exports || !s.IsLocked("exports") || s.ClipboardSeconds != 20 {
		t.Errorf("%+v", s)
	}
}
