package ui

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"

	"github.com/bitfount/bitfount-tray/authcore"
)

// "Save a report…" looks at everything anew, and saves what it found and not
// what an earlier look had found.
func TestAReportIsSavedAfterANewDiagnosis(t *testing.T) {
	var sent []authcore.CommandName
	v, _ := openView(t, theme.VariantLight, 1, DefaultSize, func(c authcore.Command) { sent = append(sent, c.Name) })
	var names, texts []string
	var done func(string, error)
	v.SaveFile = func(name, text string, f func(string, error)) {
		names, texts, done = append(names, name), append(texts, text), f
	}
	at := func(d *authcore.Diagnosis) *authcore.Snapshot {
		return with(func(s *authcore.Snapshot, _ *authcore.Account) { s.Desktop.Diagnosis = d })
	}
	v.Render(at(diagnosis(8)), noon) // an old one
	v.open(atMore)
	test.Tap(v.places[atMore].(*more).ways[3])
	v.Render(at(diagnosis(8)), noon)
	if len(texts) != 0 || len(sent) != 1 || sent[0] != authcore.CommandFixIt {
		t.Fatalf("sent %v, saved %d", sent, len(texts))
	}
	running, ended := diagnosis(3), diagnosis(8)
	running.StartedAt, ended.StartedAt = noon.Add(time.Second), noon.Add(time.Second)
	v.Render(at(running), noon)
	if len(texts) != 0 {
		t.Fatal("saved before the diagnosis had ended")
	}
	v.Render(at(ended), noon)
	v.Render(at(ended), noon)
	if len(texts) != 1 || names[0] != "bitfount-tray-report-2026-11-23.txt" {
		t.Fatalf("saved as %v", names)
	}
	for _, want := range []string{"Bitfount Tray report", "eleanor.rigby", "auth.bitfount.com", "WE1", "Session: It was renewed just now."} {
		if !strings.Contains(texts[0], want) {
			t.Errorf("the report lacks %q:\n%s", want, texts[0])
		}
	}
	done("/home/eleanor/report.txt", nil)
	if p := v.places[atFixIt].(*fixIt); !strings.Contains(p.saved.segment.Text, "/home/eleanor/report.txt") {
		t.Errorf("the page says %q", p.saved.segment.Text)
	}
	test.Tap(v.places[atFixIt].(*fixIt).save)
	done("", errors.New("disk full"))
	if v.failed == nil || v.failed.Code != authcore.ProblemReport || v.failed.Cause != "disk full" {
		t.Errorf("%+v", v.failed)
	}
}

func TestANewerVersionLeadsToItsPage(t *testing.T) {
	v, _, r := openRecorded(t)
	v.Render(signedIn(), noon)
	v.open(atMore)
	newer := v.places[atMore].(*more).newer
	if newer.Visible() {
		t.Error("a newer version is offered that there is not")
	}
	v.Render(with(func(s *authcore.Snapshot, _ *authcore.Account) {
		s.Desktop.Update = &authcore.Update{Version: "1.2.0", Page: "https://example.org/"}
	}), noon)
	if !newer.Visible() || !says(v, "Version 1.2.0 is available") {
		t.Errorf("the window says %q", shown(v.Content()))
	}
	test.Tap(newer)
	if !slices.Equal(r.sent, []authcore.Command{{Name: authcore.CommandOpenUpdate}}) {
		t.Errorf("sent %v", r.sent)
	}
}

func TestWhereNobodyCanBeAskedForNewerVersionsTheSettingIsNotThere(t *testing.T) {
	v, _, _ := openRecorded(t)
	for _, can := range []bool{true, false} {
		s := withSettings(func(*authcore.Settings) {})()
		s.Desktop.Updates = can
		v.Render(s, noon)
		v.open(atSettings)
		if says(v, "Tell of newer versions") != can {
			t.Errorf("can ask: %t, shown: %q", can, shown(v.Content()))
		}
	}
}
