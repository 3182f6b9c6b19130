package vault

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zalando/go-keyring"
)

// The test binary can be another process with a vault: see child.
const (
	childVariable   = "VAULT_TEST_CHILD"
	entriesVariable = "VAULT_TEST_ENTRIES"
)

func TestMain(m *testing.M) {
	if mode := os.Getenv(childVariable); mode != "" {
		childModes[mode]()
		return
	}
	os.Exit(m.Run())
}

// childModes are what the test binary can be instead.
var childModes = map[string]func(){"serve": serve}

// childOptions travel to the child as JSON.
type childOptions struct {
	Dir     string
	Timeout time.Duration
	// Entries make the child use a keyring in memory that holds them, by user name.
	Entries map[string]string
}

func (o childOptions) vault() *Vault {
	options := Options{Dir: o.Dir, KeyringTimeout: o.Timeout}
	if o.Entries != nil {
		memory := &Memory{}
		for user, secret := range o.Entries {
			_ = memory.Set(Service, user, secret)
		}
		options.Keyring = memory
	}
	return New(options)
}

func optionsOfChild() (o childOptions) {
	if err := json.Unmarshal([]byte(os.Getenv(entriesVariable)), &o); err != nil {
		panic(err)
	}
	return o
}

// answer is what a child did.
type answer struct {
	Content string
	// Kinds are the names of the errors that errors.Is finds.
	Kinds []string
	Error string
}

var kinds = map[string]error{
	"no vault": ErrNoVault, "absent": ErrKeyringAbsent, "no bus": ErrNoSessionBus, "locked": ErrKeyringLocked,
	"slow": ErrKeyringSlow, "key missing": ErrKeyMissing, "damaged": ErrDamaged, "newer": ErrNewerVersion,
	"unreadable": ErrUnreadable, "unwritable": ErrUnwritable, "disk full": ErrDiskFull, "deadline": context.DeadlineExceeded,
}

func kindsOf(err error) []string {
	found := []string{}
	for name, kind := range kinds {
		if errors.Is(err, kind) {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found
}

// serve obeys one command a line and answers each with one line.
func serve() {
	v := optionsOfChild().vault()
	in, out := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	for in.Scan() {
		command, argument, _ := strings.Cut(in.Text(), " ")
		content, err := obey(v, command, argument)
		a := answer{Content: content, Kinds: kindsOf(err)}
		if err != nil {
			a.Error = err.Error()
		}
		if err := out.Encode(a); err != nil {
			panic(err)
		}
	}
}

var childLock *Lock

func obey(v *Vault, command, argument string) (string, error) {
	ctx := context.Background()
	switch command {
	case "read":
		content, err := v.Read(ctx)
		return string(content), err
	case "write":
		return "", save(ctx, v, []byte(argument))
	case "set-aside":
		return v.SetAside()
	case "lock":
		var err error
		childLock, err = v.Lock(ctx)
		return "", err
	case "unlock":
		return "", childLock.Unlock()
	case "remove-keys":
		return "", keyring.DeleteAll(Service)
	}
	return "", fmt.Errorf("unknown command %q", command)
}

func save(ctx context.Context, v *Vault, content []byte) error {
	l, err := v.Lock(ctx)
	if err != nil {
		return err
	}
	return errors.Join(l.Write(ctx, content), l.Unlock())
}

// child is another process with a vault of its own.
type child struct {
	tb  testing.TB
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func childCommand(mode string, env []string, o childOptions) *exec.Cmd {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(slices.Clip(env), "GORACE=atexit_sleep_ms=0", childVariable+"="+mode, entriesVariable+"="+string(text))
	cmd.Stderr = os.Stderr
	return cmd
}

// startChild starts a process with the environment, to be ended with the test.
func startChild(tb testing.TB, env []string, o childOptions) *child {
	tb.Helper()
	c := &child{tb: tb, cmd: childCommand("serve", env, o)}
	in, err := c.cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	c.in, c.out = in, bufio.NewScanner(out)
	if err := c.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.kill)
	return c
}

func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// send gives a command; receive waits for its answer.
func (c *child) send(command string) {
	c.tb.Helper()
	if _, err := fmt.Fprintln(c.in, command); err != nil {
		c.tb.Fatal(err)
	}
}

func (c *child) receive() (a answer) {
	c.tb.Helper()
	if !c.out.Scan() {
		c.tb.Fatalf("the other process ended: %v", c.cmd.Wait())
	}
	if err := json.Unmarshal(c.out.Bytes(), &a); err != nil {
		c.tb.Fatalf("%v in %s", err, c.out.Bytes())
	}
	return a
}

// fails makes sure that a command's error is of just these kinds.
func (c *child) fails(command string, want ...string) {
	c.tb.Helper()
	c.send(command)
	if got := c.receive(); !slices.Equal(got.Kinds, want) || got.Error == "" {
		c.tb.Errorf("%q: got kinds %q (%s), want %q", command, got.Kinds, got.Error, want)
	}
}

// works makes sure that a command succeeds, and returns what it gave.
func (c *child) works(command string) string {
	c.tb.Helper()
	c.send(command)
	a := c.receive()
	if a.Error != "" {
		c.tb.Fatalf("%q: %s", command, a.Error)
	}
	return a.Content
}

// reads makes sure of the content.
func (c *child) reads(want string) {
	c.tb.Helper()
	if got := c.works("read"); got != want {
		c.tb.Errorf("read %q, want %q", got, want)
	}
}

func newDir(tb testing.TB) string { return filepath.Join(tb.TempDir(), "data") }

// saved is a vault with content, its keyring and its folder.
func saved(tb testing.TB, content string) (*Vault, *Memory) {
	tb.Helper()
	memory := &Memory{}
	v := New(Options{Dir: newDir(tb), Keyring: memory})
	if err := save(tb.Context(), v, []byte(content)); err != nil {
		tb.Fatal(err)
	}
	return v, memory
}

func mustRead(tb testing.TB, v *Vault, want string) {
	tb.Helper()
	if got, err := v.Read(tb.Context()); err != nil || string(got) != want {
		tb.Errorf("read %q, %v; want %q", got, err, want)
	}
}
