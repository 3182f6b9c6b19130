package update

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/bitfount/bitfount-tray/authcore"
)

var now = time.Date(2027, time.January, 31, 12, 0, 0, 0, time.UTC)

func newKey(t testing.TB, name string) (note.Signer, string) {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer, public
}

// release is one that was published a day ago.
func release(change ...func(*Release)) Release {
	r := Release{
		Version: "1.2.0", Page: "https://github.com/bitfount/bitfount-tray/releases/tag/v1.2.0",
		Published: now.Add(-24 * time.Hour), Expires: now.Add(89 * 24 * time.Hour),
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

func signed(t testing.TB, signer note.Signer, text string) []byte {
	t.Helper()
	data, err := note.Sign(&note.Note{Text: text + "\n"}, signer)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

const plain = `{"application":"bitfount-tray","version":"1.2.0","page":"https://example.org/","published":"2027-01-30T12:00:00Z","expires":"2027-04-30T12:00:00Z"}`

func TestANoteIsBelievedOnlyAsItWasSigned(t *testing.T) {
	signer, public := newKey(t, "bitfount-tray")
	stranger, _ := newKey(t, "bitfount-tray")
	old, oldPublic := newKey(t, "bitfount-tray-2026")
	good, err := Sign(release(), signer)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Verify(good, "# of 2026\n"+oldPublic+"\n\n# of 2027\n"+public+"\n", now)
	if err != nil || r != release() {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := Verify(signed(t, old, plain), oldPublic+"\n"+public, now); err != nil {
		t.Errorf("with the older of two keys: %v", err)
	}
	with := func(from, to string) []byte { return signed(t, signer, strings.Replace(plain, from, to, 1)) }
	for name, c := range map[string]struct {
		data []byte
		keys string
		says string
	}{
		"signed by a stranger":    {signed(t, stranger, plain), public, "not signed"},
		"changed":                 {bytes.Replace(good, []byte("1.2.0"), []byte("1.9.0"), 1), public, "not signed"},
		"without a signature":     {[]byte(plain + "\n"), public, "not signed"},
		"empty":                   {nil, public, "not signed"},
		"no key of ours":          {good, "# none\n", "not signed"},
		"a key that is none":      {good, "nonsense", "a key"},
		"about something else":    {with("bitfount-tray", "bitfount-pod"), public, "bitfount-pod"},
		"no JSON":                 {signed(t, signer, "version 1.2.0"), public, "cannot be read"},
		"no version":              {with("1.2.0", "newest"), public, "version"},
		"a page over http":        {with("https:", "http:"), public, "https"},
		"a page that is a script": {with("https://example.org/", "javascript:alert(1)"), public, "https"},
		"a page with a password":  {with("example.org", "a:b@example.org"), public, "https"},
		"expired":                 {with("2027-04-30", "2027-01-31"), public, "expired"},
		"from the future":         {with("2027-01-30", "2027-02-02"), public, "future"},
		"expires too early":       {with("2027-04-30", "2027-01-29"), public, "before it was published"},
	} {
		if r, err := Verify(c.data, c.keys, now); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	if _, err := Sign(release(func(r *Release) { r.Page = "http://example.org" }), signer); err == nil {
		t.Error("a note is signed that nobody would believe")
	}
}

func FuzzVerify(f *testing.F) {
	signer, public := newKey(f, "bitfount-tray")
	good := signed(f, signer, plain)
	f.Add(good)
	f.Add([]byte(plain))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := Verify(data, public, now); err == nil && !bytes.Contains(data, []byte(plain)) {
			t.Errorf("believed: %q", data)
		}
	})
}

func TestNewer(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"1.2.1", "1.2.0", true}, {"1.10.0", "1.9.9", true}, {"1.2.0", "1.2.0", false}, {"1.1.9", "1.2.0", false},
		{"2.0.0-rc.1", "1.2.0", false}, {"2.0.0-rc.2", "2.0.0-rc.1", true}, {"2.0.0", "2.0.0-rc.1", true},
		{"1.2.0", "dev", false}, {"1.2.0", "", false}, {"", "1.2.0", false}, {"0.1.0", "0.0.0-dev", true},
	} {
		if got := Newer(c.a, c.b); got != c.want {
			t.Errorf("is %q newer than %q: %t", c.a, c.b, got)
		}
	}
}

// site is a server with a certificate of its own authority, as a hospital's
// proxy that inspects traffic has, and the way to it.
func site(t *testing.T, h http.HandlerFunc) (url string, transport *http.Transport) {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(bundle, data, 0o600); err != nil {
		t.Fatal(err)
	}
	transport, err := authcore.NewTransport(authcore.NetworkOptions{CABundle: bundle})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return server.URL, transport
}

func TestTheNoteIsFetchedOverAConnectionThatIsTrusted(t *testing.T) {
	signer, public := newKey(t, "bitfount-tray")
	good, err := Sign(release(), signer)
	if err != nil {
		t.Fatal(err)
	}
	insecure := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(good) }))
	t.Cleanup(insecure.Close)
	var asked []*http.Request
	url, transport := site(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r)
		switch r.URL.Path {
		case "/good":
			_, _ = w.Write(good)
		case "/moved":
			http.Redirect(w, r, "/good", http.StatusFound)
		case "/down":
			http.Redirect(w, r, insecure.URL, http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		case "/large":
			_, _ = w.Write(append(good, bytes.Repeat([]byte("x"), largest)...))
		case "/portal":
			_, _ = io.WriteString(w, "<html>Welcome to our Wi-Fi</html>")
		default:
			http.NotFound(w, r)
		}
	})
	for _, path := range []string{"/good", "/moved"} {
		s := Source{URL: url + path, Keys: public, Transport: transport, UserAgent: "Bitfount Tray 1.0.0"}
		if r, err := s.Fetch(t.Context(), now); err != nil || r.Version != "1.2.0" {
			t.Errorf("%s: %+v, %v", path, r, err)
		}
	}
	// Nothing is sent that tells one user from another.
	for _, r := range asked {
		if r.Method != http.MethodGet || r.URL.RawQuery != "" || r.Header.Get("User-Agent") != "Bitfount Tray 1.0.0" || r.Header.Get("Cookie") != "" {
			t.Errorf("sent: %s %s %v", r.Method, r.URL, r.Header)
		}
	}
	for name, c := range map[string]struct {
		url  string
		says string
	}{
		"http":               {insecure.URL, "not https"},
		"a redirect to http": {url + "/down", "not https"},
		"redirects for ever": {url + "/round", "from one address to the next"},
		"too large":          {url + "/large", "more than"},
		"a guest network":    {url + "/portal", "not signed"},
		"not there":          {url + "/none", "404"},
	} {
		s := Source{URL: c.url, Keys: public, Transport: transport, UserAgent: "x"}
		if r, err := s.Fetch(t.Context(), now); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	// A certificate of nobody's.
	system, err := authcore.NewTransport(authcore.NetworkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (Source{URL: url + "/good", Keys: public, Transport: system}).Fetch(t.Context(), now); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an unknown authority: %v", err)
	}
	// The proxy of the settings is the only way.
	proxied, err := authcore.NewTransport(authcore.NetworkOptions{Proxy: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (Source{URL: "https://example.org/", Keys: public, Transport: proxied}).Fetch(t.Context(), now); err == nil || !strings.Contains(err.Error(), "proxyconnect") {
		t.Errorf("past the proxy: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (Source{URL: url + "/good", Keys: public, Transport: transport}).Fetch(ended, now); !errors.Is(err, context.Canceled) {
		t.Errorf("after its end: %v", err)
	}
}

func TestWithoutKeysNobodyIsAsked(t *testing.T) {
	_, public := newKey(t, "bitfount-tray")
	for keys, want := range map[string]bool{"": false, "# none yet\n": false, "nonsense": false, public: true, "# one\n" + public + "\n": true} {
		if got := HasKeys(keys); got != want {
			t.Errorf("%q: %t", keys, got)
		}
	}
	if _, err := verifiers(Keys()); err != nil {
		t.Errorf("keys.txt: %v", err)
	}
}
