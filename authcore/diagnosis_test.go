package authcore

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

func TestAServerIsJudgedByWhatComesBack(t *testing.T) {
	trusted, bundle := tlsServer(t)
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	answering := func(h http.HandlerFunc) string {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		return server.URL
	}
	portal := answering(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<html>Welcome to our Wi-Fi</html>")
	})
	busy := answering(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	moved := answering(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "https://nowhere.invalid/", 302) })
	login := answering(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(511) })
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	through := newConnectProxy(t, strings.TrimPrefix(trusted.URL, "https://"), "")
	stern := newConnectProxy(t, strings.TrimPrefix(trusted.URL, "https://"), "amelia:hunter2hunter2")
	host := func(raw string) string { u, _ := url.Parse(raw); return u.Host }

	for name, c := range map[string]struct {
		network NetworkOptions
		at      string
		issuer  bool
		want    ProblemCode // "" is in order
		says    []string
	}{
		"in order":                {NetworkOptions{CABundle: bundle}, trusted.URL, false, "", []string{host(trusted.URL), "Acme Co"}},
		"a redirect is an answer": {NetworkOptions{}, moved, false, "", []string{host(moved), "It answers."}},
		"unknown authority":       {NetworkOptions{}, untrusted.URL, false, ProblemCertificate, []string{host(untrusted.URL), "Acme Co", "CA file"}},
		"refused":                 {NetworkOptions{}, "http://" + closed.Addr().String(), false, ProblemUnreachable, []string{"Check the network"}},
		"unknown name":            {NetworkOptions{}, "https://host.invalid", false, ProblemUnreachable, []string{"host.invalid"}},
		"busy":                    {NetworkOptions{}, busy, false, ProblemServerBusy, []string{"wait"}},
		"guest network, issuer":   {NetworkOptions{}, portal, true, ProblemCaptivePortal, []string{"guest network"}},
		"guest network, by 511":   {NetworkOptions{}, login, false, ProblemCaptivePortal, nil},
		"issuer that redirects":   {NetworkOptions{}, moved, true, ProblemCaptivePortal, nil},
		"no encryption":           {NetworkOptions{}, "https://" + host(busy), false, ProblemCaptivePortal, nil},
		"through a proxy":         {NetworkOptions{Proxy: through.URL, CABundle: bundle}, "https://example.com", false, "", []string{"example.com"}},
		"proxy refuses":           {NetworkOptions{Proxy: stern.URL, CABundle: bundle}, "https://example.com", false, ProblemProxy, []string{host(stern.URL), "example.com", "IT department"}},
		"proxy is gone":           {NetworkOptions{Proxy: "http://" + closed.Addr().String()}, "https://example.com", false, ProblemProxy, nil},
	} {
		t.Run(name, func(t *testing.T) {
			transport, err := NewTransport(c.network)
			if err != nil {
				t.Fatal(err)
			}
			got := newProbe(transport).one(t.Context(), c.at, c.issuer).check
			w := got.Words()
			switch {
			case c.want == "" && !got.OK():
				t.Fatalf("%v", got.Problem)
			case c.want != "" && (got.OK() || got.Problem.Code != c.want):
				t.Fatalf("got %+v, want %s", got, c.want)
			case got.OK() == (w.Next != ""):
				t.Errorf("in order: %v, next step %q", got.OK(), w.Next)
			}
			text := w.Title + " " + w.Found + " " + w.Next
			for _, want := range append(c.says, got.Params["Host"]) {
				if !strings.Contains(text, want) {
					t.Errorf("%q lacks %q", text, want)
				}
			}
			if strings.Contains(text, "{{") || strings.Contains(text+got.cause(), "hunter2") {
				t.Errorf("%q, %q", text, got.cause())
			}
		})
	}
}

func (c Check) cause() string {
	if c.Problem == nil {
		return ""
	}
	return c.Problem.Cause
}

func TestClocksAreSaidToBeApartAsPeopleSayIt(t *testing.T) {
	for d, want := range map[time.Duration]string{
		5 * time.Minute: "5 min", -90 * time.Minute: "1 h 30 min", 3*time.Hour - time.Second: "3 h", 26 * time.Hour: "26 h",
	} {
		if got := span(d); got != want {
			t.Errorf("%v: %q", d, got)
		}
	}
}

func TestEveryCheckAndFindingHasWords(t *testing.T) {
	for _, name := range CheckNames {
		if CheckTitle(name) == "" {
			t.Errorf("%s has no title", name)
		}
	}
	for f := range findings {
		if text := FindingText(f); !strings.HasSuffix(text, ".") {
			t.Errorf("%s: %q is no sentence", f, text)
		}
	}
}

// Texts as they arrive inside errors and outputs of others.
const (
	seedJWT     = "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiJhdXRoMHwxMjMifQ.c2lnbmF0dXJlLXNpZ25hdHVyZQ"
	seedOpaque  = "v1.Mr0aB7xK9-qWeRtY2uIoP4sDfGhJkLzXcVbNm"
	seedKey     = "3fA9kQ:Zx81mmQpLw02"
	seedShort   = "s3cr3t"
	seedPass    = "hunter2"
	seedUserKey = "WDJB-MJHT"
)

func TestRedactTakesCredentialsOutOfTexts(t *testing.T) {
	for text, gone := range map[string]string{
		"unexpected answer: " + seedJWT + " at 5":                    seedJWT[10:],
		"cut off " + seedJWT[:30]:                                    seedJWT[3:30],
		"Authorization: Bearer " + seedShort:                         seedShort,
		`{"authorization":"bearer ` + seedShort + `"}`:               seedShort,
		"x-api-key: " + seedKey:                                      seedKey,
		"X-API-Key-ID=" + seedShort:                                  seedShort,
		"BITFOUNT_API_KEY=" + seedKey:                                seedKey,
		`{\"refresh_token\":\"` + seedShort + `\"}`:                  seedShort,
		"grant_type=refresh_token&refresh_token=" + seedShort + "&a": seedShort,
		"password: " + seedPass:                                      seedPass,
		"proxy http://amelia:" + seedPass + "@proxy.test:8080 fails": seedPass,
		"proxy http://amelia:a@b:" + seedPass + "@proxy.test":        seedPass,
		"the opaque one is " + seedOpaque:                            seedOpaque[6:30],
		"key " + "q7Zk+/3mP0aXv9LhR2tQ8sWcY5uJ1nB4eG6dF0iO/Ks=":      "R2tQ8sWcY5uJ1nB4",
		"device_code=" + seedShort:                                   seedShort,
	} {
		got := Redact(text)
		if strings.Contains(got, gone) || !strings.Contains(got, secret.Redacted) {
			t.Errorf("%q became %q", text, got)
		}
		if again := Redact(got); again != got {
			t.Errorf("a second time: %q became %q", got, again)
		}
	}
	for _, plain := range []string{
		"the vault is at /home/amelia.stone/.local/share/bitfount-tray/vault.age",
		"dial tcp 10.0.0.1:443: connect: connection refused",
		"https://auth.staging.bitfount.com/.well-known/openid-configuration",
		"renewed account=1f0c9a7be2d34456 until=2026-11-23T22:51:02.123456789+01:00",
		"the token has expired", "the keyring org.freedesktop.secrets was not provided by any .service files",
		"ProblemRenewalInterruptedAndALongName", "no bearer of news",
	} {
		if got := Redact(plain); got != plain {
			t.Errorf("%q became %q", plain, got)
		}
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("before ", " after")
	f.Fuzz(func(t *testing.T, before, after string) {
		// Whatever stands around it: a JWT is a word of its own.
		if got := Redact(before + " " + seedJWT + " " + after); strings.Contains(got, seedJWT) {
			t.Errorf("%q", got)
		}
	})
}

// TestTheReportHoldsNoSecret puts secrets where texts of others can end up, and
// where a mistake of ours could put them.
func TestTheReportHoldsNoSecret(t *testing.T) {
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	leak := func(code ProblemCode) *Problem {
		return &Problem{Code: code, Since: now, Cause: "Authorization: Bearer " + seedShort + "; body " + seedJWT + " and " + seedOpaque,
			Params: map[string]string{"Host": "http://u:" + seedPass + "@h.test", "Issuer": seedJWT, "Path": "x-api-key: " + seedKey}}
	}
	s := &Snapshot{
		Version: "1.2.3", Active: "a", Taken: now,
		Accounts: []Account{{
			ID: "a", Label: "Ward 3", Username: "dr.amelia", Method: MethodDeviceCode, Environment: "production", State: NeedsSignIn,
			HubURL: "https://hub.test", AccessManagerURL: "https://am.test", SessionExpiresAt: now.Add(time.Hour),
			Prompt:  &DevicePrompt{UserCode: seedUserKey, VerificationURIComplete: "https://issuer.test/activate?user_code=" + seedUserKey},
			Problem: leak(ProblemBadSource),
		}},
		Storage: Storage{Problem: leak(ProblemVaultUnreadable)},
		Clock:   Clock{Offset: time.Hour, Problem: leak(ProblemClockWrong)},
		Desktop: Desktop{Tray: leak(ProblemNoTrayHost), Window: leak(ProblemInternal), Browser: leak(ProblemNoBrowser),
			Policy: leak(ProblemPolicy), Settings: leak(ProblemSettingsFile), Clipboard: Clipboard{Problem: leak(ProblemClipboard)}},
		LiveFiles: []LiveFile{{Path: "/home/amelia/headers.json", Service: export.Hub, Format: "json", Problem: leak(ProblemExport)}},
		Settings:  Settings{Proxy: "http://amelia:" + seedPass + "@proxy.test:8080", Locked: []string{"proxy"}},
		Events:    []TimelineEvent{{At: now, Kind: EventFileFailed, Detail: "refresh_token=" + seedShort}},
	}
	d := &Diagnosis{StartedAt: now, Checks: []Check{
		{Name: CheckHost, Finding: FindingAnswers, Params: map[string]string{"Host": "auth.test", "Issuer": "CN=" + seedJWT}},
		{Name: CheckSession, Problem: leak(ProblemSessionEnded)},
	}}
	report := Report(s, d, now)
	for _, seed := range []string{seedJWT, seedJWT[40:60], seedOpaque, seedOpaque[6:30], seedKey, seedShort, seedPass, seedUserKey} {
		if strings.Contains(report, seed) {
			t.Errorf("the report holds %q", seed)
		}
	}
	for _, want := range []string{"1.2.3", "dr.amelia", "Ward 3", "needs-sign-in", "1h0m0s", "/home/amelia/headers.json", "proxy.test:8080",
		"(fixed by a policy)", "bad-source", "file-failed", "auth.test", "FAILED", "still running"} {
		if !strings.Contains(report, want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	if t.Failed() {
		t.Log(report)
	}
}

func TestAnUnusableNetworkSettingIsFound(t *testing.T) {
	b := newRealBench(t)
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(bundle, []byte("not a certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := Diagnose(t.Context(), b, NetworkOptions{CABundle: bundle}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c := d.Checks[0]; c.OK() || c.Problem.Code != ProblemNetworkSettings || !strings.Contains(c.Problem.Cause, bundle) {
		t.Errorf("%+v", c)
	}
}

// newRealBench runs an agent outside any bubble, whose servers refuse.
func newRealBench(t *testing.T) *Agent {
	t.Helper()
	e := Environment{Name: "test", Issuer: "http://127.0.0.1:1/", ClientID: fakeClient, HubURL: "http://127.0.0.1:1", AccessManagerURL: "http://127.0.0.1:1"}
	a, err := NewAgent(AgentOptions{Environment: e})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- a.Run(t.Context()) }()
	t.Cleanup(func() { <-ended })
	return a
}
