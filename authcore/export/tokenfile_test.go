package export

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

func tokenFile() TokenFile {
	return TokenFile{
		AccessToken:  secret.New("access-" + canary),
		IDToken:      secret.New("id-" + canary),
		RefreshToken: secret.New("refresh-" + canary),
		ExpiresAt:    time.Unix(1_800_000_000, 900_000_000),
		AuthDomain:   "auth.bitfount.com",
		ClientID:     "client",
		Scopes:       "profile openid offline_access",
		Audience:     "https://hub.bitfount.com/api",
	}
}

func TestTheTokenFileHoldsWhatTheSDKReads(t *testing.T) {
	path := filepath.Join(ownFolder(t), "storage", "_default", ".token")
	if err := WriteTokenFile(path, tokenFile()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"access_token": "access-" + canary, "id_token": "id-" + canary, "refresh_token": "kept-by-bitfount-tray",
		"access_token_expires_at": float64(1_800_000_000), "auth_domain": "auth.bitfount.com", "client_id": "client",
		"scopes": "profile openid offline_access", "audience": "https://hub.bitfount.com/api",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if strings.Contains(string(data), "refresh-"+canary) {
		t.Error("the refresh token is in the file")
	}
}

// TestPythonLoadsTheTokenFile does what the SDK does with the file.
func TestPythonLoadsTheTokenFile(t *testing.T) {
	path := filepath.Join(ownFolder(t), ".token")
	if err := WriteTokenFile(path, tokenFile()); err != nil {
		t.Fatal(err)
	}
	script := `
import datetime, json, sys
f = json.load(open(sys.argv[1]))
t = datetime.datetime.fromtimestamp(f["access_token_expires_at"], tz=datetime.timezone.utc)
assert all(isinstance(f[k], str) and f[k] for k in ("access_token", "refresh_token", "id_token", "auth_domain", "client_id", "scopes", "audience"))
print(t.isoformat(), end="")
`
	if out := output(t, exec.Command(program(t, "python3"), "-c", script, path)); string(out) != "2027-01-15T08:00:00+00:00" {
		t.Errorf("got %s", out)
	}
}

func TestATokenFileWithAGapIsNotWritten(t *testing.T) {
	path := filepath.Join(ownFolder(t), ".token")
	for name, change := range map[string]func(*TokenFile){
		"access_token":            func(f *TokenFile) { f.AccessToken = secret.Secret{} },
		"id_token":                func(f *TokenFile) { f.IDToken = secret.Secret{} },
		"access_token_expires_at": func(f *TokenFile) { f.ExpiresAt = time.Time{} },
		"auth_domain":             func(f *TokenFile) { f.AuthDomain = "" },
		"client_id":               func(f *TokenFile) { f.ClientID = "" },
		"scopes":                  func(f *TokenFile) { f.Scopes = "" },
		"audience":                func(f *TokenFile) { f.Audience = "" },
	} {
		f := tokenFile()
		change(&f)
		if err := WriteTokenFile(path, f); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
	if err := WriteTokenFile("relative/.token", tokenFile()); err == nil {
		t.Error("a relative path passes")
	}
	only(t, filepath.Dir(path))
}

func TestATokenFileOfTheSDKIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".token")
	// As Python's json.dumps writes it.
	data := `{"access_token": "a\u00e9", "refresh_token": "r", "id_token": "i", "access_token_expires_at": 1800000000.123456, ` +
		`"auth_domain": "d", "client_id": "c", "scopes": "s", "audience": "u", "more": [1, {}]}`
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := ReadTokenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := TokenFile{
		AccessToken: secret.New("aé"), RefreshToken: secret.New("r"), IDToken: secret.New("i"),
		ExpiresAt:  time.Date(2027, 1, 15, 8, 0, 0, 123_000_000, time.UTC),
		AuthDomain: "d", ClientID: "c", Scopes: "s", Audience: "u",
	}
	if f != want {
		t.Errorf("got %+v", f)
	}
}

func TestOurOwnTokenFileHasNoRefreshToken(t *testing.T) {
	content, err := tokenFile().Encode()
	if err != nil {
		t.Fatal(err)
	}
	f, err := ParseTokenFile([]byte(content.Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	want := tokenFile()
	want.RefreshToken = secret.Secret{}
	want.ExpiresAt = want.ExpiresAt.Truncate(time.Second).UTC()
	if f != want {
		t.Errorf("got %+v", f)
	}
}

// good is a token file's object with one key changed; nil leaves it out.
func good(t testing.TB, key string, value any) []byte {
	t.Helper()
	content, err := tokenFile().Encode()
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal([]byte(content.Reveal()), &object); err != nil {
		t.Fatal(err)
	}
	if object[key] = value; value == nil {
		delete(object, key)
	}
	data, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestABadTokenFileSaysWhatIsBad(t *testing.T) {
	null := json.RawMessage("null")
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "not JSON: it breaks at byte 0"},
		{"text", []byte(canary), "not JSON"},
		{"cut short", good(t, "", "")[:100], "not JSON: it breaks at byte 100"},
		{"an array", []byte(`["` + canary + `"]`), "not a JSON object"},
		{"null", []byte("null"), "not a JSON object"},
		{"something after it", append(good(t, "", ""), "{}"...), "not JSON"},
		{"nested too deep", []byte(strings.Repeat(`{"a":`, 20_000)), "not"},
		{"too long", good(t, "more", strings.Repeat("x", maxTokenFile)), "too long"},
		{"an empty object", []byte("{}"), "access_token is missing; access_token_expires_at is missing; audience is missing"},
		{"no access token", good(t, "access_token", nil), "access_token is missing"},
		{"another case", []byte(`{"Access_Token": "x"}`), "access_token is missing"},
		{"null token", good(t, "id_token", null), "id_token is missing"},
		{"empty token", good(t, "refresh_token", ""), "refresh_token is missing"},
		{"number as text", good(t, "client_id", 1), "client_id is not text"},
		{"object as text", good(t, "scopes", []string{canary}), "scopes is not text"},
		{"text as time", good(t, "access_token_expires_at", "1800000000"), "access_token_expires_at is not a number"},
		{"null as time", good(t, "access_token_expires_at", null), "access_token_expires_at is missing"},
		{"time zero", good(t, "access_token_expires_at", 0), "not a time"},
		{"time before 1970", good(t, "access_token_expires_at", -1), "not a time"},
		{"milliseconds", good(t, "access_token_expires_at", 1_800_000_000_000), "not a time"},
		{"infinity", good(t, "access_token_expires_at", json.RawMessage("1e999")), "not a number"},
	}
	for _, test := range tests {
		f, err := ParseTokenFile(test.data)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if strings.Contains(err.Error(), "canary") || f != (TokenFile{}) {
			t.Errorf("%s: the error or the result holds a value: %v", test.name, err)
		}
	}
	dir := t.TempDir()
	if _, err := ReadTokenFile(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := ReadTokenFile(dir); err == nil || !strings.Contains(err.Error(), "not a file") {
		t.Errorf("a folder: %v", err)
	}
	long := filepath.Join(dir, "long")
	if err := os.WriteFile(long, make([]byte, 2*maxTokenFile), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadTokenFile(long); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("a long file: %v", err)
	}
}

func TestTokenFilePath(t *testing.T) {
	home := t.TempDir()
	storage := filepath.Join(home, "elsewhere")
	getenv := func(value string) func(string) string {
		return func(name string) string {
			if name != "BITFOUNT_STORAGE_PATH" {
				t.Errorf("asked for %s", name)
			}
			return value
		}
	}
	for _, test := range []struct{ variable, username, want string }{
		{"", "", filepath.Join(home, ".bitfount", "_default", ".token")},
		{"", "ada", filepath.Join(home, ".bitfount", "ada", ".token")},
		{storage, "ada.l-o_v+e@x é", filepath.Join(storage, "ada.l-o_v+e@x é", ".token")},
	} {
		if got, err := TokenFilePath(getenv(test.variable), home, test.username); err != nil || got != test.want {
			t.Errorf("%+v: got %s, %v", test, got, err)
		}
	}
	for _, username := range []string{
		".", "..", "../x", "a/b", `a\b`, "/", "a\x00", "a\n", "C:", "a:b", "a*", " a", "a ", "a.", "\xff", strings.Repeat("a", 256),
	} {
		if got, err := TokenFilePath(getenv(""), home, username); err == nil {
			t.Errorf("%q becomes %s", username, got)
		}
	}
	if _, err := TokenFilePath(getenv("relative"), home, ""); err == nil || !strings.Contains(err.Error(), "BITFOUNT_STORAGE_PATH") {
		t.Errorf("a relative folder: %v", err)
	}
}

func FuzzTokenFile(f *testing.F) {
	f.Add(good(f, "", ""))
	f.Add(good(f, "refresh_token", "r"))
	f.Add(good(f, "access_token_expires_at", 1.5e9))
	for _, seed := range []string{"", "null", "[]", "{}", `{"access_token":null}`, `{"access_token_expires_at":1e308}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := ParseTokenFile(data)
		if err != nil {
			if file != (TokenFile{}) {
				t.Fatal("an error with a result")
			}
			return
		}
		// What was read can be written, unless it is of the first second, and
		// reads as the same again.
		content, err := file.Encode()
		if err != nil {
			if file.ExpiresAt.Unix() == 0 {
				return
			}
			t.Fatal(err)
		}
		again, err := ParseTokenFile([]byte(content.Reveal()))
		file.RefreshToken = secret.Secret{}
		file.ExpiresAt = file.ExpiresAt.Truncate(time.Second)
		if err != nil || again != file {
			t.Fatalf("it became something else: %v", err)
		}
	})
}
