// Command wizard writes the picture at the side of the Windows installer's last
// page: the application's icon on its own colour, as a bitmap of the size that
// NSIS asks for.
//
//	go run ./icons/internal/wizard FILE.bmp
package main

import (
	"image"
	"image/color"
	"image/draw"
	"log"
	"os"

	"golang.org/x/image/bmp"

	"github.com/bitfount/bitfount-tray/icons"
	render "github.com/bitfount/bitfount-tray/icons/internal/draw"
)

const (
	width, height = 164, 314
	iconSize      = 96
	iconTop       = 48
)

// ground is the colour of the icon's plate.
var ground = color.RGBA{0x0f, 0x3d, 0x5e, 0xff}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: wizard FILE.bmp")
	}
	if err := write(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func write(path string) error {
	icon, err := render.Render(icons.AppSVG(), iconSize)
	if err != nil {
		return err
	}
	page := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.Draw(page, page.Bounds(), image.NewUniform(ground), image.Point{}, draw.Src)
	at := image.Pt((width-iconSize)/2, iconTop)
	draw.Draw(page, icon.Bounds().Add(at), icon, image.Point{}, draw.Over)
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := bmp.Encode(file, page); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}
