package localapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

const canary = "eyJ-canary"

// resident is the part behind a server in tests: a state that the test
// publishes, and a record of what was asked.
type resident struct {
	focus Focus

	mu          sync.Mutex
	snapshot    *authcore.Snapshot
	subscribers map[chan *authcore.Snapshot]struct{}
	commands    []authcore.Command
	headers     []HeaderQuery
	tokens      []TokenQuery
	fail        error
	hold        chan struct{} // commands wait for it, if it is there
}

func newResident() *resident {
	return &resident{
		snapshot:    &authcore.Snapshot{Sequence: 1, Version: "1.2.3"},
		subscribers: map[chan *authcore.Snapshot]struct{}{},
	}
}

func (r *resident) backend() Backend {
	return Backend{
		Snapshot: func() *authcore.Snapshot {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.snapshot
		},
		Subscribe: func() (<-chan *authcore.Snapshot, func()) {
			r.mu.Lock()
			defer r.mu.Unlock()
			c := make(chan *authcore.Snapshot, 1)
			c <- r.snapshot
			r.subscribers[c] = struct{}{}
			return c, func() {
				r.mu.Lock()
				defer r.mu.Unlock()
				delete(r.subscribers, c)
			}
		},
		Do: func(ctx context.Context, c authcore.Command) error {
			r.mu.Lock()
			r.commands = append(r.commands, c)
			hold, fail := r.hold, r.fail
			r.mu.Unlock()
			if hold != nil {
				select {
				case <-hold:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return fail
		},
		Headers: func(_ context.Context, q HeaderQuery) ([]export.Header, error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.headers = append(r.headers, q)
			if r.fail != nil {
				return nil, r.fail
			}
			return []export.Header{
				{Name: "authorization", Value: secret.New("Bearer " + canary)},
				{Name: "user-agent", Value: secret.New("Bitfount Tray/1 <&>")},
			}, nil
		},
		Token: func(_ context.Context, q TokenQuery) (secret.Secret, time.Time, error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.tokens = append(r.tokens, q)
			return secret.New(canary), time.Unix(1_800_000_000, 500_000_000).UTC(), r.fail
		},
		Focus: &r.focus,
	}
}

// publish replaces the state; the latest value wins.
func (r *resident) publish(s *authcore.Snapshot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.snapshot = s
	for c := range r.subscribers {
		select {
		case <-c:
		default:
		}
		c <- s
	}
}

func (r *resident) watched() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.subscribers)
}

// serve starts a server for the test's life and returns its socket.
func serve(t testing.TB, b Backend) (path string, stop func()) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "run", "api.sock")
	ln, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, ln, b) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(stop)
	return path, stop
}

// eventually waits for something that another goroutine is about to do.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// request makes a request by hand, as curl would.
func request(t testing.TB, path string, change func(*http.Request)) (status int, body string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, "http://"+host+"/v1/snapshot", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(marker, "1")
	change(r)
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
		DisableKeepAlives: true,
	}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := answer.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control is %q", got)
	}
	return answer.StatusCode, string(text)
}

// fill sets every field that v has to something that is not zero.
func fill(v reflect.Value, number *int) {
	*number++
	switch v.Kind() {
	case reflect.String:
		v.SetString("text <&> “ü” \u2028 " + strings.Repeat("x", *number))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(-1<<62 + int64(*number))
	case reflect.Uint64:
		v.SetUint(1<<63 + uint64(*number))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), number)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 3, 3))
		for i := range v.Len() {
			fill(v.Index(i), number)
		}
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"Host": "a.example", "": "b"}))
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 11, 23, 1, 2, 3, 999_999_000+*number, time.UTC)))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), number)
		}
	default:
		panic("the snapshot has a " + v.Kind().String() + ", which this test cannot fill")
	}
}

func TestASnapshotArrivesExactlyAsItWas(t *testing.T) {
	full := new(authcore.Snapshot)
	number := 0
	fill(reflect.ValueOf(full).Elem(), &number)
	for name, want := range map[string]*authcore.Snapshot{"full": full, "zero": {}} {
		t.Run(name, func(t *testing.T) {
			r := newResident()
			r.snapshot = want
			path, _ := serve(t, r.backend())
			client := NewClient(path)
			got, err := client.Snapshot(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			for update, err := range client.Watch(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(update, Update{Snapshot: want}) {
					t.Errorf("the stream's first message is %+v", update.Snapshot)
				}
				break
			}
		})
	}
}

func TestAStreamBringsTheStateFirstAndTheLatestAfterwards(t *testing.T) {
	r := newResident()
	path, _ := serve(t, r.backend())
	var got []uint64
	for update, err := range NewClient(path).Watch(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, update.Snapshot.Sequence)
		if len(got) == 3 {
			break
		}
		r.publish(&authcore.Snapshot{Sequence: uint64(10 * len(got))})
	}
	if !slices.Equal(got, []uint64{1, 10, 20}) {
		t.Errorf("the stream brought %v", got)
	}
	eventually(t, "the subscription ends with the reader", func() bool { return r.watched() == 0 })
}

func TestFocusReachesWindowsAndNoOtherReader(t *testing.T) {
	r := newResident()
	path, _ := serve(t, r.backend())
	if n := r.focus.Request(); n != 0 {
		t.Fatalf("%d windows before any was opened", n)
	}
	client := NewClient(path)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for update, err := range client.Watch(ctx) { // the command line's reader
		if err != nil {
			t.Fatal(err)
		}
		if n := r.focus.Request(); update.Focus || n != 0 {
			t.Fatalf("a reader that is no window counts as %d, focus %v", n, update.Focus)
		}
		break
	}
	asked := false
	for update, err := range client.WatchAsWindow(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if update.Focus {
			asked = true
			break
		}
		for range 3 { // more requests than are read must not block
			if n := r.focus.Request(); n != 1 {
				t.Fatalf("%d windows", n)
			}
		}
	}
	if !asked {
		t.Error("no focus event came")
	}
	eventually(t, "the window is forgotten", func() bool { return r.focus.Request() == 0 })
}

func TestCommandsArriveWhole(t *testing.T) {
	r := newResident()
	path, _ := serve(t, r.backend())
	want := authcore.Command{
		Name: authcore.CommandAddLiveFile, Account: "a", Service: export.Hub, Format: "env", Path: "/x y/ü", Text: "t",
	}
	if err := NewClient(path).Do(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	status, body := request(t, path, func(r *http.Request) {
		r.Method = http.MethodPost
		r.URL.Path = "/v1/commands/renew"
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
	})
	if status != http.StatusNoContent || body != "" {
		t.Errorf("a command without a body: %d %s", status, body)
	}
	if !slices.Equal(r.commands, []authcore.Command{want, {Name: authcore.CommandRenew}}) {
		t.Errorf("got %+v", r.commands)
	}
}

func TestHeadersAndTokensArrive(t *testing.T) {
	r := newResident()
	path, _ := serve(t, r.backend())
	client := NewClient(path)
	q := HeaderQuery{Account: "a&b", Service: export.AccessManager, MinValid: 20 * time.Minute}
	headers, err := client.Headers(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if len(headers) != 2 || headers[0].Name != "authorization" || headers[0].Value.Reveal() != "Bearer "+canary ||
		headers[1].Value.Reveal() != "Bitfount Tray/1 <&>" {
		t.Error("the headers did not arrive as they were")
	}
	for _, f := range export.Formats {
		want, err := export.Render(f, q.Service, headers)
		if err != nil {
			t.Fatal(err)
		}
		text, err := client.HeadersText(t.Context(), q, f)
		if err != nil || !text.Equal(want) {
			t.Errorf("%s: the text differs (error %v)", f, err)
		}
	}
	for _, asked := range r.headers {
		if asked != q {
			t.Errorf("the backend was asked for %+v", asked)
		}
	}
	token, expires, err := client.Token(t.Context(), TokenQuery{Account: "a", MinValid: time.Minute})
	if err != nil || token.Reveal() != canary || !expires.Equal(time.Unix(1_800_000_000, 500_000_000)) {
		t.Errorf("the token did not arrive: expires %v, error %v", expires, err)
	}
	if len(r.tokens) != 1 || r.tokens[0] != (TokenQuery{"a", time.Minute}) {
		t.Errorf("the backend was asked for %+v", r.tokens)
	}
}

func TestAProblemArrivesAsAProblem(t *testing.T) {
	r := newResident()
	path, _ := serve(t, r.backend())
	client := NewClient(path)
	want := &authcore.Problem{
		Code: authcore.ProblemUnreachable, Params: map[string]string{"Host": "auth.example.org"},
		Cause: "no route", Since: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
	}
	calls := map[string]func() error{
		"command": func() error {
			return client.Do(t.Context(), authcore.Command{Name: authcore.CommandRenew})
		},
		"headers": func() error {
			_, err := client.Headers(t.Context(), HeaderQuery{Service: export.Hub})
			return err
		},
		"text": func() error {
			_, err := client.HeadersText(t.Context(), HeaderQuery{Service: export.Hub}, export.FormatEnv)
			return err
		},
		"token": func() error {
			_, _, err := client.Token(t.Context(), TokenQuery{})
			return err
		},
	}
	for name, call := range calls {
		r.fail = want
		var got *authcore.Problem
		if err := call(); !errors.As(err, &got) || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %#v", name, err)
		}
		r.fail = errors.New("a technical reason")
		got = nil
		if err := call(); !errors.As(err, &got) || got.Code != authcore.ProblemInternal || got.Cause != "a technical reason" {
			t.Errorf("%s: got %#v", name, err)
		}
	}
}

func TestWhatABrowserCouldSendIsRefused(t *testing.T) {
	path, _ := serve(t, newResident().backend())
	for name, change := range map[string]func(*http.Request){
		"another host":   func(r *http.Request) { r.Host = "evil.example" },
		"localhost":      func(r *http.Request) { r.Host = "localhost" },
		"no marker":      func(r *http.Request) { r.Header.Del(marker) },
		"an origin":      func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"fetch metadata": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-origin") },
		"preflight": func(r *http.Request) {
			r.Method = http.MethodOptions
			r.Header.Del(marker)
			r.Header.Set("Access-Control-Request-Headers", marker)
		},
	} {
		if status, body := request(t, path, change); status != http.StatusForbidden || !strings.Contains(body, `"bad-request"`) {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if status, body := request(t, path, func(*http.Request) {}); status != http.StatusOK {
		t.Errorf("a proper request: %d %s", status, body)
	}
}

func TestBadRequestsSayWhatIsWrong(t *testing.T) {
	r := newResident()
	path, _ := serve(t, r.backend())
	post := func(name, kind, body string) func(*http.Request) {
		return func(r *http.Request) {
			r.Method = http.MethodPost
			r.URL.Path = "/v1/commands/" + name
			r.Header.Set("Content-Type", kind)
			r.Body = io.NopCloser(strings.NewReader(body))
			r.ContentLength = int64(len(body))
		}
	}
	get := func(target string) func(*http.Request) {
		return func(r *http.Request) {
			r.URL.Path, r.URL.RawQuery, _ = strings.Cut(target, "?")
		}
	}
	tests := []struct {
		name   string
		change func(*http.Request)
		status int
		want   string
	}{
		{"a form", post("renew", "application/x-www-form-urlencoded", "{}"), 400, "Content-Type"},
		{"text", post("renew", "text/plain", "{}"), 400, "Content-Type"},
		{"no JSON", post("renew", jsonType, "{"), 400, "JSON"},
		{"two objects", post("renew", jsonType, "{}{}"), 400, "follows"},
		{"an unknown field", post("renew", jsonType, `{"acount":"a"}`), 400, "acount"},
		{"a wrong type", post("renew", jsonType, `{"account":1}`), 400, "account"},
		{"another name", post("renew", jsonType, `{"name":"sign-out"}`), 400, "sign-out"},
		{"a long body", post("renew", jsonType, strings.Repeat(" ", maxCommand+1)), 400, "65536"},
		{"GET of a command", get("/v1/commands/renew"), 404, "/v1/commands/renew"},
		{"an unknown service", get("/v1/headers/hubb"), 400, "choose hub, am or message-service"},
		{"an unknown format", get("/v1/headers/hub?format=xml"), 400, "curl-config"},
		{"a time without a unit", get("/v1/headers/hub?min_valid=20"), 400, "20m"},
		{"a time before now", get("/v1/token?min_valid=-1s"), 400, "20m"},
		{"a time without end", get("/v1/token?min_valid=100000h"), 400, "720h"},
		{"an unknown path", get("/v1/secrets"), 404, "/v1/secrets"},
		{"no path", get("/"), 404, "GET /"},
		{"a newer client", get("/v2/snapshot"), 404, "Quit Bitfount Tray and start it again"},
		{"an older client", get("/v0/snapshot"), 404, "Install the same version of both"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, body := request(t, path, test.change)
			if status != test.status || !strings.Contains(body, test.want) {
				t.Errorf("got %d %s", status, body)
			}
			var decoded errorAnswer
			if err := json.Unmarshal([]byte(body), &decoded); err != nil || decoded.Problem == nil {
				t.Errorf("the answer is not a problem: %s", body)
			}
		})
	}
	if len(r.commands)+len(r.headers)+len(r.tokens) != 0 {
		t.Errorf("a bad request reached the backend: %+v %+v %+v", r.commands, r.headers, r.tokens)
	}
}

func TestAnotherVersionSaysWhichSideIsOld(t *testing.T) {
	path, _ := serve(t, newResident().backend())
	_, body := request(t, path, func(r *http.Request) { r.URL.Path = "/v2/anything" })
	var got errorAnswer
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if got.Problem.Code != authcore.ProblemResidentOutdated || !strings.Contains(got.Words.What, "(version 1.2.3)") {
		t.Errorf("got %s", body)
	}
}

func TestASlowReaderHoldsUpNobody(t *testing.T) {
	r := newResident()
	path, stop := serve(t, r.backend())
	slow, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	_, err = io.WriteString(slow, "GET /v1/snapshot HTTP/1.1\r\nHost: "+host+"\r\n"+marker+": 1\r\nAccept: "+eventStream+"\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(slow).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	// Far more than the socket's buffers hold: the server's write blocks now.
	large := strings.Repeat("x", 1<<20)
	for i := range uint64(50) {
		r.publish(&authcore.Snapshot{Sequence: 100 + i, Version: large})
	}
	for update, err := range NewClient(path).Watch(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if update.Snapshot.Sequence == 149 {
			break
		}
	}
	began := time.Now()
	stop()
	if took := time.Since(began); took > transferLimit/2 {
		t.Errorf("ending took %v with a reader that does not read", took)
	}
}

func TestAStreamEndsAtOnce(t *testing.T) {
	t.Run("with the reader's context", func(t *testing.T) {
		r := newResident()
		path, _ := serve(t, r.backend())
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var last error
		for _, err := range NewClient(path).Watch(ctx) {
			last = err
			cancel()
		}
		if !errors.Is(last, context.Canceled) {
			t.Errorf("it ended with %v", last)
		}
		eventually(t, "the subscription ends", func() bool { return r.watched() == 0 })
	})
	t.Run("with the resident", func(t *testing.T) {
		r := newResident()
		path, stop := serve(t, r.backend())
		client := NewClient(path)
		var last error
		for _, err := range client.Watch(t.Context()) {
			last = err
			if err == nil {
				go stop()
			}
		}
		if !errors.Is(last, io.EOF) {
			t.Errorf("it ended with %v", last)
		}
		stop()
		for _, err := range client.Watch(t.Context()) {
			if !errors.Is(err, ErrNotRunning) {
				t.Errorf("afterwards: %v", err)
			}
		}
	})
	t.Run("with the subscription", func(t *testing.T) {
		b := newResident().backend()
		b.Subscribe = func() (<-chan *authcore.Snapshot, func()) {
			c := make(chan *authcore.Snapshot)
			close(c)
			return c, func() {}
		}
		path, _ := serve(t, b)
		for _, err := range NewClient(path).Watch(t.Context()) {
			if !errors.Is(err, io.EOF) {
				t.Errorf("it ended with %v", err)
			}
		}
	})
}

func TestACommandEndsWithItsCallerAndWithTheServer(t *testing.T) {
	r := newResident()
	r.hold = make(chan struct{})
	path, stop := serve(t, r.backend())
	client := NewClient(path)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- client.Do(ctx, authcore.Command{Name: authcore.CommandRenew}) }()
	started := func(n int) func() bool {
		return func() bool {
			r.mu.Lock()
			defer r.mu.Unlock()
			return len(r.commands) == n
		}
	}
	eventually(t, "the command arrives", started(1))
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller got %v", err)
	}
	go func() { done <- client.Do(t.Context(), authcore.Command{Name: authcore.CommandRenew}) }()
	eventually(t, "the second command arrives", started(2))
	stop()
	var p *authcore.Problem
	if err := <-done; !errors.As(err, &p) || !strings.Contains(p.Cause, "canceled") {
		t.Errorf("the caller of a server that ends got %v", err)
	}
}

func TestNothingSecretIsLoggedOrShown(t *testing.T) {
	var logged bytes.Buffer
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer slog.SetDefault(old)
	r := newResident()
	path, stop := serve(t, r.backend())
	client := NewClient(path)
	if _, err := client.Headers(t.Context(), HeaderQuery{Service: export.Hub}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := client.Token(t.Context(), TokenQuery{}); err != nil {
		t.Fatal(err)
	}
	stop()
	if strings.Contains(logged.String(), canary) {
		t.Errorf("the log holds a secret: %s", logged.String())
	}
}

// TestAClientReadsOnlyWhatMakesSense runs the client against servers that are
// not ours.
func TestAClientReadsOnlyWhatMakesSense(t *testing.T) {
	foreign := func(t *testing.T, h http.HandlerFunc) *Client {
		path := filepath.Join(t.TempDir(), "run", "api.sock")
		ln, err := Listen(path)
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{Handler: h, ReadHeaderTimeout: time.Second}
		go func() { _ = s.Serve(ln) }()
		t.Cleanup(func() { _ = s.Close() })
		return NewClient(path)
	}
	t.Run("no JSON", func(t *testing.T) {
		c := foreign(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, canary) })
		if _, err := c.Snapshot(t.Context()); err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("Snapshot: %v", err)
		}
		for _, err := range c.Watch(t.Context()) {
			if !errors.Is(err, io.EOF) {
				t.Errorf("Watch: %v", err)
			}
		}
	})
	t.Run("an error without a problem", func(t *testing.T) {
		c := foreign(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusTeapot) })
		if _, _, err := c.Token(t.Context(), TokenQuery{}); err == nil || !strings.Contains(err.Error(), "418") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a redirect", func(t *testing.T) {
		c := foreign(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://evil.example/", http.StatusFound)
		})
		if _, err := c.Snapshot(t.Context()); err == nil || !strings.Contains(err.Error(), "302") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("an endless answer", func(t *testing.T) {
		c := foreign(t, func(w http.ResponseWriter, _ *http.Request) {
			for block := make([]byte, 1<<16); ; {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		})
		if _, err := c.Snapshot(t.Context()); err == nil || !strings.Contains(err.Error(), "too long") {
			t.Errorf("Snapshot: %v", err)
		}
		for _, err := range c.Watch(t.Context()) {
			if !errors.Is(err, bufio.ErrTooLong) {
				t.Errorf("Watch: %v", err)
			}
		}
	})
	t.Run("a broken state and an unknown event", func(t *testing.T) {
		c := foreign(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "event: tomorrow\ndata: {}\n\nevent: snapshot\ndata: {\n\n")
		})
		n := 0
		for _, err := range c.Watch(t.Context()) {
			if n++; err == nil || !strings.Contains(err.Error(), "cannot be read") {
				t.Errorf("got %v", err)
			}
		}
		if n != 1 {
			t.Errorf("%d messages", n)
		}
	})
}

func FuzzCommand(f *testing.F) {
	for _, seed := range []string{"", "{}", `{"name":"renew"}`, `{"name":"renew","account":"x","path":"/a"}`, `{}{}`, `null`, `[1]`, `{"name":"renew","x":1}`} {
		f.Add("renew", []byte(seed))
	}
	f.Fuzz(func(t *testing.T, name string, body []byte) {
		c, err := parseCommand(name, body)
		if err != nil {
			var p *authcore.Problem
			if !errors.As(err, &p) || p.Code != authcore.ProblemBadRequest {
				t.Fatalf("the error is %#v", err)
			}
			if c != (authcore.Command{}) {
				t.Fatalf("an error with a command: %+v", c)
			}
			return
		}
		if string(c.Name) != name {
			t.Fatalf("sent to %q, understood as %q", name, c.Name)
		}
	})
}

func BenchmarkHeaders(b *testing.B) {
	path, _ := serve(b, newResident().backend())
	client := NewClient(path)
	for b.Loop() {
		if _, err := client.Headers(b.Context(), HeaderQuery{Service: export.Hub}); err != nil {
			b.Fatal(err)
		}
	}
}
