package translations

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
)

// sentences are a file's, each in its plural forms ("other" alone without).
func sentences(t *testing.T, file []byte) map[string]map[string]string {
	t.Helper()
	var raw map[string]any
	if err := json.Unmarshal(file, &raw); err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]string{}
	for key, value := range raw {
		forms := map[string]string{}
		switch value := value.(type) {
		case string:
			forms["other"] = value
		case map[string]any:
			for form, text := range value {
				forms[form], _ = text.(string)
			}
		}
		all[key] = forms
	}
	return all
}

func places(text string) []string {
	found := placeholder.FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

func TestEveryLanguageSaysEverything(t *testing.T) {
	read := func(code string) map[string]map[string]string {
		file, err := File(code)
		if err != nil {
			t.Fatal(err)
		}
		return sentences(t, file)
	}
	english := read("en")
	for key := range english {
		if strings.HasPrefix(key, "problem.") {
			t.Errorf("en: %s belongs to authcore", key)
		}
	}
	maps.Copy(english, sentences(t, englishProblems()))
	for _, code := range Codes()[1:] {
		own := read(code)
		for key, forms := range english {
			if own[key] == nil {
				t.Errorf("%s: %s is not translated", code, key)
				continue
			}
			if a, b := slices.Sorted(maps.Keys(forms)), slices.Sorted(maps.Keys(own[key])); !slices.Equal(a, b) {
				t.Errorf("%s: %s has the forms %v, want %v", code, key, b, a)
			}
			for form, text := range own[key] {
				if strings.TrimSpace(text) == "" {
					t.Errorf("%s: %s is empty", code, key)
				}
				if a, b := places(forms["other"]), places(text); !slices.Equal(a, b) && form == "other" {
					t.Errorf("%s: %s fills %v, want %v", code, key, b, a)
				}
				if strings.Contains(text, "...") {
					t.Errorf("%s: %s has three dots in place of an ellipsis", code, key)
				}
			}
		}
		for key := range own {
			if english[key] == nil {
				t.Errorf("%s: %s is no sentence of ours any more", code, key)
			}
		}
	}
}

// What a sentence quotes of a button must be what the button says.
func TestQuotedButtonsAreThere(t *testing.T) {
	quoted := regexp.MustCompile(`[“„«]\x{a0}?([^”“»]+?)\x{a0}?[”“»]`)
	for _, code := range Codes() {
		file, err := File(code)
		if err != nil {
			t.Fatal(err)
		}
		all := sentences(t, file)
		if code == "en" {
			maps.Copy(all, sentences(t, englishProblems()))
		}
		said := map[string]bool{"AppIndicator and KStatusNotifierItem Support": true}
		for _, forms := range all {
			said[forms["other"]] = true
		}
		for key, forms := range all {
			if strings.HasPrefix(key, "format-about.") || key == "source.quoted" {
				continue
			}
			for _, m := range quoted.FindAllStringSubmatch(forms["other"], -1) {
				if !said[m[1]] {
					t.Errorf("%s: %s quotes %q, which no button says", code, key, m[1])
				}
			}
		}
	}
}

func setLocale(t *testing.T, value string) {
	t.Helper()
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LC_TIME", "LANG", "LANGUAGE"} {
		t.Setenv(name, "")
	}
	t.Setenv("LANG", value)
}

func TestTheUsersLanguageIsFound(t *testing.T) {
	for _, c := range []struct{ locale, choice, want string }{
		{"de_AT.UTF-8", "system", "de"}, {"fr_CA.UTF-8", "system", "fr"}, {"es_MX.UTF-8", "", "es"},
		{"it_IT.UTF-8", "system", "it"}, {"en_US.UTF-8", "system", "en"}, {"C", "system", "en"}, {"", "system", "en"},
		{"ja_JP.UTF-8", "system", "en"}, {"nl_NL.UTF-8", "system", "en"},
		{"de_DE.UTF-8", "fr", "fr"}, {"de_DE.UTF-8", "tlh", "de"},
	} {
		setLocale(t, c.locale)
		if got := For(c.choice).Code(); got != c.want {
			t.Errorf("%q with the setting %q: %s, want %s", c.locale, c.choice, got, c.want)
		}
	}
	setLocale(t, "de_DE.UTF-8")
	t.Setenv("LANGUAGE", "nl:fr:de")
	if got := For("system").Code(); got != "fr" {
		t.Errorf("the first language that there is: %s", got)
	}
}

func TestTimesAreWrittenAsTheUserDoes(t *testing.T) {
	at := time.Date(2026, time.November, 23, 14, 5, 0, 0, time.UTC)
	for _, c := range []struct{ locale, clock, date, weekday string }{
		{"en_GB.UTF-8", "14:05", "23 November", "Monday"},
		{"en_US.UTF-8", "2:05 PM", "November 23", "Monday"},
		{"de_DE.UTF-8", "14:05", "23. November", "Montag"},
		{"fr_CA.UTF-8", "14:05", "23 novembre", "lundi"},
		{"es_ES.UTF-8", "14:05", "23 de noviembre", "lunes"},
		{"es_CO.UTF-8", "2:05 p. m.", "23 de noviembre", "lunes"},
		{"it_IT.UTF-8", "14:05", "23 novembre", "lunedì"},
	} {
		setLocale(t, c.locale)
		l := For("system")
		if got := []string{l.Clock(at), l.Date(at), l.Weekday(at)}; !slices.Equal(got, []string{c.clock, c.date, c.weekday}) {
			t.Errorf("%s: %q", c.locale, got)
		}
	}
	// The language of one country with the clock of another.
	setLocale(t, "en_US.UTF-8")
	t.Setenv("LC_TIME", "de_DE.UTF-8")
	if got := For("system").Clock(at); got != "14:05" {
		t.Errorf("LC_TIME is not heard: %s", got)
	}
}

func TestPluralsAndProblems(t *testing.T) {
	for code, want := range map[string][3]string{
		"en": {"0 days", "1 day", "2 days"}, "de": {"0 Tage", "1 Tag", "2 Tage"}, "fr": {"0 jour", "1 jour", "2 jours"},
		"es": {"0 días", "1 día", "2 días"}, "it": {"0 giorni", "1 giorno", "2 giorni"},
	} {
		l := For(code)
		for n, text := range want {
			if got := l.Plural("duration.days", n, map[string]any{"N": n}); got != text {
				t.Errorf("%s: %q, want %q", code, got, text)
			}
		}
		for _, problem := range append(authcore.ProblemCodes(), "unheard-of") {
			w := l.Problem(&authcore.Problem{Code: problem, Params: map[string]string{"Host": "{{.Path}} <b>"}})
			if text := fmt.Sprint(w); w.What == "" || w.Meaning == "" || w.Next == "" || strings.Contains(text, "problem.") || strings.Contains(text, "no value") {
				t.Errorf("%s: %s says %q", code, problem, text)
			}
		}
		if l.Sentence("no.such-key", nil) != "no.such-key" {
			t.Errorf("%s: a missing key vanishes", code)
		}
	}
}

func BenchmarkFor(b *testing.B) {
	for b.Loop() {
		For("de")
	}
}
