package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"
)

// controlHandler is the tests' way in:
//
//	POST /control/approve        {"user_code", "username"}
//	POST /control/deny           {"user_code"}
//	POST /control/faults         a fault (see faults.go)
//	POST /control/reset          no faults, right clock, counters at zero; sessions stay
//	POST /control/end-sessions   {"username"}: refresh tokens die; all without a name
//	POST /control/revoke-access  the services refuse every access token issued until now
//	POST /control/rotate-keys    sign with a new key
//	POST /control/clock          {"offset_seconds"}: the tenant's clock goes wrong by this
//	GET  /control/stats          what happened
//
// Each answers 204, or 400 with a plain reason.
func (p *program) controlHandler() http.Handler {
	mux := http.NewServeMux()
	type person struct {
		UserCode string `json:"user_code"`
		Username string `json:"username"`
	}
	decide := func(d decision) func(person) error {
		return func(in person) error {
			if d == approved && in.Username == "" {
				return errors.New("username is missing")
			}
			switch p.tenant.sessions.decide(in.UserCode, d, in.Username) {
			case codeUnknown:
				return errors.New("this user code is not known")
			case codeExpired:
				return errors.New("this user code has expired")
			case codeDecided:
				return errors.New("this user code has been used already")
			}
			return nil
		}
	}
	mux.Handle("POST /control/approve", command(decide(approved)))
	mux.Handle("POST /control/deny", command(decide(declined)))
	mux.Handle("POST /control/faults", command(func(f fault) error {
		if err := f.validate(); err != nil {
			return err
		}
		p.faults.add(f)
		return nil
	}))
	mux.Handle("POST /control/reset", command(func(struct{}) error {
		p.faults.clear()
		p.journal.reset()
		p.tenant.offset.Store(0)
		return nil
	}))
	mux.Handle("POST /control/end-sessions", command(func(in person) error {
		p.tenant.sessions.end(in.Username)
		return nil
	}))
	mux.Handle("POST /control/revoke-access", command(func(struct{}) error {
		p.tenant.sessions.revokeAccess()
		return nil
	}))
	mux.Handle("POST /control/rotate-keys", command(func(struct{}) error { return p.tenant.keys.rotate() }))
	mux.Handle("POST /control/clock", command(func(in struct {
		OffsetSeconds int `json:"offset_seconds"`
	}) error {
		p.tenant.offset.Store(int64(time.Duration(in.OffsetSeconds) * time.Second))
		return nil
	}))
	mux.HandleFunc("GET /control/stats", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, p.journal.stats())
	})
	return mux
}

// command reads a JSON object, which may be left out, and carries it out.
func command[T any](do func(T) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in T
		decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&in); err != nil && !errors.Is(err, io.EOF) {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := do(in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}
