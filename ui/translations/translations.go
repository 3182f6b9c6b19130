// Package translations holds the sentences of window and tray in every
// language, one file a language, and picks the user's. It needs no display, so
// that the tray can use it without loading a window's libraries.
//
// The sentences of problems are authcore's in English; the other files have
// theirs under problem.CODE.what, .meaning and .next.
package translations

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jeandeaual/go-locale"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"

	"github.com/bitfount/bitfount-tray/authcore"
)

//go:embed *.json
var files embed.FS

// Language says sentences in one language. It is immutable and safe for
// concurrent use.
type Language struct {
	code      string
	localizer *i18n.Localizer
	region    string
}

// Codes are the languages that there are, English first (ISO 639-1).
func Codes() []string { return slices.Clone(authcore.Languages) }

// File is a language's file as it is: sentences by their keys.
func File(code string) ([]byte, error) { return files.ReadFile(code + ".json") }

// For is the language that the user has chosen: one of Codes. With "system",
// or anything else, it is the first of the user's languages on this computer
// that there is, and English if there is none.
func For(choice string) *Language {
	wanted, err := locale.GetLocales()
	if err != nil {
		wanted = nil
	}
	if slices.Contains(authcore.Languages, choice) {
		wanted = []string{choice}
	}
	code := closest(wanted)
	l, err := complete(code)
	if err != nil {
		// The files are part of the program, and each is read in a test.
		panic(fmt.Sprintf("the sentences of %q: %v", code, err))
	}
	l.region = region()
	return l
}

// New is a language with the sentences of file (JSON, as in this folder).
// What they lack is said in English.
func New(code string, file []byte) (*Language, error) {
	english, err := File("en")
	if err != nil {
		return nil, err
	}
	return read(code, source{"en", english}, source{"en", englishProblems()}, source{code, file})
}

// complete is one of Codes. Its file lacks nothing, so nothing else is read.
func complete(code string) (*Language, error) {
	file, err := File(code)
	if err != nil {
		return nil, err
	}
	sources := []source{{code, file}}
	if code == "en" {
		sources = append(sources, source{code, englishProblems()})
	}
	return read(code, sources...)
}

// source is a file of sentences in a language.
type source struct {
	code string
	file []byte
}

func read(code string, sources ...source) (*Language, error) {
	bundle := i18n.NewBundle(language.English)
	bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	for _, s := range sources {
		if _, err := bundle.ParseMessageFileBytes(s.file, s.code+".json"); err != nil {
			return nil, err
		}
	}
	return &Language{code: code, localizer: i18n.NewLocalizer(bundle, code)}, nil
}

func closest(wanted []string) string {
	supported := make([]language.Tag, len(authcore.Languages))
	for i, code := range authcore.Languages {
		supported[i] = language.Make(code)
	}
	matcher := language.NewMatcher(supported)
	for _, w := range wanted {
		tag, err := language.Parse(w)
		if err != nil {
			continue
		}
		// Less than high confidence is another language that its speakers
		// often read too: then the user's next one is the better choice.
		if _, i, confidence := matcher.Match(tag); confidence >= language.High {
			return authcore.Languages[i]
		}
	}
	return "en"
}

// region is the country whose way of writing times the user has chosen (ISO
// 3166-1), or empty. POSIX keeps it apart from the language, in LC_TIME.
func region() string {
	for _, name := range []string{"LC_ALL", "LC_TIME", "LANG"} {
		if value := os.Getenv(name); value != "" {
			value, _, _ = strings.Cut(value, ".")
			_, country, _ := strings.Cut(value, "_")
			country, _, _ = strings.Cut(country, "@")
			return country
		}
	}
	name, err := locale.GetLocale()
	if err != nil {
		return ""
	}
	tag, err := language.Parse(name)
	if err != nil {
		return ""
	}
	country, _ := tag.Region()
	return country.String()
}

// Code is the language's (ISO 639-1).
func (l *Language) Code() string { return l.code }

// Sentence is the one with that key, its {{.Name}} places filled from fields,
// a map or struct. A key that there is not comes back as it is.
func (l *Language) Sentence(key string, fields any) string {
	return l.say(&i18n.LocalizeConfig{MessageID: key, TemplateData: fields})
}

// Plural is the sentence in the form that n asks for.
func (l *Language) Plural(key string, n int, fields any) string {
	return l.say(&i18n.LocalizeConfig{MessageID: key, TemplateData: fields, PluralCount: n})
}

func (l *Language) say(c *i18n.LocalizeConfig) string {
	// An error beside a sentence says only that it is the English one.
	sentence, err := l.localizer.Localize(c)
	if err != nil && sentence == "" {
		return c.MessageID
	}
	return sentence
}

// americanClock are the countries that write times of day with AM and PM, as
// Unicode's CLDR has them (supplemental/timeData, preferred "h").
var americanClock = []string{
	"AU", "BD", "BN", "CA", "CO", "DO", "EG", "HK", "IN", "JM", "KR", "MY", "NZ", "PA", "PH", "PK", "PR", "SG", "US", "VE",
}

// Clock is the time of day as the user writes it: "14:05" or "2:05 PM". French,
// German and Italian are written with 24 hours everywhere.
func (l *Language) Clock(t time.Time) string {
	if (l.code == "en" || l.code == "es") && slices.Contains(americanClock, l.region) {
		half := "clock.am"
		if t.Hour() >= 12 {
			half = "clock.pm"
		}
		return l.Sentence(half, map[string]any{"Clock": t.Format("3:04")})
	}
	return t.Format("15:04")
}

// Date is the day of the month as the user writes it.
func (l *Language) Date(t time.Time) string {
	key := "date"
	if l.code == "en" && (l.region == "US" || l.region == "PH") {
		key = "date.american"
	}
	d := strconv.Itoa(t.Day())
	if l.code == "fr" && d == "1" {
		d = "1er"
	}
	return l.Sentence(key, map[string]any{"Day": d, "Month": l.Sentence(fmt.Sprintf("month.%d", t.Month()), nil)})
}

// Weekday is the day's name.
func (l *Language) Weekday(t time.Time) string {
	return l.Sentence(fmt.Sprintf("weekday.%d", t.Weekday()), nil)
}

var placeholder = regexp.MustCompile(`{{\.(\w+)}}`)

// Problem are the sentences of a problem.
func (l *Language) Problem(p *authcore.Problem) authcore.Words {
	template := authcore.WordsTemplate(p.Code)
	code := p.Code
	if !slices.Contains(authcore.ProblemCodes(), code) {
		code = authcore.ProblemInternal
	}
	say := func(part, english string) string {
		data := map[string]any{}
		for _, name := range placeholder.FindAllStringSubmatch(english, -1) {
			data[name[1]] = "…"
		}
		for name, value := range maps.All(p.Params) {
			data[name] = value
		}
		return l.Sentence(problemKey(code)+part, data)
	}
	return authcore.Words{
		What:    say("what", template.What),
		Meaning: say("meaning", template.Meaning),
		Next:    say("next", template.Next),
	}
}

// englishProblems are authcore's sentences in the form of a file.
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
