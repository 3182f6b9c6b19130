package ui

import (
	"encoding/json"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/ui/translations"
)

// The window's sentences are in package translations; the code names them by
// their keys.

// speaking is the language of everything that is drawn. It belongs to Fyne's
// goroutine, as all of this package does.
// It is nil until the first sentence: the resident links this package, too, and
// keeps the sentences that it needs itself.
var speaking *translations.Language

// spoken is the language in use, at first the system's.
func spoken() *translations.Language {
	if speaking == nil {
		speaking = translations.For("system")
	}
	return speaking
}

// speak changes the language; what is drawn already keeps its own. choice is
// authcore.Settings.Language.
func speak(choice string) {
	speaking = translations.For(choice)
	teachToolkit()
}

// toolkitPrefix is before the keys of the sentences that Fyne itself says.
const toolkitPrefix = "fyne."

// teachToolkit makes Fyne's own words (the menu of an entry, the file dialog)
// speak the same language. Fyne knows only the system's, and lacks Italian: so
// the words go under the system's name.
func teachToolkit() {
	file, err := translations.File(spoken().Code())
	var all map[string]any
	if err == nil {
		err = json.Unmarshal(file, &all)
	}
	own := map[string]any{}
	for key, sentence := range all {
		if name, ok := strings.CutPrefix(key, toolkitPrefix); ok {
			own[name] = sentence
		}
	}
	if err == nil {
		file, err = json.Marshal(own)
	}
	if err == nil {
		err = lang.AddTranslationsForLocale(file, lang.SystemLocale())
	}
	if err != nil {
		fyne.LogError("the translations cannot be read", err)
	}
}

// fields fill the {{.Name}} places of a sentence.
type fields = map[string]any

// tr is the sentence with that key in the user's language.
func tr(key string, data ...any) string {
	var d any
	if len(data) > 0 {
		d = data[0]
	}
	return spoken().Sentence(key, d)
}

// trN is the sentence with that key in the plural form that n asks for.
func trN(key string, n int, data fields) string { return spoken().Plural(key, n, data) }

// wordsOf are the sentences of a problem in the user's language.
func wordsOf(p *authcore.Problem) authcore.Words { return spoken().Problem(p) }

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
// "tomorrow at 09:00", "on Friday at 09:00", "on 27 November at 09:00".
func when(t, now time.Time) string {
	t = t.In(now.Location())
	data := fields{"At": atClock(t)}
	switch days := daysBetween(now, t); {
	case days == 0:
		return tr("clock.today", data)
	case days == 1:
		return tr("clock.tomorrow", data)
	case days == -1:
		return tr("clock.yesterday", data)
	case days > 1 && days < 7:
		data["Weekday"] = spoken().Weekday(t)
		return tr("clock.weekday", data)
	}
	data["Date"] = spoken().Date(t)
	if t.Day() == 8 || t.Day() == 11 {
		return tr("clock.date-vowel", data) // "l'otto", "l'undici" in Italian
	}
	return tr("clock.date", data)
}

// atClock is the time of day with its preposition. One o'clock is singular in
// Spanish.
func atClock(t time.Time) string {
	c, n := clock(t), 2
	if strings.HasPrefix(strings.TrimPrefix(c, "0"), "1:") {
		n = 1
	}
	return trN("clock.at", n, fields{"Clock": c})
}

// until is a moment in words that follow "until".
func until(t, now time.Time) string {
	t = t.In(now.Location())
	if daysBetween(now, t) == 0 {
		return tr("clock.until-today", fields{"Clock": clock(t)})
	}
	return when(t, now)
}

// clock is the time of day.
func clock(t time.Time) string { return spoken().Clock(t) }

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
