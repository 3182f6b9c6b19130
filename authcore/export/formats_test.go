package export

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// hard are values that quoting gets wrong first. They hold what HTTP allows;
// the consumers in these tests give them back byte by byte.
var hard = map[string]string{
	"x-plain":    "Bearer eyJhbGciOi.J9._-~+/=",
	"x-single":   `it's 'quoted'`,
	"x-double":   `say "hello"`,
	"x-both":     `it's "both", twice: '' ""`,
	"x-dollar":   `$HOME ${HOME} $(id) $$ !! %PATH% #no`,
	"x-backtick": "`id` and ``",
	"x-slash":    `C:\new\table \\server\ \`,
	"x-spaces":   "a  b\tc",
	"x-shell":    `;&|<>(){}[]*?~^=,@:`,
	"x-unicode":  "Müller – 漢字 😀 ‘smart’ “quotes” ‚‛",
	"x-all":      "'\"$HOME`id`\\ é'",
}

func hardHeaders() []Header {
	var headers []Header
	for _, name := range []string{
		"x-plain", "x-single", "x-double", "x-both", "x-dollar", "x-backtick", "x-slash", "x-spaces", "x-shell", "x-unicode", "x-all",
	} {
		headers = append(headers, Header{name, secret.New(hard[name])})
	}
	return headers
}

func render(t testing.TB, f Format, headers []Header) string {
	t.Helper()
	text, err := Render(f, MessageService, headers)
	if err != nil {
		t.Fatal(err)
	}
	return text.Reveal()
}

// file writes a rendering to a file, as a live file would be.
func file(t testing.TB, f Format, headers []Header) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "headers")
	if err := os.WriteFile(path, []byte(render(t, f, headers)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// program finds a consumer, or skips the test.
func program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	return path
}

// output runs a consumer, without the variables that it is to be given.
func output(t testing.TB, c *exec.Cmd) []byte {
	t.Helper()
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "BITFOUNT_") {
			c.Env = append(c.Env, v)
		}
	}
	var failure bytes.Buffer
	c.Stderr = &failure
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", filepath.Base(c.Path), err, &failure)
	}
	return out
}

// received compares what a consumer printed, each value ended by a NUL.
func received(t testing.TB, headers []Header, out []byte) {
	t.Helper()
	values := strings.Split(string(out), "\x00")
	if len(values) != len(headers)+1 {
		t.Fatalf("%d values for %d headers: %q", len(values)-1, len(headers), out)
	}
	for i, h := range headers {
		if values[i] != h.Value.Reveal() {
			t.Errorf("%s: got  %q\nwant %q", h.Name, values[i], h.Value.Reveal())
		}
	}
}

// echo is a server that checks what curl sends.
func echo(t *testing.T) (address string, got func() http.Header) {
	var last http.Header
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { last = r.Header }))
	t.Cleanup(server.Close)
	return server.URL, func() http.Header { return last }
}

func TestCurlSendsTheHeaders(t *testing.T) {
	curl := program(t, "curl")
	headers := hardHeaders()
	commands := map[string]func(t *testing.T, url string) *exec.Cmd{
		"curl -K file": func(t *testing.T, url string) *exec.Cmd {
			return exec.Command(curl, "-sS", "--noproxy", "*", "-K", file(t, FormatCurlConfig, headers), url)
		},
		"curl -H @file": func(t *testing.T, url string) *exec.Cmd {
			return exec.Command(curl, "-sS", "--noproxy", "*", "-H", "@"+file(t, FormatHeaders, headers), url)
		},
		"pasted into sh": func(t *testing.T, url string) *exec.Cmd {
			line := strings.TrimSuffix(render(t, FormatCurl, headers), "\n")
			if strings.Contains(line, "\n") {
				t.Error("it is more than one line")
			}
			return exec.Command(program(t, "sh"), "-c", curl+" -sS --noproxy '*' "+line+" "+url)
		},
	}
	for name, command := range commands {
		t.Run(name, func(t *testing.T) {
			url, got := echo(t)
			output(t, command(t, url))
			for _, h := range headers {
				if values := got().Values(h.Name); len(values) != 1 || values[0] != h.Value.Reveal() {
					t.Errorf("%s: the server got %q\nwant %q", h.Name, values, h.Value.Reveal())
				}
			}
		})
	}
}

// printer is a shell script that prints the variables of headers.
func printer(headers []Header) string {
	var b strings.Builder
	for _, h := range headers {
		b.WriteString(`printf '%s\0' "$` + VariableName(MessageService, h.Name) + "\"\n")
	}
	return b.String()
}

func TestShellsReadTheVariables(t *testing.T) {
	headers := hardHeaders()
	// The child sees only what was exported.
	child := "exec " + "sh -c '" + strings.ReplaceAll(printer(headers), "'", `'\''`) + "'"
	for _, shell := range []string{"sh", "bash", "dash", "zsh", "ksh", "busybox"} {
		t.Run(shell, func(t *testing.T) {
			arguments := []string{program(t, shell)}
			if shell == "busybox" {
				arguments = append(arguments, "sh")
			}
			for _, test := range []struct {
				format Format
				before string
			}{{FormatShell, ""}, {FormatEnv, "set -a; "}} {
				script := test.before + ". '" + file(t, test.format, headers) + "'\n" + child
				out := output(t, exec.Command(arguments[0], append(arguments[1:], "-c", script)...))
				received(t, headers, out)
			}
		})
	}
}

// quotable are the headers that readers of .env files without a shell's rules
// read too: see FormatEnv.
func quotable() []Header {
	var headers []Header
	for _, h := range hardHeaders() {
		if v := h.Value.Reveal(); !strings.Contains(v, "'") || !strings.ContainsAny(v, "\"$`\\") {
			headers = append(headers, h)
		}
	}
	return headers
}

func TestNodeReadsTheEnvFile(t *testing.T) {
	node := program(t, "node")
	if out, err := exec.Command(node, "--help").Output(); err != nil || !bytes.Contains(out, []byte("--env-file")) {
		t.Skip("this node knows no --env-file (20.6 and later do)")
	}
	headers := quotable()
	var names []string
	for _, h := range headers {
		names = append(names, VariableName(MessageService, h.Name))
	}
	list, _ := json.Marshal(names)
	script := "for (const n of " + string(list) + ") process.stdout.write(process.env[n] + '\\0')"
	received(t, headers, output(t, exec.Command(node, "--env-file="+file(t, FormatEnv, headers), "-e", script)))
}

func TestPythonDotenvReadsTheEnvFile(t *testing.T) {
	python := program(t, "python3")
	if exec.Command(python, "-c", "import dotenv").Run() != nil {
		t.Skip("the Python package python-dotenv is not installed")
	}
	var headers []Header
	for _, h := range quotable() {
		if v := h.Value.Reveal(); !strings.Contains(v, "${") && !strings.Contains(v, `\\`) {
			headers = append(headers, h)
		}
	}
	script := "import sys, dotenv\nfor v in dotenv.dotenv_values(sys.argv[1]).values(): sys.stdout.buffer.write(v.encode() + b'\\0')"
	received(t, headers, output(t, exec.Command(python, "-c", script, file(t, FormatEnv, headers))))
}

func TestSystemdReadsTheEnvFile(t *testing.T) {
	run := program(t, "systemd-run")
	headers := hardHeaders()
	if exec.Command(run, "--user", "--wait", "--pipe", "--quiet", "true").Run() != nil {
		t.Skip("no systemd runs for this user")
	}
	out := output(t, exec.Command(run, "--user", "--wait", "--pipe", "--quiet",
		"--property=EnvironmentFile="+file(t, FormatEnv, headers), "sh", "-c", printer(headers)))
	received(t, headers, out)
}

func TestPythonReadsTheDict(t *testing.T) {
	python := program(t, "python3")
	headers := hardHeaders()
	// In a C locale, to show that the encoding does not matter.
	script := "import ast, sys\nd = ast.literal_eval(open(sys.argv[1], encoding='ascii').read())\n" +
		"for v in d.values(): sys.stdout.buffer.write(v.encode() + b'\\0')"
	received(t, headers, output(t, exec.Command(python, "-c", script, file(t, FormatPython, headers))))

	url, got := echo(t)
	script = "import sys, urllib.request\nopener = urllib.request.build_opener(urllib.request.ProxyHandler({}))\n" +
		"opener.open(urllib.request.Request(sys.argv[1], headers=" + render(t, FormatPython, headers[:1]) + ")).read()"
	output(t, exec.Command(python, "-c", script, url))
	if got().Get("x-plain") != hard["x-plain"] {
		t.Errorf("the server got %q", got().Get("x-plain"))
	}
}

func TestProgramsReadTheJSON(t *testing.T) {
	headers := hardHeaders()
	t.Run("node", func(t *testing.T) {
		script := "for (const v of Object.values(JSON.parse(require('fs').readFileSync(process.argv[1])))) process.stdout.write(v + '\\0')"
		received(t, headers, output(t, exec.Command(program(t, "node"), "-e", script, file(t, FormatJSON, headers))))
	})
	t.Run("python3", func(t *testing.T) {
		script := "import json, sys\nfor v in json.load(open(sys.argv[1], encoding='utf-8')).values(): sys.stdout.buffer.write(v.encode() + b'\\0')"
		received(t, headers, output(t, exec.Command(program(t, "python3"), "-c", script, file(t, FormatJSON, headers))))
	})
	t.Run("jq", func(t *testing.T) {
		received(t, headers, output(t, exec.Command(program(t, "jq"), "-j", `.[] | . + "\u0000"`, file(t, FormatJSON, headers))))
	})
}

func TestPowerShellReadsTheVariables(t *testing.T) {
	pwsh := program(t, "pwsh")
	headers := hardHeaders()
	script := "[Console]::OutputEncoding = [Text.UTF8Encoding]::new($false)\n" + render(t, FormatPowerShell, headers)
	for _, h := range headers {
		script += "[Console]::Out.Write($env:" + VariableName(MessageService, h.Name) + " + [char]0)\n"
	}
	path := filepath.Join(t.TempDir(), "headers.ps1")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	received(t, headers, output(t, exec.Command(pwsh, "-NoProfile", "-NonInteractive", "-File", path)))
}

// TestEveryFormat shows the formats as people will see them, and is the only
// proof of PowerShell's where it is not installed.
func TestEveryFormat(t *testing.T) {
	headers := []Header{{"authorization", secret.New("Bearer a’b'c")}, {"user-agent", secret.New(`A/1 "x"`)}}
	want := map[Format]string{
		FormatHeaders:    "authorization: Bearer a’b'c\nuser-agent: A/1 \"x\"\n",
		FormatCurl:       `-H 'authorization: Bearer a’b'\''c' -H 'user-agent: A/1 "x"'` + "\n",
		FormatCurlConfig: "header = \"authorization: Bearer a’b'c\"\nheader = \"user-agent: A/1 \\\"x\\\"\"\n",
		FormatJSON:       "{\n  \"authorization\": \"Bearer a’b'c\",\n  \"user-agent\": \"A/1 \\\"x\\\"\"\n}\n",
		FormatEnv:        "BITFOUNT_HUB_AUTHORIZATION=\"Bearer a’b'c\"\nBITFOUNT_HUB_USER_AGENT='A/1 \"x\"'\n",
		FormatShell:      "export BITFOUNT_HUB_AUTHORIZATION='Bearer a’b'\\''c'\nexport BITFOUNT_HUB_USER_AGENT='A/1 \"x\"'\n",
		FormatPowerShell: "$env:BITFOUNT_HUB_AUTHORIZATION = 'Bearer a’’b''c'\n$env:BITFOUNT_HUB_USER_AGENT = 'A/1 \"x\"'\n",
		FormatPython:     "{\n    \"authorization\": \"Bearer a\\u2019b'c\",\n    \"user-agent\": \"A/1 \\\"x\\\"\",\n}\n",
	}
	if len(want) != len(Formats) {
		t.Errorf("%d formats are tested of %d", len(want), len(Formats))
	}
	for _, f := range Formats {
		text, err := Render(f, Hub, headers)
		if err != nil || text.Reveal() != want[f] {
			t.Errorf("%s (error %v):\n%s\nwant\n%s", f, err, text.Reveal(), want[f])
		}
		if parsed, err := ParseFormat(string(f)); err != nil || parsed != f {
			t.Errorf("ParseFormat(%q) = %q, %v", f, parsed, err)
		}
		if f.Title() == "" || f.Description() == "" {
			t.Errorf("%s has no title or description", f)
		}
	}
}

func TestWhatNoHeaderCanCarryIsRefused(t *testing.T) {
	one := func(name, value string) []Header { return []Header{{name, secret.New(value)}} }
	for name, headers := range map[string][]Header{
		"no headers":      nil,
		"empty value":     one("a", ""),
		"line feed":       one("a", canary+"\nx: y"),
		"carriage return": one("a", canary+"\rx: y"),
		"NUL":             one("a", canary+"\x00"),
		"escape":          one("a", canary+"\x1b[2J"),
		"delete":          one("a", canary+"\x7f"),
		"not UTF-8":       one("a", canary+"\xff"),
		"blank first":     one("a", " "+canary),
		"blank last":      one("a", canary+"\t"),
		"no name":         one("", canary),
		"blank in a name": one("a b", canary),
		"colon in a name": one("a:b", canary),
		"line in a name":  one("a\nb", canary),
		"quote in a name": one(`a"b`, canary),
		"twice":           {{"a", secret.New(canary)}, {"A", secret.New(canary)}},
		"twice as a name": {{"a-b", secret.New(canary)}, {"a_b", secret.New(canary)}},
	} {
		for _, f := range Formats {
			text, err := Render(f, Hub, headers)
			if err == nil || !text.Empty() {
				t.Errorf("%s in %s is accepted", name, f)
			} else if strings.Contains(err.Error(), canary) {
				t.Errorf("%s: the error shows the value: %v", name, err)
			}
		}
	}
	if _, err := Render("xml", Hub, one("a", "b")); err == nil || !strings.Contains(err.Error(), "curl-config") {
		t.Errorf("an unknown format: %v", err)
	}
}

func TestNames(t *testing.T) {
	for want, got := range map[string]string{
		"BITFOUNT_HUB_AUTHORIZATION":     VariableName(Hub, "authorization"),
		"BITFOUNT_AM_X_API_KEY_ID":       VariableName(AccessManager, "x-api-key-id"),
		"BITFOUNT_MESSAGE_SERVICE_TOKEN": VariableName(MessageService, "token"),
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for _, s := range Services {
		if parsed, err := ParseService(string(s)); err != nil || parsed != s {
			t.Errorf("ParseService(%q) = %q, %v", s, parsed, err)
		}
		if s.Title() == "" || s.Title() == string(s) {
			t.Errorf("%s has no title", s)
		}
	}
	if Service("x").Title() != "x" {
		t.Error("an unknown service hides its name")
	}
	for _, err := range []error{second(ParseService("x")), second(ParseFormat(""))} {
		if err == nil || !strings.Contains(err.Error(), "choose") {
			t.Errorf("got %v", err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestSpec(t *testing.T) {
	good := Spec{Path: filepath.Join(t.TempDir(), "a"), Service: Hub, Format: FormatEnv, Account: "1"}
	data, err := json.Marshal(good)
	if err != nil {
		t.Fatal(err)
	}
	var back Spec
	if err := json.Unmarshal(data, &back); err != nil || back != good {
		t.Errorf("%s became %+v (%v)", data, back, err)
	}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Spec){
		"path": func(s *Spec) { s.Path = "a" }, "service": func(s *Spec) { s.Service = "x" },
		"format": func(s *Spec) { s.Format = "" }, "account": func(s *Spec) { s.Account = "" },
	} {
		bad := good
		change(&bad)
		if bad.Validate() == nil {
			t.Errorf("a bad %s passes", name)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	headers := []Header{{"authorization", secret.New("Bearer " + strings.Repeat("x", 3000))}, {"user-agent", secret.New("Bitfount Tray/1")}}
	for b.Loop() {
		if _, err := Render(FormatJSON, Hub, headers); err != nil {
			b.Fatal(err)
		}
	}
}
