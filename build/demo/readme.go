package main

import (
	"image"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"

	"github.com/bitfount/bitfount-tray/build/desktop"
)

// frame is what the window manager draws around a window, in pixels.
var frame = image.Rect(-2, -20, 2, 6)

// publishWindow writes the window with its frame as one of the README's
// pictures, if those were asked for.
func (w *walk) publishWindow(name string, window desktop.Window) error {
	b, err := window.Bounds(w.ctx)
	if err != nil {
		return err
	}
	return w.publish(name, image.Rectangle{Min: b.Min.Add(frame.Min), Max: b.Max.Add(frame.Max)})
}

// publishCorner does the same for the screen's lower right corner, where the
// tray is.
func (w *walk) publishCorner(name string, size image.Point) error {
	width, height := w.d.Size()
	end := image.Pt(width, height)
	return w.publish(name, image.Rectangle{Min: end.Sub(size), Max: end})
}

func (w *walk) publish(name string, part image.Rectangle) error {
	if w.readme == "" {
		return nil
	}
	screen, err := w.d.Picture(w.ctx)
	if err != nil {
		return err
	}
	out := image.NewRGBA(part)
	draw.Draw(out, part, screen, part.Min, draw.Src)
	f, err := os.Create(filepath.Join(w.readme, name+".png"))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(f, out); err != nil {
		return err
	}
	return f.Close()
}
