package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/zalando/go-keyring"

	"github.com/bitfount/bitfount-tray/build/desktop"
)

// These tests speak to a real gnome-keyring on a private bus. Each vault is in a
// process of its own, because the D-Bus library keeps one connection a process.

// soon is a time limit for keyrings that must fail to answer, eventually one
// for those that must answer.
const (
	soon       = 300 * time.Millisecond
	eventually = time.Minute
)

func TestSecretServiceKeepsTheKeyForLaterProcesses(t *testing.T) {
	t.Parallel()
	k := desktop.Keyring(t, desktop.Bus(t))
	o := childOptions{Dir: newDir(t), Timeout: eventually}

	first := startChild(t, k.Env(), o)
	first.fails("read", "no vault")
	first.works("write tokens of today")
	first.reads("tokens of today")

	second := startChild(t, k.Env(), o)
	second.reads("tokens of today")
	second.works("write tokens of tomorrow")
	first.reads("tokens of tomorrow")

	file, err := os.ReadFile(filepath.Join(o.Dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(file, []byte("tokens")) {
		t.Error("the content is readable in the file")
	}
}

// TestSystemKeyring is the one that runs in this process: no other test here may
// use the session bus in it.
func TestSystemKeyring(t *testing.T) {
	bus := desktop.Bus(t)
	k := desktop.Keyring(t, bus)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", bus.Address())
	v := New(Options{Dir: newDir(t)})
	if err := save(t.Context(), v, []byte("tokens")); err != nil {
		t.Fatal(err)
	}
	mustRead(t, New(Options{Dir: v.dir}), "tokens")
	wantShortWay(t, KeyPrefix+v.current, true)
	wantShortWay(t, KeyPrefix+"0123456789abcdef", false)
	if err := System().Delete(Service, KeyPrefix+v.current); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{Dir: v.dir}).Read(t.Context()); !errors.Is(err, ErrKeyMissing) {
		t.Errorf("without the key: %v", err)
	}
	if err := System().Set(Service, "any", "secret"); err != nil {
		t.Fatal(err)
	}
	wantShortWay(t, "any", true)
	if err := k.Lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantShortWay(t, "any", false)
	if _, err := New(Options{Dir: v.dir}).Read(t.Context()); !errors.Is(err, ErrKeyringLocked) {
		t.Errorf("locked: %v", err)
	}
	mustRead(t, v, "tokens")

	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "autolaunch:")
	if _, err := os.Stat(fmt.Sprintf("/run/user/%d/bus", os.Getuid())); err == nil {
		return
	}
	for name, err := range map[string]error{
		"get":    second(System().Get(Service, "any")),
		"set":    System().Set(Service, "any", "secret"),
		"delete": System().Delete(Service, "any"),
	} {
		if !errors.Is(err, ErrNoSessionBus) || !errors.Is(err, ErrKeyringAbsent) {
			t.Errorf("%s without a bus: %v", name, err)
		}
	}
}

// wantShortWay says whether an entry can be read without anybody's leave, and that
// then go-keyring reads the same.
func wantShortWay(t *testing.T, user string, want bool) {
	t.Helper()
	secret, ok := unlockedEntry(Service, user)
	if ok != want {
		t.Errorf("%s: %v", user, ok)
	}
	if theirs, err := keyring.Get(Service, user); ok && (err != nil || theirs != secret) {
		t.Errorf("%s: go-keyring reads something else: %v", user, err)
	}
}

func TestAKeyringThatComesOrIsUnlockedIsNoticed(t *testing.T) {
	bus := desktop.Bus(t)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", bus.Address())
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}, 16), make(chan struct{})
	go func() {
		defer close(ended)
		Watch(ctx, func() { ready <- struct{}{} })
	}()
	k := (*desktop.SecretService)(nil)
	// The watch may not have begun when the first keyring comes.
	if err := desktop.Until(ctx, eventually, "a keyring that comes to be noticed", func() error {
		k = desktop.Keyring(t, bus)
		select {
		case <-ready:
			return nil
		case <-time.After(soon):
			k.Stop()
			return errors.New("nothing was noticed")
		}
	}); err != nil {
		t.Fatal(err)
	}
	quiet := func(when string) {
		t.Helper()
		select {
		case <-ready:
			t.Errorf("%s: noticed", when)
		case <-time.After(soon):
		}
	}
	for len(ready) > 0 {
		<-ready
	}
	if err := k.Lock(ctx); err != nil {
		t.Fatal(err)
	}
	quiet("locked")
	if err := k.Unlock(ctx); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ready:
	case <-time.After(eventually):
		t.Error("unlocking was not noticed")
	}
	k.Stop()
	for len(ready) > 0 {
		<-ready
	}
	quiet("gone")
	cancel()
	<-ended
}

func TestSecretServiceAbsent(t *testing.T) {
	t.Parallel()
	bus := desktop.Bus(t)
	o := childOptions{Dir: newDir(t), Timeout: eventually}
	c := startChild(t, bus.Env(), o)
	c.fails("read", "no vault")
	c.fails("write tokens", "absent")
	if _, err := os.Stat(filepath.Join(o.Dir, fileName)); !os.IsNotExist(err) {
		t.Errorf("a file was written without a key: %v", err)
	}

	// One that comes later is used, and one that goes is called absent again.
	k := desktop.Keyring(t, bus)
	c.works("write tokens")
	k.Stop()
	c.reads("tokens")
	c.works("write more tokens")
	startChild(t, bus.Env(), o).fails("read", "absent")
}

func TestSecretServiceWithoutCollection(t *testing.T) {
	t.Parallel()
	k := desktop.Keyring(t, desktop.Bus(t), desktop.KeyringWithoutCollection)
	startChild(t, k.Env(), childOptions{Dir: newDir(t), Timeout: eventually}).fails("write tokens", "absent")
}

func TestSecretServiceLocked(t *testing.T) {
	t.Parallel()
	k := desktop.Keyring(t, desktop.Bus(t))
	o := childOptions{Dir: newDir(t), Timeout: eventually}
	running := startChild(t, k.Env(), o)
	running.works("write tokens")
	if err := k.Lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	running.reads("tokens")
	running.works("write renewed tokens")

	late := startChild(t, k.Env(), o)
	late.fails("read", "locked")
	late.fails("write other tokens", "locked")
	running.reads("renewed tokens")

	o.Dir = newDir(t)
	startChild(t, k.Env(), o).fails("write tokens", "locked")
}

func TestSecretServiceLockedFromTheStart(t *testing.T) {
	t.Parallel()
	k := desktop.Keyring(t, desktop.Bus(t), desktop.KeyringLocked)
	startChild(t, k.Env(), childOptions{Dir: newDir(t), Timeout: eventually}).fails("write tokens", "locked")
}

func TestSecretServiceWhosePromptNobodyAnswers(t *testing.T) {
	t.Parallel()
	bus := desktop.Bus(t)
	k := desktop.Keyring(t, bus)
	o := childOptions{Dir: newDir(t), Timeout: eventually}
	startChild(t, k.Env(), o).works("write tokens")
	if err := k.Lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := k.IgnorePrompts(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.Timeout = soon
	c := startChild(t, k.Env(), o)
	c.fails("read", "deadline", "slow")
	c.fails("write other tokens", "deadline", "slow")
	if n := k.Prompts(); n != 1 {
		t.Errorf("%d prompts were opened, want 1", n)
	}

	// The session bus goes away under the open prompt: go-keyring panics then.
	bus.Stop()
	if err := desktop.Until(t.Context(), eventually, "the keyring to be called absent", func() error {
		c.send("read")
		if a := c.receive(); len(a.Kinds) == 0 || a.Kinds[0] != "absent" {
			return fmt.Errorf("got %q: %s", a.Kinds, a.Error)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

func TestSecretServiceWhosePromptIsDismissed(t *testing.T) {
	t.Parallel()
	k := desktop.Keyring(t, desktop.Bus(t))
	o := childOptions{Dir: newDir(t), Timeout: eventually}
	startChild(t, k.Env(), o).works("write tokens")
	if err := k.Lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := k.DismissPrompts(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := startChild(t, k.Env(), o)
	c.fails("read", "locked")
	c.fails("write other tokens", "locked")
	if n := k.Prompts(); n != 2 {
		t.Errorf("%d prompts were opened, want one for each", n)
	}
}

func TestSecretServiceThatAnswersLate(t *testing.T) {
	t.Parallel()
	k := desktop.Keyring(t, desktop.Bus(t))
	o := childOptions{Dir: newDir(t), Timeout: eventually}
	startChild(t, k.Env(), o).works("write tokens")
	o.Timeout = soon
	c := startChild(t, k.Env(), o)
	if err := k.Suspend(); err != nil {
		t.Fatal(err)
	}
	c.fails("read", "deadline", "slow")
	c.fails("read", "deadline", "slow")
	if err := k.Resume(); err != nil {
		t.Fatal(err)
	}
	if err := desktop.Until(t.Context(), eventually, "the late answer", func() error {
		c.send("read")
		if a := c.receive(); a.Content != "tokens" {
			return fmt.Errorf("got %q: %s", a.Kinds, a.Error)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

func TestSecretServiceLosesTheKey(t *testing.T) {
	t.Parallel()
	k := desktop.Keyring(t, desktop.Bus(t))
	o := childOptions{Dir: newDir(t), Timeout: eventually}
	running := startChild(t, k.Env(), o)
	running.works("write tokens")
	before, err := os.ReadFile(filepath.Join(o.Dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	running.works("remove-keys")

	late := startChild(t, k.Env(), o)
	late.fails("read", "key missing")
	late.fails("write new tokens", "key missing")
	running.reads("tokens")

	kept := late.works("set-aside")
	if after, err := os.ReadFile(kept); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the file set aside is not the old one: %v", err)
	}
	late.works("write new tokens")
	running.reads("new tokens")
	startChild(t, k.Env(), o).reads("new tokens")
}

func TestNoSessionBus(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(fmt.Sprintf("/run/user/%d/bus", os.Getuid())); err == nil {
		t.Skip("this login has a session bus at its usual place, which would be found")
	}
	// A dbus-launch that leaves a trace stands first on PATH.
	bin := t.TempDir()
	trace := filepath.Join(bin, "started")
	script := "#!/bin/sh\n: >'" + trace + "'\nexit 1\n"
	if err := os.WriteFile(filepath.Join(bin, "dbus-launch"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	env := append(desktop.Without(os.Environ(), "DBUS_SESSION_BUS_ADDRESS", "PATH"), "PATH="+bin)
	for name, address := range map[string]string{
		"no address":  "",
		"autolaunch":  "autolaunch:",
		"dead socket": "unix:path=" + filepath.Join(bin, "bus"),
	} {
		c := startChild(t, append(env, "DBUS_SESSION_BUS_ADDRESS="+address), childOptions{Dir: newDir(t), Timeout: eventually})
		t.Log(name)
		c.fails("write tokens", "absent", "no bus")
	}
	if _, err := os.Stat(trace); err == nil {
		t.Error("dbus-launch was started")
	}
}
