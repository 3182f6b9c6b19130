package ui

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/ui/translations"
)

func TestDurationsInPlainWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second:                  "0 s",
		59*time.Second + 999:          "59 s",
		time.Minute:                   "1 min",
		95 * time.Second:              "1 min 35 s",
		2*time.Minute - 1:             "1 min 59 s",
		2 * time.Minute:               "2 min",
		59*time.Minute + time.Second:  "59 min",
		time.Hour:                     "1 h",
		23*time.Hour + 10*time.Minute: "23 h 10 min",
		day:                           "1 day",
		day + time.Hour:               "1 day 1 h",
		51 * time.Hour:                "2 days 3 h",
		30 * day:                      "30 days",
	} {
		if got := inWords(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

func TestMomentsInPlainWords(t *testing.T) {
	zone := time.FixedZone("here", 2*60*60)
	now := noon.In(zone) // 14:00
	for _, c := range []struct {
		at   time.Time
		want string
	}{
		{noon.Add(5 * time.Minute), "at 14:05"},
		{noon.Add(10 * time.Hour), "tomorrow at 00:00"},
		{noon.Add(-15 * time.Hour), "yesterday at 23:00"},
		{noon.Add(96 * time.Hour), "on Friday at 14:00"},
		{noon.Add(7 * day), "on 30 November at 14:00"},
		{noon.Add(-2 * day), "on 21 November at 14:00"},
	} {
		if got := when(c.at, now); got != c.want {
			t.Errorf("%v is %q, want %q", c.at, got, c.want)
		}
	}
	if got := until(noon.Add(5*time.Minute), now); got != "14:05" {
		t.Errorf("until %q", got)
	}
}

func TestMomentsFollowTheLanguagesGrammar(t *testing.T) {
	t.Cleanup(func() { speak("system") })
	for _, c := range []struct {
		language string
		at       time.Time
		want     string
	}{
		{"es", time.Date(2026, 11, 24, 1, 5, 0, 0, time.UTC), "mañana a la 01:05"},
		{"es", time.Date(2026, 11, 24, 11, 5, 0, 0, time.UTC), "mañana a las 11:05"},
		{"it", time.Date(2026, 12, 8, 9, 0, 0, 0, time.UTC), "l’8 dicembre alle 09:00"},
		{"it", time.Date(2026, 12, 9, 9, 0, 0, 0, time.UTC), "il 9 dicembre alle 09:00"},
		{"fr", time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC), "le 1er décembre à 09:00"},
		{"de", time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC), "am 1. Dezember um 09:00"},
	} {
		speak(c.language)
		if got := when(c.at, noon); got != c.want {
			t.Errorf("%s: %q, want %q", c.language, got, c.want)
		}
	}
}

// Keys that are put together from parts, by their beginnings, and those that
// Fyne uses.
var composed = []string{"environment.", "headers.", "month.", "weekday.", "tray.month.", "tray.weekday.", "tab.", "service.", "format.", "format-about.",
	"method.", "check.", "finding.", "setting.", "source-kind.", toolkitPrefix}

// source is the program's text that could name a sentence.
func source(t *testing.T) string {
	t.Helper()
	text := ""
	for _, pattern := range []string{"*.go", "translations/*.go", "../tray/*.go", "../tray/resident/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if !strings.HasSuffix(f, "_test.go") {
				content, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				text += string(content)
			}
		}
	}
	return text
}

func TestEverySentenceIsThereAndUsed(t *testing.T) {
	source := source(t)
	content, err := translations.File("en")
	if err != nil {
		t.Fatal(err)
	}
	sentences := map[string]any{}
	if err := json.Unmarshal(content, &sentences); err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`\b(?:trN?|Sentence|Plural)\("([^"]+)"`).FindAllStringSubmatch(source, -1) {
		if _, ok := sentences[m[1]]; !ok && !isComposed(m[1]) {
			t.Errorf("there is no sentence %q", m[1])
		}
	}
	for key := range sentences {
		if !isComposed(key) && !strings.Contains(source, `"`+key+`"`) {
			t.Errorf("the sentence %q is not used", key)
		}
	}
}

func isComposed(key string) bool {
	for _, c := range composed {
		if strings.HasPrefix(key, c) {
			return true
		}
	}
	return false
}

func TestWordsOfProblemsAreAuthcores(t *testing.T) {
	for _, code := range authcore.ProblemCodes() {
		p := &authcore.Problem{Code: code, Params: map[string]string{"Host": "auth.example.org", "Path": "/x", "Offset": "3 h"}}
		got, template := wordsOf(p), authcore.WordsTemplate(code)
		for _, part := range [][2]string{{got.What, template.What}, {got.Meaning, template.Meaning}, {got.Next, template.Next}} {
			begin, _, _ := strings.Cut(part[1], "{{")
			if !strings.HasPrefix(part[0], begin) || strings.Contains(part[0], "{{") || strings.Contains(part[0], "no value") {
				t.Errorf("%s says %q for %q", code, part[0], part[1])
			}
		}
	}
}
