package ui

import (
	"image/color"
	"math"
	"slices"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/bitfount/bitfount-tray/authcore"
)

// dayKind is how a part of the day was. Each has its own height on the strip, so
// that nothing is told by colour alone.
type dayKind int

const (
	dayOut dayKind = iota
	dayIn
	dayOffline
)

// daySpan is a part of the last day, from 0 to 1, which is the end of this hour.
type daySpan struct {
	from, to float32
	kind     dayKind
}

// dayFace is everything that a strip shows.
type dayFace struct {
	// spans follow each other; those of dayOffline lie over the others.
	spans    []daySpan
	renewals []float32
	hours    []dayHour
}

type dayHour struct {
	at   float32
	text string
}

func (f dayFace) equal(g dayFace) bool {
	return slices.Equal(f.spans, g.spans) && slices.Equal(f.renewals, g.renewals) && slices.Equal(f.hours, g.hours)
}

// has reports whether there is a part of that kind.
func (f dayFace) has(kind dayKind) bool {
	return slices.ContainsFunc(f.spans, func(s daySpan) bool { return s.kind == kind })
}

// dayEnd is where the strip ends: with this hour, so that it moves once an hour.
func dayEnd(now time.Time) time.Time {
	y, mo, d := now.Date()
	return time.Date(y, mo, d, now.Hour()+1, 0, 0, 0, now.Location())
}

// dayHours are the hours that are written below the strip, away from its ends.
func dayHours(end time.Time) (hours []dayHour) {
	for i := 2; i < 23; i++ {
		if t := end.Add(-time.Duration(i) * time.Hour); t.Hour()%6 == 0 {
			hours = append(hours, dayHour{1 - float32(i)/24, clock(t)})
		}
	}
	return hours
}

// nextDayHours is how long after now the hours that are written change.
func nextDayHours(now time.Time) time.Duration {
	end := dayEnd(now)
	next := end
	for len(dayHours(next.Add(time.Hour))) == len(dayHours(end)) && next.Sub(end) < day {
		next = next.Add(time.Hour)
	}
	return next.Sub(now) + time.Millisecond
}

// dayOf is the active account's last day, as its events tell it.
func dayOf(m moment) (f dayFace) {
	from := dayEnd(m.now).Add(-day)
	at := func(t time.Time) float32 {
		// Steps of a minute and a half are half a pixel.
		part := math.Round(float64(t.Sub(from))/float64(day)*1000) / 1000
		return float32(min(1, max(0, part)))
	}
	a := m.account
	in := a.HasHeaders || a.State == authcore.Offline || a.State == authcore.Renewing
	events := slices.DeleteFunc(slices.Clone(m.snapshot.Events), func(e authcore.TimelineEvent) bool {
		return e.Account != a.ID || e.Kind == authcore.EventWoke || e.Kind == authcore.EventFileFailed
	})
	if len(events) == 0 && in && a.SignedInAt.After(from) {
		events = []authcore.TimelineEvent{{Kind: authcore.EventSignedIn, At: a.SignedInAt}}
	}
	if len(events) > 0 {
		// Whatever came first but a sign-in happened to somebody signed in.
		in = events[0].Kind != authcore.EventSignedIn
	}
	kind := map[bool]dayKind{true: dayIn, false: dayOut}
	var offline []daySpan
	begun := float32(0)
	turn := func(now bool, t time.Time) {
		if now != in {
			f.spans = append(f.spans, daySpan{begun, at(t), kind[in]})
			in, begun = now, at(t)
		}
	}
	for _, e := range events {
		switch e.Kind {
		case authcore.EventSignedIn:
			turn(true, e.At)
		case authcore.EventEnded, authcore.EventSignedOut:
			turn(false, e.At)
		case authcore.EventRenewed:
			f.renewals = append(f.renewals, at(e.At))
		case authcore.EventOffline:
			until := e.Until
			if until.IsZero() {
				until = m.now
			}
			offline = append(offline, daySpan{at(e.At), at(until), dayOffline})
		}
	}
	f.spans = append(append(f.spans, daySpan{begun, at(m.now), kind[in]}), offline...)
	f.hours = dayHours(dayEnd(m.now))
	return f
}

// dayStrip shows the last day at a glance: when the account was signed in, when
// it was offline or signed out, and when the session renewed itself.
type dayStrip struct {
	widget.BaseWidget
	face dayFace
}

func newDayStrip() *dayStrip {
	s := &dayStrip{}
	s.ExtendBaseWidget(s)
	return s
}

func (s *dayStrip) set(face dayFace) {
	if !face.equal(s.face) {
		s.face = face
		s.Refresh()
	}
}

// AccessibilityLabel says how long each state lasted.
func (s *dayStrip) AccessibilityLabel() string {
	sums := map[dayKind]float32{}
	for _, span := range s.face.spans {
		sums[span.kind] += span.to - span.from
	}
	text := tr("history.title")
	for _, kind := range dayKinds {
		if sums[kind] > 0 {
			text += ", " + dayWords(kind) + ": " + inWords(time.Duration(float64(sums[kind])*float64(day)).Round(time.Minute))
		}
	}
	return text
}

// AccessibilityRole is that of text.
func (s *dayStrip) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleText }

var dayKinds = []dayKind{dayIn, dayOffline, dayOut}

func dayWords(kind dayKind) string {
	switch kind {
	case dayIn:
		return tr("session.signed-in")
	case dayOffline:
		return tr("event.offline-still")
	}
	return tr("account.signed-out")
}

// dayBar is the look of a part: its height within the strip's and its colour.
func dayBar(kind dayKind) (height float32, name fyne.ThemeColorName) {
	switch kind {
	case dayIn:
		return dayHeight, theme.ColorNamePrimary
	case dayOffline:
		return dayHeight / 2, theme.ColorNameWarning
	}
	return 3, colorMuted
}

const dayHeight = 14

func (s *dayStrip) CreateRenderer() fyne.WidgetRenderer {
	s.ExtendBaseWidget(s)
	r := &dayStripRenderer{strip: s}
	r.draw()
	return r
}

type dayStripRenderer struct {
	strip   *dayStrip
	objects []fyne.CanvasObject
}

func (r *dayStripRenderer) Destroy()                     {}
func (r *dayStripRenderer) Objects() []fyne.CanvasObject { return r.objects }
func (r *dayStripRenderer) Layout(fyne.Size)             { r.draw() }

func (r *dayStripRenderer) MinSize() fyne.Size {
	caption := r.strip.Theme().Size(theme.SizeNameCaptionText)
	return fyne.NewSize(200, dayHeight+fyne.MeasureText("0", caption, fyne.TextStyle{}).Height+2)
}

func (r *dayStripRenderer) Refresh() {
	r.draw()
	canvas.Refresh(r.strip)
}

func (r *dayStripRenderer) draw() {
	w := r.strip.Size().Width
	r.objects = nil
	box := func(from, to, height float32, fill color.Color) {
		o := canvas.NewRectangle(fill)
		o.Resize(fyne.NewSize(max(2, (to-from)*w), height))
		o.Move(fyne.NewPos(from*w, dayHeight-height))
		r.objects = append(r.objects, o)
	}
	ground := colorOf(r.strip, theme.ColorNameBackground)
	for _, s := range r.strip.face.spans {
		height, name := dayBar(s.kind)
		if s.kind == dayOffline {
			box(s.from, s.to, dayHeight, ground)
		}
		box(s.from, s.to, height, colorOf(r.strip, name))
	}
	for _, at := range r.strip.face.renewals {
		box(at-1/w, at+1/w, dayHeight, ground)
	}
	size := r.strip.Theme().Size(theme.SizeNameCaptionText)
	for _, h := range r.strip.face.hours {
		text := canvas.NewText(h.text, colorOf(r.strip, colorMuted))
		text.TextSize = size
		min := text.MinSize()
		text.Resize(min)
		text.Move(fyne.NewPos(h.at*w-min.Width/2, dayHeight+2))
		r.objects = append(r.objects, text)
	}
}

// swatch is a sample of a part of the strip, for the words that explain it.
type swatch struct {
	widget.BaseWidget
	kind dayKind
}

func newSwatch(kind dayKind) *swatch {
	s := &swatch{kind: kind}
	s.ExtendBaseWidget(s)
	return s
}

func (s *swatch) CreateRenderer() fyne.WidgetRenderer {
	s.ExtendBaseWidget(s)
	return &swatchRenderer{s, canvas.NewRectangle(nil)}
}

type swatchRenderer struct {
	swatch *swatch
	box    *canvas.Rectangle
}

func (r *swatchRenderer) Destroy()                     {}
func (r *swatchRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.box} }
func (r *swatchRenderer) MinSize() fyne.Size           { return fyne.NewSize(10, dayHeight) }

func (r *swatchRenderer) Layout(size fyne.Size) {
	height, name := dayBar(r.swatch.kind)
	r.box.FillColor = colorOf(r.swatch, name)
	r.box.Resize(fyne.NewSize(size.Width, height))
	r.box.Move(fyne.NewPos(0, (size.Height+dayHeight)/2-height))
}

func (r *swatchRenderer) Refresh() {
	r.Layout(r.swatch.Size())
	r.box.Refresh()
}
