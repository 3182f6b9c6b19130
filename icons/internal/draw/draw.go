// Package draw turns the SVG sources of package icons into the image files
// that are committed beside them. Only the generator and the tests use it, so
// that no SVG renderer runs in the resident.
package draw

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"

	"github.com/fyne-io/oksvg"
	"github.com/srwiley/rasterx"
)

// oversample is how many times larger than asked an icon is rasterised before
// it is averaged down: rasterx's own antialiasing is uneven on thin edges, which
// shows in small icons.
func oversample(size int) int { return min(8, max(2, 512/size)) }

// Render draws an SVG as a square image of size pixels a side.
func Render(svg []byte, size int) (*image.NRGBA, error) {
	icon, err := oksvg.ReadIconStream(bytes.NewReader(svg), oksvg.StrictErrorMode)
	if err != nil {
		return nil, fmt.Errorf("reading the SVG: %w", err)
	}
	factor := oversample(size)
	large := size * factor
	icon.SetTarget(0, 0, float64(large), float64(large))
	canvas := image.NewRGBA(image.Rect(0, 0, large, large))
	icon.Draw(rasterx.NewDasher(large, large, rasterx.NewScannerGV(large, large, canvas, canvas.Bounds())), 1)
	return average(canvas, factor), nil
}

// average reduces a premultiplied image by blocks of factor pixels a side.
func average(large *image.RGBA, factor int) *image.NRGBA {
	size := large.Bounds().Dx() / factor
	out := image.NewNRGBA(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			var sum [4]int
			for dy := range factor {
				row := large.Pix[(y*factor+dy)*large.Stride+x*factor*4:][:factor*4]
				for i, v := range row {
					sum[i%4] += int(v)
				}
			}
			if sum[3] == 0 {
				continue
			}
			// The sums are premultiplied: dividing by the alpha undoes that.
			out.SetNRGBA(x, y, color.NRGBA{
				R: uint8(min(255, sum[0]*255/sum[3])), G: uint8(min(255, sum[1]*255/sum[3])), B: uint8(min(255, sum[2]*255/sum[3])),
				A: uint8(sum[3] / (factor * factor)),
			})
		}
	}
	return out
}

// Template makes the monochrome form that the macOS menu bar colours by itself:
// black where the icon is coloured, clear where it is white or empty.
func Template(icon *image.NRGBA) *image.NRGBA {
	out := image.NewNRGBA(icon.Bounds())
	for i := 0; i < len(icon.Pix); i += 4 {
		white := min(icon.Pix[i], icon.Pix[i+1], icon.Pix[i+2])
		// The icons' colours have a darkest channel of at most 60.
		ink := min(255, (255-int(white))*255/195)
		out.Pix[i+3] = uint8(ink * int(icon.Pix[i+3]) / 255)
	}
	return out
}

// PNG encodes one image.
func PNG(img image.Image) ([]byte, error) {
	var b bytes.Buffer
	err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, img)
	return b.Bytes(), err
}

// ICO encodes an icon in several sizes for Windows. The images are stored as
// 32-bit bitmaps, which every version of Windows reads at every size; PNG inside
// ICO is meant for 256 pixels.
func ICO(images ...*image.NRGBA) []byte {
	const headerLen, entryLen, bitmapHeaderLen = 6, 16, 40
	le := binary.LittleEndian
	file := le.AppendUint16(nil, 0)
	file = le.AppendUint16(file, 1) // an icon, not a cursor
	file = le.AppendUint16(file, uint16(len(images)))
	var bodies []byte
	for _, img := range images {
		size := img.Bounds().Dx()
		body := bitmap(img)
		file = append(file, byte(size), byte(size), 0, 0) // 256 is written as 0
		file = le.AppendUint16(file, 1)                   // colour planes
		file = le.AppendUint16(file, 32)                  // bits a pixel
		file = le.AppendUint32(file, uint32(len(body)))
		file = le.AppendUint32(file, uint32(headerLen+entryLen*len(images)+len(bodies)))
		bodies = append(bodies, body...)
	}
	return append(file, bodies...)
}

// bitmap is a BITMAPINFOHEADER, the pixels as BGRA from the bottom row up, and
// the mask of one bit a pixel that is kept for programs without alpha.
func bitmap(img *image.NRGBA) []byte {
	size := img.Bounds().Dx()
	maskRow := (size + 31) / 32 * 4
	le := binary.LittleEndian
	b := le.AppendUint32(nil, 40)
	b = le.AppendUint32(b, uint32(size))
	b = le.AppendUint32(b, uint32(2*size)) // pixels and mask
	b = le.AppendUint16(b, 1)
	b = le.AppendUint16(b, 32)
	b = le.AppendUint32(b, 0) // not compressed
	b = le.AppendUint32(b, uint32(size*size*4+maskRow*size))
	b = append(b, make([]byte, 16)...)
	mask := make([]byte, maskRow*size)
	for y := size - 1; y >= 0; y-- {
		for x := range size {
			c := img.NRGBAAt(x, y)
			b = append(b, c.B, c.G, c.R, c.A)
			if c.A == 0 {
				mask[(size-1-y)*maskRow+x/8] |= 0x80 >> (x % 8)
			}
		}
	}
	return append(b, mask...)
}
