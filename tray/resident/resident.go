// Package resident joins the parts that run from login to logout: the agent
// that owns the sessions, the local API, the tray icon, the clipboard and the
// browser. It carries out the commands that need the desktop and passes the
// others to the agent.
package resident

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/cli/browser"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/localapi"
	"github.com/bitfount/bitfount-tray/authcore/secret"
	"github.com/bitfount/bitfount-tray/authcore/vault"
	"github.com/bitfount/bitfount-tray/tray"
	"github.com/bitfount/bitfount-tray/tray/clipboard"
	"github.com/bitfount/bitfount-tray/tray/update"
)

// Options are what a resident is made from.
type Options struct {
	Agent *authcore.Agent
	// Listener is the local API's, made before anything else so that there is
	// one resident only.
	Listener net.Listener
	// Settings are those to begin with, and SettingsPath where changes go.
	// SettingsFault is what was wrong with that file, or nil.
	Settings      authcore.Settings
	SettingsPath  string
	SettingsFault error
	// NoticesPath is where it is kept which notifications were shown; empty
	// keeps it in memory.
	NoticesPath string
	// Network is the transport that the agent was made with.
	Network *Network
	// Show opens the window at start; Hidden keeps it shut even where no tray
	// icon can be shown.
	Show, Hidden bool
	// Environment finds the environment that settings mean.
	Environment func(authcore.Settings) (authcore.Environment, error)
	// Policy is why the administrator's policy is not in force, or nil.
	Policy *authcore.Problem
	// Updates is where newer versions are asked for, and UpdatePath where is
	// kept when; without keys nobody is asked.
	Updates    update.Source
	UpdatePath string
	Log        *Log
}

type resident struct {
	agent     *authcore.Agent
	log       *slog.Logger
	focus     localapi.Focus
	clipboard *clipboard.Clipboard
	window    *tray.Window
	quit      context.CancelFunc
	options   Options
	// ctx ends when the resident is to end, and others is what it then waits for.
	ctx    context.Context
	others sync.WaitGroup
	// quiet lets it rest when nothing has happened for a while; nil outside Run.
	quiet *quiet

	settingsMu sync.Mutex
	settings   authcore.Settings

	mu sync.Mutex
	// browse holds the accounts whose next prompt opens the browser.
	browse map[string]bool
	// clear ends the countdown of what is on the clipboard.
	clear context.CancelFunc
	// holds is the account whose headers are on the clipboard.
	holds string
	// shownForHost: people were told that no icon can be seen.
	shownForHost bool
	// fixing: a diagnosis is under way.
	fixing bool
	// fileFault is why some of the settings' file is not used, and networkFault
	// why the network's settings are not; nil where all is well.
	fileFault, networkFault error
	// updatesChanged has a value when the setting update_notice has changed.
	updatesChanged chan struct{}
}

// Run is the resident's life. It must be called on the main goroutine, once in
// a process. It returns when ctx ends or somebody chooses Quit, after the
// clipboard was cleared and a renewal under way has ended.
func Run(ctx context.Context, o Options) error {
	ctx, quit := context.WithCancel(ctx)
	defer quit()
	r := &resident{agent: o.Agent, log: o.Log.Logger, quit: quit, ctx: ctx, options: o, settings: o.Settings, browse: map[string]bool{}, updatesChanged: make(chan struct{}, 1)}
	r.quiet = newQuiet()
	r.clipboard = clipboard.Open(r.clipboardLost)
	r.window = &tray.Window{
		Args:   []string{"--window"},
		Raise:  func() bool { return r.focus.Request() > 0 },
		Report: r.windowReport,
	}

	// The agent outlives everything else: what the others began must end first.
	agentCtx, stopAgent := context.WithCancel(context.WithoutCancel(ctx))
	var agentDone sync.WaitGroup
	agentDone.Go(func() {
		if err := r.agent.Run(agentCtx); err != nil {
			r.log.Error("the session agent failed", "cause", err)
		}
	})
	r.others.Go(func() {
		if err := localapi.Serve(ctx, o.Listener, r.backend()); err != nil {
			r.log.Error("the local API failed", "cause", err)
		}
	})
	r.others.Go(func() { r.follow(ctx) })
	r.others.Go(func() { r.watchNotices(ctx) })
	r.others.Go(func() { authcore.WatchWakeUps(ctx, r.agent.Nudge) })
	r.others.Go(func() {
		vault.Watch(ctx, func() {
			if r.agent.Snapshot().Storage.Problem != nil {
				r.agent.Nudge("the keyring is there")
			}
		})
	})
	r.others.Go(r.readAutostart)
	r.watchUpdates(ctx)
	r.agent.SetDesktop(func(d *authcore.Desktop) { d.Resident, d.Policy = true, o.Policy })
	r.faulty(func() { r.fileFault = o.SettingsFault })
	o.Network.Tell(r.networkTold)
	defer r.quiet.stop()
	if o.Show {
		_ = r.window.Open() // windowReport is told of a failure
	}

	err := tray.Run(ctx, tray.Options{
		Snapshot: r.agent.Snapshot, Subscribe: r.agent.Subscribe, Do: r.do, HostChanged: r.hostChanged,
	})
	quit()
	// The desktop may be going down: two seconds are plenty for a live one.
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := r.clipboard.Close(closing); err != nil {
		r.log.Warn("the clipboard could not be cleared", "cause", err)
	}
	r.window.Close()
	r.keepAutostart()
	r.others.Wait()
	stopAgent()
	agentDone.Wait()
	return err
}

// backend is what the local API serves.
func (r *resident) backend() localapi.Backend {
	return localapi.Backend{
		Snapshot:  func() *authcore.Snapshot { r.quiet.stirred(); return r.agent.Snapshot() },
		Subscribe: r.agent.Subscribe, Do: r.do, Focus: &r.focus,
		SetAPIKeys: r.agent.SetAPIKeys, SetExternalJWT: r.agent.SetExternalJWT,
		TestAPIKeys: r.agent.TestAPIKeys, TestSource: r.agent.TestSource,
		Headers: func(ctx context.Context, q localapi.HeaderQuery) ([]export.Header, error) {
			r.quiet.stirred()
			return r.agent.Headers(ctx, q.Account, q.Service, q.MinValid)
		},
		Token: func(ctx context.Context, q localapi.TokenQuery) (secret.Secret, time.Time, error) {
			r.quiet.stirred()
			return r.agent.Token(ctx, q.Account, q.MinValid)
		},
	}
}

// do carries out what needs the desktop. Everything is checked against the
// latest snapshot first: a menu or window may show an older one.
func (r *resident) do(ctx context.Context, c authcore.Command) error {
	r.quiet.stirred()
	s := r.agent.Snapshot()
	account, _ := s.Account(c.Account)
	if c.Account == "" {
		account = s.ActiveAccount()
	}
	if !s.Allowed(c) && !agentSaysWhy(c, account) {
		return refusal(c, account)
	}
	switch c.Name {
	case authcore.CommandSignIn:
		if !c.NoBrowser {
			r.mu.Lock()
			r.browse[account.ID] = true
			r.mu.Unlock()
		}
		return r.agent.Do(ctx, c)
	case authcore.CommandCopyHeaders:
		return r.copyHeaders(ctx, c)
	case authcore.CommandCopyLink:
		return r.copyText(ctx, link(account))
	case authcore.CommandCopyCode:
		return r.copyText(ctx, account.Prompt.UserCode)
	case authcore.CommandOpenBrowser:
		r.openBrowser(account)
		return nil
	case authcore.CommandOpenWindow:
		return r.window.Open()
	case authcore.CommandOpenUpdate:
		return r.openUpdate(s.Desktop.Update)
	case authcore.CommandFixIt:
		return r.fixIt()
	case authcore.CommandCopyReport:
		return r.copyReport(ctx)
	case authcore.CommandSet:
		return r.set(c.Setting, c.Text)
	case authcore.CommandQuit:
		// The answer to whoever asked goes out first.
		time.AfterFunc(50*time.Millisecond, r.quit)
		return nil
	}
	return r.agent.Do(ctx, c)
}

// agentSaysWhy reports whether the agent itself refuses the command, in better
// words than refusal has, or finds that it is under way.
func agentSaysWhy(c authcore.Command, a authcore.Account) bool {
	switch c.Name {
	case authcore.CommandAddLiveFile, authcore.CommandImportTokenFile, authcore.CommandAddAccount:
		return true
	}
	return c.Name == authcore.CommandSignIn && a.Method == authcore.MethodDeviceCode
}

// refusal says why a command cannot work now.
func refusal(c authcore.Command, a authcore.Account) error {
	switch {
	case c.Name == authcore.CommandCancelSignIn:
		return nil // it is over: the snapshot shows how
	case c.Name == authcore.CommandSet:
		return &authcore.Problem{Code: authcore.ProblemManaged, Params: map[string]string{"Setting": c.Setting}}
	case a.Problem != nil:
		return a.Problem
	}
	return &authcore.Problem{Code: authcore.ProblemNotSignedIn}
}

// link is the page to open: the complete one where the server gives it.
func link(a authcore.Account) string {
	if a.Prompt.VerificationURIComplete != "" {
		return a.Prompt.VerificationURIComplete
	}
	return a.Prompt.VerificationURI
}

// follow opens the browser when the prompt of a sign-in arrives, and takes
// headers off the clipboard when their account signs out or is removed.
func (r *resident) follow(ctx context.Context) {
	updates, cancel := r.agent.Subscribe()
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-updates:
			r.quiet.stirred()
			for _, a := range s.Accounts {
				r.mu.Lock()
				open := r.browse[a.ID] && a.Prompt != nil
				if open || a.State != authcore.Prompting && a.State != authcore.SignedOut {
					delete(r.browse, a.ID)
				}
				r.mu.Unlock()
				if open {
					go r.openBrowser(a)
				}
			}
			r.clearStale(s)
		}
	}
}

// clearStale takes headers off the clipboard whose account has none any more, or
// is gone.
func (r *resident) clearStale(s *authcore.Snapshot) {
	r.mu.Lock()
	holds := r.holds
	r.mu.Unlock()
	if a, _ := s.Account(holds); holds != "" && !a.HasHeaders {
		r.clearClipboard()
	}
}

func (r *resident) openBrowser(a authcore.Account) {
	var problem *authcore.Problem
	if err := browser.OpenURL(link(a)); err != nil {
		problem = &authcore.Problem{Code: authcore.ProblemNoBrowser, Cause: err.Error(), Since: time.Now()}
		r.log.Warn("no browser could be opened", "cause", err)
	}
	r.agent.SetDesktop(func(d *authcore.Desktop) { d.Browser = problem })
}

func (r *resident) copyHeaders(ctx context.Context, c authcore.Command) error {
	format := export.FormatHeaders
	if c.Format != "" {
		var err error
		if format, err = export.ParseFormat(c.Format); err != nil {
			return err
		}
	}
	headers, err := r.agent.Headers(ctx, c.Account, c.Service, 0)
	if err != nil {
		return err
	}
	text, err := export.Render(format, c.Service, headers)
	if err != nil {
		return err
	}
	if err := r.put(ctx, text); err != nil {
		return err
	}
	account := c.Account
	if account == "" {
		account = r.agent.Snapshot().Active
	}
	count, stop := context.WithCancel(context.Background())
	r.mu.Lock()
	if r.clear != nil {
		r.clear()
	}
	r.clear, r.holds = stop, account
	r.mu.Unlock()
	clearAfter := time.Duration(r.agent.Snapshot().Settings.ClipboardSeconds) * time.Second
	at := time.Now().Add(clearAfter)
	r.agent.SetDesktop(func(d *authcore.Desktop) {
		d.Clipboard = authcore.Clipboard{Holds: c.Service, ClearAt: at}
	})
	go func() {
		timer := time.NewTimer(clearAfter)
		defer timer.Stop()
		select {
		case <-count.Done():
		case <-timer.C:
			r.clearClipboard()
		}
	}()
	// What came about while nobody knew yet what the clipboard holds.
	if !r.clipboard.Owned() {
		r.clipboardLost()
	}
	r.clearStale(r.agent.Snapshot())
	return nil
}

// copyText puts on the clipboard what is no secret for long (a code, a link)
// and needs no clearing: it is useless once the sign-in ends.
func (r *resident) copyText(ctx context.Context, text string) error {
	if err := r.put(ctx, secret.New(text)); err != nil {
		return err
	}
	r.clipboardLost() // the headers that were there are gone
	return nil
}

func (r *resident) put(ctx context.Context, text secret.Secret) error {
	if err := r.clipboard.Set(ctx, text); err != nil {
		p := &authcore.Problem{Code: authcore.ProblemClipboard, Cause: err.Error(), Since: time.Now()}
		r.forgetClipboard(authcore.Clipboard{Problem: p})
		return p
	}
	return nil
}

// clearClipboard takes our text off the clipboard, if it is still there.
func (r *resident) clearClipboard() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := r.clipboard.Clear(ctx); err != nil {
		r.log.Warn("the clipboard could not be cleared", "cause", err)
		p := &authcore.Problem{Code: authcore.ProblemClipboardKept, Cause: err.Error(), Since: time.Now()}
		r.forgetClipboard(authcore.Clipboard{Problem: p})
		return
	}
	r.forgetClipboard(authcore.Clipboard{})
}

// clipboardLost is called when somebody else has copied something.
func (r *resident) clipboardLost() { r.forgetClipboard(authcore.Clipboard{}) }

func (r *resident) forgetClipboard(now authcore.Clipboard) {
	r.mu.Lock()
	if r.clear != nil {
		r.clear()
	}
	r.clear, r.holds = nil, ""
	r.mu.Unlock()
	r.agent.SetDesktop(func(d *authcore.Desktop) { d.Clipboard = now })
}

// hostChanged puts the tray's state into the snapshot. Where the icon cannot
// be seen, the window is how people find the program; after a start at login it
// is not put in their way (see due).
func (r *resident) hostChanged(p *authcore.Problem) {
	r.agent.SetDesktop(func(d *authcore.Desktop) { d.Tray = p })
	r.mu.Lock()
	first := p != nil && !r.shownForHost
	r.shownForHost = r.shownForHost || first
	r.mu.Unlock()
	if first && !r.options.Hidden {
		_ = r.window.Open()
	}
}

// windowReport tells people who wait for a window that none will come.
func (r *resident) windowReport(p *authcore.Problem) {
	r.quiet.stirred() // a window that has closed changes no snapshot
	r.agent.SetDesktop(func(d *authcore.Desktop) { d.Window = p })
	if p == nil {
		return
	}
	r.log.Warn("the window could not be opened", "problem", p.Code, "cause", p.Cause)
	words := tray.Language(r.agent.Snapshot()).Problem(p)
	r.notify(words.What, words.Meaning+" "+words.Next)
}

// notify shows a notification, unless the user wants none. Whatever it says is
// also in the menu and the window, so one that cannot be shown costs nothing.
func (r *resident) notify(title, body string) {
	if !r.agent.Snapshot().Settings.Notifications {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := tray.Notify(ctx, title, body); err != nil {
		r.log.Info("no notification could be shown", "cause", err)
	}
}
