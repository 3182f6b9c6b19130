package authcore

import (
	"testing"
	"testing/synctest"
	"time"
)

// follow lets time pass, second by second where it matters, and returns the
// accounts that were seen after each renewal.
func (b *bench) renewals(over time.Duration) (seen []Account) {
	b.t.Helper()
	last := b.account().IssuedAt
	for end := time.Now().Add(over); time.Now().Before(end); {
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if a := b.account(); !a.IssuedAt.Equal(last) {
			last = a.IssuedAt
			seen = append(seen, a)
		}
	}
	return seen
}

// A server that counts down from the sign-in tells the same end each time.
func TestASessionThatIsNotProlongedEndsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.issuer.set(func(f *fakeIssuer) { f.life, f.refreshLife = time.Hour, 30*24*time.Hour })
		b.signIn()
		first := b.account()
		if life := first.SessionExpiresAt.Sub(first.SessionStartedAt); life != 30*24*time.Hour || !first.SessionStartedAt.Equal(first.SignedInAt) {
			t.Fatalf("it lives %v from %v", life, first.SessionStartedAt)
		}
		seen := b.renewals(6 * time.Hour)
		if len(seen) < 6 {
			t.Fatalf("%d renewals", len(seen))
		}
		for _, a := range seen {
			if !a.SessionExpiresAt.Equal(first.SessionExpiresAt) || !a.SessionStartedAt.Equal(first.SessionStartedAt) {
				t.Errorf("at %v the session is said to end %v, from %v", a.IssuedAt, a.SessionExpiresAt, a.SessionStartedAt)
			}
		}
		// It is kept over a restart.
		b.stop()
		b.start()
		synctest.Wait()
		if a := b.account(); !a.SessionExpiresAt.Equal(first.SessionExpiresAt) || !a.SessionStartedAt.Equal(first.SessionStartedAt) {
			t.Errorf("after a restart: %+v", a)
		}
		b.signIn()
		if a := b.account(); !a.SessionStartedAt.Equal(a.SignedInAt) || a.SessionExpiresAt.Sub(a.SignedInAt) != 30*24*time.Hour {
			t.Errorf("after another sign-in: %+v", a)
		}
	})
}

// A server that gives each refresh token a life of its own never lets a session
// end that is renewed, so that nobody is to be warned; and where that life is
// shorter than the access token's, the session is renewed within it.
func TestASessionThatIsProlongedIsRenewedInTime(t *testing.T) {
	for name, life := range map[string]struct{ access, refresh time.Duration }{
		"the refresh token lives longer": {5 * time.Minute, 30 * time.Minute},
		"the access token lives longer":  {24 * time.Hour, 30 * time.Minute},
		"seconds more with each renewal": {time.Minute, 2 * time.Minute},
		"both live as long":              {time.Hour, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				b.issuer.set(func(f *fakeIssuer) { f.life, f.refreshLife, f.prolonging = life.access, life.refresh, true })
				b.signIn()
				seen := b.renewals(min(10*time.Hour, 100*life.access))
				if len(seen) < 10 {
					t.Fatalf("%d renewals", len(seen))
				}
				before := b.account()
				for _, a := range append(seen, before) {
					if a.State != SignedIn {
						t.Fatalf("%s: %v", a.State, a.Problem)
					}
					if left := a.SessionExpiresAt.Sub(a.IssuedAt); left < life.refresh-sameEnd {
						t.Errorf("after a renewal, %v are left", left)
					}
					if whole := a.SessionExpiresAt.Sub(a.SessionStartedAt); (whole - life.refresh).Abs() > sameEnd {
						t.Errorf("its whole life is said to be %v", whole)
					}
					if from := a.SessionEndsSoonFrom(); a.RenewAt.After(from) {
						t.Errorf("the end is said to be near from %v, and the renewal is at %v", from, a.RenewAt)
					}
				}
			})
		})
	}
}
