package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/spf13/cobra"

	"github.com/bitfount/bitfount-tray/build/provider"
)

// alone is a room without keyring and provider, for commands that need none.
func alone(t *testing.T) *room {
	t.Helper()
	home := t.TempDir()
	r := &room{t: t, bin: t.TempDir()}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(r.bin, "bitfount-auth")); err != nil {
		t.Fatal(err)
	}
	r.env = []string{
		"HOME=" + home, "PATH=" + r.bin + ":" + os.Getenv("PATH"), roleVariable + "=command", noExitPause,
		"XDG_RUNTIME_DIR=" + filepath.Join(home, "run"), "XDG_CONFIG_HOME=" + filepath.Join(home, "config"), "XDG_DATA_HOME=" + filepath.Join(home, "data"),
	}
	return r
}

// shell runs a script that must work, and returns what it prints.
func (r *room) shell(script string) string {
	r.t.Helper()
	cmd := exec.Command("sh", "-euc", script)
	cmd.Env, cmd.Dir = r.env, r.value("HOME")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		r.t.Fatalf("%s: %v", script, err)
	}
	return string(out)
}

func TestWrongCommandLines(t *testing.T) {
	r := alone(t)
	for _, c := range []struct{ line, words string }{
		{"", ""},
		{"header", `unknown command "header"`},
		{"headers pods", `invalid argument "pods"`},
		{"headers hub am", "accepts at most 1 arg"},
		{"headers --fromat json", "unknown flag: --fromat"},
		{"headers --min-valid soon", "soon"},
		{"headers --min-valid -5m", "must not be negative"},
		{"token --min-valid -5m", "must not be negative"},
		{"exec", "requires at least 1 arg"},
		{"export", "needs one of its commands"},
		{"apikeys set", "--username"},
		{"accounts rename x", "accepts 2 arg"},
		{"curl", "there is no URL"},
		{"curl --account", "needs a value"},
	} {
		if c.line == "" {
			if got := r.run(); got.code != 0 || !strings.Contains(got.stdout, "Usage:") {
				t.Errorf("no arguments: %+v", got)
			}
			continue
		}
		r.run(strings.Fields(c.line)...).wantFailure(t, exitUsage, c.words)
	}
	r.run("exec", "--", "no-such-program").wantFailure(t, exitNoProgram, "no-such-program")
}

func TestEveryCommandHasHelpWithAnExample(t *testing.T) {
	p := newProgram(os.Stdin, os.Stdout, os.Stderr)
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Hidden {
			return
		}
		if c.Short == "" || c.Example == "" {
			t.Errorf("%s has no help or no example", c.CommandPath())
		}
		for line := range strings.Lines(c.Long + "\n" + c.Example) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 90 {
				t.Errorf("%s: a line of %d characters: %s", c.CommandPath(), n, line)
			}
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(p.root())
}

func TestCompletions(t *testing.T) {
	r := alone(t)
	if got := r.ok("completion", "bash"); !strings.Contains(got, "__start_bitfount-auth") {
		t.Error("no completion for bash")
	}
	for line, want := range map[string]string{
		"headers ":                   "message-service",
		"headers --format ":          "curl-config",
		"export add x --format ":     "sdk-token",
		"accounts set":               "set-active",
		"export add file --service ": "am",
	} {
		args := append([]string{"__complete"}, strings.Split(line, " ")...)
		if got := r.run(args...); !strings.Contains(got.stdout, want) {
			t.Errorf("completing %q: %q", line, got.stdout)
		}
	}
}

func TestManualPages(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command to build them with")
	}
	folder := filepath.Join(t.TempDir(), "man1")
	if out, err := exec.Command("go", "run", "-tags", "man", ".", "man", folder).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	page, err := os.ReadFile(filepath.Join(folder, "bitfount-auth-headers.1"))
	if err != nil || !strings.Contains(string(page), "curl-config") {
		t.Errorf("no manual page for headers: %v", err)
	}
	if _, err := os.Stat(filepath.Join(folder, "bitfount-auth-man.1")); err == nil {
		t.Error("the hidden command has a manual page")
	}
}

func TestAPIKeysFromTheEnvironment(t *testing.T) {
	r := alone(t).with("BITFOUNT_API_KEY_ID=id-1:id-2", "BITFOUNT_API_KEY=key-1:key-2")
	r.run("headers").wantFailure(t, exitUsage, "BITFOUNT_USERNAME", "--username")
	r.run("headers", "--username", "_default").wantFailure(t, exitUsage, "username is needed")
	if got := r.ok("headers", "--username", "ada"); got != "x-api-key-id: id-1\nx-api-key: key-1\nuser-agent: "+strings.TrimSpace(strings.Split(got, "user-agent: ")[1])+"\n" {
		t.Errorf("headers: %q", got)
	}
	r = r.with("BITFOUNT_USERNAME=ada")
	if got := r.ok("headers", "am"); !strings.HasPrefix(got, "x-api-key-id: id-1:id-2\nx-api-key: key-1:key-2\n") {
		t.Errorf("headers am: %q", got)
	}
	script := `printf '%s %s %s' "$BITFOUNT_HUB_X_API_KEY" "$BITFOUNT_AM_X_API_KEY" "$BITFOUNT_MESSAGE_SERVICE_X_API_KEY_ID"; exit 7`
	if got := r.run("exec", "sh", "-c", script); got.stdout != "key-1 key-1:key-2 id-1" || got.code != 7 {
		t.Errorf("exec: %+v", got)
	}
	got := r.with("BITFOUNT_API_KEY=ke y").run("headers")
	got.wantFailure(t, exitUsage, "a blank at position 3")
	if strings.Contains(got.stderr, "ke y") {
		t.Error("the key is in the error")
	}
}

func TestAnotherUsersVariablesDoNotReachTheChild(t *testing.T) {
	r := alone(t).with("BITFOUNT_API_KEY_ID=id-1:id-2", "BITFOUNT_API_KEY=key-1:key-2", "BITFOUNT_USERNAME=ada",
		"BITFOUNT_HUB_AUTHORIZATION=Bearer old", "BITFOUNT_HUB_URL=mine")
	if got := r.ok("exec", "--", "sh", "-c", `echo "${BITFOUNT_HUB_AUTHORIZATION-none} $BITFOUNT_HUB_URL"`); got != "none mine\n" {
		t.Errorf("the child has %q", got)
	}
}

// site is a server that notes what it was sent.
type site struct {
	*httptest.Server
	mu   sync.Mutex
	seen []http.Header
}

func newSite(t *testing.T, location string) *site {
	s := &site{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.seen = append(s.seen, r.Header)
		s.mu.Unlock()
		if location != "" {
			http.Redirect(w, r, location, http.StatusFound)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *site) requests() []http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

func TestCurlSendsHeadersNowhereElse(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl")
	}
	stranger := newSite(t, "")
	hub, am := newSite(t, stranger.URL+"/caught"), newSite(t, "")
	r := alone(t)
	config := filepath.Join(t.TempDir(), "config.toml")
	text := "[environment]\nname = \"t\"\nissuer = \"https://issuer.invalid/\"\nclient_id = \"c\"\nhub_url = \"" + hub.URL + "\"\naccess_manager_url = \"" + am.URL + "\"\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// A configuration of the user's own that would follow redirects, and a
	// proxy that would see what is meant for this computer.
	if err := os.WriteFile(filepath.Join(r.value("HOME"), ".curlrc"), []byte("location-trusted\nverbose\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r = r.with("BITFOUNT_API_KEY_ID=id-1:id-2", "BITFOUNT_API_KEY=key-1:key-2", "BITFOUNT_USERNAME=ada", "http_proxy="+stranger.URL, "ALL_PROXY="+stranger.URL)

	if got := r.ok("--config", config, "curl", "-sS", "-w", "%{http_code}", "-o", "/dev/null", hub.URL+"/x"); got != "302" {
		t.Errorf("curl prints %q", got)
	}
	r.ok("curl", "--config", config, "-sSd", "body", am.URL)
	if h := hub.requests(); len(h) != 1 || h[0].Get("X-Api-Key") != "key-1" || h[0].Get("User-Agent") != userAgent() {
		t.Errorf("the Hub saw %d requests", len(h))
	}
	if h := am.requests(); len(h) != 1 || h[0].Get("X-Api-Key") != "key-1:key-2" {
		t.Errorf("the Access Manager saw %d requests", len(h))
	}

	for _, c := range []struct{ line, words string }{
		{stranger.URL + "/", "must begin with " + hub.URL + "/ or " + am.URL + "/"},
		{hub.URL + "@" + strings.TrimPrefix(stranger.URL, "http://") + "/", "must not be sent"},
		{hub.URL + ".evil.example/", "must not be sent"},
		{hub.URL + `\.evil.example/`, "must not be sent"},
		{hub.URL + "0/", "must not be sent"},
		{"ftp" + strings.TrimPrefix(hub.URL, "http") + "/", "must not be sent"},
		{hub.URL + "/ " + stranger.URL + "/", "must not be sent"},
		{hub.URL + "/ --url " + stranger.URL + "/", "must not be sent"},
		{hub.URL + "/ --url=" + stranger.URL + "/", "--url=" + stranger.URL + "/ is not passed on"},
		{hub.URL + "/ " + am.URL + "/", "two services"},
		{"-L " + hub.URL + "/", "wherever the redirect leads"},
		{"-sL " + hub.URL + "/", "wherever the redirect leads"},
		{"--location-trusted " + hub.URL + "/", "wherever the redirect leads"},
		{"--loc " + hub.URL + "/", "not passed on"},
		{"-K x " + hub.URL + "/", "-K is refused"},
		{"-v " + hub.URL + "/", "would print the headers"},
		{"-k " + hub.URL + "/", "--cacert"},
		{hub.URL + "/ --next " + stranger.URL, "--next is refused"},
		{"--connect-to ::" + stranger.URL + " " + hub.URL + "/", "--connect-to is not passed on"},
		{"--resolve x " + hub.URL + "/", "--resolve is not passed on"},
		{"-d @- " + hub.URL + "/", "cannot read standard input"},
		{"-d@- " + hub.URL + "/", "cannot read standard input"},
		{"-F f=@- " + hub.URL + "/", "cannot read standard input"},
		{"-F f=<-;type=x " + hub.URL + "/", "cannot read standard input"},
		{"-T - " + hub.URL + "/", "cannot read standard input"},
		{"--data-urlencode name@- " + hub.URL + "/", "cannot read standard input"},
	} {
		r.run(append([]string{"--config", config, "curl"}, strings.Fields(c.line)...)...).wantFailure(t, exitUsage, c.words)
	}
	if n := len(stranger.requests()); n != 0 {
		t.Errorf("the stranger saw %d requests", n)
	}
	if n := len(hub.requests()) + len(am.requests()); n != 2 {
		t.Errorf("%d requests, want the two that were allowed", n)
	}
	if got := r.run("--config", config, "curl", "-s", "-f", "-m", "5", hub.URL[:len(hub.URL)-1]+"/"); got.code == 0 {
		t.Error("another port passes")
	}
	hub.Close()
	if got := r.run("--config", config, "curl", "-s", hub.URL+"/"); got.code != 7 || got.stderr != "" {
		t.Errorf("curl's own exit code is lost: %+v", got)
	}
}

func TestNoSecretOnAnyCommandLine(t *testing.T) {
	if _, err := os.Stat("/proc/self/cmdline"); err != nil {
		t.Skip("this system has no /proc")
	}
	r := newRoom(t, provider.Options{})
	r.startResident()
	r.login(amelia)
	token := strings.TrimSpace(r.ok("token"))

	r.provider.Fault(provider.Fault{Kind: provider.Delay, Server: "hub", DelayMillis: 3000})
	url := r.provider.HubURL + "/api/whoami?marker=curl"
	curl := r.command("curl", "-s", url)
	child := r.command("exec", "--", "sleep", "4.0625")
	for _, cmd := range []*exec.Cmd{curl, child} {
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	lines := func(marker ...string) bool {
		found := 0
		files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, f := range files {
			line, _ := os.ReadFile(f)
			if strings.Contains(string(line), token) {
				t.Errorf("the token is on a command line: %s", f)
			}
			for _, m := range marker {
				if string(line) == m {
					found++
				}
			}
		}
		return found == len(marker)
	}
	r.eventually("curl and the child run", func() bool {
		return lines("curl\x00-q\x00-K\x00-\x00-s\x00--url\x00"+url+"\x00", "sleep\x004.0625\x00") ||
			lines("/usr/bin/curl\x00-q\x00-K\x00-\x00-s\x00--url\x00"+url+"\x00", "sleep\x004.0625\x00")
	})
	for _, cmd := range []*exec.Cmd{curl, child} {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
}

func TestAPIKeysFromStandardInput(t *testing.T) {
	r := newRoom(t, provider.Options{})
	id, key := r.provider.APIKeyID, r.provider.APIKey
	for name, input := range map[string]string{
		"two lines":       id + "\n" + key + "\n",
		"Windows":         "\ufeff" + id + "\r\n" + key + "\r\n",
		"shell":           "export BITFOUNT_API_KEY_ID=" + id + "\nexport BITFOUNT_API_KEY=" + key + "\n",
		"quoted, swapped": "# from the Hub\nBITFOUNT_API_KEY='" + key + "'\n\nBITFOUNT_API_KEY_ID=\"" + id + "\"",
	} {
		got := r.feed(input, "apikeys", "set", "--username", amelia)
		if got.code != 0 || got.stderr != "" || got.stdout != "The API keys of dr.amelia.stone are kept.\n" {
			t.Fatalf("%s: %+v", name, got)
		}
		if got := r.ok("status"); got != "API keys of dr.amelia.stone are in use (demo).\n" {
			t.Errorf("%s: status says %q", name, got)
		}
		for _, url := range []string{r.provider.HubURL, r.provider.AccessManagerURL} {
			if got := r.ok("curl", "-sf", url+"/api/whoami"); !strings.Contains(got, `"method":"api_keys"`) {
				t.Errorf("%s: %s answers %q", name, url, got)
			}
		}
		r.ok("apikeys", "clear")
	}
	for _, input := range []string{"", id + "\n", id + "\n" + key + "\nmore\n", "export BITFOUNT_API_KEY_ID=" + id + "\n", strings.Repeat("x", 70000)} {
		got := r.feed(input, "apikeys", "set", "--username", amelia)
		got.wantFailure(t, exitUsage, "tandard input")
		if strings.Contains(got.stderr, id) {
			t.Error("a key is in the error")
		}
	}
	r.feed("a b\nc\n", "apikeys", "set", "--username", amelia).wantFailure(t, exitUsage, "API key ID has a blank")
	if got := r.run("apikeys", "clear"); got.code != 0 || !strings.Contains(got.stderr, "No API keys are kept") {
		t.Errorf("clear without keys: %+v", got)
	}
}

// FuzzCurlURL: whatever text is let through is a URL of the same host for
// every reader of URLs.
func FuzzCurlURL(f *testing.F) {
	for _, seed := range []string{"https://hub.example/", "https://hub.example", "https://hub.example@evil/", "https://hub.example:443/", "https://hub.example/\\@evil"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if !isBelow(raw, "https://hub.example") {
			return
		}
		u, err := url.Parse(raw)
		if err == nil && (!strings.EqualFold(u.Host, "hub.example") || u.User != nil || u.Scheme != "https") {
			t.Errorf("%q is let through and goes to %q", raw, u.Host)
		}
	})
}

// FuzzAPIKeys: no input makes a pair with an empty half or a line break.
func FuzzAPIKeys(f *testing.F) {
	for _, seed := range []string{"a:b\nc:d\n", "export BITFOUNT_API_KEY_ID=a\nexport BITFOUNT_API_KEY='b'", "BITFOUNT_API_KEY=\nx\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, key, err := parseAPIKeys(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, s := range []string{id.Reveal(), key.Reveal()} {
			if s == "" || strings.ContainsAny(s, "\n") {
				t.Errorf("%q gives a pair that is none", text)
			}
		}
	})
}
