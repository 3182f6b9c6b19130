// Command gallery writes a page that shows every golden image of window and
// tray, and the latest pictures of the end-to-end tests' real windows, at a
// glance, to judge the look of all states together. It reads the images that the
// tests hold the product against, so that what the page shows is what the
// product draws.
package main

import (
	"fmt"
	"html/template"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/icons"
)

// looks are the endings of the golden images' names, longest first.
var looks = []string{"light-2x", "dark-2x", "light", "dark", "small", "wide"}

// part is a part of the page: a folder of images.
type part struct {
	Title, Text string
	States      []*state
	folder      string
	// from holds the images; those of a part that is optional may be missing.
	from     string
	optional bool
}

type state struct {
	Name   string
	Images []shown
}

// shown is an image and how it was taken.
type shown struct{ Look, File string }

type icon struct {
	Name string
	SVG  template.HTML
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: gallery REPOSITORY FOLDER-TO-WRITE-TO")
	}
	parts := partsOf(os.Args[1])
	if err := write(parts, os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

// partsOf are the parts of the page with this repository's images.
func partsOf(repository string) []*part {
	at := func(path string) string { return filepath.Join(repository, filepath.FromSlash(path)) }
	return []*part{
		{Title: "The tray", Text: "Icon, tooltip and menu, as the tests hold them.", folder: "tray", from: at("tray/testdata")},
		{Title: "The window", Text: "Every state, as the tests hold it.", folder: "window", from: at("ui/testdata")},
		{Title: "On a real desktop", Text: "The latest screenshots of the end-to-end tests (make e2e).", folder: "desktop", from: at("build/out/e2e"), optional: true},
	}
}

// write makes the page and copies the images beside it.
func write(parts []*part, to string) error {
	count, states := 0, 0
	for _, p := range parts {
		n, err := p.read(to)
		if err != nil {
			return err
		}
		count, states = count+n, states+len(p.States)
	}
	drawn := []icon{{"app", template.HTML(icons.AppSVG())}}
	for _, i := range authcore.Indicators {
		drawn = append(drawn, icon{string(i), template.HTML(icons.SVG(i))})
	}
	index := filepath.Join(to, "index.html")
	f, err := os.Create(index)
	if err != nil {
		return err
	}
	defer f.Close()
	parts = slices.DeleteFunc(slices.Clone(parts), func(p *part) bool { return len(p.States) == 0 })
	if err := page.Execute(f, map[string]any{"Icons": drawn, "Parts": parts, "Count": count}); err != nil {
		return err
	}
	fmt.Printf("%d images of %d states: %s\n", count, states, index)
	return f.Close()
}

// read copies the part's images and groups them by state: golden ones by the
// name before the look, screenshots by the test that took them.
func (p *part) read(to string) (count int, err error) {
	byName := map[string]*state{}
	err = filepath.WalkDir(p.from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".png" {
			if entry != nil && entry.IsDir() && entry.Name() == "failed" {
				return fs.SkipDir
			}
			return err
		}
		inside, err := filepath.Rel(p.from, path)
		if err != nil {
			return err
		}
		inside = filepath.ToSlash(inside)
		file := p.folder + "/" + inside
		if err := copyFile(path, filepath.Join(to, filepath.FromSlash(file))); err != nil {
			return err
		}
		name, look := split(strings.TrimSuffix(inside, ".png"))
		if byName[name] == nil {
			byName[name] = &state{Name: name}
			p.States = append(p.States, byName[name])
		}
		byName[name].Images = append(byName[name].Images, shown{look, file})
		count++
		return nil
	})
	if p.optional && os.IsNotExist(err) {
		err = nil
	}
	if err == nil && count == 0 && !p.optional {
		err = fmt.Errorf("there are no images in %s", p.from)
	}
	slices.SortStableFunc(p.States, func(a, b *state) int { return strings.Compare(a.Name, b.Name) })
	for _, s := range p.States {
		slices.SortFunc(s.Images, func(a, b shown) int { return strings.Compare(a.Look, b.Look) })
	}
	return count, err
}

func split(name string) (state, look string) {
	if test, picture, ok := strings.Cut(name, "/"); ok {
		return test, picture
	}
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
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

var page = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Bitfount Tray, all states</title>
<style>
body { font: 15px system-ui, sans-serif; margin: 24px; background: #8a949c; color: #111 }
h2 { font-size: 20px; margin: 36px 0 4px } h3 { font-size: 16px; margin: 24px 0 8px }
.row { display: flex; flex-wrap: wrap; gap: 12px; align-items: flex-start }
figure { margin: 0 } figcaption { font-size: 12px; padding-top: 3px }
img { display: block; max-height: 340px; border-radius: 6px }
.icons { padding: 12px 16px; border-radius: 6px; gap: 24px }
.icons svg { display: block; margin: auto } .icons figure { text-align: center }
.big svg { width: 48px; height: 48px } .small svg { width: 22px; height: 22px }
a { color: #111 }
</style>
<h1>Bitfount Tray, all states</h1>
<p>{{.Count}} images: {{range .Parts}}<a href="#{{.Title}}">{{.Title}}</a> {{end}}</p>
<h2>Icons, on light and dark panels</h2>
<div class="row icons" style="background:#f2f4f6">{{range .Icons}}<figure><div class="big">{{.SVG}}</div><div class="small">{{.SVG}}</div><figcaption>{{.Name}}</figcaption></figure>{{end}}</div>
<div class="row icons" style="background:#1d2329;color:#fff">{{range .Icons}}<figure><div class="big">{{.SVG}}</div><div class="small">{{.SVG}}</div><figcaption>{{.Name}}</figcaption></figure>{{end}}</div>
{{range .Parts}}<h2 id="{{.Title}}">{{.Title}}</h2><p>{{.Text}}</p>
{{range .States}}{{$s := .}}<h3>{{.Name}}</h3>
<div class="row">{{range .Images}}<figure><a href="{{.File}}"><img loading="lazy" src="{{.File}}" alt="{{$s.Name}}, {{.Look}}"></a><figcaption>{{.Look}}</figcaption></figure>{{end}}</div>
{{end}}{{end}}</html>
`))
