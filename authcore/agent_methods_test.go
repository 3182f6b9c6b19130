package authcore

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// For people: each of the three sources, from the account to the header, without
// code.
func TestEachSourceOfATokenNeedsNoCode(t *testing.T) {
	token := jwtWith(jwt.MapClaims{"exp": time.Now().Add(time.Hour).Unix()})
	file := filepath.Join(t.TempDir(), "token")
	writeToken(t, file, token)
	t.Setenv("BITFOUNT_TRAY_TEST_TOKEN", token)
	t.Setenv("BITFOUNT_TRAY_TEST_PRINT", token)
	for name, source := range map[string]JWTSource{
		"command":  {Command: command(t, "print").Argv},
		"file":     {File: file},
		"variable": {Variable: "BITFOUNT_TRAY_TEST_TOKEN"},
	} {
		t.Run(name, func(t *testing.T) {
			b := &bench{t: t, issuer: newFakeIssuer()}
			b.startReal()
			if err := b.agent.SetExternalJWT(t.Context(), ExternalJWTAccount{Username: "ada", Source: source}); err != nil {
				t.Fatal(err)
			}
			for service, want := range map[export.Service]string{
				export.Hub: "Bearer " + token, export.AccessManager: "Bearer " + token, export.MessageService: token,
			} {
				headers, err := b.agent.Headers(t.Context(), "", service, time.Minute)
				if err != nil || headers[0].Value.Reveal() != want {
					t.Errorf("%s: %v", service, err)
				}
			}
			b.eventually(func() bool { return b.account().State == SignedIn }) // it may be looked at once more
			if a := b.account(); a.Username != "ada" || a.Method != MethodExternalJWT {
				t.Errorf("account = %+v", a)
			}
			if err := b.agent.Do(t.Context(), Command{Name: CommandSignIn}); err == nil {
				t.Error("an account with a source signs in in the browser")
			}
		})
	}
}

func TestASourceThatCannotBeAskedIsRefusedAndChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		before := b.account()
		for name, e := range map[string]ExternalJWTAccount{
			"no source":       {Username: "ada"},
			"two sources":     {Username: "ada", Source: JWTSource{File: "/x", Variable: "X"}},
			"no username":     {Source: JWTSource{Variable: "X"}},
			"_default":        {Username: AnyUser, Source: JWTSource{Variable: "X"}},
			"no such account": {Username: "ada", Account: "nobody", Source: JWTSource{Variable: "X"}},
			"no such place":   {Username: "ada", Environment: "moon", Source: JWTSource{Variable: "X"}},
		} {
			if err := b.agent.SetExternalJWT(t.Context(), e); err == nil {
				t.Errorf("%s: accepted", name)
			}
			if got := b.account(); got.ID != before.ID || got.Method != before.Method || len(b.agent.Snapshot().Accounts) != 1 {
				t.Errorf("%s: account = %+v", name, got)
			}
		}
		// A source that answers nothing is an account that says so and heals.
		if err := b.agent.SetExternalJWT(t.Context(), ExternalJWTAccount{Username: "ada", Source: JWTSource{Variable: "BITFOUNT_TRAY_TEST_NOT_SET"}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if a := b.account(); a.HasHeaders || a.Problem == nil || a.Problem.Code != ProblemBadSource || !strings.Contains(a.Problem.Cause, "BITFOUNT_TRAY_TEST_NOT_SET") {
			t.Errorf("account = %+v", a)
		}
		os.Setenv("BITFOUNT_TRAY_TEST_NOT_SET", `{"token": "t", "expires": 4000000000}`)
		defer os.Unsetenv("BITFOUNT_TRAY_TEST_NOT_SET")
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		b.wantState(SignedIn)
		if b.hubHeader() != "Bearer t" || b.account().Problem != nil {
			t.Errorf("account = %+v", b.account())
		}
	})
}

func TestKeysOfAnAccountAreReplacedInPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		keys := func(account, username, key string) error {
			return b.agent.SetAPIKeys(t.Context(), APIKeysAccount{Account: account, Username: username, KeyID: secret.New("id:2"), Key: secret.New(key)})
		}
		if err := keys("", "ada", "old:2"); err != nil {
			t.Fatal(err)
		}
		first := b.account().ID
		if err := keys(first, "ada", "new:2"); err != nil {
			t.Fatal(err)
		}
		if err := keys("", "ada", "newest:2"); err != nil { // the same user's, without naming the account
			t.Fatal(err)
		}
		if n := len(b.agent.Snapshot().Accounts); n != 1 || b.account().ID != first {
			t.Errorf("%d accounts", n)
		}
		if err := keys("", "ben", "bens:2"); err != nil { // somebody else's
			t.Fatal(err)
		}
		if n := len(b.agent.Snapshot().Accounts); n != 2 || b.account().Username != "ben" {
			t.Errorf("%d accounts, active %q", n, b.account().Username)
		}
		if headers, err := b.agent.Headers(t.Context(), first, export.Hub, 0); err != nil || headers[1].Value.Reveal() != "newest" {
			t.Errorf("ada's keys: %v", err)
		}
		b.settle()
		b.stop()
		b.start()
		if n := len(b.agent.Snapshot().Accounts); n != 2 || b.account().Username != "ben" {
			t.Errorf("after a restart: %d accounts, active %q", n, b.account().Username)
		}
		if _, _, err := b.agent.Token(t.Context(), "", 0); err == nil {
			t.Error("API keys are a token")
		}
		if _, err := b.agent.Headers(t.Context(), "", "pods", 0); err == nil {
			t.Error("a fourth service has headers")
		}
	})
}

// Nobody can have a token that lives longer than the server makes them, and
// nobody is told to be signed out for it.
func TestALongerLifeThanTokensHaveIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		_, err := b.agent.Headers(t.Context(), "", export.Hub, 25*time.Hour)
		var p *Problem
		if !errors.As(err, &p) || p.Code != ProblemTooShort || !strings.Contains(err.Error(), "25h") {
			t.Errorf("the error is %v", err)
		}
		if n := b.issuer.count(refreshPath); n != 0 {
			t.Errorf("%d renewals that could not help", n)
		}
	})
}
