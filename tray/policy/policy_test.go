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
		want   map[string]string
	}{
		"no policy":       {nil, nil, "", nil},
		"a good one":      {map[string]string{"exports": "false", "clipboard_seconds": "20"}, nil, "", map[string]string{"exports": "false", "clipboard_seconds": "20"}},
		"unreadable":      {nil, errors.New("permission denied"), "permission denied", map[string]string{"exports": "false"}},
		"an unknown name": {map[string]string{"export": "false"}, nil, `there is no setting "export"`, map[string]string{"export": "false"}},
		"a wrong value":   {map[string]string{"clipboard_seconds": "9"}, nil, "choose 10 to 600 seconds", map[string]string{"clipboard_seconds": "9"}},
	} {
		values, p := judge(c.values, c.err)
		switch {
		case (p == nil) != (c.cause == ""):
			t.Errorf("%s: problem %v", name, p)
		case p != nil && (p.Code != authcore.ProblemPolicy || !strings.Contains(p.Cause, c.cause) || !strings.Contains(p.Words().Next, Place)):
			t.Errorf("%s: %+v", name, p)
		case !maps.Equal(values, c.want):
			t.Errorf("%s: what is right is lost: %v", name, values)
		}
	}
}

func TestManagedPreferencesAreUnderstood(t *testing.T) {
	got, err := parseJSON([]byte(`{"exports":false,"clipboard_seconds":20,"proxy":"http://proxy.test:8080","PayloadUUID":"x","n":1.5,"export_formats":["json","env"]}`))
	want := map[string]string{"exports": "false", "clipboard_seconds": "20", "proxy": "http://proxy.test:8080", "n": "1.5", "export_formats": "json,env"}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "[]", `{"exports":{"a":1}}`, `{"exports":[true]}`, `{`} {
		if _, err := parseJSON([]byte(bad)); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
