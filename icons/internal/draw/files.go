package draw

import (
	"bytes"
	"image"
	"maps"
	"path"
	"strings"
)

// Sizes, in pixels. Linux gets one image that panels scale: 48 divides evenly
// by 2 and 3 to the usual 24 and 16. macOS shows 18 points, doubled on Retina
// screens. Windows picks the size for its scaling from the ICO.
const (
	linuxSize    = 48
	templateSize = 36
	appSize      = 512
	// windowSize is more than a window's icon is drawn at, and is read when a
	// window opens.
	windowSize = 128
)

var icoSizes = []int{16, 24, 32, 48}

// MarkName is the source that is laid over the others.
const MarkName = "mark.svg"

// Marked lays the mark over a source of the same size.
func Marked(svg, mark []byte) []byte {
	whole := bytes.TrimSuffix(bytes.TrimSpace(svg), []byte("</svg>"))
	return append(bytes.Clone(whole), mark[bytes.IndexByte(mark, '>')+1:]...)
}

// Files renders the source svg/NAME.svg to everything made of it: the file
// names, within the folder "rendered", and their content. A tray icon is there
// a second time with the mark; the mark alone is nothing.
func Files(name string, svg, mark []byte) (map[string][]byte, error) {
	name = strings.TrimSuffix(path.Base(name), ".svg")
	if name+".svg" == MarkName {
		return nil, nil
	}
	files, err := render(name, svg)
	if err != nil || name == "app" {
		return files, err
	}
	marked, err := render(name+"-marked", Marked(svg, mark))
	maps.Copy(files, marked)
	return files, err
}

func render(name string, svg []byte) (map[string][]byte, error) {
	main := linuxSize
	if name == "app" {
		main = appSize
	}
	img, err := Render(svg, main)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	if files[name+".png"], err = PNG(img); err != nil {
		return nil, err
	}
	var sizes []*image.NRGBA
	for _, size := range icoSizes {
		img, err := Render(svg, size)
		if err != nil {
			return nil, err
		}
		sizes = append(sizes, img)
	}
	files[name+".ico"] = ICO(sizes...)
	if name == "app" {
		if img, err = Render(svg, windowSize); err != nil {
			return nil, err
		}
		files["window.png"], err = PNG(img)
		return files, err
	}
	img, err = Render(svg, templateSize)
	if err != nil {
		return nil, err
	}
	files[name+".template.png"], err = PNG(Template(img))
	return files, err
}
