package main

import (
	"encoding/json"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/oauth"
	"github.com/bitfount/bitfount-tray/build/provider"
)

// both runs a test with Bitfount Tray running and without: nobody who uses the
// command line should see a difference.
func both(t *testing.T, o provider.Options, test func(*testing.T, *room)) {
	for _, resident := range []bool{false, true} {
		name := "without a resident"
		if resident {
			name = "with a resident"
		}
		t.Run(name, func(t *testing.T) {
			r := newRoom(t, o)
			if resident {
				r.startResident()
			}
			test(t, r)
		})
	}
}

func TestASessionFromSignInToSignOut(t *testing.T) {
	both(t, provider.Options{}, func(t *testing.T, r *room) {
		r.run("headers").wantFailure(t, exitNotSignedIn, "You are not signed in.", "bitfount-auth login")
		r.run("token", "--json").wantFailure(t, exitNotSignedIn, "bitfount-auth login")
		if got := r.run("status"); got.code != exitNotSignedIn || got.stdout != "Nobody is signed in (demo).\n" {
			t.Errorf("status: %+v", got)
		}

		if said := r.login(amelia); !strings.HasPrefix(said, "Signed in as dr.amelia.stone (demo). The token is valid for 23 h 59 min.") {
			t.Errorf("login says %q", said)
		}
		if said := r.ok("status"); !strings.HasPrefix(said, "Signed in as dr.amelia.stone (demo). The token is valid for 23 h 59 min") {
			t.Errorf("status says %q", said)
		}
		var s status
		if err := json.Unmarshal([]byte(r.ok("status", "--json")), &s); err != nil {
			t.Fatal(err)
		}
		if !s.SignedIn || s.Username != amelia || s.Environment != "demo" || s.Method != authcore.MethodDeviceCode || !s.Saved || s.Problem != nil {
			t.Errorf("status --json: %+v", s)
		}

		for _, service := range []string{"hub", "am"} {
			url := map[string]string{"hub": r.provider.HubURL, "am": r.provider.AccessManagerURL}[service] + "/api/whoami"
			curl := r.shell(`bitfount-auth headers ` + service + ` --format curl-config | curl -sf -K - ` + url)
			if !strings.Contains(curl, `"username":"dr.amelia.stone"`) {
				t.Errorf("the %s answers %q to its headers", service, curl)
			}
			if own := r.ok("curl", "-sf", url); own != curl {
				t.Errorf("bitfount-auth curl prints %q", own)
			}
		}
		token := strings.TrimSpace(r.ok("token"))
		var answer struct {
			Token   string
			Expires time.Time
		}
		if err := json.Unmarshal([]byte(r.ok("token", "--json")), &answer); err != nil || answer.Token != token {
			t.Errorf("token --json: %v", err)
		}
		if left := time.Until(answer.Expires); left < 23*time.Hour || left > 24*time.Hour {
			t.Errorf("the token expires in %v", left)
		}
		if r.ok("headers") != r.ok("headers", "hub", "--format", "headers") || !strings.HasPrefix(r.ok("headers"), "authorization: Bearer "+token+"\n") {
			t.Error("headers does not print the Hub's")
		}
		if got := r.ok("headers", "message-service", "--format", "json"); got != "{\n  \"token\": \""+token+"\"\n}\n" {
			t.Error("the message service's metadata is not the token")
		}
		child := r.ok("exec", "--", "sh", "-c", `printf '%s|%s|%s' "$BITFOUNT_HUB_AUTHORIZATION" "$BITFOUNT_AM_AUTHORIZATION" "$BITFOUNT_MESSAGE_SERVICE_TOKEN"`)
		if child != "Bearer "+token+"|Bearer "+token+"|"+token {
			t.Error("exec does not hand the headers to its child")
		}

		if said := r.ok("logout"); said != "Signed out dr.amelia.stone (demo).\n" {
			t.Errorf("logout says %q", said)
		}
		r.eventually("the server is told of the sign-out", func() bool { return r.provider.Stats().Outcomes["revoked"] == 1 })
		if got := r.run("logout"); got.code != 0 || !strings.Contains(got.stderr, "Nobody was signed in") {
			t.Errorf("a second logout: %+v", got)
		}
		r.run("headers").wantFailure(t, exitNotSignedIn, "bitfount-auth login")
	})
}

// eventually waits for what another process does and nothing announces.
func (r *room) eventually(what string, done func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			r.t.Fatal("waited 20 s until " + what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestWhatOneProcessSavedTheOtherFinds(t *testing.T) {
	r := newRoom(t, provider.Options{})
	r.login(amelia)
	token := r.ok("token")
	end := r.startResident()
	if r.ok("token") != token {
		t.Error("the resident does not find the command line's session")
	}
	end()
	if r.ok("token") != token {
		t.Error("the command line does not find it again")
	}
	if n := r.provider.Stats().Outcomes["refreshed"]; n != 0 {
		t.Errorf("%d renewals that nobody needed", n)
	}
}

func TestMinValidRenewsOnlyWhereItCan(t *testing.T) {
	both(t, provider.Options{AccessLifetime: time.Hour}, func(t *testing.T, r *room) {
		r.login(amelia)
		first := r.ok("token")
		if r.ok("token", "--min-valid", "50m") != first {
			t.Error("renewed although the token lives long enough")
		}
		r.run("token", "--min-valid", "2h").wantFailure(t, exitFailed, "do not live as long as 2h0m0s", "Ask for a shorter time")
		time.Sleep(2 * time.Second) // so that the token has less than its whole life
		second := r.ok("headers", "message-service", "--min-valid", "59m59s")
		if strings.Contains(second, strings.TrimSpace(first)) || r.provider.Stats().Outcomes["refreshed"] != 1 {
			t.Error("not renewed although the token does not live long enough")
		}
		r.provider.Kill()
		if r.ok("token") == first {
			t.Error("the renewed token was not kept")
		}
		time.Sleep(2 * time.Second)
		r.run("token", "--min-valid", "59m59s").wantFailure(t, exitTryAgain, "cannot be reached")
	})
}

func TestASessionThatTheServerEnded(t *testing.T) {
	both(t, provider.Options{AccessLifetime: 2 * time.Second}, func(t *testing.T, r *room) {
		r.login(amelia)
		r.provider.EndSessions(amelia)
		time.Sleep(3 * time.Second)
		r.run("headers").wantFailure(t, exitNotSignedIn, "The server has ended this session. Run bitfount-auth login.")
		if got := r.run("status"); got.code != exitNotSignedIn || !strings.HasPrefix(got.stdout, "The session of dr.amelia.stone has ended") || !strings.Contains(got.stderr, "bitfount-auth login") {
			t.Errorf("status: %+v", got)
		}
	})
}

func TestCtrlCCancelsASignIn(t *testing.T) {
	both(t, provider.Options{}, func(t *testing.T, r *room) {
		cmd := r.command("login", "--no-browser")
		stderr, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_, said := readPage(t, stderr)
		if strings.Contains(said, "\x1b") {
			t.Error("a terminal's sequences are sent to a pipe")
		}
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		rest, _ := io.ReadAll(stderr)
		_ = cmd.Wait()
		if cmd.ProcessState.ExitCode() != exitInterrupted || !strings.Contains(string(rest), "The sign-in was cancelled.") {
			t.Errorf("exit code %d, %q", cmd.ProcessState.ExitCode(), rest)
		}
		r.eventually("the sign-in has ended", func() bool { return r.run("status").stdout == "Nobody is signed in (demo).\n" })
	})
}

func TestADeclinedSignInSaysWhatToDo(t *testing.T) {
	both(t, provider.Options{}, func(t *testing.T, r *room) {
		cmd := r.command("login")
		stderr, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		page, _ := readPage(t, stderr)
		r.provider.DeclineOnPage(page)
		rest, _ := io.ReadAll(stderr)
		_ = cmd.Wait()
		if cmd.ProcessState.ExitCode() != exitNotSignedIn || !strings.Contains(string(rest), "declined in the browser") || !strings.Contains(string(rest), "bitfount-auth login again") {
			t.Errorf("exit code %d, %q", cmd.ProcessState.ExitCode(), rest)
		}
	})
}

func TestTheKeyringsTroubleIsSaid(t *testing.T) {
	r := newRoom(t, provider.Options{})
	r.login(amelia)
	r.run("export", "add", "hub.headers")
	if err := r.keyring.Lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.run("headers").wantFailure(t, exitTryAgain, "The keyring of this computer is locked.", "Unlock the keyring")
	r.keyring.Stop()
	r.run("token").wantFailure(t, exitTryAgain, "no keyring is running", "Start a keyring first")
	r.run("accounts").wantFailure(t, exitTryAgain, "no keyring is running")
	if got := r.run("export", "list"); got.code != exitTryAgain || !strings.Contains(got.stdout, "cannot be opened") || !strings.Contains(got.stderr, "no keyring is running") {
		t.Errorf("export list: %+v", got)
	}
	got := r.run("doctor")
	if got.code != exitFailed || !regexp.MustCompile(`(?m)^BAD saved sessions`).MatchString(got.stdout) {
		t.Errorf("doctor: %+v", got)
	}
}

// TestOnAServerWithoutADesktop does what the help of login says: no session bus
// and no keyring are there but those that it starts.
func TestOnAServerWithoutADesktop(t *testing.T) {
	for _, program := range []string{"dbus-run-session", "gnome-keyring-daemon", "bash"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(program, " is not installed")
		}
	}
	t.Parallel()
	r := alone(t)
	r.provider = provider.Start(t, provider.Options{Interval: time.Second})
	r.provider.Config(filepath.Join(r.value("XDG_CONFIG_HOME"), "bitfount-tray", "config.toml"))
	r.run("login").wantFailure(t, exitTryAgain, "no desktop message bus", "Start a session bus and a keyring first", "login --help", "API keys")
	if n := r.provider.Stats().Outcomes["device_code_issued"]; n != 0 {
		t.Error("somebody was asked to approve a session that could not be kept")
	}

	keyring := func(command string) *exec.Cmd {
		script := `password="correct horse"; printf %s "$password" | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1; ` + command
		cmd := r.command()
		cmd.Path, _ = exec.LookPath("dbus-run-session")
		cmd.Args = []string{"dbus-run-session", "--", "bash", "-c", script}
		return cmd
	}
	login := keyring("exec bitfount-auth login")
	stderr, err := login.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := login.Start(); err != nil {
		t.Fatal(err)
	}
	page, said := readPage(t, stderr)
	r.provider.ApproveOnPage(page, amelia)
	rest, _ := io.ReadAll(stderr)
	if err := login.Wait(); err != nil {
		t.Fatalf("login: %v\n%s%s", err, said, rest)
	}
	out, err := keyring("bitfount-auth status").Output() // a later login
	if err != nil || !strings.HasPrefix(string(out), "Signed in as dr.amelia.stone") {
		t.Errorf("%s, %v", out, err)
	}
}

func TestLiveFiles(t *testing.T) {
	both(t, provider.Options{}, func(t *testing.T, r *room) {
		home := r.value("HOME")
		folder := filepath.Join(home, "pod")
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(folder, "am.env")
		r.login(amelia)
		got := r.run("export", "add", "pod/am.env", "--service", "am", "--format", "env")
		if got.code != 0 || got.stdout != file+"\n" {
			t.Fatalf("export add: %+v", got)
		}
		want := r.ok("headers", "am", "--format", "env")
		r.eventually("the file is written", func() bool { data, _ := os.ReadFile(file); return string(data) == want })
		r.eventually("the list says so", func() bool {
			return regexp.MustCompile(`^` + regexp.QuoteMeta(file) + ` +am +env +dr\.amelia\.stone +written .*\n$`).MatchString(r.ok("export", "list"))
		})
		r.run("export", "add", "nowhere/x").wantFailure(t, exitFailed, "could not be written", "Check that the folder exists")
		r.run("export", "add", "pod/x", "--format", "yaml").wantFailure(t, exitUsage, `no format "yaml"`)
		r.run("export", "add").wantFailure(t, exitUsage, "name the file")
		if got := r.ok("export", "remove", file); got != "" {
			t.Errorf("export remove prints %q", got)
		}
		r.eventually("the file is removed", func() bool { _, err := os.Stat(file); return os.IsNotExist(err) })
		r.run("export", "remove", file).wantFailure(t, exitUsage, "No live file has the path "+file, "export list")
	})
}

// sdkFile writes a token file with a session of its own, as the SDK does.
func (r *room) sdkFile(path, username string) {
	r.t.Helper()
	environment, err := authcore.ChooseEnvironment("", filepath.Join(r.value("XDG_CONFIG_HOME"), "bitfount-tray", "config.toml"))
	if err != nil {
		r.t.Fatal(err)
	}
	client, err := oauth.New(oauth.Config{
		Issuer: environment.Issuer, ClientID: environment.ClientID, Scopes: environment.Scopes, Audience: environment.Audience,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	code, err := client.RequestDeviceCode(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	r.provider.Approve(code.UserCode, username)
	tokens, err := client.Poll(r.t.Context(), code, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	issuer, err := url.Parse(environment.Issuer)
	if err != nil {
		r.t.Fatal(err)
	}
	content, err := json.Marshal(map[string]any{
		"access_token": tokens.AccessToken.Reveal(), "refresh_token": tokens.RefreshToken.Reveal(), "id_token": tokens.IDToken.Reveal(),
		"access_token_expires_at": float64(time.Now().Add(time.Hour).Unix()), "auth_domain": issuer.Host,
		"client_id": environment.ClientID, "scopes": environment.Scopes, "audience": environment.Audience,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func TestTheSDKsSessionIsTakenOverOnce(t *testing.T) {
	both(t, provider.Options{}, func(t *testing.T, r *room) {
		path := filepath.Join(r.value("HOME"), ".bitfount", "_default", ".token")
		r.run("import", "--yes").wantFailure(t, exitFailed, "token file cannot be read")
		r.sdkFile(path, amelia)
		r.run("import").wantFailure(t, exitUsage, "stop your Pods, then add --yes")
		if got := r.ok("import", "--yes"); !strings.HasPrefix(got, "Took over the session of dr.amelia.stone (demo). The file "+path) {
			t.Errorf("import says %q", got)
		}
		file, err := export.ReadTokenFile(path)
		if err != nil || !file.RefreshToken.Empty() || file.AccessToken.Reveal() != strings.TrimSpace(r.ok("token")) {
			t.Errorf("the file is not ours: %v", err)
		}
		if got := r.ok("export", "list"); !strings.Contains(got, "sdk-token") {
			t.Errorf("the file is not kept fresh: %q", got)
		}
		r.run("import", "--yes").wantFailure(t, exitFailed, "no session in it")
		if n := r.provider.Stats().Outcomes["refreshed"]; n != 1 {
			t.Errorf("%d renewals, want the import's", n)
		}
	})
}

func TestAccounts(t *testing.T) {
	both(t, provider.Options{}, func(t *testing.T, r *room) {
		r.login(amelia)
		r.with("BITFOUNT_USERNAME="+amelia).feed(r.provider.APIKeyID+"\n"+r.provider.APIKey+"\n", "apikeys", "set")
		list := r.ok("accounts")
		if !regexp.MustCompile(`(?m)^  [0-9a-f]{16}  dr\.amelia\.stone  demo  device-code  signed-in$\n^\* [0-9a-f]{16}  dr\.amelia\.stone  demo  api-keys     signed-in$`).MatchString(list) {
			t.Fatalf("accounts:\n%s", list)
		}
		r.run("headers", "--account", amelia).wantFailure(t, exitUsage, `2 accounts are called "dr.amelia.stone"`)
		first, second := strings.Fields(list)[0], strings.Fields(list)[6]
		r.ok("accounts", "rename", first, "Eye clinic")
		r.ok("accounts", "set-active", "Eye clinic")
		if !strings.HasPrefix(r.ok("status"), "Signed in as Eye clinic (demo)") {
			t.Error("the active account did not change")
		}
		if !strings.HasPrefix(r.ok("headers", "--account", second), "x-api-key-id: demo-key-id-first-half\n") {
			t.Error("--account does not choose the account")
		}
		r.run("token", "--account", second).wantFailure(t, exitFailed, "API keys, which are no token", "bitfount-auth headers")
		if got := r.ok("apikeys", "clear"); got != "The API keys of dr.amelia.stone are forgotten.\n" {
			t.Errorf("apikeys clear says %q", got)
		}
		r.run("headers", "--account", second).wantFailure(t, exitUsage, "There is no account", "bitfount-auth accounts")
		r.ok("accounts", "remove", "Eye clinic")
		if list := r.ok("accounts"); !strings.Contains(list, "nobody") || strings.Count(list, "\n") != 1 {
			t.Errorf("after removing all accounts:\n%s", list)
		}
		r.eventually("the server is told of it", func() bool { return r.provider.Stats().Outcomes["revoked"] == 1 })
	})
}

func TestTheEnvironmentChoosesAmongTheAccounts(t *testing.T) {
	both(t, provider.Options{}, func(t *testing.T, r *room) {
		r.login(amelia)
		got := r.with("BITFOUNT_ENVIRONMENT=staging").run("headers")
		if got.code != exitNotSignedIn || got.stdout != "" {
			t.Errorf("the demo's headers are handed out for staging: exit code %d", got.code)
		}
		r.with("BITFOUNT_ENVIRONMENT=moon").run("headers").wantFailure(t, exitUsage, "production, staging, sandbox, dev")
		r.run("headers", "--config", "/nowhere.toml").wantFailure(t, exitUsage, "configuration file")
		config := filepath.Join(r.value("XDG_CONFIG_HOME"), "bitfount-tray", "config.toml")
		if r.ok("headers", "--config", config) != r.ok("headers") {
			t.Error("--config does not find the account of its environment")
		}
		if !strings.HasPrefix(r.ok("status"), "Signed in as dr.amelia.stone (demo)") {
			t.Error("choosing an environment for one command changed the active account")
		}
	})
}

func TestDoctor(t *testing.T) {
	both(t, provider.Options{}, func(t *testing.T, r *room) {
		r.login(amelia)
		report := r.ok("doctor")
		for _, want := range []string{
			`(?m)^ok  Bitfount Tray`, `(?m)^ok  saved sessions +.* opened with the keyring's key in \d+m?s`,
			`(?m)^ok  account +dr\.amelia\.stone \(demo, device-code\): signed-in`, `(?m)^ok  environment +demo`,
			`(?m)^ok  tray icon `, `(?m)^ok  policy +none$`, `(?m)^ok  proxy +No proxy is used\.$`, `(?m)^ok  clock +It agrees`,
			`(?m)^Bitfount Tray report$`, `(?m)^  state +signed-in`, `(?m)^  keyring +it answers`, `(?m)^  log +/`, `(?m)^The last day$`,
		} {
			if !regexp.MustCompile(want).MatchString(report) {
				t.Errorf("the report lacks %s:\n%s", want, report)
			}
		}
		for _, server := range []string{r.provider.Issuer, r.provider.HubURL, r.provider.AccessManagerURL} {
			if host := strings.Split(server, "/")[2]; !strings.Contains(report, "server           "+host+": It answers.") {
				t.Errorf("the report lacks %s:\n%s", host, report)
			}
		}
		if strings.Contains(report, strings.TrimSpace(r.ok("token"))) {
			t.Error("the token is in the report")
		}
		r.provider.Clock(time.Hour)
		if got := r.run("doctor"); got.code != exitFailed || !regexp.MustCompile(`(?m)^BAD clock .* wrong by (1 h|60 min|59 min)`).MatchString(got.stdout) {
			t.Errorf("a clock that is wrong by an hour: exit code %d\n%s", got.code, got.stdout)
		}
		r.provider.Kill()
		if got := r.run("doctor"); got.code != exitFailed || strings.Count(got.stdout, "connection refused") != 3 {
			t.Errorf("no server answers: exit code %d\n%s", got.code, got.stdout)
		}
	})
}

func TestEveryFormatOfHeaders(t *testing.T) {
	r := newRoom(t, provider.Options{})
	r.startResident()
	r.login(amelia)
	for _, f := range export.Formats {
		if out := r.ok("headers", "--format", string(f)); !strings.HasSuffix(out, "\n") || !strings.Contains(out, "Bearer ey") {
			t.Errorf("format %s: %d bytes", f, len(out))
		}
	}
	r.run("headers", "--format", "xml").wantFailure(t, exitUsage, `no format "xml"`, "powershell")
}

// The resident of this test is an agent with the policy's settings, as Bitfount
// Tray's is.
func TestAPolicyHoldsOnTheCommandLine(t *testing.T) {
	both(t, provider.Options{}, func(t *testing.T, r *room) {
		r.login(amelia)
		folder := filepath.Join(r.value("HOME"), "pod")
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		policy := filepath.Join(t.TempDir(), "policy.toml")
		const fixed = "exports = false\nenvironment = \"production\"\nproxy = \"http://127.0.0.1:1\"\n"
		if err := os.WriteFile(policy, []byte(fixed), 0o644); err != nil {
			t.Fatal(err)
		}
		managed := r.with(policyVariable + "=" + policy)
		if r.residentEnds != nil {
			r.residentEnds()
			managed.startResident()
		}
		const forbidden = "Your organisation does not allow this."
		managed.run("export", "add", "pod/hub.json", "--format", "json").wantFailure(t, exitFailed, forbidden)
		if _, err := os.Stat(filepath.Join(folder, "hub.json")); !os.IsNotExist(err) {
			t.Errorf("the file is there: %v", err)
		}
		staging := managed.with("BITFOUNT_ENVIRONMENT=staging")
		staging.run("login", "--no-browser").wantFailure(t, exitUsage, forbidden, "fixed to production")
		staging.run("headers").wantFailure(t, exitUsage, forbidden)
		managed.run("--config", filepath.Join(r.value("XDG_CONFIG_HOME"), "bitfount-tray", "config.toml"), "headers").wantFailure(t, exitUsage, forbidden)
		// The account that is there is of another environment than the fixed one.
		managed.run("login", "--no-browser", "--account", amelia).wantFailure(t, exitFailed, forbidden)
		// The fixed proxy is the way to every server.
		if got := managed.run("doctor"); got.code != exitFailed || !strings.Contains(got.stdout, "127.0.0.1:1") || !strings.Contains(got.stdout, "auth.bitfount.com") {
			t.Errorf("doctor does not keep to the policy: %+v", got)
		}
	})
}
