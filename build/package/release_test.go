// Package release holds what makes a release of any system's package, and the
// tests of it.
package release

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var bills = flag.String("bills", "", "the folder with this source's bills of materials, to be checked (make sbom)")

// script runs one of the scripts here in a folder and returns what it printed
// and whether it ended well.
func script(t *testing.T, dir string, env []string, file string, args ...string) (string, bool) {
	t.Helper()
	path, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", append([]string{path}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return strings.TrimSuffix(string(out), "\n"), err == nil
}

func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("%s is missing", program)
	}
}

func TestOnlySemanticVersionsAreBuilt(t *testing.T) {
	needs(t, "sh")
	for _, version := range []string{
		"1.2.3", "0.0.0-dev", "10.20.30", "1.2.3-rc.1", "1.2.3-rc-1.x", "1.0.0-0", "1.0.0-0a", "1.0.0--",
	} {
		if got, ok := script(t, ".", []string{"VERSION=" + version}, "version.sh"); !ok || got != version {
			t.Errorf("%s: %q, %v", version, got, ok)
		}
	}
	for _, version := range []string{
		"1", "1.2", "v1.2.3", "01.2.3", "1.02.3", "1.2.3.4", "1.2.3-", "1.2.3-a..b", "1.2.3-01", "1.2.3-rc.01", "1.2.3+5",
		"1.2.3-rc.1+5", "1.2.x", "-1.2.3", " 1.2.3", "1.2.3 ", "1.2.3\n", "1.2.3\nx", "x\n1.2.3", "1.2.3;id", "1.2.3-ä", "latest",
	} {
		if got, ok := script(t, ".", []string{"VERSION=" + version}, "version.sh"); ok {
			t.Errorf("%q passed as %q", version, got)
		}
	}
}

func TestTheTagIsTheVersion(t *testing.T) {
	needs(t, "git")
	for _, c := range []struct {
		tags, want string
		ok         bool
	}{
		{"", "0.0.0-dev", true},
		{"v1.2.3", "1.2.3", true},
		{"v1.2.3-rc.1", "1.2.3-rc.1", true},
		{"nightly", "0.0.0-dev", true},
		{"v1.2", "", false},
		{"v01.2.3", "", false},
		{"v1.2.3+5", "", false},
		{"v1.2.3-01", "", false},
	} {
		dir := t.TempDir()
		git := func(args ...string) {
			t.Helper()
			cmd := exec.Command("git", append([]string{"-c", "user.name=T", "-c", "user.email=t@example.org"}, args...)...)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("git %v: %v\n%s", args, err, out)
			}
		}
		git("init", "--quiet")
		git("commit", "--quiet", "--allow-empty", "--message", "first")
		if c.tags != "" {
			git("tag", c.tags)
		}
		if got, ok := script(t, dir, []string{"VERSION="}, "version.sh"); ok != c.ok || ok && got != c.want {
			t.Errorf("tag %q: %q, %v", c.tags, got, ok)
		}
		// One commit later the tag is that of another source.
		git("commit", "--quiet", "--allow-empty", "--message", "second")
		if got, ok := script(t, dir, []string{"VERSION="}, "version.sh"); !ok || got != "0.0.0-dev" {
			t.Errorf("after tag %q: %q, %v", c.tags, got, ok)
		}
	}
}

func TestAReleaseHasItsSectionOfTheChangelog(t *testing.T) {
	needs(t, "sh")
	source := t.TempDir()
	put := func(name, text string) string {
		t.Helper()
		path := filepath.Join(source, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	notes, err := os.ReadFile("notes.sh")
	if err != nil {
		t.Fatal(err)
	}
	path := put("build/package/notes.sh", string(notes))
	put("CHANGELOG.md", `# Changelog

## 1.3.0 – not released yet

Third.

## 1.2.0 – 2027-01-31

Second, of 1.1.0's successors.

**Fixed**

- More.

## 1.1.0 – 2026-12-24

First.

## 1.0.0 – 2026-12-01
`)
	for version, want := range map[string]string{
		"1.2.0":      "\nSecond, of 1.1.0's successors.\n\n**Fixed**\n\n- More.",
		"1.1.0":      "\nFirst.",
		"1.2.0-rc.1": "\nSecond, of 1.1.0's successors.\n\n**Fixed**\n\n- More.",
		"1.3.0-rc.1": "\nThird.",
	} {
		if got, ok := script(t, ".", nil, path, version); !ok || strings.TrimRight(got, "\n") != want {
			t.Errorf("%s: %q, %v", version, got, ok)
		}
	}
	for version, reason := range map[string]string{
		"1.3.0":      "has no date",
		"1.4.0":      "has no section",
		"1.4.0-rc.1": "has no section",
		"1.0.0":      "has no section", // an empty one
		"1.2":        "has no section",
		"":           "has no section",
	} {
		if got, ok := script(t, ".", nil, path, version); ok || !strings.Contains(got, reason) {
			t.Errorf("%q: %q, %v", version, got, ok)
		}
	}
}

// The changelog of this source has words for the version that is next.
func TestTheChangelogSpeaksOfTheNextVersion(t *testing.T) {
	needs(t, "sh")
	toml, err := os.ReadFile("../../FyneApp.toml")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(toml), "Version = \"")
	version, _, _ := strings.Cut(after, "\"")
	if got, ok := script(t, ".", nil, "notes.sh", version+"-rc.1"); !ok {
		t.Errorf("FyneApp.toml says %q: %s", version, got)
	}
}

// What make sbom has written names every module that is linked into a program,
// Go's standard library, and the licence of each.
func TestTheBillsOfMaterialsAreComplete(t *testing.T) {
	if *bills == "" {
		t.Skip("this needs the bills of materials: make sbom")
	}
	version, _ := script(t, ".", nil, "version.sh")
	for _, system := range []string{"linux", "windows", "darwin"} {
		for name, main := range map[string]string{"bitfount-tray": ".", "bitfount-auth": "./cmd/bitfount-auth"} {
			file := fmt.Sprintf("%s-%s-%s.cdx.json", name, version, system)
			content, err := os.ReadFile(filepath.Join(*bills, file))
			if err != nil {
				t.Error(err)
				continue
			}
			type component struct {
				Type, Name, Version, PURL string
				Evidence                  struct{ Licenses []any }
			}
			var bill struct {
				BOMFormat, SpecVersion string
				Metadata               struct{ Component component }
				Components             []component
			}
			if err := json.Unmarshal(content, &bill); err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			if c := bill.Metadata.Component; bill.BOMFormat != "CycloneDX" || bill.SpecVersion == "" || c.Type != "application" ||
				version != "0.0.0-dev" && c.Version != "v"+version {
				t.Errorf("%s is %s %s of the %s %s %s", file, bill.BOMFormat, bill.SpecVersion, c.Type, c.Name, c.Version)
			}
			there := map[string]bool{}
			for _, c := range bill.Components {
				there[c.Name+" "+c.Version] = true
				if !strings.HasPrefix(c.PURL, "pkg:golang/") {
					t.Errorf("%s: %s has the package URL %q", file, c.Name, c.PURL)
				}
				if c.Name != "std" && len(c.Evidence.Licenses) == 0 {
					t.Errorf("%s: %s has no licence", file, c.Name)
				}
			}
			list := exec.Command("go", "list", "-deps", "-tags=no_emoji,migrated_fynedo", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}", main)
			list.Dir = "../.."
			list.Env = append(os.Environ(), "GOOS="+system, "GOARCH=amd64", "CGO_ENABLED=1")
			linked, err := list.Output()
			if err != nil {
				t.Fatalf("go list: %v", err)
			}
			for module := range strings.FieldsFuncSeq(string(linked), func(r rune) bool { return r == '\n' }) {
				if !there[module] {
					t.Errorf("%s lacks %s", file, module)
					there[module] = true
				}
			}
			if len(there) < 10 {
				t.Errorf("%s has %d components", file, len(there))
			}
		}
	}
}
