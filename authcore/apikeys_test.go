package authcore

import (
	"strings"
	"testing"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

func TestAPIKeysThatCannotBeSentAreRefusedWithoutShowingThem(t *testing.T) {
	const good = "first-half:second-half"
	for name, c := range map[string]struct{ keyID, key, username, want string }{
		"empty ID":           {"", good, "ada", "API key ID is empty"},
		"empty key":          {good, "", "ada", "API key is empty"},
		"line feed":          {"first\n-half:b", good, "ada", "API key ID has a line break at position 6"},
		"carriage return":    {good, "first-half:b\r", "ada", "API key has a line break at position 13"},
		"NUL":                {good, "\x00first-half", "ada", "a NUL character at position 1"},
		"bell":               {good, "first-half\a", "ada", "a control character"},
		"delete":             {good, "first-half\x7f", "ada", "a control character"},
		"not ASCII":          {good, "first-hälf:b", "ada", "not ASCII"},
		"not UTF-8":          {good, "first-half\xff", "ada", "not ASCII"},
		"leading blank":      {" first-half:b", good, "ada", "API key ID has a blank at position 1"},
		"blank inside":       {good, "first half:b", "ada", "a blank"},
		"tab at the end":     {good, "first-half:b\t", "ada", "a blank"},
		"only second half":   {":second-half", good, "ada", "API key ID has nothing before its colon"},
		"no username":        {good, good, "", "username is needed"},
		"default username":   {good, good, "_default", `"_default"`},
		"blank in username":  {good, good, "ada ", "blank"},
		"everything at once": {"", "\n", "", "API key ID is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := NewAPIKeysHandler(secret.New(c.keyID), secret.New(c.key), c.username)
			if err == nil {
				t.Fatalf("accepted, as %v", h)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %q; want %q in it", err, c.want)
			}
			for _, part := range []string{"first", "second", "half"} {
				if strings.Contains(err.Error(), part) {
					t.Errorf("the error shows a part of the key: %q", err)
				}
			}
		})
	}
}

func TestEveryFaultOfAPIKeysIsNamedAtOnce(t *testing.T) {
	_, err := NewAPIKeysHandler(secret.New(""), secret.New("\n"), "")
	for _, want := range []string{"username", "API key ID is empty", "API key has a line break"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v; want %q in it", err, want)
		}
	}
}

func TestAKeyWithoutColonIsItsOwnFirstHalf(t *testing.T) {
	h, err := NewAPIKeysHandler(secret.New("id"), secret.New("key"), "ada")
	if err != nil {
		t.Fatal(err)
	}
	hub, _ := h.HubHeaders(t.Context())
	am, _ := h.AccessManagerHeaders(t.Context())
	if !sameHeaders(hub, am) || hub[0].Value.Reveal() != "id" || hub[1].Value.Reveal() != "key" {
		t.Error("the Hub and the Access Manager do not both get the whole key")
	}
}

func TestAppendingToReturnedHeadersHarmsNobody(t *testing.T) {
	h, err := NewAPIKeysHandler(secret.New("id:x"), secret.New("key:y"), "ada")
	if err != nil {
		t.Fatal(err)
	}
	for _, service := range []func() int{
		func() int { x, _ := h.HubHeaders(t.Context()); return cap(x) - len(x) },
		func() int { x, _ := h.AccessManagerHeaders(t.Context()); return cap(x) - len(x) },
		func() int { x, _ := h.MessageServiceMetadata(t.Context()); return cap(x) - len(x) },
	} {
		if room := service(); room != 0 {
			t.Errorf("a caller's append would write into %d shared places", room)
		}
	}
}
