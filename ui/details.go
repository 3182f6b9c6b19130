package ui

import (
	"cmp"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/bitfount/bitfount-tray/authcore"
)

// details are what every problem has one click away: its technical cause, and a
// diagnosis without secrets for whoever helps.
type details struct {
	cause        *label
	open, report *button
	shown        bool
}

// newDetails calls onChange when the details were unfolded or folded.
func newDetails(onChange, onReport func()) *details {
	d := &details{cause: newLabel("", widget.RichTextStyle{
		SizeName: theme.SizeNameCaptionText, ColorName: colorMuted, TextStyle: fyne.TextStyle{Monospace: true},
	})}
	d.open = newButton("", nil, func() { d.shown = !d.shown; onChange() })
	d.report = newButton(tr("notice.copy-report"), nil, onReport)
	d.open.Importance, d.report.Importance = widget.LowImportance, widget.LowImportance
	d.arrange(false)
	return d
}

// set takes the problem's cause; one without has its code, which helpers know.
func (d *details) set(p *authcore.Problem) { d.say(cmp.Or(p.Cause, string(p.Code))) }

func (d *details) say(cause string) { d.cause.set(cause) }

// arrange shows the way to the details while there is a problem to be seen.
func (d *details) arrange(there bool) {
	show(d.open, there)
	show(d.cause, there && d.shown)
	show(d.report, there && d.shown)
	d.open.set(either(d.shown, tr("notice.hide-details"), tr("notice.details")), true)
	d.open.unfolds(d.shown)
}
