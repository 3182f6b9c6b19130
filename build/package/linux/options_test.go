package linux

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The manual page and the completions of bitfount-tray are written by hand: this
// holds them to its flags. --window is for the program itself.
func TestManualAndCompletionsNameEveryFlag(t *testing.T) {
	source, err := os.ReadFile(filepath.Join(root, "main.go"))
	ok(t, err)
	flags := regexp.MustCompile(`set\.\w+Var\(&f\.\w+, "([a-z-]+)"`).FindAllSubmatch(source, -1)
	if len(flags) < 6 {
		t.Fatalf("main.go has %d flags", len(flags))
	}
	for file, form := range map[string]string{
		"bitfount-tray.1":                `\-\-FLAG`,
		"completions/bitfount-tray.bash": "--FLAG",
		"completions/bitfount-tray.zsh":  "--FLAG[",
		"completions/bitfount-tray.fish": "-l FLAG ",
	} {
		text, err := os.ReadFile(file)
		ok(t, err)
		for _, flag := range flags {
			name := string(flag[1])
			if there := strings.Contains(string(text), strings.ReplaceAll(form, "FLAG", name)); there != (name != "window") {
				t.Errorf("%s names --%s: %v", file, name, there)
			}
		}
	}
}

func TestBashCompletesTheTray(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("bash is missing")
	}
	for words, want := range map[string]string{
		"bitfount-tray --":                        "--show --hidden --quit --config --version",
		"bitfount-tray --h":                       "--hidden",
		"bitfount-tray --config options_t":        "options_test.go",
		"bitfount-tray --config options_test.go ": "--show --hidden --quit --config --version",
	} {
		list := strings.Split(words, " ")
		cmd := exec.Command("bash", "-c", `compopt() { :; }; . completions/bitfount-tray.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _bitfount_tray; echo "${COMPREPLY[*]}"`, "bash")
		cmd.Args = append(cmd.Args, list...)
		out, err := cmd.CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%q: %q (%v), want %q", words, got, err, want)
		}
	}
}
