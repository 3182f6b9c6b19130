package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// label is a text that wraps, with a colour and size of the theme.
type label struct {
	widget.RichText
	segment *widget.TextSegment
	// monospace is the text's style once there is a text: a font is read when
	// it is first asked for, and most labels of this style stay empty.
	monospace bool
}

func newLabel(text string, style widget.RichTextStyle) *label {
	l := &label{segment: &widget.TextSegment{Text: text, Style: style}, monospace: style.TextStyle.Monospace}
	l.segment.Style.TextStyle.Monospace = l.monospace && text != ""
	l.Segments = []widget.RichTextSegment{l.segment}
	l.Wrapping, l.Scroll = fyne.TextWrapWord, fyne.ScrollNone
	l.ExtendBaseWidget(l)
	return l
}

// set draws the text if it changed.
func (l *label) set(text string) {
	if text != l.segment.Text {
		l.segment.Text = text
		l.segment.Style.TextStyle.Monospace = l.monospace && text != ""
		l.Refresh()
	}
}

func (l *label) setColor(name fyne.ThemeColorName) {
	if name != l.segment.Style.ColorName {
		l.segment.Style.ColorName = name
		l.Refresh()
	}
}

// AccessibilityLabel is the text.
func (l *label) AccessibilityLabel() string { return l.segment.Text }

// AccessibilityRole is that of text.
func (l *label) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleText }

// lineWidth is the label's width if its text stands in one line.
func (l *label) lineWidth() float32 {
	th, s := l.Theme(), l.segment
	return fyne.MeasureText(s.Text, th.Size(s.Style.SizeName), s.Style.TextStyle).Width + 2*th.Size(theme.SizeNameInnerPadding)
}

func style(size fyne.ThemeSizeName, color fyne.ThemeColorName, align fyne.TextAlign, bold bool) widget.RichTextStyle {
	return widget.RichTextStyle{
		SizeName: size, ColorName: color, Alignment: align, TextStyle: fyne.TextStyle{Bold: bold},
	}
}

// The styles that the pages use.
func title(text string) *label {
	return newLabel(text, style(theme.SizeNameHeadingText, theme.ColorNameForeground, fyne.TextAlignCenter, true))
}

func heading(text string) *label {
	return newLabel(text, style(theme.SizeNameSubHeadingText, theme.ColorNameForeground, fyne.TextAlignCenter, true))
}

func plain(text string, align fyne.TextAlign) *label {
	return newLabel(text, style(theme.SizeNameText, theme.ColorNameForeground, align, false))
}

func bold(text string, align fyne.TextAlign) *label {
	return newLabel(text, style(theme.SizeNameText, theme.ColorNameForeground, align, true))
}

func quiet(text string, align fyne.TextAlign) *label {
	return newLabel(text, style(theme.SizeNameText, colorMuted, align, false))
}
