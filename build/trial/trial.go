// Package trial runs the product as a user's machine does: the real program on
// a desktop, against the demo identity provider in a process of its own, with
// somebody who approves on the provider's page. The demo, the end-to-end tests
// and the measurements are made of it.
//
// Its functions return errors and know nothing of tests, because the demo is
// none.
package trial

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/bitfount/bitfount-tray/build/desktop"
)

// Programs are the files that Build made.
type Programs struct {
	// Product is bitfount-tray, Provider the demo identity provider.
	Product, Provider string
}

// Build builds both programs into a folder. The flags go to the product's
// build, such as -race.
func Build(ctx context.Context, folder string, flags ...string) (Programs, error) {
	provider, err := buildProvider(ctx, folder)
	if err != nil {
		return Programs{}, err
	}
	product := filepath.Join(folder, "bitfount-tray")
	return Programs{product, provider}, desktop.Build(ctx, desktop.Module, product, flags...)
}

func buildProvider(ctx context.Context, folder string) (string, error) {
	file := filepath.Join(folder, "demoidp")
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("go list: %w", err)
	}
	// The provider is a module of its own, and go build works from inside it.
	cmd := exec.CommandContext(ctx, "go", "build", "-o", file, ".")
	cmd.Dir = filepath.Join(strings.TrimSpace(string(out)), "build", "demoidp")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build in %s: %w\n%s", cmd.Dir, err, out)
	}
	return file, nil
}

// Provider is a running demo identity provider. The fields are what it prints
// when it listens.
type Provider struct {
	Issuer           string `json:"issuer"`
	HubURL           string `json:"hub_url"`
	AccessManagerURL string `json:"access_manager_url"`
	ControlURL       string `json:"control_url"`

	cmd   *exec.Cmd
	stdin io.Closer
}

// StartProvider starts the demo identity provider, writes the product's
// configuration for it to configFile, and returns when it listens. The
// arguments are the provider's own flags. What it logs goes to log.
func (p Programs) StartProvider(ctx context.Context, configFile string, log io.Writer, args ...string) (*Provider, error) {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), p.Provider,
		append([]string{"-until-stdin-closes", "-write-config", configFile}, args...)...)
	cmd.Stderr = log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	provider := &Provider{cmd: cmd, stdin: stdin}
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, provider)
	}
	if err != nil {
		provider.Stop()
		return nil, fmt.Errorf("the demo identity provider did not start: %w", err)
	}
	return provider, nil
}

// Stop ends the provider and returns when it has ended.
func (p *Provider) Stop() {
	_ = p.stdin.Close()
	_ = p.cmd.Wait()
}

// Control sends a command to the provider's control server, such as
// "end-sessions". See build/demoidp/control.go.
func (p *Provider) Control(ctx context.Context, command, body string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.ControlURL+"/control/"+command, strings.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
		return fmt.Errorf("the provider refused %s: %s", command, text)
	}
	return nil
}

// PasteCommand is what somebody types into a terminal who wants to ask a demo
// service whose headers they have copied: curl then takes what they paste.
func PasteCommand(service string) string { return "curl -H @- " + service + "/api/whoami" }

// Whoami asks a demo Hub or Access Manager whose the pasted headers are. The
// headers are text of the form "Name: value", one a line. The answer is what
// the service says, for people; the error holds its refusal, and no header.
func Whoami(ctx context.Context, service, headers string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, service+"/api/whoami", nil)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(headers) {
		name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ": ")
		if !ok {
			return "", errors.New("the pasted text is not made of lines of the form Name: value")
		}
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<16))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answered %s: %s", service, answer.Status, text)
	}
	return strings.TrimSpace(string(text)), err
}

// Resident is the product, running on a desktop.
type Resident struct {
	PID int
	// Tray is its icon, nil on a desktop without a session bus.
	Tray *desktop.Tray
	log  string
	cmd  *exec.Cmd
	// ended is closed when the process has ended.
	ended chan struct{}
}

// Launch starts the product's resident without waiting for anything. The
// environment is the desktop's own if env is nil.
func (p Programs) Launch(d *desktop.Desktop, env []string, args ...string) (*Resident, error) {
	log, err := d.LogFile("bitfount-tray")
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := d.Command(p.Product, args...)
	if env != nil {
		cmd.Env = env
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := &Resident{PID: cmd.Process.Pid, log: log.Name(), cmd: cmd, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(r.ended)
	}()
	return r, nil
}

// StartLimit is how long the product may take until its icon is there. It is
// there after 50 ms; the race detector and a loaded machine take longer.
const StartLimit = 30 * time.Second

// Start starts the product's resident and returns when its tray item is on the
// bus.
func (p Programs) Start(ctx context.Context, d *desktop.Desktop, args ...string) (*Resident, error) {
	r, err := p.Launch(d, nil, args...)
	if err != nil {
		return nil, err
	}
	if r.Tray, err = d.Tray(ctx, r.PID, StartLimit); err != nil {
		r.Kill()
		return nil, fmt.Errorf("%w\n%s", err, r.Log())
	}
	return r, nil
}

// Log is what the resident and its windows have printed.
func (r *Resident) Log() string {
	text, _ := os.ReadFile(r.log)
	return string(text)
}

// Kill ends the resident as kill -9 does and returns when it is gone.
func (r *Resident) Kill() {
	_ = r.cmd.Process.Kill()
	<-r.ended
}

// Ended waits until the resident has ended by itself and returns its exit code.
func (r *Resident) Ended(ctx context.Context, limit time.Duration) (int, error) {
	select {
	case <-r.ended:
		return r.cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(limit):
		return 0, fmt.Errorf("the program still runs after %v", limit)
	}
}
