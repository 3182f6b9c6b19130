package authcore

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/oauth"
	"github.com/bitfount/bitfount-tray/authcore/vault"
)

// Diagnosis is one run of Diagnose: what "Fix it" shows. It is immutable, as
// the snapshot that holds it, and holds no secret.
type Diagnosis struct {
	StartedAt time.Time `json:"started_at"`
	// FinishedAt is zero while it runs.
	FinishedAt time.Time `json:"finished_at,omitzero"`
	// Account is the ID of the account that was looked at.
	Account string `json:"account"`
	// Checks that are done, in the order of CheckNames.
	Checks []Check `json:"checks"`
	// OfferSignIn says that nothing else can help: the user is to be offered
	// to sign in.
	OfferSignIn bool `json:"offer_sign_in"`
}

// Running reports whether it is not finished.
func (d *Diagnosis) Running() bool { return d != nil && d.FinishedAt.IsZero() }

// CheckName names one thing that is looked at.
type CheckName string

// The checks. CheckHost is done once for each server. CheckKeyring is left out
// for an agent without a vault, and CheckStorage where the keyring says it all.
const (
	CheckProxy   CheckName = "proxy"
	CheckHost    CheckName = "host"
	CheckClock   CheckName = "clock"
	CheckKeyring CheckName = "keyring"
	CheckStorage CheckName = "storage"
	CheckSession CheckName = "session"
)

// CheckNames lists every CheckName in the order of the checks.
var CheckNames = []CheckName{CheckProxy, CheckHost, CheckClock, CheckKeyring, CheckStorage, CheckSession}

// Finding says what a check without a problem has found, for programs.
type Finding string

// Every finding.
const (
	FindingNoProxy      Finding = "no-proxy"
	FindingProxy        Finding = "proxy"
	FindingAnswers      Finding = "answers"
	FindingAnswersPlain Finding = "answers-plain"
	FindingClockRight   Finding = "clock-right"
	FindingClockUnknown Finding = "clock-unknown"
	FindingKeyring      Finding = "keyring"
	FindingKeyringNew   Finding = "keyring-new"
	FindingSaved        Finding = "saved"
	FindingMemory       Finding = "memory"
	FindingRenewed      Finding = "renewed"
	FindingSignedIn     Finding = "signed-in"
)

// Check is one line of a Diagnosis: it is in order (Problem is nil, and Finding
// says what was found), or Problem says what is wrong and what to do.
type Check struct {
	Name    CheckName `json:"name"`
	Finding Finding   `json:"finding,omitempty"`
	// Params fill the {{.Name}} places in the words.
	Params  map[string]string `json:"params,omitempty"`
	Problem *Problem          `json:"problem,omitempty"`
}

// OK reports whether the check found everything in order.
func (c Check) OK() bool { return c.Problem == nil }

// CheckWords is what a person reads of a check. Next is empty where there is
// nothing to do.
type CheckWords struct{ Title, Found, Next string }

// Words returns the sentences for the check, in English.
func (c Check) Words() CheckWords {
	p := Problem{Params: c.Params}
	w := CheckWords{Title: p.fill(checkTitles[c.Name])}
	if c.Problem == nil {
		w.Found = p.fill(findings[c.Finding])
		return w
	}
	problem := c.Problem.Words()
	w.Found, w.Next = problem.What, problem.Next
	return w
}

// CheckTitle returns the English title of a check, with {{.Name}} places
// unfilled, so that a view can translate it.
func CheckTitle(name CheckName) string { return checkTitles[name] }

// FindingText returns the English sentence for a finding, with {{.Name}} places
// unfilled, so that a view can translate it.
func FindingText(f Finding) string { return findings[f] }

var checkTitles = map[CheckName]string{
	CheckProxy:   "Proxy",
	CheckHost:    "Connection to {{.Host}}",
	CheckClock:   "Clock of this computer",
	CheckKeyring: "Keyring",
	CheckStorage: "Saved session",
	CheckSession: "Session",
}

var findings = map[Finding]string{
	FindingNoProxy:      "No proxy is used.",
	FindingProxy:        "Connections go through the proxy {{.Proxy}}.",
	FindingAnswers:      "It answers. Its certificate was issued by {{.Issuer}}.",
	FindingAnswersPlain: "It answers.",
	FindingClockRight:   "It agrees with the server's.",
	FindingClockUnknown: "It could not be compared, because no server answered.",
	FindingKeyring:      "It is open and holds the key of your saved session.",
	FindingKeyringNew:   "It is open.",
	FindingSaved:        "The session is saved and survives a restart.",
	FindingMemory:       "The session is kept in memory only.",
	FindingRenewed:      "It was renewed just now.",
	FindingSignedIn:     "You are signed in.",
}

const (
	// hostLimit bounds the check of one server: name, connection, encryption
	// and answer, each of which may take seconds in a slow network.
	hostLimit = 15 * time.Second
	// settleLimit bounds the wait for the keyring, which may be asking the user.
	settleLimit = 10 * time.Second
	// renewalWait bounds the wait for a renewal. A renewal that takes longer goes on.
	renewalWait = 40 * time.Second
)

// Diagnose looks for what keeps the active account from working, mends what
// mends itself when asked, and says what is left to do: it checks the proxy,
// the way to each server on a connection of its own, the clock, the keyring and
// the saved session, and then renews. progress, if not nil, gets the diagnosis so far
// after each check, on the caller's goroutine. The diagnosis is also returned,
// together with the context's error if that ended it.
func Diagnose(ctx context.Context, a *Agent, network NetworkOptions, progress func(*Diagnosis)) (*Diagnosis, error) {
	s := a.Snapshot()
	account := s.ActiveAccount()
	var e Environment
	if err := a.call(ctx, func() error {
		if acc := a.account(account.ID); acc != nil {
			e = acc.rec.Environment
		}
		return nil
	}); err != nil {
		return nil, err
	}
	now := func() time.Time { return s.Now(time.Now()).Round(0) }
	d := &Diagnosis{StartedAt: now(), Account: account.ID}
	add := func(checks ...Check) {
		next := *d
		next.Checks = append(append([]Check(nil), d.Checks...), checks...)
		d = &next
		if progress != nil {
			progress(d)
		}
	}
	add()

	unreachable, err := checkNetwork(ctx, e, account.Method == MethodDeviceCode, network, now, add)
	if err != nil {
		return d, err
	}

	add(a.checkSaved(ctx, now)...)

	session, offer := a.checkSession(ctx, account.ID, unreachable)
	add(session)
	last := *d
	last.OfferSignIn, last.FinishedAt = offer, now()
	d = &last
	if progress != nil {
		progress(d)
	}
	return d, ctx.Err()
}

// CheckNetwork looks at the way to an environment's servers, on connections of
// its own: the proxy, each server and its certificate, and this computer's
// clock. It sends no credentials and takes at most 15 seconds.
func CheckNetwork(ctx context.Context, e Environment, network NetworkOptions) []Check {
	var all []Check
	now := func() time.Time { return time.Now().Round(0) }
	if _, err := checkNetwork(ctx, e, true, network, now, func(c ...Check) { all = append(all, c...) }); err != nil {
		all = append(all, Check{Name: CheckProxy, Problem: &Problem{Code: ProblemInternal, Cause: err.Error(), Since: now()}})
	}
	return all
}

// checkNetwork is CheckNetwork, with the issuer only if that is asked for, and
// says what is wrong with the first server.
func checkNetwork(ctx context.Context, e Environment, issuer bool, network NetworkOptions, now func() time.Time, add func(...Check)) (unreachable *Problem, err error) {
	hosts := []string{e.HubURL, e.AccessManagerURL}
	if issuer {
		hosts = append([]string{e.Issuer}, hosts...)
	}
	transport, err := NewTransport(network)
	if err != nil {
		add(Check{Name: CheckProxy, Problem: &Problem{Code: ProblemNetworkSettings, Cause: err.Error(), Since: now()}})
		if transport, err = NewTransport(NetworkOptions{}); err != nil {
			return nil, err
		}
	} else {
		add(checkProxy(transport, hosts[0]))
	}
	reached := newProbe(transport).all(ctx, hosts, issuer)
	for _, r := range reached {
		add(r.check)
	}
	add(checkClock(reached, now()))
	return reached[0].check.Problem, nil
}

// checkProxy says which proxy requests to the first server go through.
func checkProxy(t *http.Transport, to string) Check {
	req, err := http.NewRequest(http.MethodGet, to, nil)
	if err != nil {
		return Check{Name: CheckProxy, Finding: FindingNoProxy}
	}
	proxy, err := t.Proxy(req)
	if err != nil || proxy == nil {
		return Check{Name: CheckProxy, Finding: FindingNoProxy}
	}
	return Check{Name: CheckProxy, Finding: FindingProxy, Params: map[string]string{"Proxy": proxy.Host}}
}

// probe reaches servers on connections of its own, so that it finds what a new
// connection would find.
type probe struct{ client *http.Client }

// reached is what came of one server.
type reached struct {
	check Check
	// ahead is the server's clock minus ours, where it told its time.
	ahead *time.Duration
}

func newProbe(t *http.Transport) probe {
	t.DisableKeepAlives = true
	return probe{&http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// all reaches every server at once. The first is the issuer if issuerFirst.
func (p probe) all(ctx context.Context, urls []string, issuerFirst bool) []reached {
	results := make([]reached, len(urls))
	var wait sync.WaitGroup
	for i, u := range urls {
		wait.Go(func() { results[i] = p.one(ctx, u, issuerFirst && i == 0) })
	}
	wait.Wait()
	return results
}

func (p probe) one(ctx context.Context, at string, issuer bool) reached {
	ctx, cancel := context.WithTimeout(ctx, hostLimit)
	defer cancel()
	host := hostOf(at)
	r := reached{check: Check{Name: CheckHost, Params: map[string]string{"Host": host}}}
	fail := func(code ProblemCode, err error) reached {
		r.check.Problem = &Problem{Code: code, Since: time.Now().Round(0), Params: map[string]string{"Host": host}}
		if err != nil {
			r.check.Problem.Cause = Redact(err.Error())
		}
		return r
	}
	address := at
	if issuer {
		// OpenID Connect Discovery 1.0 section 4.
		address = strings.TrimSuffix(at, "/") + "/.well-known/openid-configuration"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fail(ProblemInternal, err)
	}
	sent := time.Now()
	answer, err := p.client.Do(req)
	if err != nil {
		return p.failed(fail, host, at, err)
	}
	defer answer.Body.Close()
	// The Date header has whole seconds, and is as old as half the way.
	if date, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		took := time.Since(sent)
		ahead := date.Add(500 * time.Millisecond).Sub(sent.Round(0).Add(took / 2))
		r.ahead = &ahead
	}
	switch {
	case answer.StatusCode == http.StatusNetworkAuthenticationRequired: // RFC 6585 section 6
		return fail(ProblemCaptivePortal, nil)
	case answer.StatusCode >= 500, answer.StatusCode == http.StatusTooManyRequests:
		return fail(ProblemServerBusy, errors.New("HTTP status "+answer.Status))
	case issuer:
		var metadata struct{ Issuer string }
		err := json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&metadata)
		if err != nil || metadata.Issuer != at {
			return fail(ProblemCaptivePortal, fmt.Errorf("HTTP status %s, and not the metadata of an issuer", answer.Status))
		}
	}
	r.check.Finding = FindingAnswersPlain
	if answer.TLS != nil && len(answer.TLS.PeerCertificates) > 0 {
		by := answer.TLS.PeerCertificates[0].Issuer
		name := by.CommonName
		if name == "" {
			name = by.String()
		}
		r.check.Finding, r.check.Params["Issuer"] = FindingAnswers, Redact(name)
	}
	return r
}

// failed judges why no answer came.
func (p probe) failed(fail func(ProblemCode, error) reached, host, at string, err error) reached {
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err // the rest repeats the URL
	}
	if f := certificateFault(host, err); f != nil {
		r := fail(ProblemCertificate, f.Err)
		r.check.Problem.Params["Issuer"] = Redact(f.CertificateIssuer)
		return r
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return fail(ProblemCaptivePortal, errors.New("the answer was not encrypted"))
	}
	if _, is := oauth.ProxyOf(err); is {
		r := fail(ProblemProxy, err)
		r.check.Problem.Params["Proxy"] = p.proxyHost(at)
		return r
	}
	return fail(ProblemUnreachable, err)
}

func (p probe) proxyHost(at string) string {
	c := checkProxy(p.client.Transport.(*http.Transport), at)
	return c.Params["Proxy"]
}

// checkClock compares this computer's clock with that of the first server that
// told its own.
func checkClock(servers []reached, now time.Time) Check {
	for _, r := range servers {
		if r.ahead == nil {
			continue
		}
		if r.ahead.Abs() < wrongClock {
			return Check{Name: CheckClock, Finding: FindingClockRight}
		}
		return Check{Name: CheckClock, Problem: &Problem{Code: ProblemClockWrong, Since: now, Params: map[string]string{
			"Offset": span(*r.ahead),
		}}}
	}
	return Check{Name: CheckClock, Finding: FindingClockUnknown}
}

// span says how far apart two clocks are, in either direction, to the minute.
func span(d time.Duration) string {
	minutes := int(d.Abs().Round(time.Minute) / time.Minute)
	switch {
	case minutes < 60:
		return fmt.Sprintf("%d min", minutes)
	case minutes%60 == 0:
		return fmt.Sprintf("%d h", minutes/60)
	}
	return fmt.Sprintf("%d h %d min", minutes/60, minutes%60)
}

// checkSaved looks at the keyring and at what is saved with its key. What failed
// before is tried once more before it is judged.
func (a *Agent) checkSaved(ctx context.Context, now func() time.Time) (checks []Check) {
	a.Nudge("a diagnosis")
	a.settleWithin(ctx, settleLimit)
	keyring := a.checkKeyring(ctx, now)
	if keyring.Problem != nil && keyring.Problem.Code == ProblemKeyringKeyMissing {
		// Memory has what the file holds: it goes into another, with a new key.
		a.post(func() { a.storeAt = a.now() })
		a.settleWithin(ctx, settleLimit)
		keyring = a.checkKeyring(ctx, now)
	}
	if a.store.vault != nil {
		checks = append(checks, keyring)
	}
	if storage := checkStorage(a.Snapshot().Storage); storage.OK() || keyring.OK() || storage.Problem.Code != keyring.Problem.Code {
		checks = append(checks, storage)
	}
	return checks
}

// settleWithin lets what was begun come to an end; the snapshot tells which.
func (a *Agent) settleWithin(ctx context.Context, limit time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	_ = a.Settle(ctx)
}

// checkKeyring asks the keyring itself, which may have been locked or lost its
// key since it was last needed.
func (a *Agent) checkKeyring(ctx context.Context, now func() time.Time) Check {
	c := Check{Name: CheckKeyring, Finding: FindingKeyringNew}
	if a.store.vault == nil {
		return c
	}
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	holds, err := a.store.vault.CheckKeyring(ctx)
	switch {
	case errors.Is(err, vault.ErrDamaged), errors.Is(err, vault.ErrUnreadable):
		// Of the file, which is looked at next.
	case err != nil:
		c.Finding, c.Problem = "", storeProblem(err, a.store.vault.Path())
		c.Problem.Since = now()
	case holds:
		c.Finding = FindingKeyring
	}
	return c
}

func checkStorage(s Storage) Check {
	switch {
	case s.Problem != nil:
		return Check{Name: CheckStorage, Problem: s.Problem}
	case s.Saved:
		return Check{Name: CheckStorage, Finding: FindingSaved}
	}
	return Check{Name: CheckStorage, Finding: FindingMemory}
}

// checkSession renews, if the server that does so can be reached, and says what
// is left to do. offer says that only signing in can help.
func (a *Agent) checkSession(ctx context.Context, id string, unreachable *Problem) (c Check, offer bool) {
	c.Name = CheckSession
	before, _ := a.Snapshot().Account(id)
	renew := Command{Name: CommandRenew, Account: id}
	if unreachable == nil && a.Snapshot().Allowed(renew) {
		if err := a.Do(ctx, renew); err == nil {
			c.Finding = FindingRenewed
		}
	}
	waiting, cancel := context.WithTimeout(ctx, renewalWait)
	defer cancel()
	_ = a.until(waiting, func() bool { acc := a.account(id); return acc == nil || !acc.busy })
	account, ok := a.Snapshot().Account(id)
	switch {
	case !ok:
		c.Problem = &Problem{Code: ProblemNotSignedIn}
	case account.Problem != nil:
		c.Problem = account.Problem
	case account.State == SignedOut:
		c.Problem = &Problem{Code: ProblemNotSignedIn}
	case account.State == Prompting:
		c.Problem = &Problem{Code: ProblemNotSignedIn}
		return c, false // it is under way
	case !account.HasHeaders && unreachable != nil:
		c.Problem = unreachable
	case c.Finding == "" || account.IssuedAt.Equal(before.IssuedAt):
		c.Finding = FindingSignedIn
	}
	if c.Problem != nil {
		c.Finding = ""
	}
	offer = account.Method == MethodDeviceCode && (account.State == SignedOut || account.State == NeedsSignIn)
	return c, offer
}
