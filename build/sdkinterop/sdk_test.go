// Package sdkinterop proves what we write for the Bitfount SDK by the SDK
// itself: the package of the package index, unchanged, in a process of its own
// that is driven by sdk.py. `make interop` installs it and runs these tests;
// without it they are skipped.
package sdkinterop

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/localapi"
	"github.com/bitfount/bitfount-tray/authcore/secret"
	"github.com/bitfount/bitfount-tray/authcore/vault"
	"github.com/bitfount/bitfount-tray/build/provider"
)

const person = "dr.amelia.stone"

// sdkLine is from when on the SDK renews by itself: with less than this left.
const sdkLine = 10 * time.Minute

// scene is a provider, the application's agent, and the SDK's folder.
type scene struct {
	*testing.T
	provider    *provider.Provider
	environment authcore.Environment
	vault       *vault.Vault
	storage     string
	agent       *authcore.Agent
	stop        func()
}

func newScene(t *testing.T) *scene {
	if os.Getenv("SDK_PYTHON") == "" {
		t.Skip("the Bitfount SDK is not installed for this test: run make interop")
	}
	s := &scene{T: t, provider: provider.Start(t, provider.Options{Interval: time.Second})}
	config := filepath.Join(t.TempDir(), "config.toml")
	s.provider.Config(config)
	var err error
	if s.environment, err = authcore.ChooseEnvironment("", config); err != nil {
		t.Fatal(err)
	}
	// The system's keyring is no part of this; the vault and its lock are.
	s.vault = vault.New(vault.Options{Dir: filepath.Join(t.TempDir(), "vault"), Keyring: &vault.Memory{}})
	s.storage = filepath.Join(t.TempDir(), "bitfount")
	t.Setenv(export.StorageVariable, s.storage)
	return s
}

// token is the SDK's file.
func (s *scene) token() string { return filepath.Join(s.storage, "_default", ".token") }

// start runs the application's agent.
func (s *scene) start() {
	s.Helper()
	agent, err := authcore.NewAgent(authcore.AgentOptions{
		Environment: s.environment, Vault: s.vault, LiveFileList: filepath.Join(s.storage+"-state", "live-files.json"),
	})
	if err != nil {
		s.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- agent.Run(ctx) }()
	s.agent = agent
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			s.Error(err)
		}
	})
	s.Cleanup(s.stop)
	if err := agent.Ready(s.Context()); err != nil {
		s.Fatal(err)
	}
}

func (s *scene) do(c authcore.Command) {
	s.Helper()
	if err := s.agent.Do(s.Context(), c); err != nil {
		s.Fatalf("%s: %v", c.Name, err)
	}
}

// until waits for a state of the account.
func (s *scene) until(holds func(authcore.Account) bool) {
	s.Helper()
	updates, cancel := s.agent.Subscribe()
	defer cancel()
	limit := time.After(30 * time.Second)
	for {
		select {
		case u := <-updates:
			if holds(u.ActiveAccount()) {
				return
			}
		case <-limit:
			s.Fatalf("it did not happen: %+v", s.agent.Snapshot().ActiveAccount())
		}
	}
}

// signIn signs in with the application, with a token that lives for life as
// the server tells, and turns the SDK's file on.
func (s *scene) signIn(life time.Duration) {
	s.Helper()
	s.shortLived(life)
	s.do(authcore.Command{Name: authcore.CommandSignIn})
	s.until(func(a authcore.Account) bool { return a.Prompt != nil })
	s.provider.ApproveOnPage(s.agent.Snapshot().ActiveAccount().Prompt.VerificationURIComplete, person)
	s.until(func(a authcore.Account) bool { return a.State == authcore.SignedIn })
	s.do(authcore.Command{Name: authcore.CommandAddLiveFile, Format: string(export.FormatSDKToken), Path: s.token()})
	s.settle()
	s.provider.Reset() // the counters too
}

// shortLived has the server tell a shorter life of the sign-in's token.
func (s *scene) shortLived(life time.Duration) {
	s.provider.Fault(provider.Fault{
		Kind: provider.Overlay, Path: "/oauth/token", Grant: "device_code", Fields: map[string]any{"expires_in": int(life / time.Second)},
	})
}

// renew renews, and waits until the files are written.
func (s *scene) renew() {
	s.Helper()
	before := s.agent.Snapshot().ActiveAccount().ExpiresAt
	s.do(authcore.Command{Name: authcore.CommandRenew})
	s.until(func(a authcore.Account) bool { return a.State == authcore.SignedIn && !a.ExpiresAt.Equal(before) })
	s.settle()
}

func (s *scene) settle() {
	s.Helper()
	if err := s.agent.Settle(s.Context()); err != nil {
		s.Fatal(err)
	}
}

// counted compares what the issuer has counted since the last reset.
func (s *scene) counted(want map[string]int) {
	s.Helper()
	got := s.provider.Stats().Outcomes
	for _, name := range []string{"device_code_issued", "signed_in", "refreshed", "reuse_detected", "invalid_grant", "revoked", "second_half_at_hub"} {
		if got[name] != want[name] {
			s.Errorf("the provider has counted %s %d times, want %d", name, got[name], want[name])
		}
	}
}

// readFile reads the token file and checks that it is ours and private.
func (s *scene) readFile() export.TokenFile {
	s.Helper()
	file, err := export.ReadTokenFile(s.token())
	if err != nil {
		s.Fatal(err)
	}
	info, err := os.Stat(s.token())
	if err != nil {
		s.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 || !file.RefreshToken.Empty() {
		s.Errorf("the file has mode %v, a refresh token: %v", mode, !file.RefreshToken.Empty())
	}
	return file
}

// sdk is the SDK in its own process.
type sdk struct {
	*scene
	in  io.Writer
	out *bufio.Reader
	// approve answers a sign-in that the SDK asks for; nil forbids it.
	approve func(link string)
}

// answer is what the SDK has made of a task.
type answer struct {
	Opened  string          `json:"opened"`
	Answer  json.RawMessage `json:"answer"`
	Error   string          `json:"error"`
	Printed string          `json:"printed"`
	Warned  []string        `json:"warned"`
}

// newSDK starts the SDK. It returns when the SDK is ready.
func (s *scene) newSDK() *sdk {
	s.Helper()
	cmd := exec.Command(os.Getenv("SDK_PYTHON"), "sdk.py")
	home := s.TempDir()
	cmd.Env = []string{
		"HOME=" + home, "PATH=" + os.Getenv("PATH"), "BITFOUNT_STORAGE_PATH=" + s.storage, "NO_PROXY=127.0.0.1,localhost",
		"XDG_RUNTIME_DIR=" + s.runtime(), "XDG_CONFIG_HOME=" + home, "XDG_DATA_HOME=" + home, "PYTHONDONTWRITEBYTECODE=1", "LC_ALL=C.UTF-8",
	}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		s.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	// No answer of the SDK takes a minute; one that hangs ends the test.
	limit := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	s.Cleanup(func() {
		_ = in.Close()
		if s.Failed() {
			_ = cmd.Process.Kill() // it may be waiting for a sign-in
		}
		_ = cmd.Wait()
		limit.Stop()
	})
	k := &sdk{scene: s, in: in, out: bufio.NewReader(out)}
	k.quiet("services", map[string]any{"hub": s.provider.HubURL, "am": s.provider.AccessManagerURL})
	return k
}

// ask gives the SDK a task.
func (k *sdk) ask(task string, arguments map[string]any) answer {
	k.Helper()
	message := map[string]any{"do": task}
	maps.Copy(message, arguments)
	if err := json.NewEncoder(k.in).Encode(message); err != nil {
		k.Fatal(err)
	}
	for {
		line, err := k.out.ReadBytes('\n')
		if err != nil {
			k.Fatalf("the SDK has ended: %v", err)
		}
		var a answer
		if err := json.Unmarshal(line, &a); err != nil {
			k.Fatal(err)
		}
		switch {
		case a.Opened == "":
			return a
		case k.approve == nil:
			k.Fatal("the SDK asks the user to sign in")
		default:
			k.approve(a.Opened)
		}
	}
}

// quiet gives a task that must succeed without a word to the user.
func (k *sdk) quiet(task string, arguments map[string]any) json.RawMessage {
	k.Helper()
	a := k.ask(task, arguments)
	if a.Error != "" || a.Printed != "" || len(a.Warned) != 0 {
		k.Fatalf("%s: %s; the SDK printed %q and warned %q", task, a.Error, a.Printed, a.Warned)
	}
	return a.Answer
}

// deviceCode makes the SDK's DeviceCodeFlowHandler and a BitfountSession.
func (k *sdk) deviceCode() {
	k.Helper()
	k.quiet("device_code", map[string]any{
		"issuer": k.provider.Issuer, "auth_domain": strings.TrimSuffix(strings.TrimPrefix(k.provider.Issuer, "http://"), "/"),
		"client_id": k.environment.ClientID, "scopes": k.environment.Scopes, "audience": k.environment.Audience,
	})
}

// accepted has the SDK send a request to Hub and Access Manager, without a word.
func (k *sdk) accepted(method string) {
	k.Helper()
	for _, service := range []string{k.provider.HubURL, k.provider.AccessManagerURL} {
		k.isAccepted(k.quiet("get", map[string]any{"url": service + "/api/whoami"}), method)
	}
}

func (k *sdk) isAccepted(raw json.RawMessage, method string) {
	k.Helper()
	var got struct {
		Status int
		Body   string
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		k.Fatal(err)
	}
	var who struct{ Username, Method string }
	if err := json.Unmarshal([]byte(got.Body), &who); err != nil || got.Status != http.StatusOK || who.Username != person || who.Method != method {
		k.Fatalf("the service answers %d %s", got.Status, got.Body)
	}
}

// sends compares the SDK's headers with ours. The user agent is each program's
// own.
func (k *sdk) sends(ours func(export.Service) ([]export.Header, error)) {
	k.Helper()
	var theirs map[export.Service]map[string]string
	if err := json.Unmarshal(k.quiet("headers", nil), &theirs); err != nil {
		k.Fatal(err)
	}
	theirs[export.AccessManager] = theirs["am"]
	for _, service := range export.Services {
		want := map[string]string{}
		headers, err := ours(service)
		if err != nil {
			k.Fatal(err)
		}
		for _, h := range headers {
			want[h.Name] = h.Value.Reveal()
		}
		got := maps.Clone(theirs[service])
		if (got["user-agent"] == "") != (want["user-agent"] == "") {
			k.Errorf("%s: one of the two sends no user-agent", service)
		}
		delete(got, "user-agent")
		delete(want, "user-agent")
		if !maps.Equal(got, want) {
			k.Errorf("%s: the SDK sends other headers than ours", service)
		}
	}
}

func (k *sdk) sendsOurs() {
	k.Helper()
	k.sends(func(service export.Service) ([]export.Header, error) {
		return k.agent.Headers(k.Context(), "", service, 0)
	})
}

// outlive waits until the token that the SDK holds in memory has come to the
// SDK's line. The SDK goes by the wall clock of its own process, so this waits
// for real.
func (k *sdk) outlive(expires time.Time) {
	k.Helper()
	<-time.After(time.Until(expires.Add(-sdkLine)) + time.Second)
	if string(k.quiet("authenticated", nil)) != "false" {
		k.Fatal("the SDK still takes its token for fresh: this test proves nothing")
	}
}

func TestTheSDKLivesOnOurTokenFile(t *testing.T) {
	s := newScene(t)
	s.start()
	k := s.newSDK()
	s.signIn(sdkLine + 10*time.Second)
	expires := s.readFile().ExpiresAt
	k.deviceCode()
	k.accepted("access_token")
	k.sendsOurs()
	s.readFile() // the SDK has written it again, as it always does
	s.counted(nil)

	// A new token, and the old one is refused from now on: what the SDK sends
	// next can only come from the file.
	s.provider.RevokeAccess()
	s.renew()
	k.outlive(expires)
	k.accepted("access_token")
	k.sendsOurs()
	another := s.newSDK()
	another.deviceCode()
	another.accepted("access_token")
	another.sendsOurs()
	s.counted(map[string]int{"refreshed": 1})
	if got := s.provider.Stats().Requests["issuer"]; got["/oauth/token"] != 1 || got["/oauth/device/code"] != 0 {
		t.Errorf("requests at the issuer: %v", got)
	}
	s.readFile()
}

func TestTheSDKWithoutTheApplicationDoesNoHarm(t *testing.T) {
	s := newScene(t)
	s.start()
	k := s.newSDK()
	s.signIn(sdkLine - 5*time.Second)
	s.stop()

	// It tries what stands in the place of the refresh token, is refused, and
	// asks the user to sign in.
	prompts := 0
	k.approve = func(link string) {
		prompts++
		s.provider.ApproveOnPage(link, person)
	}
	k.deviceCode()
	a := k.ask("get", map[string]any{"url": s.provider.HubURL + "/api/whoami"})
	if a.Error != "" || prompts != 1 || !strings.Contains(a.Printed, "confirmation code") ||
		!strings.Contains(strings.Join(a.Warned, "\n"), "Failed to refresh access token") {
		t.Fatalf("prompts: %d; %s; printed %q, warned %q", prompts, a.Error, a.Printed, a.Warned)
	}
	k.isAccepted(a.Answer, "access_token")
	s.counted(map[string]int{"invalid_grant": 1, "device_code_issued": 1, "signed_in": 1})

	// Our session is what it was, and the file is ours again.
	s.start()
	s.renew()
	k.approve = nil
	k.accepted("access_token")
	another := s.newSDK()
	another.deviceCode()
	another.accepted("access_token")
	another.sendsOurs()
	s.counted(map[string]int{"invalid_grant": 1, "device_code_issued": 1, "signed_in": 1, "refreshed": 1})
	s.readFile()
}

func TestTheSDKsOwnSessionIsTakenOver(t *testing.T) {
	s := newScene(t)
	k := s.newSDK()
	s.shortLived(sdkLine + 15*time.Second)
	k.approve = func(link string) { s.provider.ApproveOnPage(link, person) }
	k.deviceCode()
	a := k.ask("get", map[string]any{"url": s.provider.HubURL + "/api/whoami"})
	if a.Error != "" {
		t.Fatal(a.Error)
	}
	k.isAccepted(a.Answer, "access_token")
	k.approve = nil
	theirs, err := export.ReadTokenFile(s.token())
	if err != nil || theirs.RefreshToken.Empty() {
		t.Fatalf("the SDK has written no session: %v", err)
	}
	s.provider.Reset()

	s.start()
	s.serve()
	s.importAsDocumented()
	s.settle()
	if got := s.agent.Snapshot().ActiveAccount(); got.State != authcore.SignedIn || got.Username != person {
		t.Fatalf("account = %+v", got)
	}
	s.readFile()
	s.counted(map[string]int{"refreshed": 1})

	// The SDK that has run all the time holds a dead refresh token, and does
	// not use it, because the file comes first.
	k.outlive(theirs.ExpiresAt)
	k.accepted("access_token")
	k.sendsOurs()
	s.renew()
	s.counted(map[string]int{"refreshed": 2})
}

// importAsDocumented runs the command that docs/sdk.md gives for it.
func (s *scene) importAsDocumented() {
	s.Helper()
	cmd := exec.Command("sh", "-euc", s.documented("sh", "bitfount-auth import"))
	cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+s.runtime(), "PATH="+filepath.Dir(s.commandLine())+":"+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil {
		s.Fatalf("%v\n%s", err, out)
	}
}

// documented is the block of docs/sdk.md in that language that holds the words.
func (s *scene) documented(language, words string) string {
	s.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "sdk.md"))
	if err != nil {
		s.Fatal(err)
	}
	for _, block := range strings.Split(string(page), "```"+language+"\n")[1:] {
		if block, _, _ = strings.Cut(block, "```"); strings.Contains(block, words) {
			return block
		}
	}
	s.Fatalf("docs/sdk.md has no %s with %q", language, words)
	return ""
}

// commandLine builds bitfount-auth and returns its path.
func (s *scene) commandLine() string {
	s.Helper()
	program := filepath.Join(s.TempDir(), "bitfount-auth")
	build := exec.Command("go", "build", "-o", program, "../../cmd/bitfount-auth")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		s.Fatalf("%v\n%s", err, out)
	}
	return program
}

// runtime is a short path, since a socket's must be.
func (s *scene) runtime() string { return s.storage + "-run" }

func TestTheSDKAsksTheCommandLineForAToken(t *testing.T) {
	s := newScene(t)
	s.start()
	s.signIn(time.Hour)
	s.serve()
	t.Setenv("PATH", filepath.Dir(s.commandLine())+":"+os.Getenv("PATH"))
	k := s.newSDK()
	k.quiet("documented", map[string]any{"code": s.documented("python", "JWTHandler")})
	k.accepted("access_token")
	k.sendsOurs()
	s.counted(nil)
}

// serve answers the command line as the resident does.
func (s *scene) serve() {
	s.Helper()
	ln, err := localapi.Listen(authcore.Paths{Runtime: filepath.Join(s.runtime(), "bitfount-tray")}.Socket())
	if err != nil {
		s.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- localapi.Serve(ctx, ln, localapi.Backend{
			Snapshot: s.agent.Snapshot, Subscribe: s.agent.Subscribe, Do: s.agent.Do,
			Token: func(ctx context.Context, q localapi.TokenQuery) (secret.Secret, time.Time, error) {
				return s.agent.Token(ctx, q.Account, q.MinValid)
			},
		})
	}()
	s.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			s.Error(err)
		}
	})
}

func TestTheSDKSendsTheSameAPIKeys(t *testing.T) {
	s := newScene(t)
	k := s.newSDK()
	k.quiet("api_keys", map[string]any{"api_key_id": s.provider.APIKeyID, "api_key": s.provider.APIKey, "username": person})
	k.accepted("api_keys")
	ours, err := authcore.NewAPIKeysHandler(secret.New(s.provider.APIKeyID), secret.New(s.provider.APIKey), person)
	if err != nil {
		t.Fatal(err)
	}
	k.sends(func(service export.Service) ([]export.Header, error) {
		return authcore.HeadersFor(t.Context(), ours, service)
	})
	s.counted(nil)
}
