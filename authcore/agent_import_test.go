package authcore

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/export"
)

// sdkFile is what the SDK writes when somebody has signed in with it at the
// bench's issuer.
func (b *bench) sdkFile(change func(map[string]any)) (path string) {
	b.t.Helper()
	var tokens map[string]any
	b.issuer.set(func(f *fakeIssuer) {
		f.serial++
		family := fmt.Sprintf("family-%d", f.serial)
		f.families[family] = true
		if err := json.NewDecoder(f.tokens(family).Body).Decode(&tokens); err != nil {
			b.t.Fatal(err)
		}
	})
	e := b.issuer.environment()
	file := map[string]any{
		"access_token": tokens["access_token"], "refresh_token": tokens["refresh_token"], "id_token": tokens["id_token"],
		"access_token_expires_at": float64(time.Now().Add(b.issuer.life).UnixMilli()) / 1000,
		"auth_domain":             "issuer.test", "client_id": e.ClientID, "scopes": e.Scopes, "audience": e.Audience,
	}
	if change != nil {
		change(file)
	}
	data, err := json.Marshal(file)
	if err != nil {
		b.t.Fatal(err)
	}
	path = filepath.Join(private(b.t), ".token")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		b.t.Fatal(err)
	}
	return path
}

func (b *bench) importFile(path string) error {
	b.t.Helper()
	err := b.agent.ImportTokenFile(b.t.Context(), path)
	synctest.Wait()
	return err
}

// stored is what the vault holds.
func (b *bench) stored() document {
	b.t.Helper()
	doc, err := store{b.vault}.load(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return doc
}

func TestAnImportTakesTheSessionOverAndTheFileWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		synctest.Wait()
		path := b.sdkFile(nil)
		before, err := export.ReadTokenFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.agent.Do(t.Context(), Command{Name: CommandImportTokenFile, Path: path}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		b.wantState(SignedIn)
		acc := b.account()
		if acc.Username != "dr.amelia" || len(b.agent.Snapshot().Accounts) != 1 || !b.agent.Snapshot().Storage.Saved {
			t.Errorf("account = %+v", acc)
		}
		if doc := b.stored(); len(doc.Accounts) != 1 || doc.Accounts[0].ID != acc.ID || doc.Active != acc.ID ||
			doc.Accounts[0].RefreshToken == before.RefreshToken.Reveal() || !doc.Accounts[0].RenewalStarted.IsZero() {
			t.Errorf("the vault holds %v", doc.Accounts)
		}
		now, err := export.ReadTokenFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !now.RefreshToken.Empty() || "Bearer "+now.AccessToken.Reveal() != b.hubHeader() {
			t.Error("the file is not ours")
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode = %v, %v", info.Mode(), err)
		}

		// Kept fresh, and over a restart too.
		b.do(CommandRenew)
		b.stop()
		b.start()
		synctest.Wait()
		b.wantState(SignedIn)
		b.do(CommandRenew)
		if now, err = export.ReadTokenFile(path); err != nil || "Bearer "+now.AccessToken.Reveal() != b.hubHeader() {
			t.Errorf("the file was not kept fresh: %v", err)
		}
		if b.issuer.count("/oauth/token refresh_token") != 3 || b.issuer.count("invalid_grant") != 0 || len(b.issuer.revoked) != 0 {
			t.Errorf("requests = %v", b.issuer.counts)
		}

		// There is nothing in it any more.
		err = b.importFile(path)
		var p *Problem
		if !errors.As(err, &p) || p.Code != ProblemBadRequest || !strings.Contains(p.Error(), "itself") {
			t.Errorf("a second import: %v", err)
		}
		b.wantState(SignedIn)
	})
}

func TestAnImportReplacesTheSessionOfTheSameUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		id, header := b.account().ID, b.hubHeader()
		live := filepath.Join(private(t), "hub.env")
		b.addFile(Command{Path: live, Service: export.Hub, Format: "env"})
		if err := b.importFile(b.sdkFile(nil)); err != nil {
			t.Fatal(err)
		}
		if got := b.account(); got.ID != id || len(b.agent.Snapshot().Accounts) != 1 || b.hubHeader() == header {
			t.Errorf("account = %+v", got)
		}
		if !strings.Contains(content(t, live), strings.TrimPrefix(b.hubHeader(), "Bearer ")) {
			t.Error("the other live file did not follow")
		}
		if doc := b.stored(); len(doc.Accounts) != 1 {
			t.Errorf("the vault holds %v", doc.Accounts)
		}
		// Two users are two accounts.
		b.issuer.set(func(f *fakeIssuer) { f.user = "nurse.ben" })
		if err := b.importFile(b.sdkFile(nil)); err != nil {
			t.Fatal(err)
		}
		if got := b.account(); got.Username != "nurse.ben" || got.ID == id || len(b.agent.Snapshot().Accounts) != 2 {
			t.Errorf("account = %+v", got)
		}
	})
}

func TestAnImportThatIsRefusedSendsNothing(t *testing.T) {
	set := func(key string, value any) func(map[string]any) {
		return func(f map[string]any) { f[key] = value }
	}
	for name, c := range map[string]struct {
		change func(map[string]any)
		// prepare may change the world after the file was made.
		prepare func(b *bench, path string)
		reason  string
	}{
		"another domain":   {change: set("auth_domain", "auth.bitfount.com"), reason: "auth domain"},
		"another client":   {change: set("client_id", "x"), reason: "client ID"},
		"other scopes":     {change: set("scopes", "openid"), reason: "scopes"},
		"another audience": {change: set("audience", "https://x"), reason: "audience"},
		"ours":             {change: set("refresh_token", export.NoRefreshToken), reason: "itself"},
		"no refresh token": {change: set("refresh_token", nil), reason: "refresh_token is missing"},
		"not there":        {prepare: func(_ *bench, path string) { _ = os.Remove(path) }, reason: "cannot be read"},
		"not JSON":         {prepare: func(_ *bench, path string) { _ = os.WriteFile(path, []byte("x"), 0o600) }, reason: "not JSON"},
		"not replaceable":  {prepare: func(_ *bench, path string) { _ = os.Chmod(filepath.Dir(path), 0o777) }, reason: "write"},
		"exports are off": {prepare: func(b *bench, _ string) {
			s := DefaultSettings()
			s.Exports = false
			b.agent.SetSettings(s)
		}, reason: "switched off"},
		"an unwelcome user": {prepare: func(b *bench, _ string) { b.agent.options.Username = "somebody.else" }, reason: "belongs to dr.amelia"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				synctest.Wait()
				path := b.sdkFile(c.change)
				if c.prepare != nil {
					c.prepare(b, path)
				}
				before, _ := os.ReadFile(path)
				err := b.importFile(path)
				var p *Problem
				if !errors.As(err, &p) || p.Code != ProblemBadRequest || !strings.Contains(p.Error(), c.reason) {
					t.Errorf("error = %v", err)
				}
				if after, _ := os.ReadFile(path); string(after) != string(before) {
					t.Error("the file was changed")
				}
				b.wantState(SignedOut)
				if n := b.issuer.count("/oauth/token refresh_token"); n != 0 || len(b.agent.Snapshot().LiveFiles) != 0 {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}

func TestAnImportThatFailsLeavesNoSession(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(*fakeIssuer)
		code    ProblemCode
		// revoked says that the token which was received is given back.
		revoked bool
	}{
		"the session has ended": {func(f *fakeIssuer) { clear(f.families) }, ProblemSessionEnded, false},
		"the server is busy": {func(f *fakeIssuer) {
			f.fault = func(string) (*http.Response, error) { return reply(503, nil), nil }
		}, ProblemServerBusy, false},
		"another user answers": {func(f *fakeIssuer) { f.user = "somebody.else" }, ProblemWrongUser, true},
		"no good ID token":     {func(f *fakeIssuer) { f.user = "" }, ProblemBadToken, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				synctest.Wait()
				b.agent.options.Username = "dr.amelia"
				path := b.sdkFile(nil)
				b.issuer.set(c.prepare)
				err := b.importFile(path)
				var p *Problem
				if !errors.As(err, &p) || p.Code != c.code {
					t.Fatalf("error = %v", err)
				}
				b.wantState(SignedOut)
				if doc := b.stored(); len(doc.Accounts) != 0 || len(b.agent.Snapshot().LiveFiles) != 0 {
					t.Errorf("the vault holds %v", doc.Accounts)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if got := len(b.issuer.revoked) == 1; got != c.revoked {
					t.Errorf("revoked = %d tokens", len(b.issuer.revoked))
				}
			})
		})
	}
}

func TestAnImportWaitsForAVaultThatCanBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn() // makes the vault
		path := b.sdkFile(nil)
		if err := os.WriteFile(b.vault.Path(), []byte("damaged"), 0o600); err != nil {
			t.Fatal(err)
		}
		err := b.importFile(path)
		var p *Problem
		if !errors.As(err, &p) || p.Code != ProblemVaultDamaged {
			t.Errorf("error = %v", err)
		}
		if file, err := export.ReadTokenFile(path); err != nil || file.RefreshToken.Empty() || b.issuer.count("/oauth/token refresh_token") != 0 {
			t.Errorf("the SDK's session was touched: %v", err)
		}
	})
}

// An application that dies between the server's answer and its own note of it
// finds the session again, and knows that an answer was missed.
func TestAnImportIsNotedBeforeItIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		synctest.Wait()
		path := b.sdkFile(nil)
		hang := make(chan struct{})
		b.issuer.set(func(f *fakeIssuer) { f.hang = hang })
		ended := make(chan error, 1)
		go func() { ended <- b.agent.ImportTokenFile(t.Context(), path) }()
		synctest.Wait()
		doc := b.stored()
		if len(doc.Accounts) != 1 || doc.Accounts[0].RefreshToken == "" || doc.Accounts[0].RenewalStarted.IsZero() {
			t.Errorf("the vault holds %v", doc.Accounts)
		}
		b.issuer.set(func(f *fakeIssuer) { f.hang = nil })
		close(hang)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		b.wantState(SignedIn)
	})
}

func TestImportIsAllowedWithExportsAlone(t *testing.T) {
	s := &Snapshot{}
	if s.Allowed(Command{Name: CommandImportTokenFile}) {
		t.Error("allowed with exports off")
	}
	s.Settings.Exports = true
	if !s.Allowed(Command{Name: CommandImportTokenFile}) {
		t.Error("not allowed with exports on")
	}
}

// An answer to a refresh need not have an ID token (OpenID Connect Core 1.0,
// section 12.2): then the file's says whose the session is, if the issuer has
// signed it.
func TestAnImportKnowsItsUserByTheFileWhereTheServerDoesNotSay(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(map[string]any)
		want    State
		revoked int
	}{
		"signed by the issuer": {nil, SignedIn, 0},
		"no ID token":          {func(f map[string]any) { f["id_token"] = "" }, SignedOut, 0}, // nothing is sent
		"of somebody else": {func(f map[string]any) {
			stranger := newFakeIssuer()
			var tokens map[string]any
			_ = json.NewDecoder(stranger.tokens("family").Body).Decode(&tokens)
			f["id_token"] = tokens["id_token"]
		}, SignedOut, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				path := b.sdkFile(c.change)
				b.issuer.set(func(f *fakeIssuer) { f.noID = true })
				err := b.importFile(path)
				b.settle()
				b.wantState(c.want)
				if (err == nil) != (c.want == SignedIn) {
					t.Errorf("the error is %v", err)
				}
				if name := b.account().Username; (name == "dr.amelia") != (c.want == SignedIn) {
					t.Errorf("username %q", name)
				}
				// What was received and is not wanted is not left alive.
				if n := len(b.issuer.revoked); n != c.revoked {
					t.Errorf("%d tokens revoked", n)
				}
			})
		})
	}
}
