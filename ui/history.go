package ui

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/bitfount/bitfount-tray/authcore"
)

// history is the page that says what has happened, newest first.
type history struct {
	*screen
	list  *fyne.Container
	none  *label
	more  *button
	all   bool
	view  *View
	lines []historyLine
}

// historyFold is how many lines are shown at first: as many as the window's
// usual height holds.
const historyFold = 12

// historyLine is what one line shows. A day's name stands alone.
type historyLine struct {
	day         string
	clock, text string
	icon        fyne.ThemeIconName
	color       fyne.ThemeColorName
}

func newHistory(v *View) *history {
	p := &history{view: v, list: stack(0), none: quiet(tr("history.none"), fyne.TextAlignCenter)}
	p.more = newButton("", nil, func() {
		p.all = !p.all
		p.draw()
	})
	p.more.Importance = widget.LowImportance
	p.screen = newScreen(newBody(
		vgap(12),
		heading(tr("history.title")),
		vgap(4),
		p.none,
		p.list,
		p.more,
		vgap(8),
	), nil)
	return p
}

func (p *history) opened() { p.all = false; p.lines = nil }

func (p *history) update(m moment) {
	lines := historyLines(m)
	if p.lines != nil && slices.Equal(lines, p.lines) {
		return
	}
	p.lines = lines
	p.draw()
}

func (p *history) draw() {
	shown := p.lines
	if !p.all && len(shown) > historyFold+1 {
		shown = shown[:historyFold]
	}
	p.list.Objects = nil
	for _, l := range shown {
		if l.day != "" {
			p.list.Add(bold(l.day, fyne.TextAlignLeading))
			continue
		}
		p.list.Add(newTimelineRow(l))
	}
	p.list.Refresh()
	show(p.none, len(p.lines) == 0)
	hidden := len(p.lines) - len(shown)
	show(p.more, hidden > 0 || p.all && len(p.lines) > historyFold+1)
	p.more.set(either(p.all, tr("history.less"), tr("history.more")), true)
	p.more.unfolds(p.all)
	p.view.layOut()
}

func (p *history) primary() fyne.Focusable {
	if p.more.Visible() {
		return p.more
	}
	return nil
}

// historyLines are the events as people read them. Files that were written in
// the same minute are one line.
func historyLines(m moment) []historyLine {
	var lines []historyLine
	events := slices.Clone(m.snapshot.Events)
	slices.Reverse(events)
	day := ""
	for i := 0; i < len(events); {
		e := events[i]
		at := e.At.In(m.now.Location())
		together := events[i : i+1]
		for e.Kind == authcore.EventFile && i+len(together) < len(events) {
			next := events[i+len(together)]
			if next.Kind != e.Kind || !next.At.In(at.Location()).Truncate(time.Minute).Equal(at.Truncate(time.Minute)) {
				break
			}
			together = events[i : i+len(together)+1]
		}
		i += len(together)
		if d := dayName(at, m.now); d != day {
			day = d
			lines = append(lines, historyLine{day: d})
		}
		l := eventLine(e, together, m)
		l.clock = clock(at)
		lines = append(lines, l)
	}
	return lines
}

func dayName(t, now time.Time) string {
	switch daysBetween(now, t) {
	case 0:
		return tr("history.today")
	case -1:
		return tr("history.yesterday")
	}
	return spoken().Date(t)
}

func eventLine(e authcore.TimelineEvent, together []authcore.TimelineEvent, m moment) historyLine {
	l := historyLine{icon: theme.IconNameInfo, color: colorMuted}
	switch e.Kind {
	case authcore.EventSignedIn:
		l.icon, l.color = theme.IconNameLogin, theme.ColorNameSuccess
		l.text = tr("event.signed-in")
	case authcore.EventRenewed:
		l.icon, l.color = theme.IconNameViewRefresh, theme.ColorNameSuccess
		l.text = tr("event.renewed")
	case authcore.EventOffline:
		l.icon, l.color = theme.IconNameWarning, theme.ColorNameWarning
		l.text = tr("event.offline-still")
		if !e.Until.IsZero() {
			l.text = tr("event.offline", fields{"Clock": clock(e.Until.In(m.now.Location())), "Length": inWords(e.Until.Sub(e.At))})
		}
	case authcore.EventEnded:
		l.icon, l.color = theme.IconNameError, theme.ColorNameError
		l.text = tr("event.ended")
	case authcore.EventSignedOut:
		l.icon, l.text = theme.IconNameLogout, tr("event.signed-out")
	case authcore.EventFile:
		l.icon = theme.IconNameDocument
		names := make([]string, len(together))
		for i, t := range together {
			names[len(together)-1-i] = filepath.Base(t.Detail)
		}
		l.text = trN("event.files", len(together), fields{"Names": strings.Join(names, ", ")})
	case authcore.EventFileFailed:
		l.icon, l.color = theme.IconNameWarning, theme.ColorNameWarning
		l.text = tr("event.file-failed", fields{"Name": filepath.Base(e.Detail)})
	case authcore.EventWoke:
		l.icon, l.text = theme.IconNameComputer, tr("event.woke")
	default:
		l.text = string(e.Kind)
	}
	// Whose it was matters once there are several.
	if a, ok := m.snapshot.Account(e.Account); ok && len(m.snapshot.Accounts) > 1 && e.Kind != authcore.EventFile && e.Kind != authcore.EventFileFailed {
		l.text = tr("event.of-account", fields{"What": l.text, "Name": accountName(a)})
	}
	return l
}

// timelineRow is a line of the history: clock, icon and words, each below that
// of the line above. The column of the clock holds the longest time of day.
type timelineRow struct{ clock float32 }

func newTimelineRow(l historyLine) fyne.CanvasObject {
	longest := quiet(clock(time.Date(2000, 1, 1, 22, 58, 0, 0, time.UTC)), fyne.TextAlignLeading)
	return container.New(timelineRow{longest.lineWidth() + 2},
		quiet(l.clock, fyne.TextAlignLeading), widget.NewIcon(themed(l.icon, l.color)), plain(l.text, fyne.TextAlignLeading))
}

const timelineIcon = 18

func (r timelineRow) Layout(o []fyne.CanvasObject, size fyne.Size) {
	o[0].Resize(fyne.NewSize(r.clock, o[0].MinSize().Height))
	o[0].Move(fyne.NewPos(0, 0))
	o[1].Resize(fyne.NewSquareSize(timelineIcon))
	o[1].Move(fyne.NewPos(r.clock, 9))
	left := r.clock + timelineIcon
	o[2].Resize(fyne.NewSize(size.Width-left, o[2].MinSize().Height))
	o[2].Resize(fyne.NewSize(size.Width-left, o[2].MinSize().Height))
	o[2].Move(fyne.NewPos(left, 0))
}

func (timelineRow) MinSize(o []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(200, max(o[0].MinSize().Height, o[2].MinSize().Height)-8)
}
