package proof

import (
	"sync"
	"testing"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/build/desktop"
)

// Twenty processes with one session renew at once, as fast as they can, at a
// server that takes the second use of a refresh token for theft. None of them
// may ever use one twice.
func TestTwentyProcessesNeverUseARefreshTokenTwice(t *testing.T) {
	const processes = 20
	last := 6 * time.Second
	if full {
		last = time.Minute
	}
	idp := quick(t)
	k := desktop.Keyring(t, desktop.Bus(t))
	o := options(t, idp)
	first := start(t, k.Env(), o)
	first.signIn(idp)

	agents := []*process{first}
	for range processes - 1 {
		agents = append(agents, start(t, k.Env(), o))
	}
	for _, p := range agents {
		p.state(authcore.SignedIn)
	}
	idp.Reset()

	var mu sync.Mutex
	renewals, seen := 0, map[string]bool{}
	var wg sync.WaitGroup
	for i, p := range agents {
		wg.Go(func() {
			p.send(command{Renew: true, For: last})
			for n := 0; ; n++ {
				a, err := p.receive()
				if err != nil {
					t.Errorf("process %d ended: %v", i, err)
					return
				}
				if a.Error != "" || a.account().State != authcore.SignedIn && a.account().State != authcore.Renewing {
					// It is listened to all the same, or it could not end.
					t.Errorf("process %d, renewal %d: %s %s %v", i, n, a.Error, a.account().State, a.account().Problem)
				}
				mu.Lock()
				renewals++
				seen[a.Token] = true
				mu.Unlock()
				if a.Last {
					return
				}
			}
		})
	}
	wg.Wait()

	stats := idp.Stats()
	t.Logf("%d renewals by %d processes in %v: %d requests, %d tokens taken over from another process",
		renewals, processes, last, stats.Outcomes["refreshed"], renewals-stats.Outcomes["refreshed"])
	if n := stats.Outcomes["reuse_detected"] + stats.Outcomes["invalid_grant"]; n != 0 {
		t.Errorf("%d refresh tokens were refused: %v", n, stats.Outcomes)
	}
	if n := stats.Outcomes["refreshed"]; n < processes {
		t.Errorf("only %d renewals reached the server", n)
	}
	if len(seen) < 2 {
		t.Error("the processes never saw a new token")
	}

	// What is on disk is the living session: a new process goes on with it.
	for _, p := range agents {
		p.stop()
	}
	late := start(t, k.Env(), o)
	before := late.state(authcore.SignedIn)
	after := late.ask(command{Renew: true})
	if after.account().State != authcore.SignedIn || after.Token == before.Token || after.Token == "" {
		t.Errorf("afterwards: %+v", after.account())
	}
}

// The vault is read again under the lock: who finds a newer token there takes
// it and asks nobody.
func TestASecondProcessTakesOverARenewalWithoutARequest(t *testing.T) {
	t.Parallel()
	idp := quick(t)
	k := desktop.Keyring(t, desktop.Bus(t))
	o := options(t, idp)
	first := start(t, k.Env(), o)
	first.signIn(idp)
	second := start(t, k.Env(), o)
	old := second.state(authcore.SignedIn)

	renewed := first.ask(command{Renew: true})
	if renewed.Token == old.Token {
		t.Fatal("the first process did not renew")
	}
	idp.Reset()
	took := second.ask(command{Renew: true})
	if took.Token != renewed.Token || took.account().State != authcore.SignedIn {
		t.Errorf("the second process has another token: %+v", took.account())
	}
	if n := idp.Stats().Requests["issuer"]["/oauth/token"]; n != 0 {
		t.Errorf("%d requests for a token that was on disk", n)
	}

	// And back: the first learns of the second's renewal in the same way.
	renewed = second.ask(command{Renew: true})
	if got := first.ask(command{Renew: true}); got.Token != renewed.Token {
		t.Error("the first process did not take over the second's token")
	}
	if o := idp.Stats().Outcomes; o["refreshed"] != 1 || o["reuse_detected"] != 0 || o["invalid_grant"] != 0 {
		t.Errorf("outcomes = %v", o)
	}
}

func TestASignOutByAnotherProcessIsNoticed(t *testing.T) {
	t.Parallel()
	idp := quick(t)
	k := desktop.Keyring(t, desktop.Bus(t))
	o := options(t, idp)
	first := start(t, k.Env(), o)
	first.signIn(idp)
	second := start(t, k.Env(), o)
	second.state(authcore.SignedIn)

	first.do(authcore.CommandSignOut)
	first.state(authcore.SignedOut)
	first.untilDisk("the sign-out", func(s saved) bool { return len(s.Accounts) == 1 && s.Accounts[0].RefreshToken == "" })
	idp.Reset()
	second.do(authcore.CommandRenew)
	a := second.state(authcore.SignedOut)
	if a.Token != "" || a.account().HasHeaders {
		t.Error("a header after the sign-out")
	}
	if o := idp.Stats().Outcomes; o["refreshed"]+o["reuse_detected"]+o["invalid_grant"] != 0 {
		t.Errorf("the signed-out token was used: %v", o)
	}
}

// A process that changes something else must not put back the tokens that it
// knows over newer ones of another process.
func TestARenameDoesNotUndoAnotherProcessesRenewal(t *testing.T) {
	idp := quick(t)
	k := desktop.Keyring(t, desktop.Bus(t))
	o := options(t, idp)
	first := start(t, k.Env(), o)
	first.signIn(idp)
	second := start(t, k.Env(), o)
	second.state(authcore.SignedIn)

	renewed := first.ask(command{Renew: true})
	second.ask(command{Command: authcore.Command{Name: authcore.CommandRename, Text: "Ward 7"}})
	second.until("the label on disk", func(a answer) bool { return a.account().Label == "Ward 7" && a.Snapshot.Storage.Saved })
	first.kill()
	second.kill()

	third := start(t, k.Env(), o)
	if a := third.state(authcore.SignedIn); a.Token != renewed.Token || a.account().Label != "Ward 7" {
		t.Errorf("after a restart: token %s, want %s; account %+v", a.Token, renewed.Token, a.account())
	}
	third.ask(command{Renew: true})
	if o := idp.Stats().Outcomes; o["reuse_detected"] != 0 {
		t.Errorf("outcomes = %v", o)
	}
}
