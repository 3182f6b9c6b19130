//go:build !race

// Under the race detector this takes ten times as long: make check runs it without.

package macos

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// What imports Fyne's window or systray needs Apple's SDK to be compiled, since
// their C code does. Its Go code needs none to be checked against the types of
// everything that it uses, with C taken for granted. One processor is enough: no
// file here is for another one alone.
func TestEverythingFitsTogetherOnMacOS(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Dir,GoFiles,CgoFiles,ImportMap,Module", ".", "./cmd/...", "./tray/...", "./ui/...")
	cmd.Dir = "../../.."
	cmd.Env = append(os.Environ(), "GOOS=darwin", "GOARCH=arm64", "CGO_ENABLED=1")
	cmd.Stderr = os.Stderr
	listed, err := cmd.StdoutPipe()
	ok(t, err)
	ok(t, cmd.Start())
	done := map[string]*types.Package{"unsafe": types.Unsafe}
	files := token.NewFileSet()
	ours := 0
	for d := json.NewDecoder(listed); ; {
		var p struct {
			ImportPath, Dir   string
			GoFiles, CgoFiles []string
			ImportMap         map[string]string
			Module            *struct{ Main bool }
		}
		if err := d.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if p.ImportPath == "unsafe" {
			continue
		}
		own := p.Module != nil && p.Module.Main
		var parsed []*ast.File
		for _, name := range append(p.GoFiles, p.CgoFiles...) {
			file, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			ok(t, err)
			parsed = append(parsed, file)
		}
		config := types.Config{
			FakeImportC:      true,
			IgnoreFuncBodies: !own, // what others wrote is taken to be right
			Sizes:            types.SizesFor("gc", "arm64"),
			Importer: importer(func(path string) (*types.Package, error) {
				if vendored, found := p.ImportMap[path]; found {
					path = vendored
				}
				return done[path], nil
			}),
			Error: func(err error) {
				if own {
					t.Error(err)
				}
			},
		}
		done[p.ImportPath], _ = config.Check(p.ImportPath, files, parsed, nil)
		if own {
			ours++
		}
	}
	ok(t, cmd.Wait())
	if ours < 10 {
		t.Errorf("only %d packages of this module were checked", ours)
	}
	t.Logf("%d packages, %d of them this module's", len(done), ours)
}

type importer func(string) (*types.Package, error)

func (i importer) Import(path string) (*types.Package, error) { return i(path) }
