// Package interop signs in at an identity provider that is not of this
// project: panva's certified oidc-provider, as npm has it. It shows that the
// sign-in protocol is the standard's and not only the demo provider's.
package interop

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/oauth"
	"github.com/bitfount/bitfount-tray/authcore/vault"
)

const (
	person   = "dr.amelia.stone"
	patience = time.Minute
	clientID = "interop"
)

var installing sync.Mutex

// install puts the provider's packages, as the lock file pins them, into
// build/out. It skips the test where they cannot be had.
func install(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is missing: this test needs Node.js 20 or newer", program)
		}
	}
	version, err := exec.Command("node", "--version").Output()
	var major int
	if _, scan := fmt.Sscanf(string(version), "v%d.", &major); err != nil || scan != nil || major < 20 {
		t.Skipf("node is %s: this test needs Node.js 20 or newer", strings.TrimSpace(string(version)))
	}
	folder, err := filepath.Abs(filepath.Join("..", "out", "interop"))
	if err != nil {
		t.Fatal(err)
	}
	installing.Lock()
	defer installing.Unlock()
	lock, err := os.ReadFile("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	// The mark is written last, so it says that all packages are there.
	mark := filepath.Join(folder, "installed.json")
	installed, _ := os.ReadFile(mark)
	for _, name := range []string{"package.json", "package-lock.json", ".npmrc", "provider.mjs"} {
		data, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if string(installed) == string(lock) {
		return folder
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--omit=dev", "--no-progress")
	npm.Dir = folder
	if out, err := npm.CombinedOutput(); err != nil {
		t.Skipf("the provider's packages cannot be installed here: %v\n%s", err, out)
	}
	if err := os.WriteFile(mark, lock, 0o644); err != nil {
		t.Fatal(err)
	}
	return folder
}

// startProvider starts the provider for one test and returns its issuer.
func startProvider(t *testing.T) string {
	t.Helper()
	cmd := exec.Command("node", "provider.mjs")
	cmd.Dir = install(t)
	cmd.Stderr = t.Output()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	var started struct{ Issuer string }
	if err == nil {
		err = json.Unmarshal(line, &started)
	}
	if err != nil {
		t.Fatalf("the provider did not start: %v", err)
	}
	return started.Issuer
}

var (
	formTag  = regexp.MustCompile(`(?s)<form[^>]*action="([^"]*)".*?</form>`)
	inputTag = regexp.MustCompile(`<(?:input|button)[^>]*>`)
	nameOf   = regexp.MustCompile(`\bname="([^"]*)"`)
	valueOf  = regexp.MustCompile(`\bvalue="([^"]*)"`)
	abortTag = regexp.MustCompile(`name="abort"`)
)

// approve goes through the provider's pages as a browser does: it confirms the
// code, signs in, and consents.
func approve(t *testing.T, link, userCode string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Timeout: patience}
	response, err := browser.Get(link)
	for page := 0; ; page++ {
		if err != nil {
			t.Fatal(err)
		}
		text, err2 := io.ReadAll(response.Body)
		response.Body.Close()
		if err2 != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("the provider's page %s: %s %v\n%s", response.Request.URL.Path, response.Status, err2, text)
		}
		if strings.Contains(string(text), "Sign-in Success") {
			return
		}
		form := formTag.FindStringSubmatch(string(text))
		if form == nil || page > 6 {
			t.Fatalf("the provider's page has no form:\n%s", text)
		}
		values := url.Values{}
		for _, input := range inputTag.FindAllString(form[0], -1) {
			name := nameOf.FindStringSubmatch(input)
			if name == nil || abortTag.MatchString(input) {
				continue
			}
			value := ""
			if v := valueOf.FindStringSubmatch(input); v != nil {
				value = html.UnescapeString(v[1])
			}
			switch name[1] {
			case "user_code":
				value = userCode
			case "login":
				value = person
			case "password":
				value = "any"
			}
			values.Set(name[1], value)
		}
		action, err3 := response.Request.URL.Parse(html.UnescapeString(form[1]))
		if err3 != nil {
			t.Fatal(err3)
		}
		response, err = browser.PostForm(action.String(), values)
	}
}

func events(t *testing.T, issuer string) map[string]int {
	t.Helper()
	response, err := http.Get(issuer + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	counts := map[string]int{}
	if err := json.NewDecoder(response.Body).Decode(&counts); err != nil {
		t.Fatal(err)
	}
	return counts
}

// TestAgentAtAnotherProvider: sign in, renew, sign out, with all that a user has.
func TestAgentAtAnotherProvider(t *testing.T) {
	t.Parallel()
	issuer := startProvider(t)
	v := vault.New(vault.Options{Dir: filepath.Join(t.TempDir(), "data"), Keyring: &vault.Memory{}})
	a, err := authcore.NewAgent(authcore.AgentOptions{Vault: v, Environment: authcore.Environment{
		Name: "interop", Issuer: issuer, ClientID: clientID, Scopes: authcore.DefaultScopes, Audience: authcore.DefaultAudience,
		HubURL: "http://127.0.0.1:1", AccessManagerURL: "http://127.0.0.1:2",
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	until := func(what string, ok func(authcore.Account) bool) authcore.Account {
		t.Helper()
		updates, stop := a.Subscribe()
		defer stop()
		for end := time.After(patience); ; {
			select {
			case s := <-updates:
				if got := s.ActiveAccount(); ok(got) {
					return got
				}
			case <-end:
				t.Fatalf("waited %v for: %s; %+v", patience, what, a.Snapshot().ActiveAccount())
			}
		}
	}
	do := func(name authcore.CommandName) {
		t.Helper()
		if err := a.Do(t.Context(), authcore.Command{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	token := func() string {
		t.Helper()
		token, _, err := a.Token(t.Context(), "", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return token.Reveal()
	}

	do(authcore.CommandSignIn)
	prompt := until("a code", func(a authcore.Account) bool { return a.Prompt != nil }).Prompt
	approve(t, prompt.VerificationURIComplete, prompt.UserCode)
	if got := until("the sign-in", func(a authcore.Account) bool { return a.State == authcore.SignedIn }); got.Username != person || !got.Renewable {
		t.Errorf("account = %+v", got)
	}
	first := token()
	payload := strings.Split(first, ".")
	if len(payload) != 3 {
		t.Fatal("the access token is no JWT")
	}
	raw, err := base64.RawURLEncoding.DecodeString(payload[1])
	var claims struct{ Aud any }
	if err == nil {
		err = json.Unmarshal(raw, &claims)
	}
	if err != nil || !slices.Contains([]any{authcore.DefaultAudience}, claims.Aud) {
		t.Errorf("the audience is %v, %v", claims.Aud, err)
	}

	issued := a.Snapshot().ActiveAccount().IssuedAt
	for range 3 {
		do(authcore.CommandRenew)
		issued = until("a renewal", func(a authcore.Account) bool {
			return a.State == authcore.SignedIn && !a.IssuedAt.Equal(issued)
		}).IssuedAt
	}
	if token() == first {
		t.Error("the token is the old one")
	}
	if got := events(t, issuer); got["refresh_token.consumed"] != 3 || got["grant.revoked"] != 0 {
		t.Errorf("events = %v", got)
	}

	do(authcore.CommandSignOut)
	if err := a.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := events(t, issuer); got["grant.revoked"] != 1 {
		t.Errorf("after the sign-out: events = %v", got)
	}
}

// signIn signs in with the protocol alone.
func signIn(t *testing.T, c *oauth.Client) oauth.Tokens {
	t.Helper()
	code, err := c.RequestDeviceCode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if code.Interval != 5*time.Second {
		t.Errorf("without an interval in the answer it is %v, not 5 s (RFC 8628 section 3.2)", code.Interval)
	}
	approve(t, code.VerificationURIComplete, code.UserCode)
	code.Interval = time.Second // this provider does not count
	tokens, err := c.Poll(t.Context(), code, nil)
	if err != nil {
		t.Fatal(err)
	}
	if tokens.Identity.Username != person || tokens.RefreshToken.Empty() {
		t.Fatalf("identity = %+v", tokens.Identity)
	}
	return tokens
}

func TestReuseAndRevocationAtAnotherProvider(t *testing.T) {
	t.Parallel()
	issuer := startProvider(t)
	c, err := oauth.New(oauth.Config{Issuer: issuer, ClientID: clientID, Scopes: authcore.DefaultScopes, Audience: authcore.DefaultAudience})
	if err != nil {
		t.Fatal(err)
	}

	// A second use of a refresh token ends the whole grant.
	old := signIn(t, c)
	next, err := c.Refresh(t.Context(), old.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if next.RefreshToken.Equal(old.RefreshToken) || next.AccessToken.Equal(old.AccessToken) {
		t.Error("nothing was rotated")
	}
	if _, err := c.Refresh(t.Context(), old.RefreshToken); !errors.Is(err, oauth.ErrSignInAgain) {
		t.Errorf("a used token gives %v", err)
	}
	if _, err := c.Refresh(t.Context(), next.RefreshToken); !errors.Is(err, oauth.ErrSignInAgain) {
		t.Errorf("after the reuse the next token gives %v", err)
	}

	// Signing in again works, and a revoked token does not.
	tokens := signIn(t, c)
	if err := c.Revoke(t.Context(), tokens.RefreshToken); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Refresh(t.Context(), tokens.RefreshToken); !errors.Is(err, oauth.ErrSignInAgain) {
		t.Errorf("a revoked token gives %v", err)
	}
}

func TestASignInThatIsDeclinedAtAnotherProvider(t *testing.T) {
	t.Parallel()
	issuer := startProvider(t)
	c, err := oauth.New(oauth.Config{Issuer: issuer, ClientID: clientID, Scopes: authcore.DefaultScopes, Audience: authcore.DefaultAudience})
	if err != nil {
		t.Fatal(err)
	}
	code, err := c.RequestDeviceCode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	abort(t, code.VerificationURIComplete, code.UserCode)
	code.Interval = time.Second
	if _, err := c.Poll(t.Context(), code, nil); !errors.Is(err, oauth.ErrDenied) {
		t.Errorf("err = %v", err)
	}
}

// abort presses Abort on the first page.
func abort(t *testing.T, link, userCode string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Timeout: patience}
	response, err := browser.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	// The link submits the code by script; the page after it has the buttons.
	values := url.Values{"user_code": {userCode}, "abort": {"yes"}, "confirm": {"yes"}}
	for _, input := range inputTag.FindAllString(string(text), -1) {
		if name := nameOf.FindStringSubmatch(input); name != nil && name[1] == "xsrf" {
			values.Set("xsrf", valueOf.FindStringSubmatch(input)[1])
		}
	}
	if response, err = browser.PostForm(response.Request.URL.String(), values); err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
}
