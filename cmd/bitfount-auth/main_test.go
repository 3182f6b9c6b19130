package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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
	"github.com/bitfount/bitfount-tray/build/desktop"
	"github.com/bitfount/bitfount-tray/build/provider"
)

// roleVariable makes this test program be another one: the command line itself,
// or a resident without a tray.
const roleVariable = "BITFOUNT_AUTH_TEST_ROLE"

// policyVariable names a policy file that stands in for the administrator's.
const policyVariable = "BITFOUNT_AUTH_TEST_POLICY"

// noExitPause keeps the race detector from sleeping a second at the end of
// each process.
const noExitPause = "GORACE=atexit_sleep_ms=0"

func TestMain(m *testing.M) {
	if path := os.Getenv(policyVariable); path != "" {
		readPolicy = func() (map[string]string, *authcore.Problem) {
			data, err := os.ReadFile(path)
			if err != nil {
				panic(err)
			}
			values, err := authcore.ParsePolicy(data)
			if err != nil {
				panic(err)
			}
			return values, nil
		}
	}
	switch os.Getenv(roleVariable) {
	case "command":
		main()
	case "resident":
		if err := beResident(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// beResident is what the tray application does for its clients, until standard
// input closes.
func beResident() error {
	paths, err := authcore.DefaultPaths()
	if err != nil {
		return err
	}
	fixed, _ := readPolicy()
	settings, _ := authcore.ReadSettings(paths.SettingsPath(), fixed) // usable with mistakes, too
	environment, _, err := settings.ChooseEnvironment(os.Getenv(authcore.EnvironmentVariable), paths.ConfigPath())
	if err != nil {
		return err
	}
	agent, err := authcore.NewAgent(authcore.AgentOptions{
		Environment: environment, EnvironmentChosen: true, Vault: vault.New(vault.Options{Dir: paths.Data}),
		LiveFileList: paths.LiveFileList(), HistoryPath: paths.HistoryPath(), UserAgent: userAgent(), Version: "test", Settings: &settings,
	})
	if err != nil {
		return err
	}
	listener, err := localapi.Listen(paths.Socket())
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var parts sync.WaitGroup
	parts.Go(func() { _ = agent.Run(ctx) })
	parts.Go(func() {
		_ = localapi.Serve(ctx, listener, localapi.Backend{
			Snapshot: agent.Snapshot, Subscribe: agent.Subscribe, Do: agent.Do,
			SetAPIKeys: agent.SetAPIKeys, SetExternalJWT: agent.SetExternalJWT,
			Headers: func(ctx context.Context, q localapi.HeaderQuery) ([]export.Header, error) {
				return agent.Headers(ctx, q.Account, q.Service, q.MinValid)
			},
			Token: func(ctx context.Context, q localapi.TokenQuery) (secret.Secret, time.Time, error) {
				return agent.Token(ctx, q.Account, q.MinValid)
			},
		})
	})
	if err := agent.Ready(ctx); err != nil {
		return err
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	stop()
	parts.Wait()
	return nil
}

// room is a user's computer: a session bus with a keyring, home folders, a
// configuration, and the demo provider with its Hub and Access Manager.
type room struct {
	t        *testing.T
	provider *provider.Provider
	keyring  *desktop.SecretService
	// bin is first on PATH and holds bitfount-auth.
	bin string
	env []string
	// residentEnds ends the resident, if one was started.
	residentEnds func()
}

const amelia = "dr.amelia.stone"

func newRoom(t *testing.T, o provider.Options) *room {
	t.Helper()
	t.Parallel()
	if o.Interval == 0 {
		o.Interval = time.Second
	}
	bus := desktop.Bus(t)
	r := &room{t: t, keyring: desktop.Keyring(t, bus), provider: provider.Start(t, o), bin: t.TempDir()}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(r.bin, "bitfount-auth")); err != nil {
		t.Fatal(err)
	}
	r.env = append(desktop.Without(bus.Env(), "PATH", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "SSH_CONNECTION"),
		"PATH="+r.bin+":"+os.Getenv("PATH"), roleVariable+"=command", noExitPause)
	r.provider.Config(filepath.Join(r.value("XDG_CONFIG_HOME"), "bitfount-tray", "config.toml"))
	return r
}

// value is a variable of the room's environment.
func (r *room) value(name string) string {
	for _, kv := range r.env {
		if n, v, _ := strings.Cut(kv, "="); n == name {
			return v
		}
	}
	return ""
}

// with is the room for commands with more variables.
func (r *room) with(env ...string) *room {
	other := *r
	other.env = append(r.env[:len(r.env):len(r.env)], env...)
	return &other
}

// startResident starts a resident and returns what ends it.
func (r *room) startResident() (end func()) {
	r.t.Helper()
	self, _ := os.Executable()
	cmd := exec.Command(self)
	cmd.Env = append(r.env[:len(r.env):len(r.env)], roleVariable+"=resident")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	end = sync.OnceFunc(func() { _ = stdin.Close(); _ = cmd.Wait() })
	r.t.Cleanup(end)
	r.residentEnds = end
	if _, err := io.ReadFull(stdout, make([]byte, len("ready\n"))); err != nil {
		r.t.Fatal("the resident did not start: ", err)
	}
	return end
}

// result is what a command left.
type result struct {
	line           string
	stdout, stderr string
	code           int
}

// limit ends a command that hangs.
const limit = time.Minute

func (r *room) command(args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	r.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, filepath.Join(r.bin, "bitfount-auth"), args...)
	cmd.Env = r.env
	cmd.Dir = r.value("HOME")
	return cmd
}

func (r *room) run(args ...string) result { r.t.Helper(); return r.feed("", args...) }

// feed runs a command with something on its standard input.
func (r *room) feed(stdin string, args ...string) result {
	r.t.Helper()
	return r.finish(r.command(args...), stdin)
}

func (r *room) finish(cmd *exec.Cmd, stdin string) result {
	r.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.t.Fatal(err)
	}
	return result{strings.Join(cmd.Args[1:], " "), stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// ok runs a command that must work without a word on standard error, and
// returns its answer.
func (r *room) ok(args ...string) string {
	r.t.Helper()
	got := r.run(args...)
	if got.code != 0 || got.stderr != "" {
		r.t.Fatalf("%s: exit code %d, standard error %q", got.line, got.code, got.stderr)
	}
	return got.stdout
}

// wantFailure checks an exit code, and that all that was said is one line on
// standard error with every one of the words.
func (got result) wantFailure(t *testing.T, code int, words ...string) {
	t.Helper()
	if got.code != code {
		t.Errorf("%s: exit code %d, want %d; standard error: %s", got.line, got.code, code, got.stderr)
	}
	if got.stdout != "" {
		t.Errorf("%s: %d bytes on standard output", got.line, len(got.stdout)) // it may be a token
	}
	if !strings.HasPrefix(got.stderr, "bitfount-auth: ") || strings.Count(got.stderr, "\n") != 1 || !strings.HasSuffix(got.stderr, "\n") {
		t.Errorf("%s: standard error is not one line: %q", got.line, got.stderr)
	}
	for _, w := range words {
		if !strings.Contains(got.stderr, w) {
			t.Errorf("%s: standard error %q lacks %q", got.line, got.stderr, w)
		}
	}
}

// login signs in as somebody, who approves on the provider's page.
func (r *room) login(username string, args ...string) string {
	r.t.Helper()
	cmd := r.command(append([]string{"login"}, args...)...)
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	stderr, err := cmd.StderrPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	page, said := readPage(r.t, stderr)
	r.provider.ApproveOnPage(page, username)
	rest, _ := io.ReadAll(stderr)
	if err := cmd.Wait(); err != nil {
		r.t.Fatalf("login: %v\n%s%s", err, said, rest)
	}
	return stdout.String()
}

// readPage reads what login says until it waits, and finds the link in it.
func readPage(t *testing.T, stderr io.Reader) (page, said string) {
	t.Helper()
	buffer := make([]byte, 4096)
	for !strings.Contains(said, "Waiting for the approval") {
		n, err := stderr.Read(buffer)
		said += string(buffer[:n])
		if err != nil {
			t.Fatalf("login said %q", said)
		}
	}
	for _, word := range strings.Fields(said) {
		if strings.HasPrefix(word, "http") {
			page = word
		}
	}
	return page, said
}
