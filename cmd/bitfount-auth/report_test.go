package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/localapi"
	"github.com/bitfount/bitfount-tray/build/provider"
)

// TestNoReportHoldsASecret seeds secrets in every place that a report could get
// them from, and searches what doctor prints and what the window saves: the
// vault, the environment, the settings, the configuration, the log, the history,
// names of accounts and files, and the answers of a program that provides tokens.
func TestNoReportHoldsASecret(t *testing.T) {
	both(t, provider.Options{}, func(t *testing.T, r *room) {
		home, config := r.value("HOME"), filepath.Join(r.value("XDG_CONFIG_HOME"), "bitfount-tray")
		seeds := map[string]string{}
		// seed is a secret of a usual shape that is like no other.
		seed := func(where, shape string) string {
			raw := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "seed-%02d-%s", len(seeds), where))
			value := fmt.Sprintf(shape, raw)
			seeds[where] = value
			return value
		}
		jwt := func(where string) string { return seed(where, "eyJhbGciOiJSUzI1NiJ9.%s.c2lnbmF0dXJl") }
		opaque := func(where string) string { return seed(where, "v1.9xKq7%sZ3") }
		write := func(path, text string) {
			t.Helper()
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}

		r.login(amelia) // the vault has an access, a refresh and an ID token
		seeds["the session's access token"] = strings.TrimSpace(r.ok("token"))
		r.ok("accounts", "rename", amelia, "ward 7 "+jwt("an account's name"))
		keyID, key := opaque("an API key's ID"), opaque("an API key")
		r.feed(keyID+":am1\n"+key+":am2\n", "apikeys", "set", "--username", "ward.seven")
		folder := filepath.Join(home, "pod")
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		r.run("export", "add", filepath.Join(folder, "hub-"+opaque("a file's name")+".json"), "--format", "json")
		r.run("export", "add", filepath.Join(folder, "am.env"), "--service", "am", "--format", "env")

		source := filepath.Join(home, "token.sh")
		write(source, "#!/bin/sh\necho 'refused: Bearer "+jwt("a program's complaint")+"' >&2\necho '"+opaque("a program's answer")+"'\nexit 1\n")
		if err := os.Chmod(source, 0o700); err != nil {
			t.Fatal(err)
		}
		paths := authcore.Paths{Runtime: filepath.Join(r.value("XDG_RUNTIME_DIR"), "bitfount-tray")}
		client := localapi.NewClient(paths.Socket())
		if r.residentEnds != nil {
			if err := client.SetExternalJWT(t.Context(), authcore.ExternalJWTAccount{
				Username: "ward.eight", Source: authcore.JWTSource{Command: []string{source, "--token", opaque("a program's argument")}},
			}); err != nil {
				t.Fatal(err)
			}
			r.eventually("the program has complained", func() bool {
				s, err := client.Snapshot(t.Context())
				return err == nil && s.ActiveAccount().Problem != nil
			})
			s, err := client.Snapshot(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			report := authcore.Report(s, s.Desktop.Diagnosis, time.Now())
			if !strings.Contains(report, "bad-source") || !strings.Contains(report, "ward.eight") {
				t.Errorf("the report lacks the account:\n%s", report)
			}
			searched(t, "the window's report", report, seeds)
			r.residentEnds()
		}

		// What follows is read at a start.
		write(filepath.Join(config, "settings.toml"), fmt.Sprintf("proxy = \"http://amelia:%s@127.0.0.1:1\"\ntoken = %q\nlog_level = \"debug\"\n",
			url.QueryEscape(opaque("the proxy's password in the settings")), jwt("the settings")))
		history, err := json.Marshal([]authcore.TimelineEvent{{At: time.Now(), Kind: authcore.EventFileFailed, Detail: "refresh_token=" + opaque("the history")}})
		if err != nil {
			t.Fatal(err)
		}
		write(filepath.Join(r.value("XDG_DATA_HOME"), "bitfount-tray", "history.json"), string(history))
		write(filepath.Join(r.value("HOME"), ".local", "state", "bitfount-tray", "log", "bitfount-tray.log"), "Authorization: Bearer "+jwt("the log")+"\n")
		seeded := r.with(
			"HTTPS_PROXY=http://amelia:"+opaque("the proxy's password in the environment")+"@127.0.0.1:1",
			"BITFOUNT_API_KEY_ID="+opaque("an API key's ID in the environment"), "BITFOUNT_API_KEY="+opaque("an API key in the environment"),
			"BITFOUNT_USERNAME="+jwt("a username in the environment"), "XDG_CURRENT_DESKTOP="+jwt("the desktop's name"), "GITHUB_TOKEN="+opaque("another program's variable"),
		)
		if r.residentEnds != nil {
			seeded.startResident()
		}
		got := seeded.run("doctor")
		for _, want := range []string{"Bitfount Tray report", "ward.seven", "The last day", "signed-in", "am.env", "proxy"} {
			if !strings.Contains(got.stdout, want) {
				t.Errorf("the report lacks %q", want)
			}
		}
		searched(t, "doctor's report", got.stdout+got.stderr, seeds)

		// Files that cannot be read: a parser's message may quote them.
		write(filepath.Join(config, "settings.toml"), "proxy = "+opaque("settings that are no TOML")+"\n")
		got = seeded.run("doctor")
		searched(t, "doctor's report on broken settings", got.stdout+got.stderr, seeds)
		write(filepath.Join(config, "config.toml"), "[environment]\nclient_id = "+opaque("a configuration that is no TOML")+"\n")
		got = seeded.run("doctor")
		searched(t, "doctor's report on a broken configuration", got.stdout+got.stderr, seeds)
	})
}

// searched fails the test if a seed, half of one, or anything of a token's shape
// is in the text.
func searched(t *testing.T, what, text string, seeds map[string]string) {
	t.Helper()
	if len(text) < 100 {
		t.Errorf("%s is too short to be one: %s", what, text)
	}
	for where, seed := range seeds {
		for _, part := range []string{seed, seed[:len(seed)/2+4], seed[len(seed)/2:]} {
			if strings.Contains(text, part) {
				t.Errorf("%s holds the secret that was in %s", what, where)
				break
			}
		}
	}
	for _, shape := range []string{`eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}`, `v1\.[A-Z2-7]{40,}`} {
		if found := regexp.MustCompile(shape).FindString(text); found != "" {
			t.Errorf("%s holds what looks like a token: %.12s…", what, found)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}
