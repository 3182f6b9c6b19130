// Command gallery writes a page that shows every golden image of the window and
// every icon of the tray at a glance, to judge the look of all states together.
// It reads the images that the tests hold the product against, so that what the
// page shows is what the product draws.
package main

import (
	"fmt"
	"html/template"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/icons"
)

// looks are the endings of the images' names, longest first.
var looks = []string{"light-2x", "dark-2x", "light", "dark", "small", "wide"}

type state struct {
	Name   string
	Images map[string]string
}

type icon struct {
	Name string
	SVG  template.HTML
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: gallery FOLDER-OF-IMAGES FOLDER-TO-WRITE-TO")
	}
	if err := write(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func write(from, to string) error {
	files, err := filepath.Glob(filepath.Join(from, "*.png"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("there are no images in %s", from)
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	byName := map[string]*state{}
	for _, f := range files {
		base := filepath.Base(f)
		if err := copyFile(f, filepath.Join(to, base)); err != nil {
			return err
		}
		name, look := split(strings.TrimSuffix(base, ".png"))
		if byName[name] == nil {
			byName[name] = &state{name, map[string]string{}}
		}
		byName[name].Images[look] = base
	}
	var states []*state
	for _, s := range byName {
		states = append(states, s)
	}
	slices.SortFunc(states, func(a, b *state) int { return strings.Compare(a.Name, b.Name) })
	shown := []icon{{"app", template.HTML(icons.AppSVG())}}
	for _, i := range authcore.Indicators {
		shown = append(shown, icon{string(i), template.HTML(icons.SVG(i))})
	}
	index := filepath.Join(to, "index.html")
	f, err := os.Create(index)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := page.Execute(f, map[string]any{"Icons": shown, "States": states, "Count": len(files)}); err != nil {
		return err
	}
	fmt.Printf("%d images of %d states: %s\n", len(files), len(states), index)
	return f.Close()
}

func split(name string) (state, look string) {
	for _, l := range looks {
		if s, ok := strings.CutSuffix(name, "-"+l); ok {
			return s, l
		}
	}
	return name, "light"
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

var page = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Bitfount Tray, all states</title>
<style>
body { font: 15px system-ui, sans-serif; margin: 24px; background: #8a949c; color: #111 }
h2 { font-size: 16px; margin: 28px 0 8px }
.row { display: flex; flex-wrap: wrap; gap: 12px; align-items: flex-start }
figure { margin: 0 } figcaption { font-size: 12px; padding-top: 3px }
img { display: block; height: 340px; border-radius: 6px }
.icons { padding: 12px 16px; border-radius: 6px; gap: 24px }
.icons svg { display: block; margin: auto } .icons figure { text-align: center }
.big svg { width: 48px; height: 48px } .tray svg { width: 22px; height: 22px }
</style>
<h1>Bitfount Tray, all states</h1>
<p>{{.Count}} images, as the tests hold the window against them.</p>
<h2>Icons, on light and dark panels</h2>
<div class="row icons" style="background:#f2f4f6">{{range .Icons}}<figure><div class="big">{{.SVG}}</div><div class="tray">{{.SVG}}</div><figcaption>{{.Name}}</figcaption></figure>{{end}}</div>
<div class="row icons" style="background:#1d2329;color:#fff">{{range .Icons}}<figure><div class="big">{{.SVG}}</div><div class="tray">{{.SVG}}</div><figcaption>{{.Name}}</figcaption></figure>{{end}}</div>
{{range .States}}{{$s := .}}<h2>{{.Name}}</h2>
<div class="row">{{range $look, $file := .Images}}<figure><a href="{{$file}}"><img loading="lazy" src="{{$file}}" alt="{{$s.Name}}, {{$look}}"></a><figcaption>{{$look}}</figcaption></figure>{{end}}</div>
{{end}}</html>
`))
