// Command appicons writes the application's icon for a package: the SVG and a
// PNG of every size that Freedesktop's icon theme has, in the folders of the
// hicolor theme. Each size is drawn from the SVG, not scaled from another one.
//
//	go run ./icons/internal/appicons FOLDER/usr/share/icons com.bitfount.tray
//
// Sizes after the name are drawn too.
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"

	"github.com/bitfount/bitfount-tray/icons"
	"github.com/bitfount/bitfount-tray/icons/internal/draw"
)

// sizes are what the hicolor theme's index lists and desktops ask for, in pixels.
var sizes = []int{16, 22, 24, 32, 48, 64, 128, 256, 512}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 3 {
		log.Fatal("usage: appicons ICON-FOLDER NAME [SIZE…]")
	}
	for _, arg := range os.Args[3:] {
		size, err := strconv.Atoi(arg)
		if err != nil || size < 1 || size > 1024 {
			log.Fatalf("appicons: %s is no size from 1 to 1024", arg)
		}
		sizes = append(sizes, size)
	}
	if err := write(filepath.Join(os.Args[1], "hicolor"), os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func write(theme, name string) error {
	svg := icons.AppSVG()
	if err := writeFile(filepath.Join(theme, "scalable", "apps", name+".svg"), svg); err != nil {
		return err
	}
	for _, size := range sizes {
		img, err := draw.Render(svg, size)
		if err != nil {
			return err
		}
		png, err := draw.PNG(img)
		if err != nil {
			return err
		}
		if err := writeFile(filepath.Join(theme, fmt.Sprintf("%dx%d", size, size), "apps", name+".png"), png); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}
