package e2e

import (
	"flag"
	"fmt"
	"image"
	"image/draw"
	"path/filepath"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/build/desktop"
	"github.com/bitfount/bitfount-tray/build/golden"
	"github.com/bitfount/bitfount-tray/build/trial"
	"github.com/bitfount/bitfount-tray/ui"
)

var all = flag.Bool("all", false, "take the main pages light and dark at 1× and 2×, not only light at 1× and dark at 2×")

// What the golden images show is what a screen shows: the main pages in a real
// X11 window, compared with what Fyne's software renderer makes of the same
// snapshot.
func TestTheMainPagesOnARealScreen(t *testing.T) {
	desktops := []desktop.Options{
		{Width: 1024, Height: 800},
		{Width: 1800, Height: 1560, Scale: 2, Dark: true},
	}
	if *all {
		desktops = append(desktops,
			desktop.Options{Width: 1024, Height: 800, Dark: true},
			desktop.Options{Width: 1800, Height: 1560, Scale: 2})
	}
	for _, o := range desktops {
		t.Run(fmt.Sprintf("%s-%dx", map[bool]string{false: "light", true: "dark"}[o.Dark], max(1, o.Scale)), func(t *testing.T) {
			walkThePages(t, o)
		})
	}
}

func walkThePages(t *testing.T, o desktop.Options) {
	s := newScene(t, o)
	// What the page for a new file proposes is in the home folder.
	t.Setenv("HOME", filepath.Join(s.d.Dir(), "home"))
	s.start("--show")
	w, err := s.d.Window(s.ctx, patience)
	s.ok(err)
	m := newMirror(s, w, o.Dark)
	m.picture("1-welcome")

	m.press("Sign in…")
	link := s.opened(1)
	code := userCode.FindString(s.tooltip("approve in the browser"))
	m.picture("2-code")
	s.ok(trial.Approve(s.ctx, link, code, person))
	s.tooltip(person)
	m.picture("3-success")
	m.press("Continue")
	m.press("Save to a file…")
	m.picture("4-new-file")
	m.press("Save")
	s.until("the file", func() error {
		if f := s.snapshot().LiveFiles; len(f) != 1 || f[0].WrittenAt.IsZero() {
			return fmt.Errorf("the live files are %v", f)
		}
		return nil
	})
	m.picture("5-files")
	m.press("History")
	m.picture("6-history")
	m.press("More")
	m.press("Accounts")
	m.picture("7-accounts")
	m.press("Session")
	m.picture("8-session")

	// Larger texts, at once.
	s.ok(s.client().Do(s.ctx, authcore.Command{Name: authcore.CommandSet, Setting: "text_size", Text: "largest"}))
	m.dress(authcore.Settings{Theme: m.colours, TextSize: "largest"})
	m.picture("9-larger")

	s.ok(w.Close(s.ctx))
	s.ok(s.d.NoWindow(s.ctx, patience))
	s.ok(s.d.HoverTray(s.ctx))
	s.picture("10-tray")
	s.ok(s.d.RestMouse(s.ctx))
	s.ok(s.d.OpenTrayMenu(s.ctx))
	s.picture("11-menu")
	s.ok(s.d.CloseTrayMenu(s.ctx))
}

// mirror is the window's view without a screen. It is led through the same
// snapshots and clicks as the real window, so that both show the same.
type mirror struct {
	*scene
	real   desktop.Window
	view   *ui.View
	window fyne.Window
	// colours is Settings.Theme as the desktop has it.
	colours string
}

// dress gives the mirror the look of those settings.
func (m *mirror) dress(s authcore.Settings) {
	fyne.CurrentApp().Settings().SetTheme(ui.ThemeOf(s))
	m.window.Resize(m.window.Canvas().Size())
}

func newMirror(s *scene, w desktop.Window, dark bool) *mirror {
	s.Helper()
	bounds, err := w.Bounds(s.ctx)
	s.ok(err)
	m := &mirror{scene: s, real: w, colours: "light"}
	if dark {
		m.colours = "dark"
	}
	golden.Fresh()
	test.NewTempApp(s.T).Settings().SetTheme(ui.ThemeOf(authcore.Settings{Theme: m.colours}))
	m.view = ui.NewView(func(authcore.Command) {})
	m.window = test.NewTempWindow(s.T, m.view.Content())
	m.window.SetPadded(false)
	scale := s.d.Scale()
	m.window.Canvas().(test.WindowlessCanvas).SetScale(float32(scale))
	m.window.Resize(fyne.NewSize(float32(bounds.Dx()/scale), float32(bounds.Dy()/scale)))
	return m
}

// most of a page may look different: where letters begin and how edges are
// smoothed. Another page differs in a fifth of it at least.
const most = 0.06

// settle waits until the real window shows what the mirror shows.
func (m *mirror) settle(what string) {
	m.Helper()
	m.until(fmt.Sprintf("the real window to look like %s", what), func() error {
		m.view.Render(m.snapshot(), time.Now())
		got, err := m.real.Picture(m.ctx)
		if err != nil {
			return err
		}
		if off := unlike(got, m.window.Canvas().Capture(), 8*m.d.Scale()); off > most {
			return fmt.Errorf("%.1f %% of it look different", 100*off)
		}
		return nil
	})
}

// picture keeps the screen once the window shows what it should.
func (m *mirror) picture(name string) {
	m.Helper()
	m.settle(name)
	m.ok(m.d.Screenshot(m.ctx, m.file(name)))
}

// press clicks on a button of the real window, and on the mirror's.
func (m *mirror) press(text string) {
	m.Helper()
	m.settle("it does before “" + text + "” is pressed")
	for _, o := range test.LaidOutObjects(m.view.Content()) {
		if label, ok := buttonText(o); !ok || label != text {
			continue
		}
		at := fyne.CurrentApp().Driver().AbsolutePositionForObject(o).AddXY(o.Size().Width/2, o.Size().Height/2)
		scale := m.d.Scale()
		// The mirror first: what the real click does may be seen by it.
		test.Tap(o.(fyne.Tappable))
		m.ok(m.real.Click(m.ctx, int(at.X)*scale, int(at.Y)*scale))
		m.ok(m.d.RestMouse(m.ctx))
		return
	}
	m.Fatalf("the window has no enabled button “%s”", text)
}

// unlike is the part of two pictures' blocks, of side pixels, whose mean colours
// differ. Single pixels differ always: a graphics card smooths edges otherwise.
func unlike(a, b image.Image, side int) float64 {
	if a.Bounds().Size() != b.Bounds().Size() {
		return 1
	}
	p, q := rgba(a), rgba(b)
	blocks, off := 0, 0
	for y := 0; y+side <= p.Rect.Dy(); y += side {
		for x := 0; x+side <= p.Rect.Dx(); x += side {
			blocks++
			if differ(p, q, image.Pt(x, y), side) {
				off++
			}
		}
	}
	return float64(off) / float64(blocks)
}

func rgba(img image.Image) *image.RGBA {
	out := image.NewRGBA(image.Rectangle{Max: img.Bounds().Size()})
	draw.Draw(out, out.Rect, img, img.Bounds().Min, draw.Src)
	return out
}

// differ compares the mean of each channel in the block at that place.
func differ(p, q *image.RGBA, at image.Point, side int) bool {
	var sum [4]int
	for y := at.Y; y < at.Y+side; y++ {
		from, to := p.PixOffset(at.X, y), p.PixOffset(at.X+side, y)
		for i := from; i < to; i++ {
			sum[i%4] += int(p.Pix[i]) - int(q.Pix[i])
		}
	}
	for _, d := range sum {
		if d /= side * side; d > 24 || d < -24 {
			return true
		}
	}
	return false
}
