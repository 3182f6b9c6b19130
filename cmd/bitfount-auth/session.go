package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/localapi"
	"github.com/bitfount/bitfount-tray/authcore/secret"
	"github.com/bitfount/bitfount-tray/authcore/vault"
	"github.com/bitfount/bitfount-tray/tray/policy"
)

// sessions is whoever owns the sessions: the resident (Bitfount Tray) if it
// runs, else an agent of this process.
type sessions interface {
	// resident says which of the two it is.
	resident() bool
	snapshot(context.Context) (*authcore.Snapshot, error)
	// watch yields the present state and then every newer one.
	watch(context.Context) iter.Seq2[*authcore.Snapshot, error]
	do(context.Context, authcore.Command) error
	setAPIKeys(context.Context, authcore.APIKeysAccount) error
	// keeps says why a session could not be kept beyond this process, or nil.
	keeps(context.Context) error
	// settle waits until what was asked for outlives this process.
	settle(context.Context) error
	headers(ctx context.Context, account string, service export.Service, minValid time.Duration) ([]export.Header, error)
	token(ctx context.Context, account string, minValid time.Duration) (secret.Secret, time.Time, error)
}

// withSessions calls f with the resident and, if none runs, with an agent of
// our own, which is stopped afterwards. f is begun again if its first call
// finds no resident, so it must change nothing before that.
func (p *program) withSessions(ctx context.Context, f func(context.Context, sessions) error) error {
	paths, err := authcore.DefaultPaths()
	if err != nil {
		return err
	}
	err = f(ctx, residentSessions{localapi.NewClient(paths.Socket())})
	if !errors.Is(err, localapi.ErrNotRunning) {
		return err
	}
	return p.withAgent(ctx, paths, f)
}

// residentSessions asks Bitfount Tray.
type residentSessions struct{ client *localapi.Client }

func (residentSessions) resident() bool { return true }

func (r residentSessions) snapshot(ctx context.Context) (*authcore.Snapshot, error) {
	return r.client.Snapshot(ctx)
}

func (r residentSessions) watch(ctx context.Context) iter.Seq2[*authcore.Snapshot, error] {
	return func(yield func(*authcore.Snapshot, error) bool) {
		for update, err := range r.client.Watch(ctx) {
			if !update.Focus && !yield(update.Snapshot, err) {
				return
			}
		}
	}
}

func (r residentSessions) do(ctx context.Context, c authcore.Command) error {
	return r.client.Do(ctx, c)
}

func (r residentSessions) setAPIKeys(ctx context.Context, k authcore.APIKeysAccount) error {
	return r.client.SetAPIKeys(ctx, k)
}

// keeps: the resident goes on, with the session in its memory if need be.
func (residentSessions) keeps(context.Context) error { return nil }

// settle has nothing to wait for: the resident goes on.
func (residentSessions) settle(context.Context) error { return nil }

func (r residentSessions) headers(ctx context.Context, account string, service export.Service, minValid time.Duration) ([]export.Header, error) {
	return r.client.Headers(ctx, localapi.HeaderQuery{Account: account, Service: service, MinValid: minValid})
}

func (r residentSessions) token(ctx context.Context, account string, minValid time.Duration) (secret.Secret, time.Time, error) {
	return r.client.Token(ctx, localapi.TokenQuery{Account: account, MinValid: minValid})
}

// agentSessions is an agent of this process.
type agentSessions struct {
	agent *authcore.Agent
	vault *vault.Vault
}

// settleLimit bounds the wait for the disk and the servers after a command. A
// sign-out that a server could not be told of in that time is kept and told by
// the next program that opens the vault.
const settleLimit = 10 * time.Second

// openAhead asks the keyring for the vault's key while everything else is made
// ready: its answer is what takes the longest. The vault remembers the key, and
// a question that is still open is waited for and not repeated.
func (p *program) openAhead() {
	paths, err := authcore.DefaultPaths()
	if err != nil {
		return // said by whoever needs them
	}
	p.vault = vault.New(vault.Options{Dir: paths.Data})
	go func() { _, _ = p.vault.Read(context.Background()) }()
}

// withAgent opens the saved sessions in this process.
func (p *program) withAgent(ctx context.Context, paths authcore.Paths, f func(context.Context, sessions) error) error {
	settings := p.settings(paths)
	environment, chosen, err := p.environment(paths, settings)
	if err != nil {
		return usageError{err}
	}
	transport, err := authcore.NewTransport(authcore.NetworkOptions{Proxy: settings.Proxy, CABundle: settings.CABundle})
	if err != nil {
		return err
	}
	if p.vault == nil {
		p.vault = vault.New(vault.Options{Dir: paths.Data})
	}
	agent, err := authcore.NewAgent(authcore.AgentOptions{
		Environment: environment, EnvironmentChosen: chosen,
		Vault: p.vault, LiveFileList: paths.LiveFileList(), HistoryPath: paths.HistoryPath(), Settings: &settings,
		Transport: transport, UserAgent: userAgent(), Version: version,
	})
	if err != nil {
		return usageError{err}
	}
	// The agent outlives an interrupt: what the interrupted command began must
	// end in order.
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- agent.Run(running) }()
	err = agent.Ready(ctx)
	if err == nil {
		err = f(ctx, agentSessions{agent, p.vault})
	}
	stop()
	return errors.Join(err, <-ended)
}

func (agentSessions) resident() bool { return false }

func (a agentSessions) snapshot(context.Context) (*authcore.Snapshot, error) {
	return a.agent.Snapshot(), nil
}

func (a agentSessions) watch(ctx context.Context) iter.Seq2[*authcore.Snapshot, error] {
	return func(yield func(*authcore.Snapshot, error) bool) {
		updates, cancel := a.agent.Subscribe()
		defer cancel()
		for {
			select {
			case <-ctx.Done():
				yield(nil, ctx.Err())
				return
			case s := <-updates:
				if !yield(s, nil) {
					return
				}
			}
		}
	}
}

func (a agentSessions) do(ctx context.Context, c authcore.Command) error {
	if err := a.agent.Do(ctx, c); err != nil || c.Name == authcore.CommandSignIn || c.Name == authcore.CommandCancelSignIn {
		return err // whoever signs in watches
	}
	return a.settle(ctx)
}

func (a agentSessions) setAPIKeys(ctx context.Context, k authcore.APIKeysAccount) error {
	if err := a.agent.SetAPIKeys(ctx, k); err != nil {
		return err
	}
	return a.settle(ctx)
}

// keeps asks the keyring: a first sign-in would do so only when somebody has
// approved it.
func (a agentSessions) keeps(ctx context.Context) error {
	_, err := a.vault.CheckKeyring(ctx)
	for _, trouble := range []struct {
		err  error
		code authcore.ProblemCode
	}{
		{vault.ErrNoSessionBus, authcore.ProblemNoSessionBus}, // which is an ErrKeyringAbsent, too
		{vault.ErrKeyringAbsent, authcore.ProblemKeyringAbsent},
		{vault.ErrKeyringLocked, authcore.ProblemKeyringLocked},
		{vault.ErrKeyringSlow, authcore.ProblemKeyringSlow},
	} {
		if errors.Is(err, trouble.err) {
			return &authcore.Problem{Code: trouble.code, Cause: err.Error()}
		}
	}
	return ctx.Err() // what is wrong with the file itself, a sign-in mends
}

func (a agentSessions) settle(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	if err := a.agent.Settle(limited); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if problem := a.agent.Snapshot().Storage.Problem; problem != nil {
		return problem
	}
	return nil
}

func (a agentSessions) headers(ctx context.Context, account string, service export.Service, minValid time.Duration) ([]export.Header, error) {
	headers, err := a.agent.Headers(ctx, account, service, minValid)
	return headers, a.orStorage(err)
}

func (a agentSessions) token(ctx context.Context, account string, minValid time.Duration) (secret.Secret, time.Time, error) {
	token, expires, err := a.agent.Token(ctx, account, minValid)
	return token, expires, a.orStorage(err)
}

// orStorage says that the saved session cannot be opened where the agent, which
// knows of no other, says that nobody is signed in.
func (a agentSessions) orStorage(err error) error {
	var problem *authcore.Problem
	stored := a.agent.Snapshot().Storage.Problem
	if stored != nil && errors.As(err, &problem) && problem.Code == authcore.ProblemNotSignedIn {
		return stored
	}
	return err
}

// environment is the one that new sign-ins are for, and whether anybody chose
// it rather than leaving it at production.
func (p *program) environment(paths authcore.Paths, settings authcore.Settings) (authcore.Environment, bool, error) {
	variable := os.Getenv(authcore.EnvironmentVariable)
	if p.config != "" {
		if _, err := os.Stat(p.config); err != nil {
			return authcore.Environment{}, false, fmt.Errorf("the configuration file cannot be read, check --config: %w", err)
		}
		if !settings.IsLocked("environment") {
			settings.Environment = "" // it would come before the file
		}
	}
	e, chosen, err := settings.ChooseEnvironment(variable, cmp.Or(p.config, paths.ConfigPath()))
	if err == nil && settings.IsLocked("environment") && (p.config != "" || variable != "" && variable != e.Name) {
		// Who names another one must not get this one's headers.
		err = &authcore.Problem{Code: authcore.ProblemForbidden, Cause: "the environment is fixed to " + e.Name}
	}
	return e, chosen, err
}

// settings are the user's, and what the administrator has fixed over them,
// which holds without the tray as well. Mistakes are told.
func (p *program) settings(paths authcore.Paths) authcore.Settings {
	fixed, problem := readPolicy()
	if problem != nil {
		p.say("Some of the policy is not used: " + oneLine(problem.Cause))
	}
	settings, err := authcore.ReadSettings(paths.SettingsPath(), fixed)
	if err != nil && problem == nil { // its mistakes are among these
		p.say("Some settings are not used: " + oneLine(err.Error()))
	}
	return settings
}

// readPolicy is replaced by tests, which have no administrator.
var readPolicy = policy.Read

// named says whether this command line names an environment or an account. If
// not, it means the active account.
func (p *program) named() bool {
	return p.account != "" || p.config != "" || os.Getenv(authcore.EnvironmentVariable) != ""
}

// accountID is the ID of the account that the command line means, empty for
// the active one.
func (p *program) accountID(ctx context.Context, s sessions) (string, error) {
	if !p.named() {
		return "", nil
	}
	snapshot, err := s.snapshot(ctx)
	if err != nil {
		return "", err
	}
	a, err := p.find(snapshot)
	return a.ID, err
}

// find is the account that the command line means.
func (p *program) find(s *authcore.Snapshot) (authcore.Account, error) {
	switch {
	case p.account != "":
		return byName(s.Accounts, p.account)
	case !p.named():
		return s.ActiveAccount(), nil
	}
	environment, err := p.namedEnvironment()
	if err != nil {
		return authcore.Account{}, err
	}
	if a, ok := in(environment, s); ok {
		return a, nil
	}
	return authcore.Account{}, codeError{fmt.Errorf("No account belongs to the environment %s. Run bitfount-auth login.", environment.Name), exitNotSignedIn}
}

func (p *program) namedEnvironment() (authcore.Environment, error) {
	paths, err := authcore.DefaultPaths()
	if err != nil {
		return authcore.Environment{}, err
	}
	fixed, _ := readPolicy()
	settings, _ := authcore.ReadSettings("", fixed) // mistakes are told where a session is opened
	e, _, err := p.environment(paths, settings)
	if err != nil {
		err = usageError{err}
	}
	return e, err
}

// in finds an account of an environment, the active one first.
func in(e authcore.Environment, s *authcore.Snapshot) (authcore.Account, bool) {
	for _, a := range append([]authcore.Account{s.ActiveAccount()}, s.Accounts...) {
		if a.Environment == e.Name && a.HubURL == e.HubURL {
			return a, true
		}
	}
	return authcore.Account{}, false
}

// byName finds an account by its ID, label or username.
func byName(accounts []authcore.Account, name string) (authcore.Account, error) {
	var found []authcore.Account
	for _, a := range accounts {
		switch name {
		case a.ID:
			return a, nil
		case a.Label, a.Username:
			found = append(found, a)
		}
	}
	switch len(found) {
	case 0:
		return authcore.Account{}, usageError{fmt.Errorf("There is no account %q. Run bitfount-auth accounts to see them.", name)}
	case 1:
		return found[0], nil
	}
	ids := make([]string, len(found))
	for i, a := range found {
		ids[i] = a.ID
	}
	return authcore.Account{}, usageError{fmt.Errorf("%d accounts are called %q. Use one of their IDs: %s.", len(found), name, strings.Join(ids, ", "))}
}

// title is what people call an account.
func title(a authcore.Account) string { return cmp.Or(a.Label, a.Username, "nobody") }

// userAgent is what all of Bitfount Tray calls itself.
func userAgent() string { return authcore.UserAgent() }

// originOf is the scheme, host and port of a URL that Environment.Validate
// has accepted.
func originOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
