package tray

import (
	"regexp"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/ui/translations"
)

func TestTheSettingsLanguageIsSpoken(t *testing.T) {
	s := snapshot(account(authcore.SignedIn))
	a := &s.Accounts[0]
	for _, c := range []struct{ choice, days, hours, minutes, moment, offline, later, ends string }{
		{"en", "3 days left", "1 h 40 min left", "9 min left", "less than a minute left",
			"Offline, still signed in until Thu 12:00", "Offline, still signed in until 14 Mar 12:00", "The session ends Thu 12:00: sign in before then"},
		{"de", "noch 3 Tage", "noch 1 h 40 min", "noch 9 min", "noch weniger als eine Minute",
			"Offline, angemeldet bis Do, 12:00", "Offline, angemeldet bis 14. März, 12:00", "Sitzungsende: Do, 12:00. Bitte melden Sie sich vorher neu an"},
		{"fr", "encore 3 jours", "encore 1 h 40 min", "encore 9 min", "encore moins d’une minute",
			"Hors ligne, fin de session : jeu. 12:00", "Hors ligne, fin de session : 14 mars, 12:00", "Fin de la session : jeu. 12:00. Reconnectez-vous avant"},
		{"es", "quedan 3 días", "quedan 1 h 40 min", "quedan 9 min", "queda menos de un minuto",
			"Sin conexión, fin de la sesión: jue, 12:00", "Sin conexión, fin de la sesión: 14 mar, 12:00", "Fin de la sesión: jue, 12:00. Inicie sesión de nuevo antes"},
		{"it", "ancora 3 giorni", "ancora 1 h 40 min", "ancora 9 min", "ancora meno di un minuto",
			"Offline, fine della sessione: gio 12:00", "Offline, fine della sessione: 14 mar, 12:00", "Fine della sessione: gio 12:00. Acceda di nuovo prima"},
	} {
		s.Settings.Language = c.choice
		l := Language(s)
		if l.Code() != c.choice || Language(s) != l {
			t.Fatalf("%s: spoken is %s, and kept: %v", c.choice, l.Code(), Language(s) == l)
		}
		status := func(state authcore.State, left time.Duration) string {
			a.State, a.ExpiresAt = state, noon.Add(left)
			return Status(l, s, noon)
		}
		for got, want := range map[string]string{
			status(authcore.SignedIn, 80*time.Hour):                    "dr.amelia.stone · " + c.days,
			status(authcore.SignedIn, 100*time.Minute):                 "dr.amelia.stone · " + c.hours,
			status(authcore.SignedIn, 9*time.Minute):                   "dr.amelia.stone · " + c.minutes,
			status(authcore.SignedIn, time.Second):                     "dr.amelia.stone · " + c.moment,
			status(authcore.Offline, 24*time.Hour):                     c.offline,
			status(authcore.Offline, 240*time.Hour):                    c.later,
			SessionEnd(l, ending(30*24*time.Hour, 24*time.Hour), noon): c.ends,
		} {
			if got != want {
				t.Errorf("%s: %q, want %q", c.choice, got, want)
			}
		}
	}
}

// Every line that there can be is a filled sentence that a menu can hold.
func TestEveryLineIsASentenceInEveryLanguage(t *testing.T) {
	key := regexp.MustCompile(`[a-z]\.[a-z]+[-.]?[a-z]*$|{{|no value`)
	bad := authcore.Check{Name: authcore.CheckClock, Problem: &authcore.Problem{Code: authcore.ProblemClockWrong, Params: map[string]string{"Offset": "3 h"}}}
	good := authcore.Check{Name: authcore.CheckHost, Finding: authcore.FindingAnswers, Params: map[string]string{"Host": "auth.bitfount.com", "Issuer": "R10"}}
	for _, code := range translations.Codes() {
		l := translations.For(code)
		for _, state := range authcore.States {
			for _, checks := range [][]authcore.Check{{good}, {bad, good}, {bad, bad}} {
				s := snapshot(account(state))
				s.Accounts[0].Username = "amelia"
				s.Accounts[0].SessionExpiresAt = noon.Add(24 * time.Hour)
				for _, other := range authcore.States {
					another := account(other)
					another.ID, another.Username = string(other), ""
					s.Accounts = append(s.Accounts, another)
				}
				s.Desktop.Clipboard = authcore.Clipboard{Holds: export.Hub, ClearAt: noon.Add(45 * time.Second)}
				s.Desktop.Diagnosis = &authcore.Diagnosis{Account: "a", StartedAt: noon, FinishedAt: noon, Checks: checks}
				for _, item := range Menu(l, s, noon) {
					if item.Label == "" && !item.Hidden && !item.Separator || key.MatchString(item.Label) {
						t.Errorf("%s: %s: a line says %q", code, state, item.Label)
					}
					if n := utf8.RuneCountInString(item.Label); n > 85 {
						t.Errorf("%s: %s: %d characters in %q", code, state, n, item.Label)
					}
				}
			}
		}
	}
}
