package desktop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	secrets         = "org.freedesktop.secrets"
	secretsPath     = "/org/freedesktop/secrets"
	loginCollection = secretsPath + "/collection/login"
	prompter        = "org.gnome.keyring.SystemPrompter"
	// prompterCallback is the interface of whoever asks the prompter.
	prompterCallback = "org.gnome.keyring.internal.Prompter.Callback"
)

// SecretService is a running gnome-keyring with one collection, the login
// keyring, whose password is "pw".
type SecretService struct {
	bus *SessionBus
	p   *process
	// conn owns the prompter's name once prompts are ignored.
	conn     *dbus.Conn
	prompter silentPrompter
}

// KeyringOption says in which state a keyring starts.
type KeyringOption string

// The states other than unlocked.
const (
	// KeyringLocked has a locked login keyring, and nobody who could be asked for
	// its password.
	KeyringLocked KeyringOption = "locked"
	// KeyringWithoutCollection has no login keyring at all, as after a login
	// without a password.
	KeyringWithoutCollection KeyringOption = "without a collection"
)

// Keyring starts gnome-keyring on a bus for one test and ends it at the test's
// end. Without options it is unlocked. Its files are in the bus's own home
// folder, so a second one on the same bus finds what the first one kept. It
// skips the test, with the reason, where gnome-keyring-daemon is missing.
func Keyring(tb testing.TB, bus *SessionBus, options ...KeyringOption) *SecretService {
	tb.Helper()
	need(tb, "gnome-keyring-daemon")
	p, err := bus.d.runKeyring(tb.Context(), !slices.Contains(options, KeyringWithoutCollection))
	if err != nil {
		tb.Fatal(err)
	}
	k := &SecretService{bus: bus, p: p}
	tb.Cleanup(k.Stop)
	if slices.Contains(options, KeyringLocked) {
		if err := k.Lock(tb.Context()); err != nil {
			tb.Fatal(err)
		}
	}
	return k
}

// runKeyring starts gnome-keyring and returns when it answers. Given a password
// it makes or unlocks the login keyring.
func (d *Desktop) runKeyring(ctx context.Context, password bool) (*process, error) {
	argv := []string{
		"gnome-keyring-daemon", "--foreground", "--components=secrets",
		"--control-directory=" + filepath.Join(d.dir, "run", "keyring"),
	}
	var stdin io.Reader
	if password {
		argv = append(argv, "--unlock")
		stdin = strings.NewReader("pw")
	}
	p, err := d.run("keyring", argv, func(cmd *exec.Cmd) { cmd.Stdin = stdin })
	if err != nil {
		return nil, err
	}
	return p, d.owned(ctx, secrets, p)
}

// Env is the environment for programs that use this keyring.
func (k *SecretService) Env() []string { return k.bus.Env() }

// Lock locks the login keyring. Since nobody can be asked for its password,
// whoever needs it is refused at once; see IgnorePrompts.
func (k *SecretService) Lock(ctx context.Context) error {
	var locked []dbus.ObjectPath
	var prompt dbus.ObjectPath
	err := k.bus.d.bus.Object(secrets, secretsPath).CallWithContext(ctx, "org.freedesktop.Secret.Service.Lock", 0,
		[]dbus.ObjectPath{loginCollection}).Store(&locked, &prompt)
	if err == nil && len(locked) != 1 {
		err = errors.New("the keyring did not lock its login collection")
	}
	return err
}

// Unlock unlocks the login keyring without a prompt, by the interface that
// gnome-keyring has for its own programs.
func (k *SecretService) Unlock(ctx context.Context) error {
	service := k.bus.d.bus.Object(secrets, secretsPath)
	var output dbus.Variant
	var session dbus.ObjectPath
	err := service.CallWithContext(ctx, "org.freedesktop.Secret.Service.OpenSession", 0, "plain", dbus.MakeVariant("")).Store(&output, &session)
	if err != nil {
		return err
	}
	password := struct {
		Session           dbus.ObjectPath
		Parameters, Value []byte
		ContentType       string
	}{session, []byte{}, []byte("pw"), "text/plain"}
	return service.CallWithContext(ctx, "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface.UnlockWithMasterPassword", 0,
		dbus.ObjectPath(loginCollection), password).Err
}

// IgnorePrompts makes somebody answer for the system's prompter who takes every
// request and shows nothing, as when the user is away: whoever needs the locked
// keyring then waits without limit.
func (k *SecretService) IgnorePrompts(ctx context.Context) error { return k.takePrompts(ctx, false) }

// DismissPrompts makes somebody answer for the system's prompter who sends every
// request away at once, as a user who presses Cancel.
func (k *SecretService) DismissPrompts(ctx context.Context) error { return k.takePrompts(ctx, true) }

func (k *SecretService) takePrompts(ctx context.Context, dismiss bool) error {
	k.prompter.dismiss.Store(dismiss)
	if k.conn != nil {
		return nil
	}
	conn, err := dbus.Connect(k.bus.Address(), dbus.WithContext(context.WithoutCancel(ctx)))
	if err != nil {
		return err
	}
	k.conn, k.prompter.conn = conn, conn
	if err := conn.Export(&k.prompter, "/org/gnome/keyring/Prompter", "org.gnome.keyring.internal.Prompter"); err != nil {
		return err
	}
	reply, err := conn.RequestName(prompter, dbus.NameFlagDoNotQueue)
	if err == nil && reply != dbus.RequestNameReplyPrimaryOwner {
		err = fmt.Errorf("somebody else owns %s", prompter)
	}
	return err
}

// Prompts is how many prompts there were since IgnorePrompts or DismissPrompts.
func (k *SecretService) Prompts() int { return int(k.prompter.asked.Load()) }

// silentPrompter takes the part of gcr-prompter that gnome-keyring calls.
type silentPrompter struct {
	conn    *dbus.Conn
	asked   atomic.Int64
	dismiss atomic.Bool
}

// BeginPrompting takes a request. A real prompter would now call back to show
// its window; this one says nothing, or that it has done already.
func (p *silentPrompter) BeginPrompting(sender dbus.Sender, callback dbus.ObjectPath) *dbus.Error {
	p.asked.Add(1)
	if p.dismiss.Load() {
		// The reply to this request must go out first.
		time.AfterFunc(200*time.Millisecond, func() {
			p.conn.Object(string(sender), callback).Go(prompterCallback+".PromptDone", dbus.FlagNoReplyExpected, nil)
		})
	}
	return nil
}

// StopPrompting is called when the one who asked gives up.
func (*silentPrompter) StopPrompting(dbus.ObjectPath) *dbus.Error { return nil }

// Suspend makes the keyring stop answering until Resume, as an overloaded one.
func (k *SecretService) Suspend() error { return suspend(k.p.cmd.Process) }

// Resume undoes Suspend: the keyring answers what it was asked meanwhile.
func (k *SecretService) Resume() error { return resume(k.p.cmd.Process) }

// Stop ends the keyring and returns when it has ended. Further calls do nothing.
func (k *SecretService) Stop() {
	if k.conn != nil {
		_ = k.conn.Close()
		k.conn = nil
	}
	if k.p.alive() == nil {
		_ = k.Resume()
	}
	k.p.stop()
}
