package authcore

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

func (b *bench) addFile(c Command) {
	b.t.Helper()
	c.Name = CommandAddLiveFile
	if err := b.agent.Do(b.t.Context(), c); err != nil {
		b.t.Fatal(err)
	}
	synctest.Wait()
}

// private makes a folder that live files may be in.
func private(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), "out")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func content(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestALiveFileFollowsTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		dir := private(t)
		path := filepath.Join(dir, "hub.env")
		b.signIn()
		b.addFile(Command{Path: path, Service: export.Hub, Format: "env"})
		first := content(t, path)
		if token := strings.TrimPrefix(b.hubHeader(), "Bearer "); !strings.Contains(first, token) {
			t.Fatalf("the file does not hold the header")
		}
		if f := b.agent.Snapshot().LiveFiles; len(f) != 1 || f[0].WrittenAt.IsZero() || f[0].Problem != nil {
			t.Errorf("live files = %+v", f)
		}
		b.do(CommandRenew)
		second := content(t, path)
		if second == first || !strings.Contains(second, strings.TrimPrefix(b.hubHeader(), "Bearer ")) {
			t.Error("the file did not follow the renewal")
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode = %v, %v", info.Mode(), err)
		}

		before, _ := os.Stat(path)
		told := func() (n int) {
			for _, e := range b.agent.Snapshot().Events {
				if e.Kind == EventFile {
					n++
				}
			}
			return n
		}
		events := told()
		b.stop()
		b.start()
		synctest.Wait()
		if after, err := os.Stat(path); err != nil || !os.SameFile(before, after) {
			t.Errorf("a file that is up to date was written again: %v", err)
		}
		if at := b.agent.Snapshot().LiveFiles[0].WrittenAt; !at.Equal(before.ModTime()) || told() != events {
			t.Errorf("written at %v, told %d times after %d", at, told(), events)
		}
		b.do(CommandRenew)
		if third := content(t, path); third == second {
			t.Error("the list did not survive the restart")
		}
		b.do(CommandSignOut)
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("the file is still there after signing out: %v", err)
		}
		b.signIn()
		if !strings.Contains(content(t, path), strings.TrimPrefix(b.hubHeader(), "Bearer ")) {
			t.Error("the file did not come back with the session")
		}
		if err := b.agent.Do(t.Context(), Command{Name: CommandRemoveFile, Path: path}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if _, err := os.Stat(path); !os.IsNotExist(err) || len(b.agent.Snapshot().LiveFiles) != 0 {
			t.Error("not removed")
		}
	})
}

func TestAFileThatCannotBeWrittenShowsWhyAndTheOthersGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		good, bad := private(t), private(t)
		b.signIn()
		b.addFile(Command{Path: filepath.Join(bad, "a"), Service: export.Hub, Format: "json"})
		b.addFile(Command{Path: filepath.Join(good, "b"), Service: export.Hub, Format: "json"})
		if err := os.Rename(bad, bad+"-moved"); err != nil {
			t.Fatal(err)
		}
		b.do(CommandRenew)
		files := b.agent.Snapshot().LiveFiles
		if files[0].Problem == nil || files[0].Problem.Code != ProblemExport || files[1].Problem != nil {
			t.Fatalf("files = %+v", files)
		}
		if !strings.Contains(content(t, filepath.Join(good, "b")), b.hubHeader()) {
			t.Error("the good file was not written")
		}
		if err := os.Rename(bad+"-moved", bad); err != nil {
			t.Fatal(err)
		}
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if p := b.agent.Snapshot().LiveFiles[0].Problem; p != nil {
			t.Errorf("not tried again: %v", p)
		}
		if err := b.agent.Do(t.Context(), Command{Name: CommandAddLiveFile, Path: "relative", Service: export.Hub, Format: "json"}); err == nil {
			t.Error("a relative path passes")
		}
		if err := b.agent.Do(t.Context(), Command{Name: CommandAddLiveFile, Path: filepath.Join(bad, "no", "x"), Service: export.Hub, Format: "json"}); err == nil {
			t.Error("a folder that is not there passes")
		}
	})
}

// TestSigningOutDoesNotWaitForARetry has a file fail first: what it held before
// must go at once all the same.
func TestSigningOutDoesNotWaitForARetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		dir := private(t)
		path := filepath.Join(dir, "hub.json")
		b.signIn()
		b.addFile(Command{Path: path, Service: export.Hub, Format: "json"})
		open := func(mode os.FileMode) {
			if err := os.Chmod(dir, mode); err != nil {
				t.Fatal(err)
			}
		}
		problem := func() *Problem { return b.agent.Snapshot().LiveFiles[0].Problem }
		open(0o777)
		b.do(CommandRenew)
		if p := problem(); p == nil || p.Code != ProblemExport {
			t.Fatalf("others can write to the folder: %v", p)
		}
		open(0o700)
		b.do(CommandRenew)
		if problem() != nil || !strings.Contains(content(t, path), b.hubHeader()) {
			t.Errorf("the next token waits for the retry: %v", problem())
		}
		open(0o777)
		b.do(CommandRenew)
		b.do(CommandSignOut)
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("the file is still there after signing out: %v", err)
		}
		if problem() != nil {
			t.Errorf("the problem stays: %v", problem())
		}
	})
}

func TestAFileThatCannotBeRemovedIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		path := filepath.Join(private(t), "hub.json")
		b.signIn()
		b.addFile(Command{Path: path, Service: export.Hub, Format: "json"})
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		b.do(CommandRenew)
		b.do(CommandSignOut)
		if p := b.agent.Snapshot().LiveFiles[0].Problem; p == nil || p.Code != ProblemExportKept || !strings.Contains(p.Cause, "delete it yourself") {
			t.Errorf("problem = %+v", p)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if p := b.agent.Snapshot().LiveFiles[0].Problem; p != nil {
			t.Errorf("still said when it is gone: %v", p)
		}
	})
}

func TestTheSDKsTokenFileHoldsNoRefreshTokenOfOurs(t *testing.T) {
	storage := private(t)
	t.Setenv("BITFOUNT_STORAGE_PATH", storage)
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.signIn()
		b.addFile(Command{Format: "sdk-token"})
		path := filepath.Join(storage, "_default", ".token")
		var file map[string]any
		if err := json.Unmarshal([]byte(content(t, path)), &file); err != nil {
			t.Fatal(err)
		}
		if "Bearer "+file["access_token"].(string) != b.hubHeader() || file["auth_domain"] != "issuer.test" {
			t.Errorf("file = %v", file)
		}
		if strings.Contains(file["refresh_token"].(string), "refresh-") {
			t.Error("our refresh token is in it")
		}
		// The SDK writes what it has loaded, which may be an older token.
		if err := os.WriteFile(path, []byte(`{"access_token": "old"}`), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if !strings.Contains(content(t, path), strings.TrimPrefix(b.hubHeader(), "Bearer ")) {
			t.Error("the SDK's older token stays in the file")
		}
		// At no moment does the file come near the SDK's 10-minute line.
		for range 200 {
			time.Sleep(10 * time.Minute)
			var now map[string]any
			_ = json.Unmarshal([]byte(content(t, path)), &now)
			if left := time.Unix(int64(now["access_token_expires_at"].(float64)), 0).Sub(time.Now()); left < 10*time.Minute {
				t.Fatalf("%v left in the file", left)
			}
		}
	})
}

func TestAPIKeysAreKeptOverARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		keys := APIKeysAccount{Username: "amelia", KeyID: secret.New("id-1:id-2"), Key: secret.New("key-1:key-2")}
		if err := b.agent.SetAPIKeys(t.Context(), APIKeysAccount{Username: "_default", KeyID: keys.KeyID, Key: keys.Key}); err == nil {
			t.Error("_default passes")
		}
		if err := b.agent.SetAPIKeys(t.Context(), keys); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			synctest.Wait()
			b.wantState(SignedIn)
			hub, err := b.agent.Headers(t.Context(), "", export.Hub, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			am, _ := b.agent.Headers(t.Context(), "", export.AccessManager, 0)
			if hub[1].Value.Reveal() != "key-1" || am[1].Value.Reveal() != "key-1:key-2" {
				t.Errorf("the wrong halves: %q, %q", hub[1].Value.Reveal(), am[1].Value.Reveal())
			}
			if _, _, err := b.agent.Token(t.Context(), "", 0); err == nil {
				t.Error("API keys are no token")
			}
			if n := len(b.agent.Snapshot().Accounts); n != 1 {
				t.Errorf("%d accounts", n)
			}
			b.stop()
			b.start()
		}
		b.do(CommandSignOut)
		b.wantState(SignedOut)
		b.stop()
		b.start()
		b.wantState(SignedOut)
	})
}

func TestATokenFromAnotherProgramIsFollowed(t *testing.T) {
	dir := private(t)
	path := filepath.Join(dir, "token")
	put := func(token string, life time.Duration) {
		text, _ := json.Marshal(map[string]any{"token": token, "expires": time.Now().Add(life).Unix()})
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// Real time: the file is watched by the system.
	put("first", time.Hour)
	b := &bench{t: t, issuer: newFakeIssuer()}
	b.startReal()
	if err := b.agent.SetExternalJWT(t.Context(), ExternalJWTAccount{Username: "amelia", Source: JWTSource{File: path}}); err != nil {
		t.Fatal(err)
	}
	b.eventually(func() bool { return b.account().State == SignedIn && b.account().HasHeaders })
	if got := b.hubHeader(); got != "Bearer first" {
		t.Fatalf("header = %q", got)
	}
	// At any moment, also while the watch begins or the file is being read.
	for i := range 30 {
		token := fmt.Sprintf("token-%d", i)
		put(token, time.Hour)
		if i%3 == 0 {
			b.eventually(func() bool { return b.hubHeader() == "Bearer "+token })
		}
	}
	put("second", time.Hour)
	b.eventually(func() bool { return b.hubHeader() == "Bearer second" })
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := b.agent.Do(t.Context(), Command{Name: CommandRenew}); err != nil {
		t.Fatal(err)
	}
	b.eventually(func() bool { return b.account().Problem != nil })
	if a := b.account(); a.State != Offline || a.Problem.Code != ProblemBadSource || b.hubHeader() != "Bearer second" {
		t.Errorf("account = %+v", a)
	}
	put("third", time.Hour)
	b.eventually(func() bool { return b.account().State == SignedIn && b.hubHeader() == "Bearer third" })
}

func TestAPolicyTakesAwayTheFilesThatItForbids(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		dir := private(t)
		b.signIn()
		hub, am := filepath.Join(dir, "hub.json"), filepath.Join(dir, "am.env")
		b.addFile(Command{Path: hub, Service: export.Hub, Format: "json"})
		b.addFile(Command{Path: am, Service: export.AccessManager, Format: "env"})
		there := func(path string) bool { _, err := os.Stat(path); return err == nil }
		if !there(hub) || !there(am) {
			t.Fatal("not written")
		}
		s := DefaultSettings()
		s.ExportFormats, s.Locked = "env", []string{"export_formats"}
		b.agent.SetSettings(s)
		synctest.Wait()
		if there(hub) || !there(am) {
			t.Errorf("after one format was forbidden: hub %t, am %t", there(hub), there(am))
		}
		s.Exports, s.Locked = false, []string{"exports", "export_formats"}
		b.agent.SetSettings(s)
		synctest.Wait()
		b.do(CommandRenew)
		if there(hub) || there(am) {
			t.Errorf("after all were forbidden: hub %t, am %t", there(hub), there(am))
		}
	})
}
