package authcore

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// The state diagram in the documentation is the transition table's own.
func TestTheDiagramInTheDocsIsTheTransitionTable(t *testing.T) {
	page, err := os.ReadFile("../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	if diagram := transitionDiagram(); !strings.Contains(string(page), diagram) {
		t.Errorf("docs/architecture.md lacks this diagram:\n%s", diagram)
	}
}

// transitionDiagram prints the transition table as a Mermaid state diagram, for
// the documentation. events that change nothing are left out.
func transitionDiagram() string {
	var b strings.Builder
	b.WriteString("stateDiagram-v2\n    [*] --> SignedOut\n")
	name := func(s State) string {
		parts := strings.Split(string(s), "-")
		for i, p := range parts {
			parts[i] = strings.ToUpper(p[:1]) + p[1:]
		}
		return strings.Join(parts, "")
	}
	for _, from := range States {
		byTarget := map[State][]string{}
		var targets []State
		for _, e := range events {
			to := transitions[from][e]
			if to == from {
				continue
			}
			if to == resume {
				to = SignedOut
				e += " (back to the state before)"
			}
			if !slices.Contains(targets, to) {
				targets = append(targets, to)
			}
			byTarget[to] = append(byTarget[to], string(e))
		}
		for _, to := range targets {
			fmt.Fprintf(&b, "    %s --> %s: %s\n", name(from), name(to), strings.Join(byTarget[to], ", "))
		}
	}
	return b.String()
}
