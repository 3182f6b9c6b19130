package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEveryImageAndIconIsOnThePage(t *testing.T) {
	from, to := "../../ui/testdata", t.TempDir()
	if err := write(from, to); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(to, "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	images, err := filepath.Glob(filepath.Join(from, "*.png"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range images {
		base := filepath.Base(f)
		if !strings.Contains(string(page), `src="`+base+`"`) {
			t.Errorf("%s is not on the page", base)
		}
		if _, err := os.Stat(filepath.Join(to, base)); err != nil {
			t.Error(err)
		}
	}
	if n := strings.Count(string(page), "<svg"); n < 4*7 {
		t.Errorf("%d icons", n)
	}
	if err := write(t.TempDir(), to); err == nil {
		t.Error("an empty folder makes a page")
	}
}
