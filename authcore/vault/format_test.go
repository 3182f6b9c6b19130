package vault

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"strings"
	"testing"
)

// sealedFile is a file with its vault, for tests that alter it.
func sealedFile(tb testing.TB) (*Vault, []byte) {
	tb.Helper()
	v, _ := saved(tb, "tokens")
	file, err := os.ReadFile(v.Path())
	if err != nil {
		tb.Fatal(err)
	}
	return v, file
}

func TestFileCutShort(t *testing.T) {
	v, file := sealedFile(t)
	for n := range file {
		if _, err := v.open(t.Context(), file[:n]); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := v.open(t.Context(), append(bytes.Clone(file), 0)); !errors.Is(err, ErrDamaged) {
		t.Errorf("one byte more: %v", err)
	}
}

// TestEachBitCounts flips every bit of the file, for a vault that has the key
// in memory and for one that must ask for it.
func TestEachBitCounts(t *testing.T) {
	v, file := sealedFile(t)
	later := New(Options{Dir: v.dir, Keyring: v.keyring})
	for at := range file {
		for bit := range 8 {
			file[at] ^= 1 << bit
			for _, v := range []*Vault{v, later} {
				if content, err := v.open(t.Context(), file); !errors.Is(err, ErrDamaged) {
					t.Errorf("bit %d of byte %d (%q): got %q, %v", bit, at, file[at], content, err)
				}
			}
			file[at] ^= 1 << bit
		}
	}
	if content, err := later.open(t.Context(), file); err != nil || string(content) != "tokens" {
		t.Errorf("whole again: %q, %v", content, err)
	}
}

// TestHeaderIsAuthenticated moves a sealed part below another valid header.
func TestHeaderIsAuthenticated(t *testing.T) {
	v, file := sealedFile(t)
	_, sealed, err := parseHeader(file)
	if err != nil {
		t.Fatal(err)
	}
	newer := append(headerLine(version+1, v.current), sealed...)
	if _, err := v.open(t.Context(), newer); !errors.Is(err, ErrDamaged) || errors.Is(err, ErrNewerVersion) {
		t.Errorf("another version: %v", err)
	}
	twin := newFreshKey()
	stored, err := v.keyring.Get(Service, KeyPrefix+v.current)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.keyring.Set(Service, KeyPrefix+twin.name, stored); err != nil {
		t.Fatal(err)
	}
	if _, err := v.open(t.Context(), append(headerLine(version, twin.name), sealed...)); !errors.Is(err, ErrDamaged) {
		t.Errorf("another key name: %v", err)
	}
}

func TestWrongKey(t *testing.T) {
	v, _ := saved(t, "tokens")
	user := KeyPrefix + v.current
	right, err := v.keyring.Get(Service, user)
	if err != nil {
		t.Fatal(err)
	}
	later := New(Options{Dir: v.dir, Keyring: v.keyring})
	for name, c := range map[string]struct {
		entry string
		want  error
	}{
		"another key": {newFreshKey().encoded, ErrDamaged},
		"too short":   {base64.StdEncoding.EncodeToString(make([]byte, keySize-1)), ErrKeyMissing},
		"no base64":   {"password", ErrKeyMissing},
		"empty":       {"", ErrKeyMissing},
	} {
		if err := v.keyring.Set(Service, user, c.entry); err != nil {
			t.Fatal(err)
		}
		_, err := later.Read(t.Context())
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if c.entry != "" && strings.Contains(err.Error(), c.entry) {
			t.Errorf("%s: the error shows the entry", name)
		}
		mustRead(t, v, "tokens")
	}
	// The entry put right again is enough.
	if err := v.keyring.Set(Service, user, right); err != nil {
		t.Fatal(err)
	}
	mustRead(t, later, "tokens")
}

func TestHeaderForm(t *testing.T) {
	const name = "00ff00ff00ff00ff"
	line := string(headerLine(12, name))
	if h, rest, err := parseHeader([]byte(line + "rest")); err != nil || h.version != 12 || h.keyName != name || string(rest) != "rest" {
		t.Errorf("%+v, %q, %v", h, rest, err)
	}
	for _, bad := range []string{
		"", "\n", "bitfount-tray vault 1\n", strings.TrimSuffix(line, "\n"),
		string(headerLine(0, name)), string(headerLine(-1, name)), string(headerLine(1, strings.ToUpper(name))),
		string(headerLine(1, name+"00")), string(headerLine(1, "")), string(headerLine(1, "../../../../etc")),
		strings.Replace(line, "12", "+12", 1), strings.Replace(line, "12", "012", 1),
		strings.Replace(line, "\n", " \n", 1), strings.Replace(line, "\n", "\r\n", 1),
	} {
		if h, _, err := parseHeader([]byte(bad)); err == nil {
			t.Errorf("%q was accepted: %+v", bad, h)
		}
	}
}

// FuzzVaultFile: whatever the file holds, opening it gives the content that was
// saved or one of the two errors after which it is set aside.
func FuzzVaultFile(f *testing.F) {
	v, file := sealedFile(f)
	f.Add(file)
	f.Add(file[:len(file)/2])
	f.Add(headerLine(version, v.current))
	f.Add(headerLine(version+1, v.current))
	f.Add(headerLine(version, "0123456789abcdef"))
	f.Add([]byte(magic))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, v := range []*Vault{v, New(Options{Dir: v.dir, Keyring: v.keyring})} {
			content, err := v.open(t.Context(), data)
			whole := bytes.Equal(data, file)
			switch {
			case whole && err == nil && string(content) == "tokens":
			case !whole && (errors.Is(err, ErrDamaged) || errors.Is(err, ErrKeyMissing)):
			default:
				t.Errorf("%q, %v", content, err)
			}
		}
	})
}
