package oauth

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

func TestNewChecksTheConfiguration(t *testing.T) {
	for issuer, good := range map[string]bool{
		"https://auth.bitfount.com/":   true,
		"https://auth.example.org":     true,
		"http://127.0.0.1:9000":        true,
		"http://localhost:9000/":       true,
		"http://auth.bitfount.com/":    false,
		"ftp://auth.bitfount.com/":     false,
		"auth.bitfount.com":            false,
		"":                             false,
		"https://":                     false,
		"https://u:p@auth.example.org": false,
		"https://auth.example.org/?a":  false,
		"https://auth.example.org/#a":  false,
	} {
		if c, err := New(Config{Issuer: issuer, ClientID: "c"}); (err == nil) != good || (c != nil) != good {
			t.Errorf("New with issuer %q: %v", issuer, err)
		}
	}
	if _, err := New(Config{Issuer: testIssuer}); err == nil {
		t.Error("New without a client ID succeeds")
	}
}

const foundBody = `{"issuer":"https://auth.example.org/","device_authorization_endpoint":"https://auth.example.org/found/device",` +
	`"token_endpoint":"https://auth.example.org/found/token","revocation_endpoint":"https://auth.example.org/found/revoke",` +
	`"jwks_uri":"https://auth.example.org/found/keys"}`

func TestDiscovery(t *testing.T) {
	const auth0, found = "/oauth/device/code", "/found/device"
	for name, test := range map[string]struct {
		answer step
		want   string
	}{
		"good":                              {step{body: foundBody}, found},
		"missing":                           {step{status: 404}, auth0},
		"busy":                              {step{status: 500}, auth0},
		"a page":                            {step{body: page}, auth0},
		"a redirect":                        {step{status: 302, header: map[string]string{"Location": "https://evil.example/"}}, auth0},
		"hanging":                           {step{hang: true}, auth0},
		"null":                              {step{body: "null"}, auth0},
		"empty":                             {step{body: "{}"}, auth0},
		"an issuer without the slash":       {step{body: strings.Replace(foundBody, `.org/","device`, `.org","device`, 1)}, auth0},
		"an issuer of another":              {step{body: strings.Replace(foundBody, "https://auth.example.org/\"", "https://evil.example/\"", 1)}, auth0},
		"one endpoint with http":            {step{body: strings.Replace(foundBody, "https://auth.example.org/found/keys", "http://auth.example.org/found/keys", 1)}, auth0},
		"one endpoint with http, loopback":  {step{body: strings.Replace(foundBody, "https://auth.example.org/found/token", "http://127.0.0.1/found/token", 1)}, auth0},
		"one endpoint of the wrong type":    {step{body: strings.Replace(foundBody, `"https://auth.example.org/found/revoke"`, "[]", 1)}, auth0},
		"no device endpoint means Auth0's":  {step{body: strings.Replace(foundBody, "device_authorization_endpoint", "x", 1)}, auth0},
		"no revocation endpoint is no harm": {step{body: strings.Replace(foundBody, "revocation_endpoint", "x", 1)}, found},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTenant(t)
				s.discovery = []step{test.answer}
				prompt(t, s.client())
				if last := s.calls[len(s.calls)-1]; last.path != test.want || !strings.HasPrefix(last.url, testIssuer) {
					t.Errorf("asked %s, want %s", last.url, test.want)
				}
			})
		})
	}
}

func TestDiscoveredEndpointsAreUsedByAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTenant(t)
		s.discovery = []step{{body: foundBody}}
		s.token = []step{{body: s.grant(nil)}}
		c := s.client()
		if _, err := c.Poll(t.Context(), prompt(t, c), nil); err != nil {
			t.Fatal(err)
		}
		if err := c.Revoke(t.Context(), oldRefresh); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/.well-known/openid-configuration", "/found/device", "/found/token", "/found/keys", "/found/revoke"} {
			if n := len(s.requests(path)); n != 1 {
				t.Errorf("%d requests of %s, want 1", n, path)
			}
		}
	})
}

func TestLoopbackIssuerMayUsePlainEndpoints(t *testing.T) {
	c, err := New(Config{Issuer: "http://127.0.0.1:9", ClientID: "c"})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.auth0Endpoints().device; got != "http://127.0.0.1:9/oauth/device/code" {
		t.Errorf("device endpoint %s", got)
	}
}

func TestDiscoveryIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTenant(t)
		s.discovery = []step{{status: 503}, {body: foundBody}, {status: 503}, {body: foundBody}}
		c := s.client()
		ask := func(want string, discoveries int) {
			t.Helper()
			prompt(t, c)
			if last := s.calls[len(s.calls)-1]; last.path != want {
				t.Errorf("asked %s, want %s", last.path, want)
			}
			if n := len(s.requests("/.well-known/openid-configuration")); n != discoveries {
				t.Errorf("%d discoveries, want %d", n, discoveries)
			}
		}
		ask("/oauth/device/code", 1)
		time.Sleep(discoveryRetry - time.Second)
		ask("/oauth/device/code", 1) // the failure is remembered for a minute
		time.Sleep(time.Second)
		ask("/found/device", 2)
		time.Sleep(discoveryLife - time.Second)
		ask("/found/device", 2)
		time.Sleep(time.Second)
		ask("/found/device", 3) // failed; the good one stays
		time.Sleep(discoveryRetry)
		ask("/found/device", 4)
		s.sleepComputer(-time.Hour)
		ask("/found/device", 5) // a clock set back does not make it eternal
	})
}

func TestEverythingHonoursACancelDuringDiscovery(t *testing.T) {
	calls := map[string]func(context.Context, *Client) error{
		"RequestDeviceCode": func(ctx context.Context, c *Client) error { _, err := c.RequestDeviceCode(ctx); return err },
		"Poll": func(ctx context.Context, c *Client) error {
			_, err := c.Poll(ctx, DeviceCode{Code: secret.New("dc-secret"), ExpiresAt: time.Now().Add(time.Hour)}, nil)
			return err
		},
		"Refresh": func(ctx context.Context, c *Client) error { _, err := c.Refresh(ctx, oldRefresh); return err },
		"Revoke":  func(ctx context.Context, c *Client) error { return c.Revoke(ctx, oldRefresh) },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTenant(t)
				s.discovery = []step{{hang: true}}
				ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
				defer cancel()
				if err := call(ctx, s.client()); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("err = %v", err)
				}
				if len(s.calls) != 1 {
					t.Errorf("%d requests", len(s.calls))
				}
			})
		})
	}
}

func TestClockOffset(t *testing.T) {
	near := func(got, want time.Duration) bool { return (got - want).Abs() <= time.Second }
	for name, test := range map[string]struct {
		skew   time.Duration
		answer step
		noDate bool
		want   time.Duration
		known  bool
	}{
		"right":                       {0, step{body: deviceBody}, false, 0, true},
		"the server is ahead":         {time.Hour, step{body: deviceBody}, false, time.Hour, true},
		"the server is behind":        {-time.Hour, step{body: deviceBody}, false, -time.Hour, true},
		"a small difference is none":  {4 * time.Second, step{body: deviceBody}, false, 0, true},
		"a slow answer counts half":   {time.Hour, step{body: deviceBody, after: 2 * time.Second}, false, time.Hour + time.Second, true},
		"a very slow one not at all":  {time.Hour, step{body: deviceBody, after: 10 * time.Second}, false, 0, false},
		"no Date":                     {time.Hour, step{body: deviceBody}, true, 0, false},
		"a Date that is none":         {time.Hour, step{body: deviceBody, header: map[string]string{"Date": "today"}}, false, 0, false},
		"a portal's Date is not ours": {time.Hour, step{body: page}, false, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTenant(t)
				s.skew, s.noDate, s.device = test.skew, test.noDate, []step{test.answer}
				c := s.client()
				if _, known := c.ClockOffset(); known {
					t.Error("known before anything was sent")
				}
				_, _ = c.RequestDeviceCode(t.Context())
				got, known := c.ClockOffset()
				if known != test.known || !near(got, test.want) || test.want == 0 && got != 0 {
					t.Errorf("ClockOffset() = %v, %v; want %v, %v", got, known, test.want, test.known)
				}
			})
		})
	}
}

func TestASleepDuringARequestIsNoMeasurement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTenant(t)
		s.device[0].do = func() { s.sleepComputer(time.Hour) }
		c := s.client()
		prompt(t, c)
		if offset, known := c.ClockOffset(); known {
			t.Errorf("ClockOffset() = %v", offset)
		}
	})
}

func TestClockOffsetFollowsTheClockButNotTheNoise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTenant(t)
		c := s.client()
		s.skew = time.Hour
		prompt(t, c)
		first, _ := c.ClockOffset()
		s.skew += 700 * time.Millisecond
		prompt(t, c)
		if again, _ := c.ClockOffset(); again != first {
			t.Errorf("%v became %v", first, again)
		}
		s.skew = 0 // the user has set the clock
		prompt(t, c)
		if now, known := c.ClockOffset(); now != 0 || !known {
			t.Errorf("ClockOffset() = %v, %v after the clock was set", now, known)
		}
	})
}

func TestAWrongClockSignsInAsARightOne(t *testing.T) {
	for _, skew := range []time.Duration{6 * time.Hour, -6 * time.Hour} {
		t.Run(skew.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTenant(t)
				s.skew = skew
				s.token = []step{pending, {body: s.grant(nil)}}
				c := s.client()
				code := prompt(t, c)
				if d := s.now().Sub(code.IssuedAt).Abs(); d > time.Second {
					t.Errorf("the code's times are %v off the server's", d)
				}
				tokens, err := c.Poll(t.Context(), code, nil)
				if err != nil {
					t.Fatal(err)
				}
				if d := tokens.ExpiresAt.Sub(s.now().Add(24 * time.Hour)).Abs(); d > time.Second {
					t.Errorf("the expiry is %v off the server's", d)
				}
			})
		})
	}
}
