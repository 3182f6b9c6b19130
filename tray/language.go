package tray

import (
	"sync"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/ui/translations"
)

// fields fill the {{.Name}} places of a sentence.
type fields = map[string]any

// kept is the language last asked for. The process keeps one: its sentences
// take milliseconds to read, and memory that an icon should not need twice.
var kept struct {
	sync.Mutex
	choice   string
	language *translations.Language
}

// Language is what the user has chosen to read, by the snapshot's settings. Its
// sentences are read when the choice changes. It is safe for concurrent use.
func Language(s *authcore.Snapshot) *translations.Language {
	kept.Lock()
	defer kept.Unlock()
	if choice := s.Settings.Language; kept.language == nil || choice != kept.choice {
		kept.choice, kept.language = choice, translations.For(choice)
	}
	return kept.language
}
