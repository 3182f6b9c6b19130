package authcore

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/secret"
	"github.com/bitfount/bitfount-tray/authcore/vault"
)

// AnyUser as a username means "whoever signs in".
const AnyUser = "_default"

// deviceCodeMargin is how much life a token must have left to count as
// authenticated: the Bitfount SDK's own rule.
const deviceCodeMargin = 10 * time.Minute

// DeviceCodeFlowOptions are what a DeviceCodeFlowHandler is made from. Only
// Prompt is required.
type DeviceCodeFlowOptions struct {
	// Environment to sign in to; the zero value is production. Its Issuer,
	// ClientID, Scopes and Audience are the SDK's auth_domain, client_id,
	// scopes and audience; the last two are DefaultScopes and DefaultAudience
	// where empty.
	Environment Environment
	// Username that must sign in; empty or AnyUser means whoever does.
	Username string
	// Prompt shows the code and the link to the user. It is called once for
	// each sign-in, from Authenticate, and must return without waiting for the
	// user. Its error ends the sign-in.
	Prompt func(context.Context, DevicePrompt) error
	// Vault keeps the session over restarts and shares it safely with other
	// processes; nil keeps it in memory.
	Vault *vault.Vault
	// Transport carries the requests to the issuer; nil means http.DefaultTransport.
	Transport http.RoundTripper
	// UserAgent goes out with Hub and Access Manager headers.
	UserAgent string
}

// DeviceCodeFlowHandler signs a user in with the OAuth 2.0 device authorization
// grant (RFC 8628) and keeps the session renewed in the background until Close.
// It is safe for concurrent use.
type DeviceCodeFlowHandler struct {
	agent  *Agent
	prompt func(context.Context, DevicePrompt) error
	close  func()
	// closing ends when Close is called.
	closing context.Context //nolint:containedctx // of the agent's Run
	file    string
	// signIn lets one sign-in at a time ask the user.
	signIn chan struct{}
}

// NewDeviceCodeFlowHandler makes a handler and loads the session that the vault
// holds, if any; it asks nobody anything. The caller must Close it.
func NewDeviceCodeFlowHandler(o DeviceCodeFlowOptions) (*DeviceCodeFlowHandler, error) {
	if o.Prompt == nil {
		return nil, errors.New("a DeviceCodeFlowHandler needs a Prompt to show the code with")
	}
	if o.Environment == (Environment{}) {
		o.Environment = Environments[0]
	}
	if o.Environment.Scopes == "" {
		o.Environment.Scopes = DefaultScopes
	}
	if o.Environment.Audience == "" {
		o.Environment.Audience = DefaultAudience
	}
	if o.Username == AnyUser {
		o.Username = ""
	}
	agent, err := NewAgent(AgentOptions{
		Environment: o.Environment, EnvironmentChosen: true, Username: o.Username,
		Vault: o.Vault, Transport: o.Transport, UserAgent: o.UserAgent,
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = agent.Run(ctx)
	}()
	h := &DeviceCodeFlowHandler{agent: agent, prompt: o.Prompt, closing: ctx, signIn: make(chan struct{}, 1)}
	if o.Vault != nil {
		h.file = o.Vault.Path()
	}
	h.close = sync.OnceFunc(func() { cancel(); <-ended })
	return h, nil
}

// Close stops the renewals, waiting up to 10 s for one under way. The session
// stays in the vault.
func (h *DeviceCodeFlowHandler) Close() error {
	h.close()
	return nil
}

// HubHeaders implements Handler. It renews first if the token has expired.
func (h *DeviceCodeFlowHandler) HubHeaders(ctx context.Context) ([]export.Header, error) {
	return h.headers(ctx, export.Hub)
}

// AccessManagerHeaders implements Handler, as HubHeaders does.
func (h *DeviceCodeFlowHandler) AccessManagerHeaders(ctx context.Context) ([]export.Header, error) {
	return h.headers(ctx, export.AccessManager)
}

// MessageServiceMetadata implements Handler, as HubHeaders does.
func (h *DeviceCodeFlowHandler) MessageServiceMetadata(ctx context.Context) ([]export.Header, error) {
	return h.headers(ctx, export.MessageService)
}

func (h *DeviceCodeFlowHandler) headers(ctx context.Context, s export.Service) ([]export.Header, error) {
	headers, err := h.agent.Headers(ctx, "", s, 0)
	if err == nil {
		return headers, nil
	}
	if _, is := errors.AsType[*Problem](err); is {
		err = errors.Join(ErrNotAuthenticated, err)
	}
	return nil, err
}

// Authenticated reports whether the access token has more than 10 minutes left.
func (h *DeviceCodeFlowHandler) Authenticated() bool {
	s := h.agent.Snapshot()
	return s.ActiveAccount().HasHeaders && s.ActiveAccount().Left(s.Now(time.Now())) > deviceCodeMargin
}

// localExpiry is when the access token expires by this computer's own clock, as
// those see it who know of no other. It is zero without a token.
func (h *DeviceCodeFlowHandler) localExpiry() time.Time {
	c := h.agent.credentials.Load()
	if c.active == nil || c.active.expires.IsZero() {
		return time.Time{}
	}
	return c.active.expires.Add(-c.offset)
}

// Username is the user who signed in, or the one who must; empty while neither
// is known.
func (h *DeviceCodeFlowHandler) Username() string {
	if name := h.agent.Snapshot().ActiveAccount().Username; name != "" {
		return name
	}
	return h.agent.options.Username
}

// Authenticate makes sure that the access token has more than 10 minutes left
// (or is as fresh as the server makes them): it does nothing if so, renews if
// that is enough, and else asks the user to sign in, through Prompt, and waits
// until the sign-in ended or ctx does. Sign-in by another user than Username is
// a *Problem with code ProblemWrongUser that names both, and stores nothing.
func (h *DeviceCodeFlowHandler) Authenticate(ctx context.Context) error {
	_, err := h.agent.credential(ctx, "", deviceCodeMargin)
	var p *Problem
	if !errors.As(err, &p) {
		return err
	}
	switch account := h.agent.Snapshot().ActiveAccount(); {
	case p.Code == ProblemTooShort && account.State == SignedIn:
		return nil
	case account.State == Offline || account.State == Expired:
		return p // it heals by itself: asking the user would not help
	}
	return h.askUser(ctx)
}

// Reauthenticate implements Reauthenticator.
func (h *DeviceCodeFlowHandler) Reauthenticate(ctx context.Context, rejected secret.Secret) error {
	return h.agent.replaceRejected(ctx, "", rejected)
}

// SignOut forgets the session and has the server revoke it (RFC 7009).
func (h *DeviceCodeFlowHandler) SignOut(ctx context.Context) error {
	return h.agent.Do(ctx, Command{Name: CommandSignOut})
}

func (h *DeviceCodeFlowHandler) askUser(ctx context.Context) error {
	select {
	case h.signIn <- struct{}{}:
		defer func() { <-h.signIn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	// A sign-in that the caller before has left may still be ending.
	if err := h.agent.until(ctx, func() bool { return h.agent.account("").state != Prompting }); err != nil {
		return err
	}
	if h.Authenticated() {
		return nil // another caller has asked while this one waited
	}
	if err := h.agent.Do(ctx, Command{Name: CommandSignIn}); err != nil {
		return err
	}
	updates, cancel := h.agent.Subscribe()
	defer cancel()
	shown := false
	for {
		var s *Snapshot
		select {
		case s = <-updates:
		case <-ctx.Done():
			_ = h.agent.Do(context.WithoutCancel(ctx), Command{Name: CommandCancelSignIn})
			return ctx.Err()
		case <-h.agent.done:
			return ErrStopped
		}
		account := s.ActiveAccount()
		switch {
		case account.State != Prompting && h.closing.Err() != nil:
			return ErrStopped
		case account.State != Prompting && account.Problem != nil:
			return account.Problem
		case account.State == SignedIn:
			return nil
		case account.State != Prompting:
			return &Problem{Code: ProblemNotSignedIn}
		case account.Prompt != nil && !shown:
			shown = true
			if err := h.prompt(ctx, *account.Prompt); err != nil {
				_ = h.agent.Do(context.WithoutCancel(ctx), Command{Name: CommandCancelSignIn})
				return err
			}
		}
	}
}

// DeviceCodeFlowAttributes are the Python handler's attributes.
type DeviceCodeFlowAttributes struct {
	AccessTokenExpiresAt  time.Time     // zero before the first sign-in
	DeviceCode            secret.Secret // of the last sign-in of this process
	DeviceCodeArrivalTime time.Time
	IDToken               secret.Secret
	// RefreshToken is for looking at, never for using: a second program that
	// refreshes with it ends the session of both.
	RefreshToken         secret.Secret
	TokenFile            string // the encrypted vault; empty without one
	TokenRequestInterval time.Duration
}

// Attributes returns the handler's attributes as they are now. The error is
// ctx's, or ErrStopped after Close.
func (h *DeviceCodeFlowHandler) Attributes(ctx context.Context) (DeviceCodeFlowAttributes, error) {
	var at DeviceCodeFlowAttributes
	err := h.agent.call(ctx, func() error {
		acc := h.agent.account("")
		at = DeviceCodeFlowAttributes{
			AccessTokenExpiresAt: acc.rec.ExpiresAt,
			DeviceCode:           acc.device.Code, DeviceCodeArrivalTime: acc.device.IssuedAt,
			IDToken: secret.New(acc.rec.IDToken), RefreshToken: secret.New(acc.rec.RefreshToken),
			TokenFile: h.file, TokenRequestInterval: acc.device.Interval,
		}
		return nil
	})
	return at, err
}
