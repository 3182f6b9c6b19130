package main

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"
)

// program is the four servers' handlers over one tenant.
type program struct {
	issuer, hub, accessManager, control http.Handler

	tenant  *tenant
	faults  *faultList
	journal *journal
}

// newProgram makes the handlers. The issuer is the issuer's URL with its
// trailing slash.
func newProgram(set settings, issuer string, log *slog.Logger) (*program, error) {
	p := &program{faults: new(faultList), journal: newJournal(log)}
	var err error
	if p.tenant, err = newTenant(set, issuer, p.journal); err != nil {
		return nil, err
	}

	mux := http.NewServeMux()
	protocol := op.RegisterServer(p.tenant, p.tenant.endpoints())
	// Auth0 takes parameters in the body of a POST and nowhere else; a device
	// code or refresh token in a URL would end up in somebody's log.
	mux.Handle("POST /oauth/", bodyOnly(protocol))
	mux.Handle("GET /.well-known/", protocol)
	mux.HandleFunc("GET "+activatePath, p.tenant.showPage)
	mux.HandleFunc("POST "+activatePath, p.tenant.decideOnPage)

	// Another site that the browser shows must not approve by itself.
	sameOrigin := http.NewCrossOriginProtection()
	p.issuer = p.observe(serverIssuer, sameOrigin.Handler(mux))
	p.hub = p.observe(serverHub, p.tenant.service(serverHub, hubAPIKeys))
	p.accessManager = p.observe(serverAccessManager, p.tenant.service(serverAccessManager, accessManagerAPIKeys))
	p.control = sameOrigin.Handler(p.controlHandler())
	return p, nil
}

func bodyOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "" {
			writeJSON(w, http.StatusBadRequest, map[string]string{
				"error": "invalid_request", "error_description": "The parameters belong in the request's body, not in its URL.",
			})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// observe runs every request through the faults and into the journal.
func (p *program) observe(server string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
		grant := ""
		if r.Method == http.MethodPost && r.URL.Path == tokenPath {
			grant = r.PostFormValue("grant_type")
		}
		faults := p.faults.take(server, r.URL.Path, grant)
		answer := &answer{header: make(http.Header), server: server, path: r.URL.Path, offset: p.tenant.clockOffset()}
		answer.through(faults, next, r)
		p.journal.request(record{
			Time: start, Server: server, Method: r.Method, Path: r.URL.Path, Grant: grant,
			Status: answer.shownStatus(), Error: answer.oauthError(), Faults: kinds(faults), Millis: time.Since(start).Milliseconds(),
		})
		answer.send(w)
	})
}
