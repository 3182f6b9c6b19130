package authcore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// jwtWith makes a JWT with those claims.
func jwtWith(claims jwt.MapClaims) string {
	return must(jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte("k")))
}

func TestWhatSourcesSayIsUnderstood(t *testing.T) {
	const end = 1893456000 // 2030-01-01T00:00:00Z
	ends := time.Unix(end, 0)
	withExp := jwtWith(jwt.MapClaims{"exp": end})
	withoutExp := jwtWith(jwt.MapClaims{"sub": "ada"})
	unknownAlgorithm := "eyJhbGciOiJFUzI1NksifQ." + strings.Split(withExp, ".")[1] + ".c2ln"
	for name, c := range map[string]struct {
		said    string
		token   string
		expires time.Time
		want    string // in the error
	}{
		"plain JWT":                  {withExp, withExp, ends, ""},
		"with a line break":          {withExp + "\r\n", withExp, ends, ""},
		"with a byte order mark":     {"\xef\xbb\xbf" + withExp + "\n", withExp, ends, ""},
		"unknown algorithm":          {unknownAlgorithm, unknownAlgorithm, ends, ""},
		"JSON, RFC 3339":             {`{"token": "t", "expires": "2030-01-01T01:00:00+01:00"}`, "t", ends, ""},
		"JSON, seconds":              {`{"token": "t", "expires": 1893456000}`, "t", ends, ""},
		"JSON, exponent":             {`{"token": "t", "expires": 1.893456e9}`, "t", ends, ""},
		"JSON, fraction":             {`{"token": "t", "expires": 1893456000.5}`, "t", ends.Add(500 * time.Millisecond), ""},
		"JSON, seconds as text":      {`{"token": "t", "expires": "1893456000"}`, "t", ends, ""},
		"JSON, other members":        {`{"type": "Bearer", "token": "t", "expires": 1893456000}`, "t", ends, ""},
		"JSON, expiry in the JWT":    {`{"token": "` + withExp + `"}`, withExp, ends, ""},
		"JSON, null expiry":          {`{"token": "` + withExp + `", "expires": null}`, withExp, ends, ""},
		"expires wins over exp":      {`{"token": "` + withExp + `", "expires": 1893456001}`, withExp, ends.Add(time.Second), ""},
		"nothing":                    {"", "", time.Time{}, "empty"},
		"blanks":                     {" \n\t", "", time.Time{}, "empty"},
		"two lines":                  {"warning: old\n" + withExp, "", time.Time{}, "the token has a blank"},
		"two tokens":                 {withExp + "\n" + withExp, "", time.Time{}, "line break"},
		"an opaque token":            {"opaque", "", time.Time{}, "no expiry"},
		"JWT without exp":            {withoutExp, "", time.Time{}, "no expiry"},
		"exp of a wrong type":        {jwtWith(jwt.MapClaims{"exp": "soon"}), "", time.Time{}, "no expiry"},
		"exp in milliseconds":        {jwtWith(jwt.MapClaims{"exp": end * 1000}), "", time.Time{}, "POSIX seconds"},
		"exp negative":               {jwtWith(jwt.MapClaims{"exp": -1}), "", time.Time{}, "POSIX seconds"},
		"JSON without token":         {`{"expires": 1893456000}`, "", time.Time{}, "token is empty"},
		"JSON cut short":             {`{"token": "t", "expires": 18`, "", time.Time{}, "begins like JSON"},
		"JSON, token a number":       {`{"token": 7, "expires": 1893456000}`, "", time.Time{}, "begins like JSON"},
		"JSON, milliseconds":         {`{"token": "t", "expires": 1893456000000}`, "", time.Time{}, "POSIX seconds"},
		"JSON, expires in words":     {`{"token": "t", "expires": "tomorrow"}`, "", time.Time{}, "neither"},
		"JSON, expires no number":    {`{"token": "t", "expires": "NaN"}`, "", time.Time{}, "POSIX seconds"},
		"JSON, expires a list":       {`{"token": "t", "expires": [1]}`, "", time.Time{}, "neither"},
		"JSON, header injection":     {`{"token": "t\r\nx-evil: 1", "expires": 1893456000}`, "", time.Time{}, "line break"},
		"a web page":                 {"<html><body>Sign in</body></html>", "", time.Time{}, "blank"},
		"more than a token can have": {strings.Repeat("x", tokenSizeLimit+1), "", time.Time{}, "longer than 64 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			token, expires, err := parseToken([]byte(c.said))
			if c.want == "" {
				if err != nil || token.Reveal() != c.token || !expires.Equal(c.expires) {
					t.Errorf("understood as a token of %d bytes until %v, error %v", len(token.Reveal()), expires, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v; want %q in it", err, c.want)
			}
			if !token.Empty() || !expires.IsZero() {
				t.Error("an error comes with a token")
			}
		})
	}
}

func FuzzCommandOutput(f *testing.F) {
	for _, seed := range []string{
		"", "opaque", jwtWith(jwt.MapClaims{"exp": 1893456000}), `{"token": "t", "expires": 1893456000.5}`,
		`{"token": "t", "expires": "2030-01-01T00:00:00Z"}`, `{"token": "t", "expires": "1e400"}`, "\xef\xbb\xbf{}", "a.b.c", "e30.e30.e30",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		token, expires, err := parseToken(said)
		if err != nil {
			if !token.Empty() || !expires.IsZero() {
				t.Error("an error comes with a token")
			}
			return
		}
		if checkCredential("token", token) != nil {
			t.Error("the token cannot be a header")
		}
		if expires.IsZero() || expires.Year() < 1900 || expires.Year() > 9999 {
			t.Errorf("expires at %v", expires)
		}
	})
}

func TestEnvironmentSource(t *testing.T) {
	const name = "BITFOUNT_TRAY_TEST_TOKEN"
	source := EnvironmentSource{Variable: name}
	if _, _, err := source.GetToken(t.Context()); err == nil || !strings.Contains(err.Error(), name+" is not set") {
		t.Errorf("not set: %v", err)
	}
	t.Setenv(name, "canary")
	if _, _, err := source.GetToken(t.Context()); err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "canary") {
		t.Errorf("no JWT: %v", err)
	}
	t.Setenv(name, `{"token": "t", "expires": 1893456000}`)
	if token, expires, err := source.GetToken(t.Context()); err != nil || token.Reveal() != "t" || expires.Unix() != 1893456000 {
		t.Errorf("good: until %v, %v", expires, err)
	}
}

func TestFileSource(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "token")
	source := FileSource{Path: path}
	if _, _, err := source.GetToken(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, _, err := (FileSource{Path: dir}).GetToken(t.Context()); err == nil || !strings.Contains(err.Error(), "not a file") {
		t.Errorf("a folder: %v", err)
	}
	writeToken(t, path, "canary")
	if _, _, err := source.GetToken(t.Context()); err == nil || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "canary") {
		t.Errorf("no JWT: %v", err)
	}
	writeToken(t, path, strings.Repeat("x", 1<<20))
	if _, _, err := source.GetToken(t.Context()); err == nil || !strings.Contains(err.Error(), "longer") {
		t.Errorf("too long: %v", err)
	}
	writeToken(t, path, `{"token": "t", "expires": 1893456000}`)
	if token, _, err := source.GetToken(t.Context()); err != nil || token.Reveal() != "t" {
		t.Errorf("good: %v", err)
	}
}

func writeToken(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAWatchedFileTellsOfEveryChange(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "token")
	writeToken(t, path, "one")
	ctx, cancel := context.WithCancel(t.Context())
	changes := make(chan string, 10)
	ended := make(chan struct{})
	source := FileSource{Path: path}
	go func() {
		defer close(ended)
		source.Watch(ctx, func() {
			data, _ := source.read()
			changes <- string(data)
		})
	}()
	// The watch begins at some moment after the call: change until it is seen.
	start := func() {
		for i := 0; ; i++ {
			writeToken(t, path, "start "+strconv.Itoa(i))
			select {
			case <-changes:
				return
			case <-time.After(3 * fileSettle):
			case <-t.Context().Done():
				t.Fatal("never")
			}
		}
	}
	start()
	want := func(what, content string) {
		t.Helper()
		for {
			select {
			case got := <-changes:
				if got == content {
					return
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("%s was not noticed", what)
			}
		}
	}
	writeToken(t, path, "rewritten")
	want("a rewritten file", "rewritten")
	writeToken(t, path+".new", "replaced")
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	want("a replaced file", "replaced")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	writeToken(t, path, "back again")
	want("a file that came back", "back again")
	if err := os.Remove(path); err == nil && os.Symlink(filepath.Join(dir, "target"), path) == nil {
		writeToken(t, filepath.Join(dir, "target"), "behind a link")
		want("a symbolic link", "behind a link")
	}
	cancel()
	<-ended
	writeToken(t, path, "after the end")
	select {
	case got := <-changes:
		if got == "after the end" {
			t.Error("a change was told after the end")
		}
	default:
	}
}

func TestAFileThatCannotBeWatchedIsLookedAt(t *testing.T) {
	// There is no folder to watch yet, so that no notification can come.
	dir := filepath.Join(t.TempDir(), "later")
	path := filepath.Join(dir, "token")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		changes := 0
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			FileSource{Path: path}.Watch(ctx, func() { changes++ })
		}()
		time.Sleep(filePoll + time.Second)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for i, content := range []string{"one", "two", "two"} {
			writeToken(t, path, content)
			time.Sleep(filePoll)
			synctest.Wait()
			if want := min(i+1, 2); changes != want {
				t.Errorf("after %d writes: %d changes, want %d", i+1, changes, want)
			}
		}
		cancel()
		<-ended
	})
}

// TestActAsCommand is no test: it is what the command of the other tests runs,
// since the test binary is the one program that is there on every system.
func TestActAsCommand(t *testing.T) {
	act := os.Getenv("BITFOUNT_TRAY_TEST_ACT")
	if act == "" {
		return
	}
	switch act {
	case "print":
		fmt.Print(os.Getenv("BITFOUNT_TRAY_TEST_PRINT"))
	case "arguments":
		fmt.Fprintf(os.Stdout, `{"token": "%x", "expires": 1893456000}`, os.Args[len(os.Args)-1])
	case "input":
		if n, err := io.Copy(io.Discard, os.Stdin); n != 0 || err != nil {
			os.Exit(9)
		}
		fmt.Print(`{"token": "t", "expires": 1893456000}`)
	case "fail":
		fmt.Fprintln(os.Stderr, "first line\nno login: token eyJhbGciOiJIUzI1NiJ9.canary.canary was refused\x1b[0m")
		os.Exit(3)
	case "fail quietly":
		os.Exit(4)
	case "flood":
		for {
			if _, err := os.Stdout.WriteString(strings.Repeat("x", 8<<10)); err != nil {
				os.Exit(5)
			}
		}
	case "leave flooding child":
		child := exec.Command(os.Args[0], "-test.run=^TestActAsCommand$")
		child.Env = append(os.Environ(), "BITFOUNT_TRAY_TEST_ACT=flood and hang")
		child.Stdout = os.Stdout
		if err := child.Start(); err != nil {
			os.Exit(6)
		}
		_ = os.WriteFile(os.Getenv("BITFOUNT_TRAY_TEST_FILE"), []byte(strconv.Itoa(child.Process.Pid)), 0o600)
	case "flood and hang":
		signal.Ignore(brokenPipe) // as a program may
		for range 100 {
			_, _ = os.Stdout.WriteString(strings.Repeat("x", 8<<10))
		}
		hang("")
	case "hang with child":
		child := exec.Command(os.Args[0], "-test.run=^TestActAsCommand$")
		child.Env = append(os.Environ(), "BITFOUNT_TRAY_TEST_ACT=hang")
		child.Stdout = os.Stdout
		if err := child.Start(); err != nil {
			os.Exit(6)
		}
		hang(strconv.Itoa(os.Getpid()) + " " + strconv.Itoa(child.Process.Pid))
	case "leave child":
		child := exec.Command(os.Args[0], "-test.run=^TestActAsCommand$")
		child.Env = append(os.Environ(), "BITFOUNT_TRAY_TEST_ACT=hang")
		child.Stdout = os.Stdout
		if err := child.Start(); err != nil {
			os.Exit(6)
		}
		_ = os.WriteFile(os.Getenv("BITFOUNT_TRAY_TEST_FILE"), []byte(strconv.Itoa(child.Process.Pid)), 0o600)
		fmt.Print(`{"token": "t", "expires": 1893456000}`)
	case "hang":
		hang("")
	}
	os.Exit(0)
}

// hang tells its processes, and does nothing for longer than any test takes.
func hang(processes string) {
	if path := os.Getenv("BITFOUNT_TRAY_TEST_FILE"); processes != "" && path != "" {
		_ = os.WriteFile(path+".part", []byte(processes), 0o600)
		_ = os.Rename(path+".part", path)
	}
	time.Sleep(5 * time.Minute)
}

// command makes the test binary act.
func command(t *testing.T, act string) CommandSource {
	t.Helper()
	t.Setenv("BITFOUNT_TRAY_TEST_ACT", act)
	t.Setenv("GORACE", "atexit_sleep_ms=0") // a race build sleeps 1 s at its end
	return CommandSource{Argv: []string{must(os.Executable()), "-test.run=^TestActAsCommand$"}}
}

func TestCommandSource(t *testing.T) {
	good := jwtWith(jwt.MapClaims{"exp": 1893456000})
	t.Setenv("BITFOUNT_TRAY_TEST_PRINT", good+"\n")
	token, expires, err := command(t, "print").GetToken(t.Context())
	if err != nil || token.Reveal() != good || expires.Unix() != 1893456000 {
		t.Errorf("a command that prints a JWT: until %v, %v", expires, err)
	}

	t.Setenv("BITFOUNT_TRAY_TEST_PRINT", "canary")
	if _, _, err = command(t, "print").GetToken(t.Context()); err == nil || strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), "no expiry") {
		t.Errorf("a command that prints something else: %v", err)
	}

	// What a shell would expand or split arrives as it is.
	source := command(t, "arguments")
	const wild = `$HOME; echo "x" | *`
	source.Argv = append(source.Argv, wild)
	if token, _, err = source.GetToken(t.Context()); err != nil || token.Reveal() != fmt.Sprintf("%x", wild) {
		t.Errorf("an argument was altered: %v", err)
	}

	if _, _, err = command(t, "input").GetToken(t.Context()); err != nil {
		t.Errorf("the standard input is not empty: %v", err)
	}
}

func TestACommandThatFailsSaysWhyWithoutTokens(t *testing.T) {
	_, _, err := command(t, "fail").GetToken(t.Context())
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"exit status 3", "no login: token " + secret.Redacted + " was refused"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %q; want %q in it", err, want)
		}
	}
	if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("the error shows what it should not: %q", err)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 3 {
		t.Errorf("the status is not in the chain of %v", err)
	}
	if _, _, err = command(t, "fail quietly").GetToken(t.Context()); err == nil || !strings.HasSuffix(err.Error(), "exit status 4") {
		t.Errorf("without error output: %v", err)
	}
	for name, argv := range map[string][]string{"none": nil, "empty": {""}, "missing": {"bitfount-tray-no-such-command"}, "folder": {t.TempDir()}} {
		if _, _, err := (CommandSource{Argv: argv}).GetToken(t.Context()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestACommandThatFloodsIsEnded(t *testing.T) {
	_, _, err := command(t, "flood").GetToken(t.Context())
	if !errors.Is(err, errCommandVerbose) {
		t.Errorf("the error is %v", err)
	}
}

func TestACommandThatTakesTooLongIsEnded(t *testing.T) {
	source := command(t, "hang")
	_, err := source.run(t.Context(), 100*time.Millisecond)
	if !errors.Is(err, errCommandSlow) || !strings.Contains(err.Error(), "after 100ms") {
		t.Errorf("the error is %v", err)
	}
}

func TestACommandsWholeGroupIsEnded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "processes")
	t.Setenv("BITFOUNT_TRAY_TEST_FILE", file)
	source := command(t, "hang with child")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	result := make(chan error, 1)
	go func() {
		_, _, err := source.GetToken(ctx)
		result <- err
	}()
	var processes []int
	until(t, "the command and its child to start", func() bool {
		data, err := os.ReadFile(file)
		if err != nil {
			return false
		}
		scanner := bufio.NewScanner(strings.NewReader(string(data)))
		scanner.Split(bufio.ScanWords)
		for scanner.Scan() {
			processes = append(processes, must(strconv.Atoi(scanner.Text())))
		}
		return true
	})
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	for _, pid := range processes {
		until(t, "process "+strconv.Itoa(pid)+" to end", func() bool { return !running(pid) })
	}
}

func TestWhatAnEndedCommandHasLeftIsEndedToo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "process")
	t.Setenv("BITFOUNT_TRAY_TEST_FILE", file)
	if _, _, err := command(t, "leave flooding child").GetToken(t.Context()); !errors.Is(err, errCommandVerbose) {
		t.Errorf("the error is %v", err)
	}
	pid := must(strconv.Atoi(string(must(os.ReadFile(file)))))
	until(t, "the child to end", func() bool { return !running(pid) })
}

func TestAChildInTheBackgroundDoesNotHoldUpTheToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "process")
	t.Setenv("BITFOUNT_TRAY_TEST_FILE", file)
	token, _, err := command(t, "leave child").GetToken(t.Context())
	if data, err := os.ReadFile(file); err == nil {
		if p, err := os.FindProcess(must(strconv.Atoi(string(data)))); err == nil {
			_ = p.Kill()
		}
	}
	if err != nil || token.Reveal() != "t" {
		t.Errorf("no token: %v", err)
	}
}

// until waits for what happens outside of this process.
func until(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for range 1000 {
		if happened() {
			return
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatalf("waited in vain for %s", what)
}

func TestComplaintsAreShort(t *testing.T) {
	b := &boundedBuffer{limit: 100, full: func() {}}
	for range 10 {
		n, err := b.Write([]byte(strings.Repeat("no ", 7)))
		if n != 21 || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
	}
	if b.data.Len() != 100 {
		t.Errorf("keeps %d bytes", b.data.Len())
	}
	long := &boundedBuffer{limit: 4096, full: func() {}}
	_, _ = long.Write([]byte(strings.Repeat("é ", 400)))
	if line := []rune(long.lastLine()); len(line) > 201 {
		t.Errorf("%d characters", len(line))
	}
}
