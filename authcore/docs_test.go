package authcore

import (
	"fmt"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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

// Each program of the guide for Go programmers is compiled.
func TestTheProgramsInTheDocsCompile(t *testing.T) {
	page, err := os.ReadFile("../docs/go.md")
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for i, block := range strings.Split(string(page), "```go\n")[1:] {
		code, _, _ := strings.Cut(block, "```")
		file := filepath.Join(t.TempDir(), fmt.Sprintf("program%d.go", i))
		if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
		formatted, err := format.Source([]byte(code))
		if err != nil || string(formatted) != code {
			t.Errorf("program %d is not formatted: %v", i+1, err)
		}
	}
	if len(files) < 3 {
		t.Fatalf("found %d programs", len(files))
	}
	for i, file := range files {
		// Files that are named are a package of this module.
		if out, err := exec.Command("go", "vet", file).CombinedOutput(); err != nil {
			t.Errorf("program %d: %v\n%s", i+1, err, out)
		}
	}
}

// pages are all that is written for people, by their paths from here.
func pages(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range []string{"../*.md", "../docs/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			texts[path] = string(text)
		}
	}
	if len(texts) < 10 {
		t.Fatalf("found %d pages", len(texts))
	}
	return texts
}

func TestTheLinksInTheDocsLeadSomewhere(t *testing.T) {
	links := regexp.MustCompile(`\]\(([^)\s]+)\)|src="([^"]+)"`)
	headings := regexp.MustCompile(`(?m)^#+ (.*)$`)
	notInAnchors := regexp.MustCompile(`[^a-z0-9 -]`)
	texts := pages(t)
	for page, text := range texts {
		for _, found := range links.FindAllStringSubmatch(text, -1) {
			link := found[1] + found[2]
			if strings.Contains(link, "://") {
				continue
			}
			file, anchor, _ := strings.Cut(link, "#")
			target := page
			if file != "" {
				target = filepath.Join(filepath.Dir(page), file)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s leads to %s: %v", page, link, err)
			}
			if anchor == "" {
				continue
			}
			var anchors []string
			for _, h := range headings.FindAllStringSubmatch(texts[target], -1) {
				anchors = append(anchors, strings.ReplaceAll(notInAnchors.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-"))
			}
			if !slices.Contains(anchors, anchor) {
				t.Errorf("%s leads to %s, which has no such heading", page, link)
			}
		}
	}
}

func TestTheCommandsInTheDocsAreThere(t *testing.T) {
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	targets := regexp.MustCompile("(?m)(?:^|`| )make ([a-z0-9-]+)(?:[`, ]|$)")
	for page, text := range pages(t) {
		for _, found := range targets.FindAllStringSubmatch(text, -1) {
			command := strings.TrimSpace(found[0])
			if strings.HasPrefix(command, "make") && !strings.HasPrefix(found[0], "`") && !strings.HasPrefix(found[0], "make") {
				continue // "make" as an English verb
			}
			if !strings.Contains(string(makefile), "\n"+found[1]+":") {
				t.Errorf("%s: there is no make %s", page, found[1])
			}
		}
	}
	// Whoever changes the product finds every habit in one table.
	for _, target := range regexp.MustCompile(`(?m)^## ([a-z0-9-]+):`).FindAllStringSubmatch(string(makefile), -1) {
		if name := target[1]; name != "help" && name != "setup" && name != "unit" && !strings.Contains(pages(t)["../CONTRIBUTING.md"], "`make "+name) &&
			!strings.Contains(pages(t)["../CONTRIBUTING.md"], " make "+name+"`") {
			t.Errorf("CONTRIBUTING.md lacks make %s", name)
		}
	}
}

func TestTheAdministratorsPageNamesEverySetting(t *testing.T) {
	page := pages(t)["../docs/administration.md"]
	for _, name := range SettingNames() {
		if !strings.Contains(page, "| `"+name+"` |") {
			t.Errorf("docs/administration.md lacks %s", name)
		}
	}
	example := regexp.MustCompile("(?s)```toml\n(.*?)```").FindStringSubmatch(page)
	if example == nil {
		t.Fatal("there is no example of a policy")
	}
	values, err := ParsePolicy([]byte(example[1]))
	if err != nil {
		t.Fatal(err)
	}
	delete(values, "ca_bundle") // the hospital's own file
	if _, err := ReadSettings("", values); err != nil || len(values) < 5 {
		t.Errorf("the example is no policy: %v, %v", values, err)
	}
}
