package ui

import (
	"path/filepath"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"github.com/bitfount/bitfount-tray/authcore"
)

// briefMost is how many lines the session's page shows of the files and of the
// history; a click leads to the others.
const briefMost = 3

// newBriefTitle is a part's name with the way to the whole of it.
func newBriefTitle(title string, way *button) *fyne.Container {
	way.Importance = widget.LowImportance
	return container.NewBorder(nil, nil, nil, way, bold(title, fyne.TextAlignLeading))
}

// briefLine is a line with an icon before it.
func briefLine(icon fyne.Resource, text string) fyne.CanvasObject {
	return container.New(iconLine{}, widget.NewIcon(icon), plain(text, fyne.TextAlignLeading))
}

// iconLine puts an icon in line with the texts above and below, and words beside
// it.
type iconLine struct{}

func (iconLine) Layout(o []fyne.CanvasObject, size fyne.Size) {
	const left = textInset + timelineIcon
	o[0].Resize(fyne.NewSquareSize(timelineIcon))
	o[0].Move(fyne.NewPos(textInset, 9))
	o[1].Resize(fyne.NewSize(size.Width-left, o[1].MinSize().Height))
	o[1].Resize(fyne.NewSize(size.Width-left, o[1].MinSize().Height))
	o[1].Move(fyne.NewPos(left, 0))
}

func (iconLine) MinSize(o []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(200, o[1].MinSize().Height)
}

// filesBrief are the live files and their states on the session's page.
type filesBrief struct {
	root  *fyne.Container
	all   *button
	list  *fyne.Container
	lines []string
}

func newFilesBrief(v *View) *filesBrief {
	b := &filesBrief{all: newButton(tr("session.all-files"), nil, v.opener(atFiles)), list: stack(-12)}
	b.root = stack(-8, newBriefTitle(tr("tab.files"), b.all), b.list)
	return b
}

func (b *filesBrief) update(m moment) {
	files := slices.SortedStableFunc(slices.Values(m.snapshot.LiveFiles), troubledFirst)
	var lines []string
	var objects []fyne.CanvasObject
	for _, f := range files[:min(len(files), briefMost)] {
		icon, state := fileState(f, m)
		if f.Problem != nil {
			state = tr("files.not-written")
		}
		lines = append(lines, icon.Name(), tr("files.line", fields{"Name": filepath.Base(f.Path), "State": state}))
		objects = append(objects, briefLine(icon, lines[len(lines)-1]))
	}
	switch rest := len(files) - briefMost; {
	case len(files) == 0:
		lines = append(lines, either(m.allowed(authcore.CommandAddLiveFile), tr("files.none"), filesWords(m)))
	case rest > 0:
		lines = append(lines, trN("session.more-files", rest, fields{"N": rest}))
	}
	if len(lines)%2 == 1 {
		objects = append(objects, quiet(lines[len(lines)-1], fyne.TextAlignLeading))
	}
	if !slices.Equal(lines, b.lines) {
		b.lines, b.list.Objects = lines, objects
		b.list.Refresh()
	}
	show(b.all, len(files) > 0)
}

// dayBrief is the last day on the session's page: at a glance, and what happened
// last.
type dayBrief struct {
	root   *fyne.Container
	all    *button
	strip  *dayStrip
	legend map[dayKind]fyne.CanvasObject
	list   *fyne.Container
	lines  []historyLine
}

func newDayBrief(v *View) *dayBrief {
	b := &dayBrief{
		all:   newButton(tr("session.all-history"), nil, v.opener(atHistory)),
		strip: newDayStrip(), legend: map[dayKind]fyne.CanvasObject{}, list: stack(-4),
	}
	words := container.New(&flow{})
	for _, kind := range dayKinds {
		b.legend[kind] = container.New(swatched{}, newSwatch(kind), quiet(dayWords(kind), fyne.TextAlignLeading))
		words.Add(b.legend[kind])
	}
	b.root = stack(-2, newBriefTitle(tr("history.title"), b.all), container.New(inset{}, b.strip), words, b.list)
	return b
}

func (b *dayBrief) update(m moment) {
	face := dayOf(m)
	b.strip.set(face)
	for _, kind := range dayKinds {
		show(b.legend[kind], face.has(kind))
	}
	lines := slices.DeleteFunc(historyLines(m), func(l historyLine) bool { return l.day != "" })
	lines = lines[:min(len(lines), briefMost)]
	show(b.all, len(lines) > 0)
	if slices.Equal(lines, b.lines) {
		return
	}
	b.lines, b.list.Objects = lines, nil
	for _, l := range lines {
		b.list.Add(newTimelineRow(l))
	}
	b.list.Refresh()
}

// swatched puts a sample before its word.
type swatched struct{}

const swatchWidth = 10

func (swatched) Layout(o []fyne.CanvasObject, size fyne.Size) {
	o[0].Resize(fyne.NewSize(swatchWidth, size.Height))
	o[0].Move(fyne.NewPos(textInset, 0))
	o[1].Resize(fyne.NewSize(size.Width-textInset-swatchWidth, size.Height))
	o[1].Move(fyne.NewPos(textInset+swatchWidth-3, 0))
}

// MinSize holds the word in one line.
func (swatched) MinSize(o []fyne.CanvasObject) fyne.Size {
	l := o[1].(*label)
	return fyne.NewSize(textInset+swatchWidth+l.lineWidth(), l.MinSize().Height)
}

// textInset is how far a label's text stands from its edge.
const textInset = 8

// inset puts an object in line with the texts above and below it.
type inset struct{}

func (inset) Layout(o []fyne.CanvasObject, size fyne.Size) {
	o[0].Resize(size.SubtractWidthHeight(2*textInset, 0))
	o[0].Move(fyne.NewPos(textInset, 0))
}

func (inset) MinSize(o []fyne.CanvasObject) fyne.Size {
	return o[0].MinSize().AddWidthHeight(2*textInset, 0)
}
