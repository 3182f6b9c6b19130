// Package golden compares pictures that tests draw with those that are committed
// beside them. With the flag -update a test writes them anew.
package golden

import (
	"cmp"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"fyne.io/fyne/v2/test"
)

var update = flag.Bool("update", false, "write the golden images of testdata/ anew")

// Compare holds a picture against the golden one of that name, testdata/NAME.png
// in the package under test. Processors round differently at the edges of
// shapes, so a few pixels may differ a little. A picture that differs is kept in
// testdata/failed.
func Compare(t testing.TB, name string, got image.Image) {
	t.Helper()
	path := filepath.Join("testdata", name+".png")
	if *update {
		if err := writePNG(path, got); err != nil {
			t.Fatal(err)
		}
		return
	}
	want := Picture(t, name)
	if err := differ(got, want); err != nil {
		failed := filepath.Join("testdata", "failed", name+".png")
		if err := writePNG(failed, got); err != nil {
			t.Fatal(err)
		}
		t.Errorf("%s looks different: %v. The new picture is %s", path, err, failed)
	}
}

// Fresh must be called before what is captured is made. Fyne (2.8) looks at the
// clock only when something is captured: what is made more than a minute later
// counts as stale at once, and is drawn without its layout.
func Fresh() { test.NewCanvas().Capture() }

// Picture is the golden image of that name.
func Picture(t testing.TB, name string) image.Image {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name+".png"))
	if err != nil {
		t.Fatalf("%v (go test with -update writes it)", err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// differ allows each channel to be off by 40 of 255 in one of 5,000 pixels; a
// moved letter or line changes far more.
func differ(got, want image.Image) error {
	if got.Bounds() != want.Bounds() {
		return fmt.Errorf("it is %v, not %v", got.Bounds(), want.Bounds())
	}
	a, b := rgba(got), rgba(want)
	off := 0
	for i := range a.Pix {
		if d := int(a.Pix[i]) - int(b.Pix[i]); d > 40 || d < -40 {
			off++
		}
	}
	if pixels := len(a.Pix) / 4; off > pixels/5000 {
		return fmt.Errorf("%d of %d pixels differ", off, pixels)
	}
	return nil
}

func rgba(img image.Image) *image.RGBA {
	out := image.NewRGBA(img.Bounds())
	draw.Draw(out, out.Bounds(), img, img.Bounds().Min, draw.Src)
	return out
}

// writePNG keeps the files small: colours that are nearly the same become one,
// the most frequent of them, and the 256 most frequent make the palette.
func writePNG(path string, img image.Image) error {
	exact := rgba(img)
	b := exact.Bounds()
	counts := map[color.RGBA]int{}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			counts[exact.RGBAAt(x, y)]++
		}
	}
	frequent := slices.SortedFunc(maps.Keys(counts), func(a, b color.RGBA) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)))
	})
	palette := color.Palette{}
	taken := map[[3]uint8]bool{}
	for _, c := range frequent {
		near := [3]uint8{c.R >> 3, c.G >> 3, c.B >> 3}
		if !taken[near] && len(palette) < 256 {
			taken[near] = true
			palette = append(palette, c)
		}
	}
	out := image.NewPaletted(b, palette)
	index := map[color.RGBA]uint8{}
	for _, c := range frequent {
		index[c] = uint8(palette.Index(c))
	}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			out.SetColorIndex(x, y, index[exact.RGBAAt(x, y)])
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(f, out); err != nil {
		return err
	}
	return f.Close()
}
