package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// row is one line of the table.
type row struct {
	group, name string
	// samples are of the same in several rounds; without them there is a value.
	samples samples
	value   float64
	unit    string
	// product and floor are what the ratio is of; noRatio is for what is so
	// little that a ratio says nothing.
	product, floor, noRatio bool
	// goal is the most that the ratio may be, and met a verdict of another kind.
	goal  float64
	met   *bool
	note  string
	worst bool // the ratio is that of the worst sample
}

func verdict(met bool) *bool { return &met }

func (r row) number() float64 {
	switch {
	case r.samples == nil:
		return r.value
	case r.worst:
		return r.samples.most()
	}
	return r.samples.median()
}

func (r row) text() string {
	if r.samples == nil {
		return format(r.value) + " " + r.unit
	}
	return fmt.Sprintf("%s %s (%s to %s)", format(r.samples.median()), r.unit, format(r.samples.least()), format(r.samples.most()))
}

func format(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v == 0:
		return "0"
	case v >= 0.1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

type report struct{ rows []row }

func (r *report) add(rows ...row) { r.rows = append(r.rows, rows...) }

// ratio is the product's number over the floor's in a group, or 0.
func (r *report) ratio(group string) float64 {
	var product, floor float64
	for _, one := range r.rows {
		switch {
		case one.group != group || one.noRatio:
		case one.product:
			product = one.number()
		case one.floor:
			floor = one.number()
		}
	}
	if floor == 0 {
		return 0
	}
	return product / floor
}

func (r *report) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s, %s.\n\n", time.Now().Format(time.DateOnly), machine())
	b.WriteString("| what | program | measured | beside its floor | |\n|---|---|---|---|---|\n")
	last := ""
	for _, one := range r.rows {
		what := one.group
		if what == last {
			what = ""
		}
		last = one.group
		name, ratio := one.name, ""
		switch value := r.ratio(one.group); {
		case one.product:
			name = "**" + name + "**"
			if value > 0 {
				ratio = fmt.Sprintf("%.2f ×", value)
				if one.goal > 0 {
					ratio += fmt.Sprintf(" (goal: under %.1f, %s)", one.goal, map[bool]string{true: "met", false: "**not met**"}[value < one.goal])
				}
			}
			if one.met != nil {
				ratio += map[bool]string{true: " (goal met)", false: " (**goal not met**)"}[*one.met]
			}
		case one.floor:
			ratio = "the floor"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", what, name, one.text(), ratio, one.note)
	}
	return b.String()
}

// The places that -write fills.
const (
	page    = "docs/benchmarks.md"
	picture = "docs/images/cost.svg"
	begin   = "<!-- build/bench/run -write fills in what follows -->"
	end     = "<!-- and ends here -->"
)

func (r *report) write() error {
	old, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	before, rest, ok1 := bytes.Cut(old, []byte(begin))
	_, after, ok2 := bytes.Cut(rest, []byte(end))
	if !ok1 || !ok2 {
		return fmt.Errorf("%s has no place for the table", page)
	}
	const drawn = "![Each number as a multiple of its floor](images/cost.svg)\n\n"
	text := slices.Concat(before, []byte(begin+"\n\n"+drawn+r.table()+"\n"), []byte(end), after)
	if err := os.WriteFile(page, text, 0o644); err != nil {
		return err
	}
	return os.WriteFile(picture, r.svg(), 0o644)
}

// svg draws the ratios: each bar is the product's number over its floor's.
func (r *report) svg() []byte {
	const width, left, line, most = 760, 300, 30, 380
	var groups []string
	for _, one := range r.rows {
		if one.product && r.ratio(one.group) > 0 {
			groups = append(groups, one.group)
		}
	}
	largest := 2.0
	for _, g := range groups {
		largest = max(largest, r.ratio(g))
	}
	scale := most / largest
	height := 64 + line*len(groups) + 30
	var b bytes.Buffer
	escape := func(text string) string {
		var e bytes.Buffer
		_ = xml.EscapeText(&e, []byte(text))
		return e.String()
	}
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" font-family="sans-serif" font-size="13">`+"\n", width, height)
	fmt.Fprintf(&b, `<title>What Bitfount Tray costs, as a multiple of the least that is possible</title>`+"\n")
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	fmt.Fprintf(&b, `<text x="16" y="26" font-size="16" font-weight="bold" fill="#1b2733">Bitfount Tray as a multiple of its floor (%s)</text>`+"\n", time.Now().Format(time.DateOnly))
	top := 48
	for i, g := range groups {
		y := top + i*line
		ratio := r.ratio(g)
		goal := 0.0
		for _, one := range r.rows {
			if one.group == g && one.product {
				goal = one.goal
			}
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end" fill="#1b2733">%s</text>`+"\n", left-10, y+17, escape(g))
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.1f" height="20" rx="3" fill="#2c6e9b"/>`+"\n", left, y+3, ratio*scale)
		if goal > 0 {
			fmt.Fprintf(&b, `<line x1="%.1f" x2="%[1]f" y1="%d" y2="%d" stroke="#b3261e" stroke-width="2"/>`+"\n", left+goal*scale, y, y+26)
		}
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" fill="#1b2733">%.2f ×</text>`+"\n", left+max(ratio, goal)*scale+8, y+17, ratio)
	}
	bottom := top + line*len(groups)
	fmt.Fprintf(&b, `<line x1="%.1f" x2="%[1]f" y1="%d" y2="%d" stroke="#1b2733" stroke-dasharray="4 3"/>`+"\n", left+scale, top-4, bottom+4)
	fmt.Fprintf(&b, `<text x="16" y="%d" fill="#5b6b78">Dashed: the floor, measured in the same run. Red: a goal. The table says what each floor is.</text>`+"\n", bottom+26)
	b.WriteString("</svg>\n")
	return b.Bytes()
}
