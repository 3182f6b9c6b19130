package ui

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/build/golden"
	"github.com/bitfount/bitfount-tray/ui/translations"
)

// pseudo is no language, but English with accents, between brackets and longer: by
// 40 % up to 30 characters, else by 30 %, as translations are. A sentence that shows no bracket is cut off or not translated.
func pseudo(t testing.TB) *translations.Language {
	t.Helper()
	file, err := translations.File("en")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(file, &all); err != nil {
		t.Fatal(err)
	}
	for _, code := range authcore.ProblemCodes() {
		w := authcore.WordsTemplate(code)
		for part, text := range map[string]string{"what": w.What, "meaning": w.Meaning, "next": w.Next} {
			all["problem."+string(code)+"."+part] = text
		}
	}
	for key, value := range all {
		// Units and what is put into other sentences stay as they are.
		if strings.HasPrefix(key, "duration.") || strings.HasPrefix(key, "clock.") || strings.HasPrefix(key, "date") {
			continue
		}
		switch value := value.(type) {
		case string:
			all[key] = stretch(value)
		case map[string]any:
			for form, text := range value {
				value[form] = stretch(text.(string))
			}
		}
	}
	file, err = json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	l, err := translations.New("en-XA", file)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

var accents = strings.NewReplacer("a", "å", "c", "ç", "e", "é", "g", "ĝ", "h", "ĥ", "i", "î", "n", "ñ", "o", "ö", "s", "š", "u", "û", "w", "ŵ", "y", "ý",
	"A", "Å", "C", "Ç", "E", "É", "I", "Î", "N", "Ñ", "O", "Ö", "S", "Š", "U", "Û")

var fieldIn = regexp.MustCompile(`{{[^}]*}}`)

func stretch(text string) string {
	words := len(fieldIn.ReplaceAllString(text, ""))
	more := words * 2 / 5
	if words > 30 {
		more = words * 3 / 10
	}
	filling := strings.Repeat(" öñé tŵö ţĥŕéé", 1+words/20)
	filling = string([]rune(filling)[:min(len([]rune(filling)), more)])
	var b strings.Builder
	last := 0
	for _, at := range append(fieldIn.FindAllStringIndex(text, -1), []int{len(text), len(text)}) {
		b.WriteString(accents.Replace(text[last:at[0]]))
		b.WriteString(text[at[0]:at[1]])
		last = at[1]
	}
	return "[" + b.String() + filling + "]"
}

// largerLight stands for the light variant with the largest texts.
const largerLight = fyne.ThemeVariant(99)

// inLanguage draws a picture in another language.
func inLanguage(t *testing.T, l *translations.Language, size fyne.Size, variant fyne.ThemeVariant, name string) (*View, fyne.Window) {
	t.Helper()
	look := oneVariant{Theme(), variant}
	if variant == largerLight {
		look = oneVariant{ThemeOf(authcore.Settings{TextSize: "largest"}), theme.VariantLight}
	}
	v, w := openDressed(t, look, 1, size, func(authcore.Command) {})
	before := speaking
	t.Cleanup(func() { speaking = before })
	speaking = l
	v.build()
	v.turnTo(v.pages.wait)
	for _, p := range pictures {
		if p.name != name {
			continue
		}
		if p.snapshot != nil {
			v.Render(p.snapshot(), noon)
		}
		if p.then != nil {
			p.then(v)
		}
	}
	return v, w
}

func TestOtherLanguagesLookAsDrawn(t *testing.T) {
	if golden.Slow {
		t.Skip("drawing has one goroutine, and is 15 times slower under the detector")
	}
	languages := map[string]*translations.Language{"pseudo": pseudo(t)}
	for _, code := range translations.Codes()[1:] {
		languages[code] = translations.For(code)
	}
	t.Setenv("LC_ALL", "en_US.UTF-8")
	languages["us"] = translations.For("en")
	for _, c := range []struct {
		language string
		variant  fyne.ThemeVariant
		pictures []string
	}{
		{"pseudo", theme.VariantLight, []string{"welcome", "approval", "signed-in", "offline", "keys-accepted", "token-command", "settings", "settings-below", "files", "accounts", "fix-it-bad", "history", "success", "failure", "signed-in-below"}},
		{"de", theme.VariantLight, []string{"welcome", "approval", "signed-in", "offline", "keys-accepted", "token-command", "settings", "files", "accounts", "fix-it-bad", "history", "success", "failure", "signed-in-below"}},
		{"us", theme.VariantLight, []string{"history", "signed-in-below"}},
		{"fr", theme.VariantDark, []string{"welcome", "approval", "failure", "signed-in-below", "keys-refused", "settings"}},
		{"es", theme.VariantLight, []string{"welcome", "approval", "failure", "signed-in-below", "keys-refused", "settings"}},
		{"it", theme.VariantDark, []string{"welcome", "approval", "failure", "signed-in-below", "keys-refused", "settings"}},
	} {
		for _, name := range c.pictures {
			t.Run(c.language+"/"+name, func(t *testing.T) {
				_, w := inLanguage(t, languages[c.language], DefaultSize, c.variant, name)
				golden.Compare(t, "language-"+c.language+"-"+name, w.Canvas().Capture())
			})
		}
	}
}

// Every text stays within the window and within the button, field or card that
// it belongs to, in every language and at the smallest size.
func TestNothingIsCutOffInAnyLanguage(t *testing.T) {
	languages := map[string]*translations.Language{"pseudo": pseudo(t)}
	for _, code := range translations.Codes() {
		languages[code] = translations.For(code)
	}
	for code, l := range languages {
		if golden.Slow && code != "pseudo" {
			continue
		}
		for _, p := range pictures {
			t.Run(code+"/"+p.name, func(t *testing.T) {
				v, _ := inLanguage(t, l, SmallestSize, theme.VariantLight, p.name)
				for _, cut := range cutOff(v.Content(), SmallestSize.Width) {
					t.Error(cut)
				}
			})
		}
	}
}

// Texts can be half as large again in every language, and still nothing is cut
// off in a window of the usual size.
func TestLargerTextsAreNotCutOff(t *testing.T) {
	if golden.Slow {
		t.Skip("go test without -race looks at them")
	}
	for _, code := range translations.Codes() {
		l := translations.For(code)
		for _, p := range pictures {
			t.Run(code+"/"+p.name, func(t *testing.T) {
				v, w := inLanguage(t, l, DefaultSize, largerLight, p.name)
				for _, cut := range cutOff(v.Content(), DefaultSize.Width) {
					t.Error(cut)
				}
				if code == "en" && slices.Contains([]string{"welcome", "approval", "signed-in", "signed-in-below", "history", "settings"}, p.name) {
					golden.Compare(t, "larger-"+p.name, w.Canvas().Capture())
				}
			})
		}
	}
}

// cutOff are the texts that go beyond a window of that width or their button.
func cutOff(o fyne.CanvasObject, width float32) []string {
	var found []string
	var visit func(o fyne.CanvasObject, x, left, right float32)
	visit = func(o fyne.CanvasObject, x, left, right float32) {
		if !o.Visible() {
			return
		}
		x += o.Position().X
		switch o := o.(type) {
		case *canvas.Text:
			width := o.MinSize().Width
			if o.Alignment == fyne.TextAlignCenter {
				x += (o.Size().Width - width) / 2
			}
			if x < left-0.5 || x+width > right+0.5 {
				found = append(found, fmt.Sprintf("%q goes from %.0f to %.0f, and may from %.0f to %.0f", o.Text, x, x+width, left, right))
			}
		case *fyne.Container:
			for _, c := range o.Objects {
				visit(c, x, left, right)
			}
		case *entry, interface{ SelectedIndex() int }:
			// What is typed scrolls, and a long choice ends in an ellipsis.
		case fyne.Widget:
			if _, ok := o.(*button); ok {
				left, right = max(left, x), min(right, x+o.Size().Width)
			}
			for _, c := range test.WidgetRenderer(o).Objects() {
				visit(c, x, left, right)
			}
		}
	}
	visit(o, 0, 0, width)
	return found
}

func TestTheWindowChangesItsLanguageAtOnce(t *testing.T) {
	v, _, r := openRecorded(t)
	t.Cleanup(func() { speak("system") })
	in := func(code string) *authcore.Snapshot {
		return with(func(s *authcore.Snapshot, _ *authcore.Account) { s.Settings.Language = code })
	}
	v.Render(in("system"), noon)
	v.open(atSettings)
	v.places[atSettings].(*settingsPage).update(v.moment())
	v.Render(in("de"), noon)
	if !says(v, "Einstellungen") || says(v, "Settings") {
		t.Errorf("shown: %q", shown(v.Content()))
	}
	v.open(atSession)
	if !says(v, "Angemeldet") || !says(v, "verbleibend") {
		t.Errorf("shown: %q", shown(v.Content()))
	}
	v.Render(in("fr"), noon)
	if !says(v, "Session ouverte") || says(v, "Angemeldet") {
		t.Errorf("shown: %q", shown(v.Content()))
	}
	v.Render(in(""), noon)
	if !says(v, "Signed in") {
		t.Errorf("shown: %q", shown(v.Content()))
	}
	if len(r.sent) != 0 {
		t.Errorf("drawing sent %v", r.sent)
	}
}
