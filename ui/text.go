package ui

import (
	"embed"
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
)

// The window's sentences are in translations/, one file a language; the code
// names them by their keys. The sentences of problems are authcore's, and a
// translation overrides them with the keys problem.CODE.what, .meaning, .next.
//
//go:embed translations
var translations embed.FS

func init() {
	err := lang.AddTranslationsFS(translations, "translations")
	// Fyne itself speaks more languages than we do, and logs every sentence
	// that it misses in the user's: there, ours are English.
	locale := lang.SystemLocale()
	language, _, _ := strings.Cut(locale.LanguageString(), "-")
	if _, missing := translations.Open("translations/" + language + ".json"); missing != nil && language != "" {
		english, _ := translations.ReadFile("translations/en.json")
		err = errors.Join(err, lang.AddTranslationsForLocale(english, locale), lang.AddTranslationsForLocale(englishProblems(), locale))
	}
	if err != nil {
		fyne.LogError("the translations cannot be read", err)
	}
}

// englishProblems are authcore's sentences in the form of a translation file.
func englishProblems() []byte {
	sentences := map[string]string{}
	for _, code := range authcore.ProblemCodes() {
		w := authcore.WordsTemplate(code)
		key := problemKey(code)
		sentences[key+"what"], sentences[key+"meaning"], sentences[key+"next"] = w.What, w.Meaning, w.Next
	}
	file, _ := json.Marshal(sentences) // a map of strings cannot fail
	return file
}

func problemKey(code authcore.ProblemCode) string { return "problem." + string(code) + "." }

// fields fill the {{.Name}} places of a sentence.
type fields = map[string]any

// tr is the sentence with that key in the user's language.
func tr(key string, data ...any) string { return lang.X(key, key, data...) }

// trN is the sentence with that key in the plural form that n asks for.
func trN(key string, n int, data fields) string { return lang.XN(key, key, n, data) }

var placeholder = regexp.MustCompile(`{{\.(\w+)}}`)

// wordsOf are the sentences of a problem in the user's language.
func wordsOf(p *authcore.Problem) authcore.Words {
	template := authcore.WordsTemplate(p.Code)
	say := func(part, english string) string {
		data := fields{}
		for _, name := range placeholder.FindAllStringSubmatch(english, -1) {
			data[name[1]] = "…"
		}
		for name, value := range maps.All(p.Params) {
			data[name] = value
		}
		return lang.X(problemKey(p.Code)+part, english, data)
	}
	return authcore.Words{
		What:    say("what", template.What),
		Meaning: say("meaning", template.Meaning),
		Next:    say("next", template.Next),
	}
}

// secondsBelow is how short a duration must be for its seconds to be shown.
const secondsBelow = 2 * time.Minute

const day = 24 * time.Hour

// inWords is a duration as people say it, rounded down: "1 min 20 s" below two
// minutes, then "12 min", "23 h 10 min", "2 days 3 h".
func inWords(d time.Duration) string {
	d = max(0, d)
	min, s := int(d/time.Minute), int(d/time.Second)
	switch {
	case d < time.Minute:
		return tr("duration.s", fields{"S": s})
	case d < secondsBelow && s%60 != 0:
		return tr("duration.min-s", fields{"Min": min, "S": s % 60})
	case d < time.Hour:
		return tr("duration.min", fields{"Min": min})
	case d < day && min%60 == 0:
		return tr("duration.h", fields{"H": min / 60})
	case d < day:
		return tr("duration.h-min", fields{"H": min / 60, "Min": min % 60})
	}
	days, h := int(d/day), int(d%day/time.Hour)
	if h == 0 {
		return trN("duration.days", days, fields{"N": days})
	}
	return trN("duration.days-h", days, fields{"N": days, "H": h})
}

// nextWords is how long after now inWords of a duration that runs down changes.
func nextWords(d time.Duration) time.Duration {
	unit := time.Second
	switch {
	case d <= 0:
		return mostWait
	case d > day:
		unit = time.Hour
	case d > secondsBelow:
		unit = time.Minute
	}
	return d%unit + time.Millisecond
}

// when is a moment in words, seen from now and in now's time zone: "at 14:05",
// "tomorrow at 09:00", "on 27 November at 09:00".
func when(t, now time.Time) string {
	t = t.In(now.Location())
	data := fields{"Clock": clock(t)}
	switch daysBetween(now, t) {
	case 0:
		return tr("clock.today", data)
	case 1:
		return tr("clock.tomorrow", data)
	case -1:
		return tr("clock.yesterday", data)
	}
	data["Day"], data["Month"] = t.Day(), tr("month."+strconv.Itoa(int(t.Month())))
	return tr("clock.date", data)
}

// until is a moment in words that follow "until".
func until(t, now time.Time) string {
	t = t.In(now.Location())
	if daysBetween(now, t) == 0 {
		return tr("clock.until-today", fields{"Clock": clock(t)})
	}
	return when(t, now)
}

func clock(t time.Time) string { return t.Format("15:04") }

// daysBetween counts midnights of the calendar from a to b, both in one zone.
func daysBetween(a, b time.Time) int {
	midnight := func(t time.Time) time.Time {
		return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	}
	return int(midnight(b).Sub(midnight(a)) / day)
}

// environmentTitle names an environment for people; a custom one has its own name.
func environmentTitle(name string) string {
	switch name {
	case "production", "staging", "sandbox", "dev":
		return tr("environment." + name)
	}
	return name
}

// headersOf names what is copied for a service.
func headersOf(s export.Service) string { return tr("headers." + string(s)) }
