package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"github.com/bitfount/bitfount-tray/authcore"
)

// banners are the problems that belong to no page, the most important first.
type banners struct {
	root    *fyne.Container
	failed  *notice
	lasting []*notice
	// all shows every notice, not the first alone.
	all bool
}

// lastingProblems are those that stay until they heal, in the order of banners,
// without those that the page there says itself.
func lastingProblems(s *authcore.Snapshot, at location) []*authcore.Problem {
	var file *authcore.Problem
	for _, f := range s.LiveFiles {
		if f.Problem != nil && at != atFiles {
			file = f.Problem
			break
		}
	}
	d := s.Desktop
	browser := d.Browser
	if s.ActiveAccount().Prompt == nil {
		// It matters only while there is a page to be opened.
		browser = nil
	}
	tray := d.Tray
	if tray != nil && s.Storage.Problem != nil && tray.Code == s.Storage.Problem.Code {
		// Without a session bus neither keyring nor tray is there: said once.
		tray = nil
	}
	return []*authcore.Problem{browser, s.Storage.Problem, s.Clock.Problem, d.Policy, d.Settings, file, d.Clipboard.Problem, tray}
}

func newBanners(v *View) *banners {
	b := &banners{failed: v.newNotice(noticeFault, false, func() { v.setFailed(nil) })}
	objects := []fyne.CanvasObject{b.failed.root}
	kinds := []noticeKind{noticeCaution, noticeCaution, noticeCaution, noticeCaution, noticeCaution, noticeCaution, noticeInfo, noticeInfo}
	for _, kind := range kinds {
		n := v.newNotice(kind, true, nil)
		n.onMore = func() {
			b.all = !b.all
			b.arrange()
			v.layOut()
		}
		b.lasting = append(b.lasting, n)
		objects = append(objects, n.root)
	}
	b.root = container.New(&column{}, vgap(12), stack(8, objects...), vgap(4))
	b.root.Hide()
	return b
}

func (b *banners) update(m moment, at location, failed *authcore.Problem) {
	b.failed.set(failed)
	for i, p := range lastingProblems(m.snapshot, at) {
		b.lasting[i].set(p)
	}
	b.arrange()
}

// arrange shows the most important notice; the others are one click away.
func (b *banners) arrange() {
	var there []*notice
	for _, n := range b.lasting {
		if n.problem != nil {
			there = append(there, n)
		}
	}
	for i, n := range there {
		show(n.root, i == 0 || b.all)
		if i > 0 {
			n.setMore(0, false)
		} else {
			n.setMore(len(there)-1, b.all)
		}
	}
	show(b.root, len(there) > 0 || b.failed.problem != nil)
}
