package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/build/provider"
)

// snippet is a fenced block of a document that is run, and what it prints.
type snippet struct {
	line           int
	language       string
	text, printing string
}

// snippetsOf reads the blocks marked sh and python. A block marked text that
// follows at once is what the one before it prints.
func snippetsOf(t *testing.T, path string) (all []snippet) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var language string
	var block strings.Builder
	last := 0 // the line on which the last snippet ended
	for i, line := range strings.Split(string(data), "\n") {
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && language == "":
			language = fence
			block.Reset()
		case isFence && language == "text" && last == i-strings.Count(block.String(), "\n")-1 && len(all) > 0:
			all[len(all)-1].printing = block.String()
			language = ""
		case isFence:
			if language == "sh" || language == "python" {
				all = append(all, snippet{line: i + 1, language: language, text: block.String()})
				last = i + 1
			}
			language = ""
		case language != "":
			block.WriteString(line + "\n")
		}
	}
	return all
}

func TestTheDocumentsSnippetsPrintWhatTheySay(t *testing.T) {
	for _, program := range []string{"curl", "python3"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("there is no ", program)
		}
	}
	snippets := snippetsOf(t, "../../docs/scripting.md")
	if len(snippets) < 9 {
		t.Fatalf("found only %d snippets", len(snippets))
	}
	both(t, provider.Options{}, func(t *testing.T, r *room) {
		r.login(amelia)
		keys := "export BITFOUNT_API_KEY_ID=" + r.provider.APIKeyID + "\nexport BITFOUNT_API_KEY=" + r.provider.APIKey + "\n"
		if err := os.WriteFile(filepath.Join(r.value("HOME"), "keys.env"), []byte(keys), 0o600); err != nil {
			t.Fatal(err)
		}
		services := strings.NewReplacer("https://hub.bitfount.com", r.provider.HubURL, "https://am.hub.bitfount.com", r.provider.AccessManagerURL)
		for _, s := range snippets {
			if s.printing == "" {
				t.Errorf("docs/scripting.md:%d: a snippet without what it prints", s.line)
			}
			cmd := exec.Command("sh", "-eu", "-c", services.Replace(s.text))
			if s.language == "python" {
				cmd = exec.Command("python3", "-c", services.Replace(s.text))
			}
			cmd.Env, cmd.Dir = r.env, r.value("HOME")
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil || stderr.Len() > 0 || string(out) != s.printing {
				t.Errorf("docs/scripting.md, the %s snippet that ends on line %d: %v\nprints %q\nwant   %q\n%s", s.language, s.line, err, out, s.printing, stderr.String())
			}
		}
	})
}

// TestThePageOfTheSDKDoesWhatItSays runs its shell commands. Its Python is for
// the SDK itself: build/sdkinterop runs it.
func TestThePageOfTheSDKDoesWhatItSays(t *testing.T) {
	var commands []string
	for _, s := range snippetsOf(t, "../../docs/sdk.md") {
		if s.language == "sh" {
			commands = append(commands, s.text)
		}
	}
	if len(commands) != 2 || !strings.Contains(commands[0], "export add") || !strings.Contains(commands[1], "import") {
		t.Fatalf("the page's commands are %q", commands)
	}
	both(t, provider.Options{}, func(t *testing.T, r *room) {
		path := filepath.Join(r.value("HOME"), ".bitfount", "_default", ".token")
		ours := func() bool {
			file, err := export.ReadTokenFile(path)
			return err == nil && file.RefreshToken.Empty()
		}
		run := func(command string) {
			t.Helper()
			cmd := exec.Command("sh", "-euc", command)
			cmd.Env, cmd.Dir = r.env, r.value("HOME")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", command, err, out)
			}
		}
		r.login(amelia)
		run(commands[0])
		r.eventually("the file is written", ours)
		r.ok("logout")
		r.eventually("the file is removed", func() bool { _, err := os.Stat(path); return os.IsNotExist(err) })
		r.ok("export", "remove", path)
		r.sdkFile(path, amelia)
		run(commands[1])
		r.eventually("the file is ours again", ours)
		if got := r.ok("status"); !strings.HasPrefix(got, "Signed in as dr.amelia.stone") {
			t.Errorf("status says %q", got)
		}
	})
}
