package provider

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

// errMissing is a machine's lack, not a fault of the provider's code.
var errMissing = errors.New("something is missing on this machine")

// binary builds the provider, once per test process, and returns its path. The
// file is named by what it was built from, and put in place by a rename, so
// that test processes share it without a lock and never run an old one.
var binary = sync.OnceValues(func() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	source := filepath.Join(root, "build", "demoidp")
	name, err := fingerprint(source)
	if err != nil {
		return "", err
	}
	suffix := ""
	if filepath.Separator == '\\' {
		suffix = ".exe"
	}
	folder := filepath.Join(root, "build", "out", "demoidp")
	built := filepath.Join(folder, name+suffix)
	if _, err := os.Stat(built); err == nil {
		return built, nil
	}

	if _, err := exec.LookPath("go"); err != nil {
		return "", fmt.Errorf("%w: %w", errMissing, err)
	}
	if out, err := goCommand(source, "mod", "download"); err != nil {
		return "", fmt.Errorf("%w: go mod download: %w\n%s", errMissing, err, out)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	scratch, err := os.MkdirTemp(folder, "build-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(scratch)
	fresh := filepath.Join(scratch, "demoidp"+suffix)
	if out, err := goCommand(source, "build", "-o", fresh, "."); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	if err := os.Rename(fresh, built); err != nil {
		// Windows does not replace a program that runs; another test process
		// has put the same one there.
		if _, there := os.Stat(built); there != nil {
			return "", err
		}
	}
	return built, nil
})

func goCommand(folder string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	return cmd.CombinedOutput()
}

// moduleRoot walks up from the test's folder to the product's go.mod: tests
// run in their package's folder, and the binary knows no path of its source.
func moduleRoot() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		data, err := os.ReadFile(filepath.Join(folder, "go.mod"))
		if words := strings.Fields(string(data)); err == nil && len(words) > 1 && words[1] == "github.com/bitfount/bitfount-tray" {
			return folder, nil
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", fmt.Errorf("%w: the test does not run inside the source of bitfount-tray", errMissing)
		}
		folder = parent
	}
}

// fingerprint is a name for what the provider is built from: its files, the Go
// version and the build flags.
func fingerprint(source string) (string, error) {
	entries, err := os.ReadDir(source)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%s %s/%s %q\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, os.Getenv("GOFLAGS"))
	for _, entry := range entries {
		if entry.IsDir() || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		data, err := os.ReadFile(filepath.Join(source, entry.Name()))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%s %d\n", entry.Name(), len(data))
		sum.Write(data)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8]), nil
}
