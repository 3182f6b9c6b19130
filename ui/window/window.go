// Package window puts the view of package ui into a real window.
//
// It is apart from package ui because Fyne's driver needs cgo and OpenGL, and
// the view and its tests need neither.
package window

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/app"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/driver"
	"fyne.io/fyne/v2/driver/desktop"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/ui"
)

// commandTimeout bounds one command. The resident answers as soon as it has
// taken the command in, so that only one that hangs takes this long.
const commandTimeout = 30 * time.Second

// Options says what the window shows and whom it asks.
type Options struct {
	// Snapshots brings every new snapshot; the latest wins. It is closed when
	// the resident is gone.
	Snapshots <-chan *authcore.Snapshot
	// Focus asks for the window to come forward. It may be nil.
	Focus <-chan struct{}
	// Closed is called once the window has left the screen, so that nobody asks it
	// to come forward. It may be nil.
	Closed func()
	// Do sends a command to the resident. It is called on a goroutine of its
	// own, several at a time. An *authcore.Problem is shown in its own words,
	// any other error as the details of an internal problem.
	Do func(context.Context, authcore.Command) error
	// SetAPIKeys, SetExternalJWT, TestAPIKeys and TestSource carry out what the
	// forms for credentials ask. They are called as Do is.
	SetAPIKeys     func(context.Context, authcore.APIKeysAccount) error
	SetExternalJWT func(context.Context, authcore.ExternalJWTAccount) error
	TestAPIKeys    func(context.Context, authcore.APIKeysAccount) (authcore.CredentialTest, error)
	TestSource     func(context.Context, authcore.ExternalJWTAccount) (authcore.CredentialTest, error)
	// AppID is the application's identity for the desktop, in reverse DNS.
	AppID   string
	Version string
}

// Run shows the window and blocks until it is closed or ctx ends. It must be
// called on the main goroutine, and once in a process, because Fyne can start
// only once. The error is an *authcore.Problem when there is no display or no
// OpenGL. A graphics driver that fails later can still end the process.
func Run(ctx context.Context, o Options) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer func() {
		if fault := recover(); fault != nil {
			err = startFault(fmt.Sprint(fault))
		}
	}()
	app.SetMetadata(fyne.AppMetadata{ID: o.AppID, Name: "Bitfount Tray", Version: o.Version, Migrations: map[string]bool{"fyneDo": true}})
	a := app.NewWithID(o.AppID)
	a.Settings().SetTheme(ui.Theme())
	a.SetIcon(ui.Icon())
	// Finding the display takes as long as reading the fonts, and neither needs
	// the other.
	fonts := make(chan struct{})
	go func() { defer close(fonts); ui.ReadFonts() }()
	w := a.NewWindow("")
	<-fonts

	var view *ui.View
	view = ui.NewView(func(c authcore.Command) {
		go func() {
			ctx, cancel := context.WithTimeout(ctx, commandTimeout)
			defer cancel()
			if err := o.Do(ctx, c); err != nil && ctx.Err() != context.Canceled {
				fyne.Do(func() { view.ShowError(err) })
			}
		}()
	})
	w.SetTitle(ui.Title())
	w.SetMaster()
	w.SetPadded(false)
	w.SetContent(view.Content())
	w.Resize(ui.DefaultSize)
	w.CenterOnScreen()
	view.OnClose = w.Close
	view.Credentials = credentials(ctx, o)
	view.SaveFile = func(name, text string, done func(string, error)) { saveFile(w, name, text, done) }
	view.ChooseFile = func(chosen func(string)) { chooseFile(w, chosen) }
	w.Canvas().SetOnTypedKey(view.TypedKey)
	for _, key := range []fyne.KeyName{fyne.KeyW, fyne.KeyQ} {
		w.Canvas().AddShortcut(&desktop.CustomShortcut{KeyName: key, Modifier: fyne.KeyModifierShortcutDefault},
			func(fyne.Shortcut) { w.Close() })
	}
	p := &painter{app: a, view: view, look: [2]string{"system", "normal"}} // what ui.Theme is; another draws everything anew
	p.drawFirst(o.Snapshots)
	a.Lifecycle().SetOnStarted(func() { go follow(ctx, o, p, w) })
	closed := false
	w.SetOnClosed(func() {
		closed = true
		cancel() // nobody is to draw any more that the resident is gone
		if o.Closed != nil {
			o.Closed()
		}
	})
	w.Show()
	if !exists(w) {
		// Fyne logs why, and would run on without a window, or end as if somebody
		// had quit.
		return startFault(notCreated)
	}
	a.Run()
	if !closed && ctx.Err() == nil {
		return startFault(notCreated)
	}
	return nil
}

const notCreated = "the graphics library could not create a window"

// exists reports whether a window that was shown is there.
func exists(w fyne.Window) bool {
	handle := uintptr(1) // where systems have none to look at
	if native, ok := w.(driver.NativeWindow); ok {
		native.RunNative(func(context any) {
			switch c := context.(type) {
			case driver.WindowsWindowContext:
				handle = c.HWND
			case driver.MacWindowContext:
				handle = c.NSWindow
			case driver.X11WindowContext:
				handle = c.WindowHandle
			case driver.WaylandWindowContext:
				handle = c.WaylandSurface
			}
		})
	}
	return handle != 0
}

// testTimeout bounds a test of credentials, which waits for a server or another
// program.
const testTimeout = 60 * time.Second

// credentials are the functions of o for the view, which must not wait.
func credentials(ctx context.Context, o Options) ui.Credentials {
	return ui.Credentials{
		SetAPIKeys: func(k authcore.APIKeysAccount, done func(error)) {
			set(ctx, k, o.SetAPIKeys, done)
		},
		SetExternalJWT: func(e authcore.ExternalJWTAccount, done func(error)) {
			set(ctx, e, o.SetExternalJWT, done)
		},
		TestAPIKeys: func(k authcore.APIKeysAccount, done func(authcore.CredentialTest, error)) {
			test(ctx, k, o.TestAPIKeys, done)
		},
		TestSource: func(e authcore.ExternalJWTAccount, done func(authcore.CredentialTest, error)) {
			test(ctx, e, o.TestSource, done)
		},
	}
}

func set[A any](ctx context.Context, account A, do func(context.Context, A) error, done func(error)) {
	test(ctx, account, func(ctx context.Context, account A) (authcore.CredentialTest, error) {
		return authcore.CredentialTest{}, do(ctx, account)
	}, func(_ authcore.CredentialTest, err error) { done(err) })
}

func test[A any](ctx context.Context, account A, do func(context.Context, A) (authcore.CredentialTest, error),
	done func(authcore.CredentialTest, error)) {
	go func() {
		ctx, cancel := context.WithTimeout(ctx, testTimeout)
		defer cancel()
		result, err := do(ctx, account)
		fyne.Do(func() { done(result, err) })
	}()
}

// chooseFile shows Fyne's dialog. The file is only named, not read here.
func chooseFile(w fyne.Window, chosen func(path string)) {
	dialog.ShowFileOpen(func(file fyne.URIReadCloser, err error) {
		if err != nil || file == nil {
			return // cancelled
		}
		_ = file.Close()
		chosen(filepath.FromSlash(file.URI().Path()))
	}, w)
}

// saveFile shows Fyne's dialog, and writes the text so that its owner alone can
// read it: a report names accounts and servers.
func saveFile(w fyne.Window, name, text string, done func(path string, err error)) {
	d := dialog.NewFileSave(func(file fyne.URIWriteCloser, err error) {
		if file == nil {
			if err != nil {
				done("", err)
			}
			return // cancelled
		}
		path := filepath.FromSlash(file.URI().Path())
		err = os.Chmod(path, 0o600)
		if err == nil {
			_, err = io.WriteString(file, text)
		}
		if closing := file.Close(); err == nil {
			err = closing
		}
		done(path, err)
	}, w)
	d.SetFileName(name)
	d.Show()
}

// follow brings snapshots, the passing of time and wishes for focus to the
// view. The timer is set to the moment at which the view's text changes next,
// so that nothing is drawn while nothing moves.
func follow(ctx context.Context, o Options, p *painter, w fyne.Window) {
	view := p.view
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	onScreen := func(change func(now time.Time)) {
		fyne.Do(func() {
			now := time.Now()
			change(now)
			timer.Reset(view.NextChange(now))
		})
	}
	onScreen(view.Tick) // for what was drawn first
	snapshots := o.Snapshots
	for {
		select {
		case <-ctx.Done():
			fyne.Do(p.app.Quit)
			return
		case s, ok := <-snapshots:
			if !ok {
				snapshots = nil
				if ctx.Err() == nil {
					onScreen(func(time.Time) { view.Gone() })
				}
				continue
			}
			onScreen(func(now time.Time) { p.draw(s, now) })
		case <-timer.C:
			onScreen(view.Tick)
		case <-o.Focus:
			fyne.Do(w.RequestFocus)
		}
	}
}

// painter draws snapshots in the colours and sizes that they ask for. It belongs
// to Fyne's goroutine.
type painter struct {
	app  fyne.App
	view *ui.View
	// look are Settings.Theme and TextSize.
	look [2]string
}

func (p *painter) draw(s *authcore.Snapshot, now time.Time) {
	if look := [2]string{s.Settings.Theme, s.Settings.TextSize}; look != p.look {
		p.look = look
		p.app.Settings().SetTheme(ui.ThemeOf(s.Settings))
	}
	p.view.Render(s, now)
}

// firstWait bounds the wait for the first snapshot, which is there in
// milliseconds.
const firstWait = 300 * time.Millisecond

// drawFirst draws the first snapshot before the window is shown, so that nobody
// sees it ask for patience in a flash.
func (p *painter) drawFirst(snapshots <-chan *authcore.Snapshot) {
	select {
	case s, ok := <-snapshots:
		if ok {
			p.draw(s, time.Now())
		}
	case <-time.After(firstWait):
	}
}

// startFault is the problem of a window that could not be shown. GLFW, which
// Fyne stands on, cannot be initialized where there is no display; where there
// is one without OpenGL, it fails later and otherwise.
func startFault(cause string) *authcore.Problem {
	p := &authcore.Problem{Code: authcore.ProblemNoWindow, Cause: cause, Since: time.Now()}
	if strings.Contains(cause, "NotInitialized") {
		p.Code = authcore.ProblemNoDisplay
	}
	return p
}
