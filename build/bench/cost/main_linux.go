// Command cost measures what the product costs its users, each number beside its
// floor and its peers in the same run: the start, memory, CPU and wake-ups at
// rest, the click to a window, sizes, the sign-in and renewals. It prints a table
// and, with -write, puts it and a picture into the documentation.
//
// build/bench/run starts it.
package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/bitfount/bitfount-tray/build/desktop"
	"github.com/bitfount/bitfount-tray/build/trial"
)

// patience bounds one step on a loaded machine.
const patience = 60 * time.Second

func main() {
	rounds := flag.Int("rounds", 10, "how often each thing of a moment is done")
	rest := flag.Duration("rest", time.Minute, "how long rest is looked at")
	only := flag.String("only", "", "measure one `part` only: starts, memory, windows, sizes, approvals or renewals")
	write := flag.Bool("write", false, "put table and picture into docs/")
	packages := flag.String("packages", "build/out", "look for packages below this `folder`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *rounds, *rest, *packages, *only, *write); err != nil {
		fmt.Fprintln(os.Stderr, "cost:", err)
		os.Exit(1)
	}
}

// bench is one run.
type bench struct {
	ctx      context.Context
	d        *desktop.Desktop
	folder   string
	programs trial.Programs
	provider *trial.Provider
	rounds   int
	rest     time.Duration
	packages string
	report   report
}

// The small programs, by their folders below build/bench/floor.
const (
	floorTray   = "systray"
	peerTray    = "fynetray"
	floorWindow = "window"
)

func (b *bench) program(name string) string { return filepath.Join(b.folder, name) }

func run(ctx context.Context, rounds int, rest time.Duration, packages, only string, write bool) (err error) {
	b := &bench{ctx: ctx, rounds: rounds, rest: rest, packages: packages}
	if b.folder, err = os.MkdirTemp("", "bitfount-cost-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.folder)
	say("building")
	const flags = "-ldflags=-s -w"
	if b.programs, err = trial.Build(ctx, b.folder, flags); err != nil {
		return err
	}
	for _, name := range []string{floorTray, peerTray, floorWindow} {
		if err := desktop.Build(ctx, desktop.Module+"/build/bench/floor/"+name, b.program(name), flags); err != nil {
			return err
		}
	}
	auth := exec.CommandContext(ctx, "go", "build", flags, "-o", b.program("bitfount-auth"), desktop.Module+"/cmd/bitfount-auth")
	auth.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := auth.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	if b.d, err = desktop.Start(ctx, desktop.Options{}); err != nil {
		return err
	}
	defer b.d.Stop()
	if err := b.startProvider("1s"); err != nil {
		return err
	}
	defer func() { b.provider.Stop() }()
	if err := b.prepare(); err != nil {
		return err
	}
	for _, part := range []struct {
		name    string
		measure func() error
	}{
		{"starts", b.starts}, {"memory", b.memory}, {"windows", b.windows},
		{"sizes", b.sizes}, {"approvals", b.approvals}, {"renewals", b.renewals},
	} {
		if only != "" && only != part.name {
			continue
		}
		say("measuring " + part.name)
		if err := part.measure(); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	fmt.Println("\n" + b.report.table())
	if write && only == "" {
		return b.report.write()
	}
	return nil
}

func say(text string) { fmt.Fprintln(os.Stderr, "cost:", text) }

func (b *bench) startProvider(interval string) error {
	log, err := b.d.LogFile("demoidp")
	if err != nil {
		return err
	}
	defer log.Close()
	b.provider, err = b.programs.StartProvider(b.ctx, b.config(), log, "-interval", interval)
	return err
}

func (b *bench) config() string {
	return filepath.Join(b.d.ConfigHome(), "bitfount-tray", "config.toml")
}

func (b *bench) approve(code, username string) error {
	return b.provider.Control(b.ctx, "approve", fmt.Sprintf(`{"user_code":%q,"username":%q}`, code, username))
}

func (b *bench) sleep(d time.Duration) error {
	select {
	case <-b.ctx.Done():
		return b.ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// within is the bench's context with a limit.
func (b *bench) within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(b.ctx, patience)
}

// samples are several measurements of the same.
type samples []float64

func (s *samples) add(d time.Duration) { *s = append(*s, float64(d)/float64(time.Millisecond)) }

func (s samples) median() float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

func (s samples) least() float64 { return slices.Min(s) }
func (s samples) most() float64  { return slices.Max(s) }

// machine says on what was measured.
func machine() string {
	name := "Linux"
	if text, err := os.ReadFile("/etc/os-release"); err == nil {
		for line := range strings.Lines(string(text)) {
			if value, ok := strings.CutPrefix(strings.TrimSpace(line), "PRETTY_NAME="); ok {
				name = strings.Trim(value, `"`)
			}
		}
	}
	cores, model := 0, ""
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				cores, model = cores+1, strings.TrimSpace(value)
			}
		}
	}
	load := ""
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		load = strings.Fields(string(text))[0]
	}
	return fmt.Sprintf("%s, %d cores (%s), no graphics card (OpenGL in software), load %s at the end", name, cores, model, load)
}
