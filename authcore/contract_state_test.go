package authcore

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// declaredNames are the constants of one type in a file.
func declaredNames(t *testing.T, file, kind string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		if value, ok := n.(*ast.ValueSpec); ok && len(value.Values) > 0 {
			if name, ok := value.Type.(*ast.Ident); ok && name.Name == kind {
				names = append(names, value.Names[0].Name)
			}
		}
		return true
	})
	return names
}

func TestEveryStateAnswersEveryEvent(t *testing.T) {
	// "resume" is a State constant, too, and no state.
	if n := len(declaredNames(t, "state.go", "State")) - 1; n != len(States) {
		t.Errorf("%d states are declared, States has %d", n, len(States))
	}
	if n := len(declaredNames(t, "state.go", "event")); n != len(events) {
		t.Errorf("%d events are declared, events has %d", n, len(events))
	}
	known := map[State]bool{resume: true}
	for _, s := range States {
		known[s] = true
	}
	for _, s := range States {
		for _, e := range events {
			to, ok := transitions[s][e]
			if !ok {
				t.Errorf("%s does not answer %q", s, e)
			} else if !known[to] {
				t.Errorf("%s answers %q with %q, which is no state", s, e, to)
			}
		}
		if len(transitions[s]) != len(events) {
			t.Errorf("%s answers %d events, there are %d", s, len(transitions[s]), len(events))
		}
	}
	if len(transitions) != len(States) {
		t.Errorf("the table has %d states", len(transitions))
	}
}

// from are the states that can be reached from s.
func reachableFrom(s State) map[State]bool {
	reached := map[State]bool{s: true}
	for grown := true; grown; {
		grown = false
		for from := range reached {
			for _, e := range events {
				if to := from.next(e, SignedOut); !reached[to] {
					reached[to], grown = true, true
				}
			}
		}
	}
	return reached
}

func TestEveryStateCanBeReachedAndLeft(t *testing.T) {
	fromStart := reachableFrom(SignedOut)
	for _, s := range States {
		if !fromStart[s] {
			t.Errorf("%s cannot be reached", s)
		}
		back := reachableFrom(s)
		if !back[SignedIn] || !back[SignedOut] {
			t.Errorf("%s leads to no sign-in or no sign-out", s)
		}
	}
}

func TestWhatMustNotCostASession(t *testing.T) {
	for _, c := range []struct {
		from State
		e    event
		want State
	}{
		{SignedIn, eventFaulted, Offline},
		{Renewing, eventFaulted, Offline},
		{Offline, eventFaulted, Offline},
		{Expired, eventFaulted, Expired},
		{Prompting, eventRefused, Prompting},
		{SignedOut, eventRenewed, SignedOut}, // an answer that comes after the sign-out
		{SignedOut, eventGranted, SignedOut},
		{Offline, eventRenewed, SignedIn},
		{Expired, eventRenewed, SignedIn},
		{Renewing, eventRefused, NeedsSignIn},
		{NeedsSignIn, eventFaulted, NeedsSignIn},
	} {
		if got := c.from.next(c.e, SignedOut); got != c.want {
			t.Errorf("%s, %s: %s, want %s", c.from, c.e, got, c.want)
		}
	}
	for _, before := range States {
		if got := Prompting.next(eventAbandoned, before); got != before {
			t.Errorf("a sign-in given up in state %s ends in %s", before, got)
		}
	}
	for _, s := range States {
		if got := s.next(eventSignOut, s); got != SignedOut {
			t.Errorf("%s, sign out: %s", s, got)
		}
		if got := s.next("unheard-of", SignedIn); got != s {
			t.Errorf("%s changes to %s by an event that there is not", s, got)
		}
	}
}

func TestTheDiagramShowsEveryTransition(t *testing.T) {
	diagram := transitionDiagram()
	if !strings.HasPrefix(diagram, "stateDiagram-v2\n    [*] --> SignedOut\n") {
		t.Errorf("the diagram begins with %.60q", diagram)
	}
	for _, line := range []string{
		"SignedOut --> Prompting: sign in\n", "Prompting --> SignedIn: granted\n", "SignedIn --> Renewing: renewal due\n",
		"Renewing --> NeedsSignIn: refused\n", "(back to the state before)", "NeedsSignIn --> SignedIn: ",
	} {
		if !strings.Contains(diagram, line) {
			t.Errorf("the diagram lacks %q:\n%s", line, diagram)
		}
	}
	if diagram != transitionDiagram() {
		t.Error("the diagram is another each time")
	}
}
