package main

import (
	"crypto/rand"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// decision is what a person did about a device code.
type decision int

const (
	undecided decision = iota
	approved
	declined
)

// deviceGrant is one sign-in under way (RFC 8628).
type deviceGrant struct {
	deviceCode string
	userCode   string
	scopes     []string
	audience   string
	expires    time.Time
	decision   decision
	username   string

	// interval grows by 5 s with every slow_down (RFC 8628 section 3.5).
	interval time.Duration
	// lastAnswer is when the last poll was answered; zero before the first.
	lastAnswer time.Time
}

// session is one sign-in's family of refresh tokens, and the access tokens
// that came of it.
type session struct {
	username string
	scopes   []string
	audience string
	signedIn time.Time
	// expires counts from the sign-in: rotation does not extend it.
	expires time.Time
	ended   bool
}

// refreshToken belongs to a session. Each is for one use.
type refreshToken struct {
	session *session
	usedAt  time.Time
}

// accessToken is what the Hub knows of one by its jti.
type accessToken struct {
	username string
	revoked  bool
}

// sessions is the tenant's memory. It is safe for concurrent use; every answer
// to a refresh is decided under one lock, so of two that come at the same time
// with the same token one is a reuse.
type sessions struct {
	set     settings
	journal *journal

	mu           sync.Mutex
	byDeviceCode map[string]*deviceGrant
	byUserCode   map[string]*deviceGrant
	refresh      map[string]*refreshToken
	access       map[string]*accessToken
}

func newSessions(set settings, j *journal) *sessions {
	return &sessions{
		set: set, journal: j,
		byDeviceCode: map[string]*deviceGrant{}, byUserCode: map[string]*deviceGrant{},
		refresh: map[string]*refreshToken{}, access: map[string]*accessToken{},
	}
}

// start opens a sign-in.
func (s *sessions) start(scopes []string, audience string) (*deviceGrant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := &deviceGrant{
		deviceCode: rand.Text(), scopes: scopes, audience: audience,
		expires: time.Now().Add(s.set.codeLifetime), interval: s.set.interval,
	}
	for g.userCode == "" || s.byUserCode[g.userCode] != nil {
		code, err := op.NewUserCode([]rune(op.CharSetBase20), 8, 4)
		if err != nil {
			return nil, err
		}
		g.userCode = code
	}
	s.byDeviceCode[g.deviceCode], s.byUserCode[g.userCode] = g, g
	s.journal.count(outcomeDeviceCode)
	return g, nil
}

// poll answers one poll: the session of an approved code, which is used up by
// it, or the refusal with the status that Auth0 gives it.
func (s *sessions) poll(deviceCode string) (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.byDeviceCode[deviceCode]
	if g == nil {
		return nil, s.invalidGrant("Invalid or expired device code.")
	}
	now := time.Now()
	if now.After(g.expires) {
		delete(s.byDeviceCode, deviceCode)
		s.journal.count(outcomeCodeExpired)
		return nil, op.NewStatusError(oidc.ErrExpiredDeviceCode(), http.StatusForbidden)
	}
	early := !g.lastAnswer.IsZero() && now.Sub(g.lastAnswer) < g.interval
	g.lastAnswer = now
	if early {
		g.interval += 5 * time.Second
		s.journal.count(outcomeSlowDown)
		return nil, op.NewStatusError(oidc.ErrSlowDown(), http.StatusTooManyRequests)
	}
	switch g.decision {
	case declined:
		s.journal.count(outcomeDenied)
		return nil, op.NewStatusError(oidc.ErrAccessDenied(), http.StatusForbidden)
	case undecided:
		s.journal.count(outcomePending)
		return nil, op.NewStatusError(oidc.ErrAuthorizationPending(), http.StatusForbidden)
	}
	delete(s.byDeviceCode, deviceCode)
	s.journal.count(outcomeSignedIn)
	return &session{
		username: g.username, scopes: g.scopes, audience: g.audience,
		signedIn: now, expires: now.Add(s.set.refreshLifetime),
	}, nil
}

// newRefreshToken gives the session a further refresh token.
func (s *sessions) newRefreshToken(of *session) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addRefreshToken(of)
}

func (s *sessions) addRefreshToken(of *session) string {
	value := "v1." + rand.Text() + rand.Text()
	s.refresh[value] = &refreshToken{session: of}
	return value
}

// rotate uses a refresh token up and returns the one that follows it. A second
// use after the leeway is taken for theft and ends the session (RFC 9700
// section 4.14.2).
func (s *sessions) rotate(value string) (*session, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	const words = "Unknown or invalid refresh token."
	token := s.refresh[value]
	now := time.Now()
	switch {
	case token == nil, token.session.ended, !now.Before(token.session.expires):
		return nil, "", s.invalidGrant(words)
	case token.usedAt.IsZero():
		token.usedAt = now
	case now.Sub(token.usedAt) >= s.set.rotationLeeway:
		token.session.ended = true
		s.journal.count(outcomeReuse)
		return nil, "", s.invalidGrant(words)
	}
	s.journal.count(outcomeRefreshed)
	return token.session, s.addRefreshToken(token.session), nil
}

// revoke ends the session of a refresh token. An unknown token is no error
// (RFC 7009 section 2.2).
func (s *sessions) revoke(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if token := s.refresh[value]; token != nil {
		token.session.ended = true
		s.journal.count(outcomeRevoked)
	}
}

// end ends the sessions of a user, or all for the empty name. Their access
// tokens live on, as Auth0's do.
func (s *sessions) end(username string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, token := range s.refresh {
		if username == "" || token.session.username == username {
			token.session.ended = true
		}
	}
}

// revokeAccess makes the Hub and the Access Manager refuse every access token
// issued until now.
func (s *sessions) revokeAccess() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, token := range s.access {
		token.revoked = true
	}
}

func (s *sessions) addAccessToken(id, username string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.access[id] = &accessToken{username: username}
}

// accessTokenUser returns whose access token it is; false for one that is
// unknown or revoked.
func (s *sessions) accessTokenUser(id string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := s.access[id]
	if token == nil || token.revoked {
		return "", false
	}
	return token.username, true
}

// codeState is what a page may say about a user code.
type codeState int

const (
	codeUnknown codeState = iota
	codeOpen
	codeExpired
	codeDecided
)

// lookUp returns the user code in its proper spelling and its state. People
// type it in lower case and without the dash (RFC 8628 section 6.1).
func (s *sessions) lookUp(typed string) (string, codeState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.find(typed)
	switch {
	case g == nil:
		return "", codeUnknown
	case g.decision != undecided:
		return g.userCode, codeDecided
	case time.Now().After(g.expires):
		return g.userCode, codeExpired
	}
	return g.userCode, codeOpen
}

// decide approves or declines an open code and reports its state before.
func (s *sessions) decide(typed string, d decision, username string) codeState {
	_, state := s.lookUp(typed)
	if state != codeOpen {
		return state
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.find(typed)
	if g.decision != undecided {
		return codeDecided
	}
	g.decision, g.username = d, username
	return codeOpen
}

func (s *sessions) find(typed string) *deviceGrant {
	letters := strings.Map(func(r rune) rune {
		if r < 'A' || r > 'Z' {
			return -1
		}
		return r
	}, strings.ToUpper(typed))
	if len(letters) != 8 {
		return nil
	}
	return s.byUserCode[letters[:4]+"-"+letters[4:]]
}

func (s *sessions) invalidGrant(words string) error {
	s.journal.count(outcomeInvalidGrant)
	return op.NewStatusError(oidc.ErrInvalidGrant().WithDescription("%s", words), http.StatusForbidden)
}
