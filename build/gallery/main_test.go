package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEveryImageAndIconIsOnThePage(t *testing.T) {
	const repository = "../.."
	to := t.TempDir()
	if err := write(partsOf(repository), to); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(to, "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	for folder, from := range map[string]string{"window": "ui/testdata", "tray": "tray/testdata"} {
		images, err := filepath.Glob(filepath.Join(repository, from, "*.png"))
		if err != nil || len(images) == 0 {
			t.Fatalf("%d images in %s, %v", len(images), from, err)
		}
		for _, f := range images {
			file := folder + "/" + filepath.Base(f)
			if !strings.Contains(string(page), `src="`+file+`"`) {
				t.Errorf("%s is not on the page", file)
			}
			if _, err := os.Stat(filepath.Join(to, file)); err != nil {
				t.Error(err)
			}
		}
	}
	if n := strings.Count(string(page), "<svg"); n < 4*7 {
		t.Errorf("%d icons", n)
	}
}

func TestAFolderWithoutImagesIsAnError(t *testing.T) {
	if err := write(partsOf(t.TempDir()), t.TempDir()); err == nil {
		t.Error("an empty repository makes a page")
	}
}

// Screenshots of a test stand together.
func TestScreenshotsAreGroupedByTheirTest(t *testing.T) {
	if state, look := split("TestASession/2-code"); state != "TestASession" || look != "2-code" {
		t.Errorf("%q, %q", state, look)
	}
	if state, look := split("signed-in-dark-2x"); state != "signed-in" || look != "dark-2x" {
		t.Errorf("%q, %q", state, look)
	}
}
