package authcore

import (
	"testing"
	"time"
)

var contractNow = time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)

func TestTheIndicatorFollowsTheState(t *testing.T) {
	hour := Account{IssuedAt: contractNow.Add(-time.Minute), ExpiresAt: contractNow.Add(time.Hour)}
	for state, want := range map[State]Indicator{
		SignedOut: IndicatorSignedOut, Prompting: IndicatorSigningIn, SignedIn: IndicatorSignedIn, Renewing: IndicatorSignedIn,
		Offline: IndicatorOffline, Expired: IndicatorAttention, NeedsSignIn: IndicatorAttention, "": IndicatorSignedOut,
	} {
		a := hour
		a.State = state
		if got := a.Indicator(contractNow); got != want {
			t.Errorf("%q: %s, want %s", state, got, want)
		}
	}
	shown := map[Indicator]bool{}
	for _, s := range States {
		for _, now := range []time.Time{contractNow, contractNow.Add(time.Hour)} {
			a := hour
			a.State = s
			shown[a.Indicator(now)] = true
		}
	}
	for _, i := range Indicators {
		if !shown[i] {
			t.Errorf("%s is never shown", i)
		}
	}
	if len(shown) != len(Indicators) {
		t.Errorf("%d indicators are shown, Indicators has %d", len(shown), len(Indicators))
	}
}

func TestExpiringBeginsInTheLastPart(t *testing.T) {
	day := 24 * time.Hour
	for name, c := range map[string]struct {
		// How long before now it began, and how long after now it ends; 0: unknown.
		issued, expires, signedIn, session time.Duration
		want                               bool
	}{
		"API keys":                           {0, 0, 0, 0, false},
		"a day, fresh":                       {time.Minute, day, 0, 0, false},
		"a day, 10 minutes and 1 s left":     {day - 10*time.Minute, 10*time.Minute + time.Second, 0, 0, false},
		"a day, 10 minutes left":             {day - 10*time.Minute, 10 * time.Minute, 0, 0, true},
		"20 minutes, 2 minutes and 1 s left": {18*time.Minute - time.Second, 2*time.Minute + time.Second, 0, 0, false},
		"20 minutes, 2 minutes left":         {18 * time.Minute, 2 * time.Minute, 0, 0, true},
		"unknown beginning, 10 minutes left": {0, 10 * time.Minute, 0, 0, true},
		"unknown beginning, 11 minutes left": {0, 11 * time.Minute, 0, 0, false},
		"over":                               {day, -time.Second, 0, 0, true},
		"session of 30 days, 4 left":         {time.Minute, day, 26 * day, 4 * day, false},
		"session of 30 days, 3 left":         {time.Minute, day, 27 * day, 3 * day, true},
		"session of 100 days, 4 left":        {time.Minute, day, 96 * day, 4 * day, false},
		"session of 100 days, 3 left":        {time.Minute, day, 97 * day, 3 * day, true},
		"session of 10 days, 1 left":         {time.Minute, day, 9 * day, day, true},
		"session of 10 days, 2 left":         {time.Minute, day, 8 * day, 2 * day, false},
	} {
		var a Account
		set := func(t *time.Time, d time.Duration) {
			if d != 0 {
				*t = contractNow.Add(d)
			}
		}
		set(&a.IssuedAt, -c.issued)
		set(&a.ExpiresAt, c.expires)
		set(&a.SessionStartedAt, -c.signedIn)
		set(&a.SessionExpiresAt, c.session)
		if got := a.Expiring(contractNow); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
		a.State = SignedIn
		want := IndicatorSignedIn
		if c.want {
			want = IndicatorExpiring
		}
		if got := a.Indicator(contractNow); got != want {
			t.Errorf("%s: shown as %s", name, got)
		}
	}
}

func TestTimeLeftIsNeverNegative(t *testing.T) {
	for expires, want := range map[time.Duration]time.Duration{time.Hour: time.Hour, 0: 0, -time.Hour: 0} {
		if got := (Account{ExpiresAt: contractNow.Add(expires)}).Left(contractNow); got != want {
			t.Errorf("%v: %v", expires, got)
		}
	}
	if got := (Account{}).Left(contractNow); got != 0 {
		t.Errorf("without an end: %v", got)
	}
}

func TestASnapshotsTimeIsTheServers(t *testing.T) {
	s := &Snapshot{Clock: Clock{Offset: -3 * time.Hour}}
	if got := s.Now(contractNow); !got.Equal(contractNow.Add(-3 * time.Hour)) {
		t.Errorf("Now = %v", got)
	}
}

func TestTheActiveAccountIsFoundByItsID(t *testing.T) {
	s := &Snapshot{Accounts: []Account{{ID: "a", Username: "ada"}, {ID: "b", Username: "bob"}}, Active: "b"}
	if got := s.ActiveAccount().Username; got != "bob" {
		t.Errorf("active is %q", got)
	}
	s.Active = "c"
	if got := s.ActiveAccount(); got.ID != "" || got.Indicator(contractNow) != IndicatorSignedOut {
		t.Errorf("an account that there is not: %+v", got)
	}
	if _, ok := s.Account("a"); !ok {
		t.Error("account a is not found")
	}
}
