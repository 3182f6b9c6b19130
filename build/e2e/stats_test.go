package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// counted is an error until the provider has counted an outcome that often.
func (s *scene) counted(outcome string, want int) error {
	r, err := http.NewRequestWithContext(s.ctx, http.MethodGet, s.provider.ControlURL+"/control/stats", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var stats struct {
		Outcomes map[string]int `json:"outcomes"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&stats); err != nil {
		return err
	}
	if got := stats.Outcomes[outcome]; got < want {
		return fmt.Errorf("the provider has counted %s %d times, want %d: %v", outcome, got, want, stats.Outcomes)
	}
	return nil
}
