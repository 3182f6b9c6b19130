package e2e

import (
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/bitfount/bitfount-tray/build/desktop"
	"github.com/bitfount/bitfount-tray/build/trial"
	"github.com/bitfount/bitfount-tray/tray/update"
)

// A release as its users have it asks a server over TLS, by the certificate
// authority of the settings, and leads to the page. Nothing else happens.
func TestANewerVersionIsALineThatLeadsToItsPage(t *testing.T) {
	s := newScene(t, desktop.Options{})
	private, public, err := note.GenerateKey(rand.Reader, "bitfount-tray")
	s.ok(err)
	signer, err := note.NewSigner(private)
	s.ok(err)
	const page = "https://example.org/bitfount-tray/1.2.0"
	now := time.Now().UTC()
	signed, err := update.Sign(update.Release{Version: "1.2.0", Page: page, Published: now, Expires: now.Add(time.Hour)}, signer)
	s.ok(err)
	var asked atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Header.Get("User-Agent") != "Bitfount Tray 1.0.0" || r.URL.RawQuery != "" {
			t.Errorf("asked with %v", r.Header)
		}
		_, _ = w.Write(signed)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	bundle := filepath.Join(s.d.ConfigHome(), "authority.pem")
	s.ok(os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	settings := fmt.Sprintf("ca_bundle = %q\nshow_window = false\n", bundle)
	s.ok(os.WriteFile(filepath.Join(s.d.ConfigHome(), "bitfount-tray", "settings.toml"), []byte(settings), 0o600))

	s.programs, err = trial.Build(s.ctx, t.TempDir(), "-race",
		fmt.Sprintf("-ldflags=-X main.version=1.0.0 -X main.updateURL=%s -X main.updateKeys=%s", server.URL, public))
	s.ok(err)
	s.start("--hidden")
	s.shown()
	const line = "Version 1.2.0 is available…"
	s.until("the line", func() error { _, err := s.resident.Tray.Item(s.ctx, line); return err })
	s.ok(s.d.OpenTrayMenu(s.ctx))
	s.picture("1-menu")
	s.ok(s.d.CloseTrayMenu(s.ctx))
	s.click(line)
	if got := s.opened(1); got != page {
		t.Errorf("the browser opened %q", got)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	files, err := filepath.Glob(filepath.Join(s.d.Dir(), "home", ".*", "*", "*1.2.0*"))
	s.ok(err)
	if len(files) > 0 || strings.Contains(s.resident.Log(), "install") {
		t.Errorf("more happened than that: %v\n%s", files, s.resident.Log())
	}
}
