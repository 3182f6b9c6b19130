// Command cli measures how long the command line takes to print headers and
// tokens, with Bitfount Tray running and without, beside Debian's gh and
// oidc-token, beside a program that does nothing but read the keyring, and beside
// the smallest that Go can make. All of it happens on a virtual desktop; in each
// round, hyperfine runs all programs of one environment. It prints a table.
//
//	go run ./build/bench/cli
//
// It needs the Debian packages of the tests and hyperfine, gh and oidc-agent-cli.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/vault"
	"github.com/bitfount/bitfount-tray/build/desktop"
	"github.com/bitfount/bitfount-tray/build/trial"
)

// Each program runs so often in each of so many rounds. The rounds take turns,
// so that a machine that is busy for a while slows all programs alike.
const (
	runs   = "10"
	rounds = 30
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// limit is ten times what the whole takes.
const limit = 10 * time.Minute

// measured is one line of the table.
type measured struct {
	title, command string
	// seconds of each run, sorted.
	seconds []float64
}

func run(ctx context.Context) error {
	for _, program := range []string{"hyperfine", "gh", "oidc-agent", "oidc-gen", "oidc-token"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s is missing: apt-get install hyperfine gh oidc-agent-cli", program)
		}
	}
	folder, err := os.MkdirTemp("", "bench-cli-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	programs, err := trial.Build(ctx, folder)
	if err != nil {
		return err
	}
	if err := build(ctx, folder); err != nil {
		return err
	}
	d, err := desktop.Start(ctx, desktop.Options{})
	if err != nil {
		return err
	}
	defer d.Stop()
	provider, err := programs.StartProvider(ctx, filepath.Join(d.ConfigHome(), "bitfount-tray", "config.toml"), io.Discard, "-interval", "1s")
	if err != nil {
		return err
	}
	defer provider.Stop()

	auth := filepath.Join(folder, "bitfount-auth")
	if err := login(ctx, d, auth); err != nil {
		return err
	}
	environment := d.Env()
	key, err := vaultKey(filepath.Join(d.DataHome(), "bitfount-tray"))
	if err != nil {
		return err
	}
	if err := ghLogin(d); err != nil {
		return err
	}
	variables, end, err := oidcLogin(d)
	if err != nil {
		return err
	}
	defer end()
	environment = append(environment, variables...)

	resident, err := programs.Start(ctx, d, "--hidden")
	if err != nil {
		return err
	}
	defer resident.Kill()
	// Where there is no socket, no Bitfount Tray runs.
	elsewhere := append(desktop.Without(environment, "XDG_RUNTIME_DIR"), "XDG_RUNTIME_DIR="+filepath.Join(folder, "nowhere"))
	line := func(title, command string) *measured { return &measured{title: title, command: command} }
	floor := []*measured{
		line("a Go program that only prints a line", filepath.Join(folder, "floor")),
		line("a Go program that only asks Bitfount Tray for a token", filepath.Join(folder, "exchange")+" token"),
	}
	running := []*measured{
		line("`bitfount-auth token`, Bitfount Tray running", auth+" token"),
		line("`bitfount-auth headers`, Bitfount Tray running", auth+" headers"),
		line("`oidc-token`", "oidc-token bench"),
		line("`gh auth token`", "gh auth token"),
	}
	alone := []*measured{
		line("`bitfount-auth token`, Bitfount Tray not running", auth+" token"),
		line("`bitfount-auth headers`, Bitfount Tray not running", auth+" headers"),
		line("a program that only reads the keyring", filepath.Join(folder, "keyring")+" "+vault.Service+" "+key),
	}
	for range rounds {
		if err := measure(ctx, folder, environment, append(floor[:2:2], running...)); err != nil {
			return err
		}
		if err := measure(ctx, folder, elsewhere, alone); err != nil {
			return err
		}
	}
	return report(floor, running, alone)
}

// build makes the command line as a release does, and the programs beside it.
func build(ctx context.Context, folder string) error {
	for name, pkg := range map[string]string{"bitfount-auth": "/cmd/bitfount-auth", "keyring": "/build/bench/cli/keyring", "floor": "/build/bench/cli/floor", "exchange": "/build/bench/cli/exchange"} {
		cmd := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-o", filepath.Join(folder, name), desktop.Module+pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go build %s: %w\n%s", name, err, out)
		}
	}
	return nil
}

// login signs in with the command line, and approves on the provider's page.
func login(ctx context.Context, d *desktop.Desktop, auth string) error {
	cmd := d.Command(auth, "login", "--no-browser")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	var said strings.Builder
	for buffer := make([]byte, 4096); !strings.Contains(said.String(), "Waiting for the approval"); {
		n, err := stderr.Read(buffer)
		said.Write(buffer[:n])
		if err != nil {
			return fmt.Errorf("login: %w: %s", err, said.String())
		}
	}
	link := regexp.MustCompile(`http\S+user_code=(\S+)`).FindStringSubmatch(said.String())
	if link == nil {
		return errors.New("login shows no link")
	}
	if err := trial.Approve(ctx, link[0], link[1], "dr.amelia.stone"); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, stderr)
	return cmd.Wait()
}

// vaultKey is the keyring entry of the vault, whose name is in its first line.
func vaultKey(folder string) (string, error) {
	data, err := os.ReadFile(vault.New(vault.Options{Dir: folder}).Path())
	if err != nil {
		return "", err
	}
	header, _, _ := bytes.Cut(data, []byte("\n"))
	fields := strings.Fields(string(header))
	if len(fields) < 4 {
		return "", errors.New("the vault's first line names no key")
	}
	return vault.KeyPrefix + fields[3], nil
}

// ghLogin puts a token where gh keeps it: Debian's version has a file of its
// own and asks no keyring.
func ghLogin(d *desktop.Desktop) error {
	folder := filepath.Join(d.ConfigHome(), "gh")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "hosts.yml"),
		[]byte("github.com:\n    user: bench\n    oauth_token: gho_0000000000000000000000000000000000000\n    git_protocol: https\n"), 0o600)
}

// oidcLogin starts oidc-agent with one account, whose access token it then has
// in memory. The issuer is ours: what is measured is never a request to it.
func oidcLogin(d *desktop.Desktop) (variables []string, end func(), err error) {
	var issuer *httptest.Server
	issuer = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		answer := map[string]any{
			"access_token": strings.Repeat("x", 900), "refresh_token": "bench", "token_type": "Bearer", "expires_in": 86400, "scope": "openid",
		}
		if strings.HasSuffix(r.URL.Path, "openid-configuration") {
			answer = map[string]any{
				"issuer": issuer.URL, "token_endpoint": issuer.URL + "/token", "authorization_endpoint": issuer.URL + "/authorize",
				"jwks_uri": issuer.URL + "/keys", "userinfo_endpoint": issuer.URL + "/user",
				"scopes_supported": []string{"openid", "offline_access"}, "response_types_supported": []string{"code"},
				"grant_types_supported": []string{"refresh_token", "authorization_code"},
			}
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	// It prints the variables that its clients need and goes into the
	// background; the desktop's end is its end too.
	said, err := d.Command("oidc-agent").Output()
	if err != nil {
		issuer.Close()
		return nil, nil, fmt.Errorf("oidc-agent: %w", err)
	}
	socket := regexp.MustCompile(`OIDC_SOCK=([^; \n]+)`).FindSubmatch(said)
	if socket == nil {
		issuer.Close()
		return nil, nil, fmt.Errorf("oidc-agent names no socket: %s", said)
	}
	variables = []string{"OIDC_SOCK=" + string(socket[1])}
	password := filepath.Join(d.Dir(), "oidc-password")
	if err := os.WriteFile(password, []byte("bench\n"), 0o600); err != nil {
		issuer.Close()
		return nil, nil, err
	}
	account := d.Command("oidc-gen", "--issuer="+issuer.URL, "--client-id=bench", "--client-secret=bench", "--scope=openid offline_access",
		"--flow=refresh", "--rt-env", "--pw-file="+password, "--prompt=none", "bench")
	account.Env = append(append(account.Env, variables...), "OIDC_REFRESH_TOKEN=bench")
	if out, err := account.CombinedOutput(); err != nil {
		issuer.Close()
		return nil, nil, fmt.Errorf("oidc-gen: %w\n%s", err, out)
	}
	return variables, issuer.Close, nil
}

// measure runs hyperfine once over several programs.
func measure(ctx context.Context, folder string, environment []string, all []*measured) error {
	result := filepath.Join(folder, "result.json")
	cmd := exec.CommandContext(ctx, "hyperfine", "-N", "--style=none", "--warmup=2", "--runs="+runs, "--export-json="+result)
	for _, m := range all {
		cmd.Args = append(cmd.Args, m.command)
	}
	cmd.Env = environment
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("hyperfine: %w\n%s%s", err, out, complaints(ctx, environment, all))
	}
	data, err := os.ReadFile(result)
	if err != nil {
		return err
	}
	var answer struct{ Results []struct{ Times []float64 } }
	if err := json.Unmarshal(data, &answer); err != nil {
		return err
	}
	for i, m := range all {
		m.seconds = append(m.seconds, answer.Results[i].Times...)
		slices.Sort(m.seconds)
	}
	return nil
}

// complaints are what the programs say that hyperfine hides; never an answer,
// which is a token.
func complaints(ctx context.Context, environment []string, all []*measured) string {
	var said strings.Builder
	for _, m := range all {
		args := strings.Fields(m.command)
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Env, cmd.Stderr = environment, &said
		if err := cmd.Run(); err != nil {
			fmt.Fprintf(&said, "%s: %v\n", m.command, err)
		}
	}
	return said.String()
}

func (m *measured) median() float64 { return m.seconds[len(m.seconds)/2] }

func report(floor, running, alone []*measured) error {
	fmt.Printf("Measured on %s, %s, %d cores (%s), %d runs of each in %d rounds.\n\n",
		time.Now().UTC().Format(time.DateOnly), system(), runtime.NumCPU(), processor(), len(floor[0].seconds), rounds)
	fmt.Println("| program | median | fastest | 9 in 10 are under |\n|---|---|---|---|")
	ms := func(seconds float64) string { return fmt.Sprintf("%.2f ms", seconds*1000) }
	for _, m := range slices.Concat(running, floor, alone) {
		fmt.Printf("| %s | %s | %s | %s |\n", m.title, ms(m.median()), ms(m.seconds[0]), ms(m.seconds[len(m.seconds)*9/10]))
	}
	with, without := max(running[0].median(), running[1].median()), max(alone[0].median(), alone[1].median())
	oidc, gh, keyring := running[2].median(), running[3].median(), alone[2].median()
	fmt.Println("\nGoals, by the medians:")
	for _, goal := range []struct {
		met  bool
		text string
	}{
		{with < 0.015, "with Bitfount Tray running under 15 ms"},
		{with < gh, "with Bitfount Tray running faster than gh"},
		{with < oidc, fmt.Sprintf("with Bitfount Tray running faster than oidc-token (%.2f times its time)", with/oidc)},
		{without < gh, "without it faster than gh"},
		{without <= 1.5*keyring, fmt.Sprintf("without it at most 1.5 times the keyring's cost (%.2f times)", without/keyring)},
	} {
		mark := "met"
		if !goal.met {
			mark = "NOT met"
		}
		fmt.Printf("- %s: %s\n", goal.text, mark)
	}
	return nil
}

// system is the distribution's own name for itself.
func system() string { return field("/etc/os-release", "PRETTY_NAME=") }

func processor() string { return field("/proc/cpuinfo", "model name\t: ") }

func field(path, prefix string) string {
	data, _ := os.ReadFile(path)
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, prefix); ok {
			return strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return "unknown"
}
