package resident

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/ui/translations"
)

var english = translations.For("en")

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func one(change func(*authcore.Account)) *authcore.Snapshot {
	a := authcore.Account{
		ID: "a", Username: "dr.amelia", Method: authcore.MethodDeviceCode, Environment: "production", State: authcore.SignedIn,
		SignedInAt: noon, IssuedAt: noon, ExpiresAt: noon.Add(24 * time.Hour), Renewable: true, HasHeaders: true,
	}
	change(&a)
	return &authcore.Snapshot{Accounts: []authcore.Account{a}, Active: "a"}
}

func same(*authcore.Account) {}

func in(state authcore.State) func(*authcore.Account) {
	return func(a *authcore.Account) { a.State = state }
}

func needs(since time.Time) func(*authcore.Account) {
	return func(a *authcore.Account) {
		a.State, a.Renewable = authcore.NeedsSignIn, false
		a.Problem = &authcore.Problem{Code: authcore.ProblemSessionEnded, Since: since}
	}
}

func trouble(code authcore.ProblemCode, state authcore.State) func(*authcore.Account) {
	return func(a *authcore.Account) {
		a.State = state
		a.Problem = &authcore.Problem{Code: code, Since: noon, Params: map[string]string{"Got": "bob", "Want": "dr.amelia", "Host": "h"}}
	}
}

func ends(life, left time.Duration) func(*authcore.Account) {
	return func(a *authcore.Account) {
		a.SessionExpiresAt = noon.Add(left)
		a.SignedInAt = a.SessionExpiresAt.Add(-life)
		a.SessionStartedAt = a.SignedInAt
	}
}

func file(s *authcore.Snapshot, since time.Time) *authcore.Snapshot {
	s.LiveFiles = []authcore.LiveFile{{Path: "/data/headers.json"}}
	if !since.IsZero() {
		s.LiveFiles[0].Problem = &authcore.Problem{Code: authcore.ProblemExport, Since: since, Params: map[string]string{"Path": "/data/headers.json"}}
	}
	return s
}

func noTray(s *authcore.Snapshot) *authcore.Snapshot {
	s.Desktop.Tray = &authcore.Problem{Code: authcore.ProblemNoTrayHost, Since: noon}
	return s
}

func TestNotices(t *testing.T) {
	const day = 24 * time.Hour
	type look struct {
		snapshot *authcore.Snapshot
		after    time.Duration
	}
	for name, c := range map[string]struct {
		before, now look
		want        []string // the beginnings of the titles
	}{
		"nothing changes":              {look{one(same), 0}, look{one(same), day}, nil},
		"the start, all well":          {look{}, look{one(same), 0}, nil},
		"ended":                        {look{one(same), 0}, look{one(needs(noon)), 0}, []string{"The server has ended this session."}},
		"ended, at the start":          {look{}, look{one(needs(noon)), 0}, []string{"The server has ended this session."}},
		"ended, still":                 {look{one(needs(noon)), 0}, look{one(needs(noon.Add(time.Hour))), 23 * time.Hour}, nil},
		"ended, after a day":           {look{one(needs(noon)), 0}, look{one(needs(noon)), day}, []string{"The server has ended this session."}},
		"ended, slept for days":        {look{one(needs(noon)), 0}, look{one(needs(noon)), 5 * day}, []string{"The server has ended this session."}},
		"ended again":                  {look{one(needs(noon)), 0}, look{one(needs(noon.Add(day))), day}, []string{"The server has ended this session."}},
		"a sign-in was cancelled":      {look{one(in(authcore.Prompting)), 0}, look{one(needs(noon)), 0}, nil},
		"signed out by the user":       {look{one(same), 0}, look{one(in(authcore.SignedOut)), 0}, nil},
		"offline heals":                {look{one(same), 0}, look{one(trouble(authcore.ProblemUnreachable, authcore.Offline)), 0}, nil},
		"expired heals":                {look{one(same), 0}, look{one(trouble(authcore.ProblemServerBusy, authcore.Expired)), 0}, nil},
		"a certificate may heal":       {look{one(same), 0}, look{one(trouble(authcore.ProblemCertificate, authcore.Offline)), 0}, nil},
		"somebody else":                {look{one(in(authcore.Prompting)), 0}, look{one(trouble(authcore.ProblemWrongUser, authcore.SignedIn)), 0}, []string{"The browser signed in as bob"}},
		"somebody else, still":         {look{one(trouble(authcore.ProblemWrongUser, authcore.SignedIn)), 0}, look{one(trouble(authcore.ProblemWrongUser, authcore.SignedIn)), day}, nil},
		"a file, at once":              {look{file(one(same), time.Time{}), 0}, look{file(one(same), noon), 0}, nil},
		"a file, after a minute":       {look{file(one(same), noon), 0}, look{file(one(same), noon), time.Minute}, []string{"The file /data/headers.json could not"}},
		"a file, still":                {look{file(one(same), noon), time.Minute}, look{file(one(same), noon), day}, nil},
		"a file, healed":               {look{file(one(same), noon), time.Minute}, look{file(one(same), time.Time{}), day}, nil},
		"30 days, 4 left":              {look{}, look{one(ends(30*day, 4*day)), 0}, nil},
		"30 days, 3 left":              {look{one(ends(30*day, 3*day)), -time.Minute}, look{one(ends(30*day, 3*day)), 0}, []string{"The session ends Sat 12:00: sign in before then."}},
		"30 days, 2 left":              {look{one(ends(30*day, 2*day)), -time.Minute}, look{one(ends(30*day, 2*day)), 0}, nil},
		"30 days, 3 hours left":        {look{one(ends(30*day, 3*time.Hour)), -time.Minute}, look{one(ends(30*day, 3*time.Hour)), 0}, []string{"The session ends 15:00"}},
		"30 days, 2 hours left, start": {look{}, look{one(ends(30*day, 2*time.Hour)), 0}, []string{"The session ends 14:00"}},
		"30 days, over":                {look{one(ends(30*day, time.Minute)), 0}, look{one(ends(30*day, time.Minute)), time.Hour}, nil},
		"10 hours, an hour left":       {look{one(ends(10*time.Hour, time.Hour)), -time.Minute}, look{one(ends(10*time.Hour, time.Hour)), 0}, []string{"The session ends 13:00"}},
		"10 hours, 15 minutes left":    {look{one(ends(10*time.Hour, 15*time.Minute)), -time.Minute}, look{one(ends(10*time.Hour, 15*time.Minute)), 0}, []string{"The session ends 12:15"}},
		"no tray, at once":             {look{one(same), 0}, look{noTray(one(same)), 0}, nil},
		"no tray, after a minute":      {look{noTray(one(same)), 0}, look{noTray(one(same)), time.Minute}, []string{"This desktop shows no tray icons."}},
		"renewed meanwhile":            {look{one(ends(30*day, 2*day)), 0}, look{one(ends(30*day, 2*day)), time.Hour}, nil},
	} {
		shown := readTold("")
		var before moment
		if c.before.snapshot != nil {
			before = moment{c.before.snapshot, noon.Add(c.before.after), true}
			news(english, shown, moment{}, before)
		}
		var got []string
		for _, n := range news(english, shown, before, moment{c.now.snapshot, noon.Add(c.now.after), true}) {
			got = append(got, n.title)
			if n.body == "" || strings.Contains(n.title+n.body, "{{") {
				t.Errorf("%s: %+v", name, n)
			}
			if n.button != "" && !c.now.snapshot.Allowed(n.command) {
				t.Errorf("%s: it offers %s, which the menu does not", name, n.command.Name)
			}
		}
		if !slices.EqualFunc(got, c.want, strings.HasPrefix) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestNoticesNameTheirAccountWhereThereAreSeveral(t *testing.T) {
	s := one(needs(noon))
	second := one(needs(noon)).Accounts[0]
	second.ID, second.Label, second.Method = "b", "Ward 3", authcore.MethodExternalJWT
	s.Accounts = append(s.Accounts, second)
	got := news(english, readTold(""), moment{}, moment{s, noon, false})
	if len(got) != 2 || !strings.HasPrefix(got[0].title, "dr.amelia: ") || !strings.HasPrefix(got[1].title, "Ward 3: ") {
		t.Fatalf("%+v", got)
	}
	if got[0].command.Account != "a" || got[1].button != "" {
		t.Errorf("%+v: only an account that one signs in to has the button", got)
	}
}

func TestNoticesGoByTheServersClock(t *testing.T) {
	s := one(ends(30*24*time.Hour, 3*24*time.Hour))
	s.Clock.Offset = -5 * time.Hour // this computer is five hours fast
	if got := news(english, readTold(""), moment{}, moment{s, noon, false}); got != nil {
		t.Errorf("%+v", got)
	}
	if got := news(english, readTold(""), moment{}, moment{s, noon.Add(5 * time.Hour), false}); len(got) != 1 {
		t.Errorf("%+v", got)
	}
}

// TestEveryNoticeIsMet walks through a month from wake-up to wake-up.
func TestEveryNoticeIsMet(t *testing.T) {
	const day = 24 * time.Hour
	s := file(one(ends(30*day, 30*day)), noon.Add(time.Hour))
	shown := readTold("")
	var titles []string
	wakes := 0
	var before moment
	for at := noon; at.Before(noon.Add(29*day + 23*time.Hour)); wakes++ {
		now := moment{s, at, false}
		for _, n := range news(english, shown, before, now) {
			titles = append(titles, n.title)
		}
		before = now
		wait := nextDue(shown, now)
		if wait <= 0 {
			break
		}
		at = at.Add(wait)
	}
	if len(titles) != 3 {
		t.Errorf("%d notices: %q", len(titles), titles)
	}
	if wakes > 4 {
		t.Errorf("%d wake-ups for three notices", wakes)
	}
	if got := nextDue(shown, moment{one(same), noon, false}); got != 0 {
		t.Errorf("with nothing to come it wakes after %v", got)
	}
}

// TestOnceMeansOnceOverRestarts starts the computer five times a day for four
// days while somebody does not sign in and a file cannot be written.
func TestOnceMeansOnceOverRestarts(t *testing.T) {
	const day = 24 * time.Hour
	path := filepath.Join(t.TempDir(), "data", "notices.json")
	count := func(from time.Duration, change func(*authcore.Account), broken bool) (titles []string) {
		for start := range 20 {
			shown := readTold(path) // a new process
			at := noon.Add(from + time.Duration(start)*day/5)
			var since time.Time
			if broken {
				since = at.Add(-time.Hour)
			}
			// Before the vault is read there is another account, signed out.
			s := &authcore.Snapshot{Accounts: []authcore.Account{{ID: "new", State: authcore.SignedOut}}}
			before := moment{s, at, true}
			if got := news(english, shown, moment{}, before); got != nil {
				t.Errorf("before the vault is read: %+v", got)
			}
			s = noTray(file(one(change), since))
			if !broken {
				s.LiveFiles[0].WrittenAt = at
			}
			for _, n := range news(english, shown, before, moment{s, at, true}) {
				titles = append(titles, n.title)
			}
			if err := shown.save(); err != nil {
				t.Fatal(err)
			}
		}
		return titles
	}
	// Each start finds the problem anew: its time is no help.
	fresh := func(a *authcore.Account) { needs(time.Now())(a) }
	if got := count(0, fresh, true); len(got) != 4 {
		t.Errorf("%d notices in four days: %q", len(got), got)
	}
	if got := count(40*day, fresh, true); got != nil {
		t.Errorf("after a month: %q", got)
	}
	if got := count(50*day, same, false); got != nil {
		t.Errorf("when all is well: %q", got)
	}
	if got := count(60*day, fresh, true); len(got) != 3 {
		t.Errorf("it happens again: %d notices: %q", len(got), got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	for _, spoilt := range []string{"nonsense", "null", "[]"} {
		if err := os.WriteFile(path, []byte(spoilt), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := count(70*day, same, false); len(got) != 1 {
			t.Errorf("after the file held %s: %q", spoilt, got)
		}
	}
	many := readTold("")
	for n := range 2 * mostTold {
		many.add("file/"+strconv.Itoa(n), noon.Add(time.Duration(n)))
	}
	if many.forget(one(same)); len(many.shown) != mostTold || !many.has("file/"+strconv.Itoa(2*mostTold-1)) {
		t.Errorf("%d are kept", len(many.shown))
	}
}
