// Package linux holds what makes the Linux packages, and the tests of them.
package linux

import (
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var (
	withTray  = flag.Bool("tray", false, "build bitfount-tray twice too, which links it twice")
	fromClean = flag.Bool("clean", false, "build bitfount-tray the second time from nothing, which takes minutes")
)

// root is the folder that holds go.mod.
const root = "../../.."

func TestTheSameSourceGivesTheSameBytes(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is missing, which knows the files of the source")
	}
	programs := []string{"bitfount-auth"}
	if *withTray {
		programs = append(programs, "bitfount-tray")
	}
	// As somebody else would have it: another folder, whose path is longer.
	other := filepath.Join(t.TempDir(), "another", "place", "for the source")
	copySource(t, other)
	for _, program := range programs {
		cache := t.TempDir()
		if program == "bitfount-tray" && !*fromClean {
			cache = "" // Fyne's C code takes minutes to compile
		}
		first := built(t, root, program, "")
		second := built(t, other, program, cache)
		if first != second {
			t.Errorf("%s differs: %s here, %s elsewhere", program, first, second)
		}
		t.Log(program, first)
	}
}

// built builds a program as package.sh does and returns its SHA-256. The cache
// is Go's own if it is empty.
func built(t *testing.T, source, program, cache string) string {
	t.Helper()
	out := t.TempDir()
	architecture, err := exec.Command("go", "env", "GOHOSTARCH").Output()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", filepath.Join(source, "build", "package", "linux", "build.sh"), out, strings.TrimSpace(string(architecture)), program)
	cmd.Env = append(os.Environ(), "VERSION=1.2.3-test.1")
	if cache != "" {
		cmd.Env = append(cmd.Env, "GOCACHE="+cache)
	}
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building %s in %s: %v\n%s", program, source, err, output)
	}
	content, err := os.ReadFile(filepath.Join(out, program))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// copySource copies the files that git knows or would add.
func copySource(t *testing.T, folder string) {
	t.Helper()
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	names, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Split(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // removed, and not committed yet
		}
		if err != nil {
			t.Fatal(err)
		}
		target := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(target, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
