package policy

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/bitfount/bitfount-tray/authcore"
)

func TestMistakesInAPolicyAreAProblemThatNamesThem(t *testing.T) {
	for name, c := range map[string]struct {
		values map[string]string
		err    error
		cause  string // empty: no problem
	}{
		"no policy":       {nil, nil, ""},
		"a good one":      {map[string]string{"exports": "false", "clipboard_seconds": "20"}, nil, ""},
		"unreadable":      {nil, errors.New("permission denied"), "permission denied"},
		"an unknown name": {map[string]string{"export": "false"}, nil, `there is no setting "export"`},
		"a wrong value":   {map[string]string{"clipboard_seconds": "9"}, nil, "choose 10 to 600 seconds"},
	} {
		values, p := judge(c.values, c.err)
		switch {
		case (p == nil) != (c.cause == ""):
			t.Errorf("%s: problem %v", name, p)
		case p != nil && (p.Code != authcore.ProblemPolicy || !strings.Contains(p.Cause, c.cause) || !strings.Contains(p.Words().Next, Place)):
			t.Errorf("%s: %+v", name, p)
		case !maps.Equal(values, c.values):
			t.Errorf("%s: what is right is lost: %v", name, values)
		}
	}
}

func TestManagedPreferencesAreUnderstood(t *testing.T) {
	got, err := parseJSON([]byte(`{"exports":false,"clipboard_seconds":20,"proxy":"http://proxy.test:8080","PayloadUUID":"x","n":1.5}`))
	want := map[string]string{"exports": "false", "clipboard_seconds": "20", "proxy": "http://proxy.test:8080", "n": "1.5"}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "[]", `{"exports":{"a":1}}`, `{"exports":[true]}`, `{`} {
		if _, err := parseJSON([]byte(bad)); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
