package main

import (
	"log/slog"
	"maps"
	"sync"
	"time"
)

// record is one request as the journal keeps it. It holds no parameter, header
// or body, so no secret.
type record struct {
	Time   time.Time `json:"time"`
	Server string    `json:"server"`
	Method string    `json:"method"`
	Path   string    `json:"path"`
	// Grant is a token request's grant_type.
	Grant string `json:"grant,omitempty"`
	// Status is 0 where the connection was dropped instead of an answer.
	Status int `json:"status"`
	// Error is the "error" member of a JSON answer.
	Error  string   `json:"error,omitempty"`
	Faults []string `json:"faults,omitempty"`
	Millis int64    `json:"millis"`
}

// What the servers count, besides requests.
const (
	outcomeDeviceCode     = "device_code_issued"
	outcomePending        = "authorization_pending"
	outcomeSlowDown       = "slow_down"
	outcomeDenied         = "access_denied"
	outcomeCodeExpired    = "expired_token"
	outcomeSignedIn       = "signed_in"
	outcomeRefreshed      = "refreshed"
	outcomeReuse          = "reuse_detected"
	outcomeInvalidGrant   = "invalid_grant"
	outcomeRevoked        = "revoked"
	outcomeWhoami         = "whoami_accepted"
	outcomeWhoamiRefused  = "whoami_refused"
	outcomeSecondHalfSeen = "second_half_at_hub"
)

// keptRecords is how many of the newest requests the journal keeps: more than
// any one test makes.
const keptRecords = 500

// stats is what GET /control/stats answers.
type stats struct {
	// Requests counts by server, then by path.
	Requests map[string]map[string]int `json:"requests"`
	Outcomes map[string]int            `json:"outcomes"`
	Recent   []record                  `json:"recent"`
}

// journal counts what happens. It is safe for concurrent use.
type journal struct {
	log *slog.Logger

	mu       sync.Mutex
	requests map[string]map[string]int
	outcomes map[string]int
	recent   []record
}

func newJournal(log *slog.Logger) *journal {
	j := &journal{log: log}
	j.reset()
	return j
}

func (j *journal) reset() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.requests, j.outcomes, j.recent = map[string]map[string]int{}, map[string]int{}, []record{}
}

func (j *journal) count(outcome string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.outcomes[outcome]++
}

func (j *journal) request(r record) {
	j.log.Info("request", "server", r.Server, "method", r.Method, "path", r.Path, "grant", r.Grant,
		"status", r.Status, "error", r.Error, "faults", r.Faults)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.requests[r.Server] == nil {
		j.requests[r.Server] = map[string]int{}
	}
	j.requests[r.Server][r.Path]++
	if len(j.recent) == keptRecords {
		j.recent = append(j.recent[:0], j.recent[1:]...)
	}
	j.recent = append(j.recent, r)
}

func (j *journal) stats() stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := stats{Requests: map[string]map[string]int{}, Outcomes: maps.Clone(j.outcomes), Recent: append([]record{}, j.recent...)}
	for server, paths := range j.requests {
		s.Requests[server] = maps.Clone(paths)
	}
	return s
}
