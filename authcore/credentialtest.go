package authcore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bitfount/bitfount-tray/authcore/oauth"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// TestOutcome is what a test of credentials found.
type TestOutcome string

// The outcomes.
const (
	// TestAccepted: the Hub took the keys.
	TestAccepted TestOutcome = "accepted"
	// TestRefused: the Hub answered 401 or 403.
	TestRefused TestOutcome = "refused"
	// TestUnclear: the Hub answered with a status that says nothing of the
	// keys, such as 404 or 503.
	TestUnclear TestOutcome = "unclear"
	// TestUnreachable: nobody answered; Problem says why.
	TestUnreachable TestOutcome = "unreachable"
	// TestUnusable: what was given cannot be keys, or the source gave no
	// token; Cause says why.
	TestUnusable TestOutcome = "unusable"
	// TestUnderstood: the source gave a token that can be used until Expires.
	TestUnderstood TestOutcome = "understood"
)

// CredentialTest is the result of trying credentials that are not kept yet. It
// holds no secret.
type CredentialTest struct {
	Outcome TestOutcome `json:"outcome"`
	// Host is whom the keys were sent to, and Status the HTTP status that came
	// back; both are empty for a token, which is sent nowhere.
	Host   string `json:"host,omitempty"`
	Status int    `json:"status,omitempty"`
	// Expires is when the token ends. Username and Issuer are its claims, where
	// it is a JWT that has them; they are not verified.
	Expires  time.Time `json:"expires,omitzero"`
	Username string    `json:"username,omitempty"`
	Issuer   string    `json:"issuer,omitempty"`
	// Problem is there when the Hub could not be reached.
	Problem *Problem `json:"problem,omitempty"`
	// Cause is the technical reason of what cannot be used.
	Cause string `json:"cause,omitempty"`
}

// testTimeout bounds a test: somebody waits for it at the window.
const testTimeout = 30 * time.Second

// testPath is a list that the Hub gives to whoever has signed in.
const testPath = "/api/pods"

// TestAPIKeys asks the Hub of the keys' environment for a list, by the rules of
// Session, with the keys' Hub headers, and says what came back. Nothing is
// kept. The error is the context's, or that of an environment that there is
// not. It takes at most 30 s.
func (a *Agent) TestAPIKeys(ctx context.Context, k APIKeysAccount) (CredentialTest, error) {
	env, err := a.testEnvironment(k.Account, k.Environment)
	if err != nil {
		return CredentialTest{}, err
	}
	h, err := newAPIKeysHandler(k.KeyID, k.Key, k.Username, a.options.UserAgent)
	if err != nil {
		return CredentialTest{Outcome: TestUnusable, Cause: err.Error()}, nil
	}
	session, err := NewSession(h, env, a.options.Transport)
	if err != nil {
		return CredentialTest{}, err
	}
	limited, cancel := context.WithTimeout(ctx, testTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(limited, http.MethodGet, strings.TrimSuffix(env.HubURL, "/")+testPath, nil)
	if err != nil {
		return CredentialTest{}, err
	}
	client := session.Client()
	// A redirect's target would answer in the Hub's place.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	result := CredentialTest{Host: hostOf(env.HubURL)}
	answer, err := client.Do(r)
	if err != nil {
		if ctx.Err() != nil {
			return CredentialTest{}, ctx.Err()
		}
		result.Outcome, result.Problem = TestUnreachable, a.hubProblem(err, env)
		return result, nil
	}
	_, _ = io.CopyN(io.Discard, answer.Body, 64<<10)
	_ = answer.Body.Close()
	result.Status = answer.StatusCode
	switch {
	case answer.StatusCode == http.StatusUnauthorized, answer.StatusCode == http.StatusForbidden:
		result.Outcome = TestRefused
	case answer.StatusCode/100 == 2:
		result.Outcome = TestAccepted
	default:
		result.Outcome = TestUnclear
	}
	return result, nil
}

// hubProblem puts a failed request to the Hub into words for people.
func (a *Agent) hubProblem(err error, e Environment) *Problem {
	p := &Problem{Code: ProblemUnreachable, Cause: err.Error(), Since: a.wall().Round(0), Params: map[string]string{"Host": hostOf(e.HubURL)}}
	if fault, ok := errors.AsType[*oauth.Fault](err); ok && fault.Kind == oauth.FaultCertificate {
		p.Code = ProblemCertificate
		p.Params["Issuer"] = fault.CertificateIssuer
	}
	if proxy, is := oauth.ProxyOf(err); is && proxy != "" {
		p.Code = ProblemProxy
		p.Params["Proxy"] = proxy
	}
	return p
}

// testEnvironment is the environment that credentials would be kept for. A
// test needs not wait for the owner.
func (a *Agent) testEnvironment(account, environment string) (Environment, error) {
	if account != "" {
		acc, ok := a.Snapshot().Account(account)
		if !ok {
			return Environment{}, fmt.Errorf("there is no account %q", account)
		}
		environment = acc.Environment
	}
	if own := *a.environment.Load(); environment == "" || environment == own.Name {
		return own, nil
	}
	return EnvironmentByName(environment)
}

// TestSource asks the source for a token once and says what was understood.
// Nothing is kept or sent anywhere. The error is the context's. It takes at
// most 30 s.
func (a *Agent) TestSource(ctx context.Context, e ExternalJWTAccount) (CredentialTest, error) {
	limited, cancel := context.WithTimeout(ctx, testTimeout)
	defer cancel()
	get, err := e.Source.hook()
	if err != nil {
		return CredentialTest{Outcome: TestUnusable, Cause: err.Error()}, nil
	}
	token, expires, err := get(limited)
	if err != nil {
		if ctx.Err() != nil {
			return CredentialTest{}, ctx.Err()
		}
		return CredentialTest{Outcome: TestUnusable, Cause: err.Error()}, nil
	}
	result := CredentialTest{Outcome: TestUnderstood, Expires: expires.Round(0)}
	result.Username, result.Issuer = unverifiedNames(token)
	if left := expires.Sub(a.Snapshot().Now(a.wall().Round(0))); left <= externalMargin {
		result.Outcome = TestUnusable
		result.Cause = fmt.Sprintf("the token expires at %s, which is not more than a minute away", describeExpiry(expires))
	}
	return result, nil
}

// usernameClaim is Bitfount's own; its ID tokens have it.
const usernameClaim = "https://www.bitfount.com/username"

// unverifiedNames reads who a JWT is about and who issued it (RFC 7519 section
// 4.1.1), for people to look at.
func unverifiedNames(token secret.Secret) (username, issuer string) {
	claims := jwt.MapClaims{}
	_, _, err := jwt.NewParser().ParseUnverified(token.Reveal(), claims)
	if err != nil && !errors.Is(err, jwt.ErrTokenUnverifiable) {
		return "", ""
	}
	username, _ = claims[usernameClaim].(string)
	issuer, _ = claims["iss"].(string)
	return username, issuer
}
