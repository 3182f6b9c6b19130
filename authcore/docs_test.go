package authcore

import (
	"os"
	"strings"
	"testing"
)

// The state diagram in the documentation is the transition table's own.
func TestTheDiagramInTheDocsIsTheTransitionTable(t *testing.T) {
	page, err := os.ReadFile("../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	if diagram := TransitionDiagram(); !strings.Contains(string(page), diagram) {
		t.Errorf("docs/architecture.md lacks this diagram:\n%s", diagram)
	}
}
