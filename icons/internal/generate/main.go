// Command generate renders every SVG in svg/ into rendered/. Run it by
// "go generate ./icons" after a source has changed.
package main

import (
	"log"
	"os"
	"path/filepath"

	"github.com/bitfount/bitfount-tray/icons/internal/draw"
)

func main() {
	log.SetFlags(0)
	sources, err := filepath.Glob("svg/*.svg")
	if err != nil || len(sources) == 0 {
		log.Fatal("run this in the folder icons, which holds svg/")
	}
	mark, err := os.ReadFile(filepath.Join("svg", draw.MarkName))
	if err != nil {
		log.Fatal(err)
	}
	for _, source := range sources {
		svg, err := os.ReadFile(source)
		if err != nil {
			log.Fatal(err)
		}
		files, err := draw.Files(source, svg, mark)
		if err != nil {
			log.Fatalf("%s: %v", source, err)
		}
		for name, content := range files {
			if err := os.WriteFile(filepath.Join("rendered", name), content, 0o644); err != nil {
				log.Fatal(err)
			}
		}
	}
}
