// Command winetest walks through Bitfount Tray for Windows under Wine, as a user
// would: installer, command line, tray, sign-in, window, autostart, update, a
// desktop without OpenGL, and removal. build/package/windows/wine-test builds
// what it needs and starts it; docs/windows.md says what that proves and what
// it cannot.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/build/desktop"
	"github.com/bitfount/bitfount-tray/build/trial"
)

// patience is how long one step may take. Wine's own shell needs up to a minute
// after its start before a tray icon reacts to the mouse.
const patience = 2 * time.Minute

// person is who signs in: one of those whom the demo provider's page offers.
const person = "dr.amelia.stone"

const (
	uninstallKey = `HKCU\Software\Microsoft\Windows\CurrentVersion\Uninstall\com.bitfount.tray`
	runKey       = `HKCU\Software\Microsoft\Windows\CurrentVersion\Run`
	runValue     = "Bitfount Tray"
	// Wine keeps the Credential Manager in its registry.
	credentials = `HKCU\Software\Wine\Credential Manager`
)

var code = regexp.MustCompile(`\b[A-Z0-9]{4}-[A-Z0-9]{4}\b`)

func main() {
	setup := flag.String("setup", "", "the installer's `file`")
	shim := flag.String("shim", "", "the `file` that is to be bcryptprimitives.dll")
	old := flag.String("old", "", "the same `file` for a Windows without Unix sockets")
	certificate := flag.String("certificate", "", "the `file` with the certificate that everything is signed with")
	provider := flag.String("provider", "", "the demo identity provider's `file`")
	out := flag.String("out", "", "the `folder` for screenshots")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	w := &walk{ctx: ctx, setup: *setup, shim: *shim, old: *old, certificate: *certificate, out: *out, programs: trial.Programs{Provider: *provider}}
	if err := w.run(); err != nil {
		fmt.Fprintf(os.Stderr, "\nwine-test failed: %v\n", err)
		os.Exit(1)
	}
	fmt.Println("wine-test: everything passed")
}

// walk is one walk through the product.
type walk struct {
	ctx context.Context

	setup, shim, old, certificate, out string

	programs trial.Programs
	provider *trial.Provider

	step   int
	d      *desktop.Desktop
	prefix string
	env    []string
	// tries counts how often the icon was pressed.
	tries int
}

// A step that fails panics with a failure, which run returns: the steps read as
// what a user does.
type failure struct{ err error }

func ok(err error) {
	if err != nil {
		panic(failure{err})
	}
}

func fail(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

func (w *walk) run() (err error) {
	defer func() {
		if p := recover(); p != nil {
			f, expected := p.(failure)
			if !expected {
				panic(p)
			}
			err = f.err
		}
	}()
	w.prefix, err = os.MkdirTemp("", "bitfount-wine-")
	ok(err)
	defer os.RemoveAll(w.prefix)
	defer func() {
		if w.provider != nil {
			w.provider.Stop()
		}
	}()

	w.onDesktop(desktop.Options{Width: 1024, Height: 800, NoKeyring: true}, func() {
		w.makePrefix()
		w.install()
		w.startProvider()
		w.commandLine()
		w.tray()
		w.window()
		w.autostart()
		w.update()
		w.end()
		w.withoutUnixSockets()
	})
	w.onDesktop(desktop.Options{Width: 1024, Height: 800, NoKeyring: true, NoOpenGL: true}, func() {
		w.withoutOpenGL()
		w.policy()
		w.uninstall()
		w.byHand()
	})
	return nil
}

// onDesktop runs steps on a desktop of their own.
func (w *walk) onDesktop(o desktop.Options, steps func()) {
	var err error
	w.d, err = desktop.Start(w.ctx, o)
	ok(err)
	defer w.d.Stop() // ends Wine too, whose programs all inherit the environment
	defer func() {
		if p := recover(); p != nil {
			_ = w.d.Screenshot(context.WithoutCancel(w.ctx), filepath.Join(w.out, "failed.png"))
			panic(p)
		}
	}()
	w.env = append(desktop.Without(w.d.Env(), "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"),
		"WINEPREFIX="+w.prefix, "WINEARCH=win64", "WINEDEBUG=-all", "WINEDLLOVERRIDES=mscoree,mshtml=")
	steps()
}

func (w *walk) say(format string, args ...any) {
	w.step++
	fmt.Printf("%2d. %s\n", w.step, fmt.Sprintf(format, args...))
}

func (w *walk) until(what string, done func() error) {
	ok(desktop.Until(w.ctx, patience, what, done))
}

// picture keeps what the screen shows, once it has stopped changing.
func (w *walk) picture(name string) {
	ok(w.d.Settle(w.ctx))
	path := filepath.Join(w.out, name+".png")
	ok(w.d.Screenshot(w.ctx, path))
	fmt.Printf("    Picture: %s\n", path)
}

func (w *walk) command(file string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(w.ctx, "wine", append([]string{file}, args...)...)
	cmd.Env = w.env
	return cmd
}

// wine runs a Windows program to its end and returns what it printed and its
// exit code.
func (w *walk) wine(file string, args ...string) (stdout, stderr string, exit int) {
	cmd := w.command(file, args...)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	cmd.WaitDelay = 5 * time.Second // Wine's own processes keep the pipes open
	err := cmd.Run()
	var exited *exec.ExitError
	if err != nil && !errors.As(err, &exited) && !errors.Is(err, exec.ErrWaitDelay) {
		fail("%s: %w", file, err)
	}
	windowsLines := strings.NewReplacer("\r\n", "\n")
	return windowsLines.Replace(out.String()), windowsLines.Replace(complaints.String()), cmd.ProcessState.ExitCode()
}

// auth runs bitfount-auth, which must end with the exit code.
func (w *walk) auth(want int, args ...string) string {
	stdout, stderr, exit := w.wine(w.installed("bitfount-auth.exe"), args...)
	if exit != want {
		fail("bitfount-auth %s ended with %d, not %d: %s", strings.Join(args, " "), exit, want, stderr)
	}
	return stdout
}

func (w *walk) local(path ...string) string   { return w.appData("Local", path...) }
func (w *walk) roaming(path ...string) string { return w.appData("Roaming", path...) }

func (w *walk) appData(kind string, path ...string) string {
	users, _ := filepath.Glob(filepath.Join(w.prefix, "drive_c", "users", "*", "AppData"))
	users = slices.DeleteFunc(users, func(u string) bool { return strings.Contains(u, "/Public/") })
	if len(users) != 1 {
		fail("there are %d users in %s", len(users), w.prefix)
	}
	return filepath.Join(append([]string{users[0], kind}, path...)...)
}

func (w *walk) installed(name string) string {
	return w.local("Programs", "Bitfount Tray", name)
}

// exists fails unless the file is there, or is not.
func exists(path string, want bool) {
	if _, err := os.Lstat(path); (err == nil) != want {
		fail("%s: there is one: %v, want %v", path, err == nil, want)
	}
}

// registry returns what `reg query` prints of a key, empty if there is none.
func (w *walk) registry(key string, args ...string) string {
	out, _, exit := w.wine("reg", append([]string{"query", key}, args...)...)
	if exit != 0 {
		return ""
	}
	return out
}

func (w *walk) contains(text string, wanted ...string) {
	for _, part := range wanted {
		if !strings.Contains(text, part) {
			fail("%q is not in:\n%s", part, text)
		}
	}
}

// makePrefix makes a Wine of our own with what Wine 8 lacks (wine-shim.c).
func (w *walk) makePrefix() {
	version, err := exec.CommandContext(w.ctx, "wine", "--version").Output()
	ok(err)
	w.say("A Windows of its own is set up: %s, told to be Windows 10.", bytes.TrimSpace(version))
	if _, complaints, exit := w.wine("wineboot", "-i"); exit != 0 {
		fail("wineboot: %s", complaints)
	}
	w.useShim(w.shim)
	if _, complaints, exit := w.wine("reg", "add", `HKCU\Software\Wine`, "/v", "Version", "/d", "win10", "/f"); exit != 0 {
		fail("reg add: %s", complaints)
	}
}

func (w *walk) useShim(file string) {
	dll, err := os.ReadFile(file)
	ok(err)
	// Replaced, not written to: a program that ends may still have it open.
	path := filepath.Join(w.prefix, "drive_c", "windows", "system32", "bcryptprimitives.dll")
	ok(os.WriteFile(path+".new", dll, 0o600))
	ok(os.Rename(path+".new", path))
}

func (w *walk) install() {
	w.say("The installer runs without questions (/S).")
	if _, complaints, exit := w.wine(w.setup, "/S"); exit != 0 {
		fail("the installer ended with %d: %s", exit, complaints)
	}
	for _, name := range []string{"bitfount-tray.exe", "bitfount-auth.exe", "LICENSE.txt", "uninstall.exe"} {
		exists(w.installed(name), true)
	}
	exists(w.roaming("Microsoft", "Windows", "Start Menu", "Programs", "Bitfount Tray.lnk"), true)
	w.contains(w.registry(uninstallKey), "DisplayName    REG_SZ    Bitfount Tray", "QuietUninstallString")
	if w.registry(runKey, "/v", runValue) != "" {
		fail("the installer has switched starting at login on")
	}
	// The installer writes it, so that it cannot be signed after the build.
	uninstaller := w.installed("uninstall.exe")
	if out, err := w.output("osslsigncode", "verify", "-CAfile", w.certificate, "-in", uninstaller); err != nil {
		fail("the uninstaller's signature is not good: %w\n%s", err, out)
	}
}

func (w *walk) startProvider() {
	log, err := os.Create(filepath.Join(w.prefix, "demoidp.log"))
	ok(err)
	defer log.Close()
	provider, err := w.programs.StartProvider(w.ctx, w.roaming("bitfount-tray", "config.toml"), log, "-interval", "1s")
	ok(err)
	w.provider = provider
}

func (w *walk) commandLine() {
	w.say("The command line says its version and its help, and that nobody is signed in.")
	w.contains(w.auth(0, "--version"), "bitfount-auth ")
	w.contains(w.auth(0, "--help"), "Exit codes:")
	w.auth(3, "status")

	w.say("bitfount-auth login: somebody approves on the provider's page.")
	login := w.command(w.installed("bitfount-auth.exe"), "login", "--no-browser")
	asked, err := os.Create(filepath.Join(w.d.Dir(), "login"))
	ok(err)
	defer asked.Close()
	login.Stderr = asked
	ok(login.Start())
	w.until("the link", func() error {
		text, err := os.ReadFile(asked.Name())
		if err != nil {
			return err
		}
		link := regexp.MustCompile(`http://\S+`).Find(text)
		if link == nil {
			return errors.New("there is none")
		}
		return trial.Approve(w.ctx, string(link), string(code.Find(text)), person)
	})
	ok(login.Wait())
	w.contains(w.auth(0, "status"), "Signed in as "+person)
	w.whoami(w.auth(0, "headers", "hub"))
	out, _, exit := w.wine(w.installed("bitfount-auth.exe"), "doctor")
	if exit != 0 {
		fail("doctor:\n%s", out)
	}
	fmt.Println("    " + strings.ReplaceAll(strings.TrimSpace(out), "\n", "\n    "))

	entry := regexp.MustCompile(`Generic: bitfount-tray:vault-key-\w+`).FindString(w.registry(credentials, "/s"))
	if entry == "" {
		fail("the Credential Manager has no key")
	}
	w.say("The Credential Manager holds the vault's key (%s), the file %s the session.", entry, filepath.Base(w.local("bitfount-tray", "vault")))
	exists(w.local("bitfount-tray", "vault"), true)
}

// whoami proves that headers are good at the demo Hub.
func (w *walk) whoami(headers string) {
	answer, err := trial.Whoami(w.ctx, w.provider.HubURL, headers)
	ok(err)
	w.contains(answer, person)
}

// start starts the program as the Explorer does: without standard handles of
// anybody's, and without waiting for it.
func (w *walk) start(args ...string) {
	cmd := w.command("start", append([]string{"/unix", w.installed("bitfount-tray.exe")}, args...)...)
	ok(cmd.Run())
	w.until("Bitfount Tray to answer", func() error {
		_, err := w.resident().Snapshot(w.ctx)
		return err
	})
}

func (w *walk) snapshot() *authcore.Snapshot {
	s, err := w.resident().Snapshot(w.ctx)
	ok(err)
	return s
}

func (w *walk) state(want authcore.State) {
	w.until("the state "+string(want), func() error {
		if have := w.snapshot().ActiveAccount().State; have != want {
			return fmt.Errorf("it is %v", have)
		}
		return nil
	})
}

func (w *walk) do(c authcore.Command) { ok(w.resident().Do(w.ctx, c)) }

func (w *walk) tray() {
	w.say("Bitfount Tray starts, with the session that the command line made.")
	w.start("--hidden")
	w.state(authcore.SignedIn)
	w.contains(w.auth(0, "doctor"), "Bitfount Tray    running")
	w.openMenu()
	w.picture("1-menu-signed-in")

	w.say("Sign out, from the menu.")
	w.choose(signOut)
	w.state(authcore.SignedOut)

	w.say("Sign in, from the menu: the browser opens.")
	w.openMenu()
	w.picture("2-menu-signed-out")
	w.choose(signIn)
	w.until("the browser", func() error {
		if len(w.d.Opened()) == 0 {
			return errors.New("nothing was opened")
		}
		return nil
	})
	w.openMenu()
	w.picture("3-menu-signing-in")
	w.closeMenu()
	link := w.d.Opened()[0]
	ok(trial.Approve(w.ctx, link, w.snapshot().ActiveAccount().Prompt.UserCode, person))
	w.state(authcore.SignedIn)
	w.openMenu()
	w.picture("4-menu-signed-in-again")

	w.say("Copy Hub headers, from the menu: another program pastes them, and the Hub accepts them.")
	w.choose(copyHub)
	w.until("the headers on the clipboard", func() error {
		text, err := w.d.Clipboard(w.ctx)
		if err == nil && !strings.HasPrefix(text, "authorization: Bearer ") {
			err = errors.New("there is something else")
		}
		if err == nil {
			w.whoami(text)
		}
		return err
	})
}

func (w *walk) window() {
	w.say("A second start opens the window, drawn by OpenGL in software.")
	if _, complaints, exit := w.wine(w.installed("bitfount-tray.exe")); exit != 0 {
		fail("the second start ended with %d: %s", exit, complaints)
	}
	window, err := w.d.Window(w.ctx, patience)
	ok(err)
	w.picture("5-window")
	if p := w.snapshot().Desktop.Window; p != nil {
		fail("the window is there, and there is a problem: %v", p)
	}
	w.say("The window closes, the tray stays.")
	ok(window.Close(w.ctx))
	ok(w.d.NoWindow(w.ctx, patience))
	w.state(authcore.SignedIn)
}

func (w *walk) autostart() {
	w.say("Starting at login is switched on and off.")
	set := func(on string) {
		w.do(authcore.Command{Name: authcore.CommandSet, Setting: "start_at_login", Text: on})
	}
	set("true")
	w.contains(w.registry(runKey, "/v", runValue), `"C:\`, `\bitfount-tray.exe" --hidden`)
	set("false")
	if entry := w.registry(runKey, "/v", runValue); entry != "" {
		fail("the entry is still there: %s", entry)
	}
	set("true")
}

func (w *walk) update() {
	w.say("The installer replaces the running program and starts it again.")
	before := w.local("bitfount-tray", "run", "api.sock")
	port, err := os.ReadFile(before)
	ok(err)
	if _, complaints, exit := w.wine(w.setup, "/S"); exit != 0 {
		fail("the installer ended with %d: %s", exit, complaints)
	}
	w.until("the new one", func() error {
		now, err := os.ReadFile(before)
		if err == nil && bytes.Equal(now, port) {
			err = errors.New("the old one still answers")
		}
		return err
	})
	w.until("the session in the new one", func() error {
		s, err := w.resident().Snapshot(w.ctx)
		if err == nil && s.ActiveAccount().State != authcore.SignedIn {
			err = fmt.Errorf("it is %v", s.ActiveAccount().State)
		}
		return err
	})
}

// quit ends the running program by its command line.
func (w *walk) quit() {
	if _, complaints, exit := w.wine(w.installed("bitfount-tray.exe"), "--quit"); exit != 0 {
		fail("--quit ended with %d: %s", exit, complaints)
	}
	w.until("the end", func() error {
		if _, err := os.Lstat(w.local("bitfount-tray", "run", "api.sock")); !errors.Is(err, os.ErrNotExist) {
			return errors.New("its socket is still there")
		}
		return nil
	})
}

func (w *walk) end() {
	w.say("--quit ends it, and takes the headers off the clipboard.")
	w.do(authcore.Command{Name: authcore.CommandCopyHeaders, Service: "hub"})
	w.quit()
	w.until("an empty clipboard", func() error {
		if text, err := w.d.Clipboard(w.ctx); err == nil && text != "" {
			return errors.New("the headers are still there")
		}
		return nil
	})
}

func (w *walk) withoutUnixSockets() {
	w.say("A Windows without Unix sockets (Server 2016): a box says why there is no tray, the command line works.")
	w.useShim(w.old)
	refused := w.command(w.installed("bitfount-tray.exe"), "--hidden")
	ok(refused.Start())
	box, err := w.d.Window(w.ctx, patience)
	ok(err)
	w.picture("6-windows-too-old")
	ok(box.Close(w.ctx))
	if err := refused.Wait(); refused.ProcessState.ExitCode() != 1 {
		fail("bitfount-tray should end with 1: %v", err)
	}
	w.contains(w.auth(0, "status"), "Signed in as "+person)
	w.useShim(w.shim)
}

func (w *walk) withoutOpenGL() {
	w.say("On a desktop without OpenGL the tray works, and says why there is no window.")
	w.start("--hidden")
	w.state(authcore.SignedIn)
	w.do(authcore.Command{Name: authcore.CommandOpenWindow})
	w.until("the reason", func() error {
		p := w.snapshot().Desktop.Window
		if p == nil || p.Code != authcore.ProblemNoWindow {
			return fmt.Errorf("it is %v", p)
		}
		fmt.Printf("    %s (%s)\n", p.Words().What, p.Cause)
		return nil
	})
	w.openMenu()
	w.picture("7-menu-without-opengl")
	w.closeMenu()
}

func (w *walk) policy() {
	w.say("An administrator's policy in the registry fixes a setting.")
	const key = `HKLM\Software\Policies\Bitfount\Tray`
	set := func(args ...string) {
		if _, complaints, exit := w.wine("reg", args...); exit != 0 {
			fail("reg %v: %s", args, complaints)
		}
	}
	set("add", key, "/v", "clipboard_seconds", "/t", "REG_DWORD", "/d", "20", "/f")
	w.quit()
	w.start("--hidden")
	s := w.snapshot().Settings
	if s.ClipboardSeconds != 20 || !s.IsLocked("clipboard_seconds") || s.IsLocked("exports") {
		fail("the settings are %+v", s)
	}
	set("delete", key, "/f")
}

func (w *walk) uninstall() {
	w.say("The uninstaller ends the running program and leaves the accounts.")
	if _, complaints, exit := w.wine(w.installed("uninstall.exe"), "/S"); exit != 0 {
		fail("the uninstaller ended with %d: %s", exit, complaints)
	}
	w.until("the folder to go", func() error { // it goes on as a copy of itself
		if _, err := os.Lstat(w.local("Programs", "Bitfount Tray")); !errors.Is(err, os.ErrNotExist) {
			return errors.New("it is still there")
		}
		return nil
	})
	exists(w.roaming("Microsoft", "Windows", "Start Menu", "Programs", "Bitfount Tray.lnk"), false)
	exists(w.local("bitfount-tray", "vault"), true)
	for _, left := range []string{w.registry(uninstallKey), w.registry(runKey, "/v", runValue)} {
		if left != "" {
			fail("the registry still has %s", left)
		}
	}
}

// byHand goes through the pages of installer and uninstaller as their user does.
func (w *walk) byHand() {
	w.say("The installer, page by page: where to, and that the program is to start.")
	setup := w.command(w.setup)
	ok(setup.Start())
	w.page("8-installer-where", 1)
	ok(w.d.Key(w.ctx, "Return"))
	w.until("the program in the list of installed apps", func() error {
		if !strings.Contains(w.registry(uninstallKey), "EstimatedSize") { // the last entry
			return errors.New("it is not there")
		}
		return nil
	})
	w.page("9-installer-done", 1)
	ok(w.d.Key(w.ctx, "Return"))
	w.until("Bitfount Tray, still signed in", func() error {
		s, err := w.resident().Snapshot(w.ctx)
		if err == nil && s.ActiveAccount().State != authcore.SignedIn {
			err = fmt.Errorf("it is %v", s.ActiveAccount().State)
		}
		return err
	})
	if err := setup.Wait(); err != nil {
		fail("the installer: %w", err)
	}

	w.say("The uninstaller, page by page: accounts and settings are to be forgotten, too.")
	w.quit()
	ok(w.d.NoWindow(w.ctx, patience))
	ok(w.command(w.installed("uninstall.exe")).Start())
	w.page("10-uninstaller", 1)
	ok(w.d.Key(w.ctx, "Return"))
	w.page("11-uninstaller-question", 2)
	ok(w.d.Key(w.ctx, "alt+y"))
	w.until("accounts and settings to go", func() error {
		for _, path := range []string{w.local("bitfount-tray"), w.roaming("bitfount-tray")} {
			if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("%s is still there", path)
			}
		}
		return nil
	})
	w.until("the uninstaller to close", func() error {
		windows, err := w.d.Windows(w.ctx)
		if err != nil || len(windows) == 0 {
			return err
		}
		return errors.Join(w.d.Key(w.ctx, "Return"), errors.New("its window is still there"))
	})
}

// page waits for so many windows and keeps a picture of them.
func (w *walk) page(name string, number int) {
	w.until(name, func() error {
		windows, err := w.d.Windows(w.ctx)
		if err == nil && len(windows) != number {
			err = fmt.Errorf("%d windows are open, want %d", len(windows), number)
		}
		return err
	})
	w.picture(name)
}
