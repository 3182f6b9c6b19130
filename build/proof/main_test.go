// Package proof shows, with real parts, that a session is not lost: the real
// provider over loopback, the real keyring, the real vault, and agents in
// processes of their own that are raced against each other and killed.
//
// The tests run for seconds. Set PROOF=full for the long ones: a minute of 20
// processes, and 1,000 kills.
package proof

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/vault"
	"github.com/bitfount/bitfount-tray/build/provider"
)

const (
	// childVariable makes the test binary an agent's process; it holds childOptions.
	childVariable = "PROOF_CHILD"
	// person is a user of the demo provider.
	person = "dr.amelia.stone"
	// patience is how long anything may take on a busy machine.
	patience = time.Minute
)

// full says whether the long versions run.
var full = os.Getenv("PROOF") == "full"

func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		var o childOptions
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			panic(err)
		}
		o.serve()
		return
	}
	os.Exit(m.Run())
}

// childOptions travel to the process as JSON.
type childOptions struct {
	Environment authcore.Environment
	Dir         string
	// KeyringTimeout is the vault's; 0 is its default.
	KeyringTimeout time.Duration
	// SmallDisk gives the process a disk of its own at Dir, of 64 kB. Only
	// startOnSmallDisk sets it.
	SmallDisk bool
}

// command is what the process is asked to do, one a line.
type command struct {
	authcore.Command
	// Nudge makes the agent look again, instead of a Command.
	Nudge bool `json:"nudge,omitempty"`
	// Renew makes the agent renew and waits for what becomes of it.
	Renew bool `json:"renew,omitempty"`
	// Disk asks for what is in the vault too.
	Disk bool `json:"disk,omitempty"`
	// For repeats Renew that long, and an answer follows each time.
	For time.Duration `json:"for,omitempty"`
}

// answer is the state after the command.
type answer struct {
	Snapshot *authcore.Snapshot
	// Token names the access token that is handed out, without telling it.
	Token string
	Error string
	// Disk is what the vault holds, where it was asked for.
	Disk *saved `json:",omitempty"`
	// Last is set on the last answer to a command.
	Last bool
}

func (a answer) account() authcore.Account { return a.Snapshot.ActiveAccount() }

// problem is the account's, or empty.
func (a answer) problem() authcore.ProblemCode {
	if p := a.account().Problem; p != nil {
		return p.Code
	}
	return ""
}

// storage is the vault's problem, or empty.
func (a answer) storage() authcore.ProblemCode {
	if p := a.Snapshot.Storage.Problem; p != nil {
		return p.Code
	}
	return ""
}

// serve obeys until its standard input ends, and then ends in order.
func (o childOptions) serve() {
	if o.SmallDisk {
		if err := mountSmallDisk(o.Dir); err != nil {
			panic(err)
		}
	}
	v := vault.New(vault.Options{Dir: o.Dir, KeyringTimeout: o.KeyringTimeout})
	a, err := authcore.NewAgent(authcore.AgentOptions{Environment: o.Environment, EnvironmentChosen: true, Vault: v})
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	in, out := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	tell := func(err error, last bool) {
		if err := out.Encode(answer{Snapshot: a.Snapshot(), Token: fingerprint(ctx, a), Error: textOf(err), Last: last}); err != nil {
			panic(err)
		}
	}
	for in.Scan() {
		var c command
		if err := json.Unmarshal(in.Bytes(), &c); err != nil {
			panic(err)
		}
		switch {
		case c.Disk:
			disk, err := readVault(ctx, v)
			if err := out.Encode(answer{Snapshot: a.Snapshot(), Disk: &disk, Error: textOf(err), Last: true}); err != nil {
				panic(err)
			}
		case c.Nudge:
			a.Nudge("asked to")
			tell(nil, true)
		case c.Renew:
			limit := 10 * time.Second // a renewal can also come to nothing, for example while the disk is full
			if c.For > 0 {
				limit = patience // there are others, who want the lock as well
			}
			err := renew(ctx, a, limit)
			for end := time.Now().Add(c.For); time.Now().Before(end); {
				tell(err, false)
				err = renew(ctx, a, limit)
			}
			tell(err, true)
		case c.Name == "":
			tell(nil, true)
		default:
			tell(a.Do(ctx, c.Command), true)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		panic(err)
	}
}

// renew renews and waits for the outcome.
func renew(ctx context.Context, a *authcore.Agent, patience time.Duration) error {
	updates, cancel := a.Subscribe()
	defer cancel()
	before := a.Snapshot().ActiveAccount()
	if err := a.Do(ctx, authcore.Command{Name: authcore.CommandRenew}); err != nil {
		return err
	}
	limit := time.After(patience)
	for {
		var s *authcore.Snapshot
		select {
		case s = <-updates:
		case <-limit:
			return fmt.Errorf("no outcome after %v", patience)
		}
		switch now := s.ActiveAccount(); now.State {
		case authcore.SignedIn:
			if !now.IssuedAt.Equal(before.IssuedAt) {
				return nil
			}
		case authcore.Renewing:
		default:
			return nil
		}
	}
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// fingerprint names a token without telling it; none is empty.
func fingerprint(ctx context.Context, a *authcore.Agent) string {
	now, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	token, _, err := a.Token(now, "", 0)
	if err != nil {
		return ""
	}
	return hashOf(token.Reveal())
}

func hashOf(token string) string {
	if token == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:6])
}

// process is an agent in a process of its own.
type process struct {
	t   testing.TB
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// mountSmallDisk is there on Linux.
var mountSmallDisk func(dir string) error

// start begins an agent. It is killed at the test's end at the latest.
func start(t testing.TB, env []string, o childOptions) *process {
	t.Helper()
	return startWith(t, env, o, nil)
}

// startWith is start with attributes for the process.
func startWith(t testing.TB, env []string, o childOptions, attributes *syscall.SysProcAttr) *process {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(os.Args[0])}
	p.cmd.Env = append(slices.Clip(env), "GORACE=atexit_sleep_ms=0", childVariable+"="+string(text))
	p.cmd.Stderr, p.cmd.SysProcAttr = t.Output(), attributes
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReaderSize(out, 1<<20)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p
}

// kill is kill -9. It returns when the process has gone; what it has told can
// still be received.
func (p *process) kill() {
	if p.cmd.ProcessState != nil {
		return
	}
	_ = p.cmd.Process.Kill()
	told, _ := io.ReadAll(p.out)
	p.out.Reset(bytes.NewReader(told))
	_ = p.cmd.Wait()
}

// stop lets the agent end in order.
func (p *process) stop() {
	p.t.Helper()
	_ = p.in.Close()
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("an agent's process ended with %v", err)
	}
}

// send gives a command; receive reads one answer to it.
func (p *process) send(c command) {
	p.t.Helper()
	line, err := json.Marshal(c)
	if err == nil {
		_, err = p.in.Write(append(line, '\n'))
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// A process that says nothing any more ends with its goroutines on the test's
// output.
func (p *process) receive() (a answer, err error) {
	defer time.AfterFunc(patience, func() { _ = p.cmd.Process.Signal(syscall.SIGQUIT) }).Stop()
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return answer{}, err
	}
	return a, json.Unmarshal(line, &a)
}

// ask gives a command and returns the last answer to it.
func (p *process) ask(c command) answer {
	p.t.Helper()
	p.send(c)
	for {
		a, err := p.receive()
		if err != nil {
			p.t.Fatalf("an agent's process ended: %v", err)
		}
		if a.Last {
			return a
		}
	}
}

func (p *process) do(name authcore.CommandName) answer {
	p.t.Helper()
	return p.ask(command{Command: authcore.Command{Name: name}})
}

// until asks for the state until it is as wanted.
func (p *process) until(what string, ok func(answer) bool) answer {
	p.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		a := p.ask(command{})
		if ok(a) {
			return a
		}
		if time.Now().After(end) {
			p.t.Fatalf("waited %v for: %s; account %+v, storage %+v", patience, what, a.account(), a.Snapshot.Storage)
		}
	}
}

func (p *process) state(want authcore.State) answer {
	p.t.Helper()
	return p.until(string(want), func(a answer) bool { return a.account().State == want })
}

// signIn signs the person in.
func (p *process) signIn(idp *provider.Provider) answer {
	p.t.Helper()
	if a := p.do(authcore.CommandSignIn); a.Error != "" {
		p.t.Fatal(a.Error)
	}
	a := p.until("a code", func(a answer) bool { return a.account().Prompt != nil })
	idp.Approve(a.account().Prompt.UserCode, person)
	return p.state(authcore.SignedIn)
}

func environment(p *provider.Provider) authcore.Environment {
	return authcore.Environment{
		Name: "demo", Issuer: p.Issuer, ClientID: p.ClientID, Scopes: authcore.DefaultScopes, Audience: p.Audience,
		HubURL: p.HubURL, AccessManagerURL: p.AccessManagerURL,
	}
}

// options are those of a new installation with the provider as its environment.
func options(t testing.TB, p *provider.Provider) childOptions {
	return childOptions{Environment: environment(p), Dir: filepath.Join(t.TempDir(), "data")}
}

// quick is a provider whose device codes are polled once a second.
func quick(t testing.TB) *provider.Provider {
	t.Helper()
	return provider.Start(t, provider.Options{Interval: time.Second})
}

// saved is what the vault's content says, as far as a proof needs it. Tokens
// are named by their fingerprints.
type saved struct {
	Accounts []struct {
		Label          string    `json:"label"`
		Username       string    `json:"username"`
		AccessToken    string    `json:"access_token"`
		RefreshToken   string    `json:"refresh_token"`
		RenewalStarted time.Time `json:"renewal_started"`
	} `json:"accounts"`
	Revocations []struct{} `json:"revocations"`
}

// readVault opens the vault as any program with the key does.
func readVault(ctx context.Context, v *vault.Vault) (s saved, err error) {
	content, err := v.Read(ctx)
	if errors.Is(err, vault.ErrNoVault) {
		return saved{}, nil
	}
	if err != nil {
		return saved{}, err
	}
	if json.Unmarshal(content, &s) != nil {
		return saved{}, errors.New("the vault's content is not whole")
	}
	for i := range s.Accounts {
		a := &s.Accounts[i]
		a.AccessToken, a.RefreshToken = hashOf(a.AccessToken), hashOf(a.RefreshToken)
	}
	return s, nil
}

// disk reads the vault.
func (p *process) disk() saved {
	p.t.Helper()
	a := p.ask(command{Disk: true})
	if a.Error != "" {
		p.t.Fatal(a.Error)
	}
	return *a.Disk
}

// untilDisk reads the vault until it is as wanted.
func (p *process) untilDisk(what string, ok func(saved) bool) {
	p.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		s := p.disk()
		if ok(s) {
			return
		}
		if time.Now().After(end) {
			p.t.Fatalf("waited %v for: %s; the vault holds %+v", patience, what, s)
		}
	}
}
