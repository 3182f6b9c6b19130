package authcore

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// certificateBy makes a certificate for this computer, issued by a CA of that
// name, and the CA's own in PEM form.
func certificateBy(t *testing.T, ca string) (*tls.Certificate, []byte) {
	t.Helper()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: ca}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	rootDER := must(x509.CreateCertificate(rand.Reader, root, root, &key.PublicKey, key))
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "127.0.0.1"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	leafDER := must(x509.CreateCertificate(rand.Reader, leaf, root, &key.PublicKey, key))
	return &tls.Certificate{Certificate: [][]byte{leafDER}, PrivateKey: key},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: rootDER})
}

// A proxy that opens TLS, as hospitals have them, shows a certificate of its own
// CA. Nothing is sent to it, the session goes on, and people read who it was;
// with that CA in the bundle, it is let through.
func TestATLSInterceptorIsNamedAndCostsNothing(t *testing.T) {
	noProxies(t)
	const path = "/oauth/token refresh_token"
	genuine, genuineCA := certificateBy(t, "Genuine CA")
	inspected, inspectedCA := certificateBy(t, "Hospital Traffic Inspection")
	var shown atomic.Pointer[tls.Certificate]
	shown.Store(genuine)
	var issuer *fakeIssuer
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := issuer.RoundTrip(r)
		if err != nil {
			t.Error(err)
			return
		}
		w.Header().Set("Content-Type", answer.Header.Get("Content-Type"))
		w.WriteHeader(answer.StatusCode)
		_, _ = io.Copy(w, answer.Body)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{*shown.Load()}}, nil
	}}
	server.StartTLS()
	defer server.Close()
	env := newFakeIssuer().environment()
	env.Issuer = server.URL + "/"
	issuer = newFakeIssuerOf(env)

	bundle := filepath.Join(t.TempDir(), "ca.pem")
	transport := func(cas ...[]byte) *http.Transport {
		t.Helper()
		if err := os.WriteFile(bundle, bytes.Join(cas, nil), 0o600); err != nil {
			t.Fatal(err)
		}
		tr := must(NewTransport(NetworkOptions{CABundle: bundle}))
		tr.DisableKeepAlives = true // every request meets the certificate
		return tr
	}
	var way atomic.Pointer[http.Transport]
	way.Store(transport(genuineCA))
	a := signedInAgent(t, issuer, roundTripFunc(func(r *http.Request) (*http.Response, error) { return way.Load().RoundTrip(r) }))
	b := &bench{t: t, issuer: issuer, agent: a}
	renew := func() {
		t.Helper()
		if err := a.Do(t.Context(), Command{Name: CommandRenew}); err != nil {
			t.Fatal(err)
		}
	}
	first := b.hubHeader()
	renew()
	b.eventually(func() bool { return b.account().State == SignedIn && b.hubHeader() != first })

	shown.Store(inspected)
	second, requests := b.hubHeader(), issuer.count(path)
	renew()
	b.eventually(func() bool { return b.account().State == Offline })
	p := b.account().Problem
	if p == nil || p.Code != ProblemCertificate || p.Params["Issuer"] != "Hospital Traffic Inspection" || p.Params["Host"] != strings.TrimPrefix(server.URL, "https://") {
		t.Fatalf("problem = %v", p)
	}
	for _, want := range []string{p.Params["Issuer"], p.Params["Host"], "CA file"} {
		if !strings.Contains(p.Error(), want) {
			t.Errorf("%q does not say %q", p.Error(), want)
		}
	}
	if b.hubHeader() != second || issuer.count(path) != requests {
		t.Errorf("the token at hand is not used, or %d refresh tokens went to the interceptor", issuer.count(path)-requests)
	}

	// The IT department's CA file.
	way.Store(transport(genuineCA, inspectedCA))
	a.Nudge("the settings changed")
	b.eventually(func() bool { return b.account().State == SignedIn && b.hubHeader() != second })
	if p := b.account().Problem; p != nil {
		t.Errorf("problem = %v", p)
	}
}
