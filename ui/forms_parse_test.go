package ui

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestKeysAreRecognisedInWhatPeopleCopy(t *testing.T) {
	const id, key = "hub-id:am-id", "hub+key/1=:am-key=="
	both := []string{
		"export BITFOUNT_API_KEY_ID=" + id + "\nexport BITFOUNT_API_KEY=" + key + "\n",
		"export BITFOUNT_API_KEY='" + key + "'; export BITFOUNT_API_KEY_ID=\"" + id + "\"",
		"  export BITFOUNT_API_KEY_ID=" + id + "   export BITFOUNT_API_KEY=" + key, // one line, as an entry pastes it
		"set BITFOUNT_API_KEY_ID=" + id + "\r\nset BITFOUNT_API_KEY=" + key + "\r\n",
		"$env:BITFOUNT_API_KEY_ID = \"" + id + "\"\n$env:BITFOUNT_API_KEY = \"" + key + "\"",
		"bitfount:\n  api_key_id: " + id + "\n  api_key: \"" + key + "\"\n",
		"access_key_id: " + id + "\naccess_key: '" + key + "'",
		`{"api_key_id": "` + id + `", "api_key": "` + key + `"}`,
		"api_key_id = \"" + id + "\"\napi_key = \"" + key + "\"",
		`APIKeysHandler(api_key_id="` + id + `", api_key="` + key + `")`,
		"x-api-key-id: " + id + "\nx-api-key: " + key,
		"API-Key-ID: " + id + "\nAPI-Key: " + key,
		"\ufeff" + id + "\n" + key + "\n",
		"“" + id + "” ‘" + key + "’",
		id + ", " + key,
		"\u200b" + id + "\u200b\t`" + key + "`",
	}
	for _, text := range both {
		found, rest := recogniseKeys(text)
		if found.keyID.Reveal() != id || found.key.Reveal() != key || rest != "" || found.username != "" {
			t.Errorf("%q: ID %q, key %q, rest %q", text, found.keyID.Reveal(), found.key.Reveal(), rest)
		}
	}

	found, _ := recogniseKeys("username: ada\napi_key_id: " + id + "\napi_key: " + key)
	if found.username != "ada" || found.keyID.Reveal() != id || found.key.Reveal() != key {
		t.Errorf("with a username: %q", found.username)
	}
	found, _ = recogniseKeys("export BITFOUNT_API_KEY=" + key)
	if !found.keyID.Empty() || found.key.Reveal() != key {
		t.Error("a named key alone is not recognised")
	}
	for _, alone := range []string{key, "  " + key + "\n", `"` + key + `"`, "'" + key + "' ", "“" + key + "”", "\u00a0" + key + "\ufeff", key + ";"} {
		if found, rest := recogniseKeys(alone); rest != key || found != (pastedKeys{}) {
			t.Errorf("%q: rest %q", alone, rest)
		}
	}
	for _, other := range []string{"", "  \n", `""`, "three words here", "export BITFOUNT_API_KEY_ID=$ID BITFOUNT_API_KEY=$KEY and more"} {
		if found, rest := recogniseKeys(other); rest != "" || found != (pastedKeys{}) {
			t.Errorf("%q is taken for %q, %q, %q", other, found.keyID.Reveal(), found.key.Reveal(), rest)
		}
	}
}

// Whatever is pasted, what is recognised is part of it and has nothing around
// it, and what is recognised once is so again.
func FuzzRecogniseKeys(f *testing.F) {
	for _, text := range []string{
		"export BITFOUNT_API_KEY_ID=a:b\nexport BITFOUNT_API_KEY=c:d", "api_key: 'x'", `"a" "b"`, "a", "api_key_id=\"\"\"", "\xff\xfe a:b",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		found, rest := recogniseKeys(text)
		seen := strings.Map(visible, text)
		for _, value := range []string{found.keyID.Reveal(), found.key.Reveal(), found.username, rest} {
			if value != strings.TrimSpace(value) || !strings.Contains(seen, value) {
				t.Errorf("%q became %q", text, value)
			}
		}
		if rest != "" && (found != pastedKeys{}) {
			t.Errorf("%q is a value alone and more", text)
		}
		if rest != "" {
			if _, again := recogniseKeys(rest); utf8.ValidString(text) && again != rest && again != "" {
				t.Errorf("%q became %q, then %q", text, rest, again)
			}
		}
	})
}

func TestCommandsAreTakenApartWithoutAShell(t *testing.T) {
	for line, want := range map[string][]string{
		"":                            nil,
		"   ":                         nil,
		"gettoken":                    {"gettoken"},
		" gettoken  --for bitfount\t": {"gettoken", "--for", "bitfount"},
		`"C:\Program Files\Token\get.exe" -o "a b"`: {`C:\Program Files\Token\get.exe`, "-o", "a b"},
		`\\server\share\get.exe C:\dir\`:            {`\\server\share\get.exe`, `C:\dir\`},
		`sh -c 'echo "$TOKEN" | head'`:              {"sh", "-c", `echo "$TOKEN" | head`},
		`--name="ada lovelace" x`:                   {"--name=ada lovelace", "x"},
		`a "" ''`:                                   {"a", "", ""},
		`it"'"s`:                                    {"it's"},
		"größe \u00a0 ok":                           {"größe", "ok"},
	} {
		got, err := splitCommand(line)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q is %q (%v), want %q", line, got, err, want)
		}
	}
	for _, open := range []string{`"`, `a 'b`, `"a'`} {
		if got, err := splitCommand(open); err == nil {
			t.Errorf("%q is %q", open, got)
		}
	}
}

func FuzzSplitCommand(f *testing.F) {
	f.Add("a b", "")
	f.Add(`it's "so"`, `C:\x y\`)
	f.Fuzz(func(t *testing.T, a, b string) {
		if !utf8.ValidString(a) || !utf8.ValidString(b) {
			t.Skip()
		}
		args := []string{a, b}
		got, err := splitCommand(joinCommand(args))
		if err != nil || !slices.Equal(got, args) {
			t.Errorf("%q became %q, then %q (%v)", args, joinCommand(args), got, err)
		}
	})
}
