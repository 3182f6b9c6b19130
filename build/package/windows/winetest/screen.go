package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/localapi"
)

// resident talks to the local API. Under Wine, wine-shim.c has put a TCP port in
// the place of the Unix socket; a real one is put in front of it here, so that
// the product's own client can be used.
func (w *walk) resident() *localapi.Client {
	folder := filepath.Join(w.d.Dir(), "api")
	path := filepath.Join(folder, "s")
	if _, err := os.Lstat(path); err == nil {
		return localapi.NewClient(path)
	}
	ok(os.MkdirAll(folder, 0o700))
	ln, err := net.Listen("unix", path)
	ok(err)
	go func() { // as long as this process lives
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go w.forward(conn)
		}
	}()
	return localapi.NewClient(path)
}

func (w *walk) forward(conn net.Conn) {
	defer conn.Close()
	port, err := os.ReadFile(w.local("bitfount-tray", "run", "api.sock"))
	if err != nil {
		return
	}
	server, err := net.Dial("tcp", "127.0.0.1:"+string(port))
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, conn)
		_ = server.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(conn, server)
}

// line is a line of the tray's menu by its place from the bottom, with one account
// and nothing found by "Fix it…".
type line struct{ fromBottom, separatorsBelow int }

var (
	signOut = line{2, 0}
	copyHub = line{8, 1}
	signIn  = line{9, 2}
)

// What Wine 8 draws at 96 dots per inch.
const lineHeight, separatorHeight, menuEdge = 17, 9, 3

// openMenu presses the right mouse button on the icon, as one does on Windows,
// until there is a menu. Each try is a pixel beside the one before: Wine, which
// does not see the pointer between its own windows, otherwise takes it for one
// that has not moved, and ignores the button.
func (w *walk) openMenu() {
	width, height := w.d.Size()
	w.until("the tray's menu", func() error {
		w.tries++
		x, y := strconv.Itoa(width-20+w.tries%7), strconv.Itoa(height-18+w.tries%5)
		w.x("mousemove", "--sync", x, strconv.Itoa(height-90), "sleep", "0.3",
			"mousemove", "--sync", x, y, "sleep", "0.7")
		w.press(3)
		_, _, err := w.menu()
		return err
	})
}

// press holds a mouse button down long enough for Wine.
func (w *walk) press(button int) {
	b := strconv.Itoa(button)
	w.x("mousedown", b, "sleep", "0.2", "mouseup", b, "sleep", "0.7")
}

// closeMenu presses beside the menu.
func (w *walk) closeMenu() {
	w.x("mousemove", "--sync", "5", "5", "sleep", "0.2")
	w.press(1)
}

// choose clicks on a line of the open menu.
func (w *walk) choose(l line) {
	left, bottom, err := w.menu()
	ok(err)
	y := bottom - menuEdge - lineHeight/2 - (l.fromBottom-1)*lineHeight - l.separatorsBelow*separatorHeight
	w.x("mousemove", "--sync", strconv.Itoa(left+40), strconv.Itoa(y), "sleep", "0.3")
	w.press(1)
}

// menu finds the visible popup of the program: a window without a window
// manager's frame.
func (w *walk) menu() (left, bottom int, err error) {
	out, _ := w.output("xdotool", "search", "--onlyvisible", "--class", `^bitfount-tray\.exe$`)
	for id := range strings.FieldsSeq(out) {
		if state, _ := w.output("xprop", "-id", id, "WM_STATE"); strings.Contains(state, "window state") {
			continue // the window that the window manager knows
		}
		text, err := w.output("xdotool", "getwindowgeometry", "--shell", id)
		if err != nil {
			continue
		}
		g := map[string]int{}
		for l := range strings.Lines(text) {
			name, value, _ := strings.Cut(strings.TrimSpace(l), "=")
			g[name], _ = strconv.Atoi(value)
		}
		if g["HEIGHT"] > 4*lineHeight {
			return g["X"], g["Y"] + g["HEIGHT"], nil
		}
	}
	return 0, 0, errors.New("no menu is open")
}

func (w *walk) x(args ...string) {
	if out, err := w.output("xdotool", args...); err != nil {
		fail("xdotool: %w: %s", err, out)
	}
}

func (w *walk) output(file string, args ...string) (string, error) {
	cmd := exec.CommandContext(w.ctx, file, args...)
	cmd.Env = w.env
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w", file, err)
	}
	return string(out), err
}
