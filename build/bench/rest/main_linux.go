// Command rest measures what the product uses while nobody touches it: memory
// and CPU of a signed-in resident, before and after a window was opened and
// closed, beside the smallest program that fyne.io/systray makes, in the same
// run. It prints a table and whether the goals are met.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/bitfount/bitfount-tray/build/bench/usage"
	"github.com/bitfount/bitfount-tray/build/desktop"
	"github.com/bitfount/bitfount-tray/build/trial"
)

// The goals: what a user does not notice in a list of running programs.
const (
	mostMemory = 30e6 // bytes
	mostCPU    = 0.05 // per cent of one core
	// mostGrowth is how much more memory is still the same, after a window.
	mostGrowth = 1e6
)

const (
	patience = 30 * time.Second
	// calm is how long a program may put itself in order before it is measured:
	// the product does so when nothing has happened for 10 seconds.
	calm = 15 * time.Second
)

func main() {
	duration := flag.Duration("duration", time.Minute, "how long each of the two measurements takes")
	calm := flag.Bool("calm", false, "count wake-ups and drawings instead, beside nothing else")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *duration, *calm); err != nil {
		fmt.Fprintln(os.Stderr, "rest:", err)
		os.Exit(1)
	}
}

// row is one measurement of one program.
type row struct {
	program, when string
	cpu           float64 // per cent of one core
	wakes         float64 // a second
	rss, pss      int64
}

func run(ctx context.Context, duration time.Duration, calmOnly bool) error {
	folder, err := os.MkdirTemp("", "bitfount-rest-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	programs, err := trial.Build(ctx, folder, "-ldflags=-s -w")
	if err != nil {
		return err
	}
	smallest := filepath.Join(folder, "smallest")
	if err := desktop.Build(ctx, desktop.Module+"/build/bench/rest/smallest", smallest, "-ldflags=-s -w"); err != nil {
		return err
	}

	d, err := desktop.Start(ctx, desktop.Options{})
	if err != nil {
		return err
	}
	defer d.Stop()
	log, err := d.LogFile("demoidp")
	if err != nil {
		return err
	}
	defer log.Close()
	provider, err := programs.StartProvider(ctx, filepath.Join(d.ConfigHome(), "bitfount-tray", "config.toml"), log, "-interval", "1s")
	if err != nil {
		return err
	}
	defer provider.Stop()
	product, err := programs.Start(ctx, d, "--hidden")
	if err != nil {
		return err
	}
	defer product.Kill()
	if err := signIn(ctx, d, product); err != nil {
		return err
	}
	if calmOnly {
		return calmRun(ctx, d, product, duration)
	}
	beside, err := trial.Programs{Product: smallest}.Start(ctx, d)
	if err != nil {
		return err
	}
	defer beside.Kill()

	var rows []row
	measure := func(when string) error {
		if err := sleep(ctx, calm); err != nil {
			return err
		}
		rows = append(rows, row{program: "bitfount-tray", when: when}, row{program: "smallest systray", when: when})
		now := rows[len(rows)-2:]
		pids := []int{product.PID, beside.PID}
		var before [2]usage.Usage
		for i, pid := range pids {
			if before[i], err = usage.Of(pid); err != nil {
				return err
			}
		}
		if err := sleep(ctx, duration); err != nil {
			return err
		}
		for i, pid := range pids {
			after, err := usage.Of(pid)
			if err != nil {
				return err
			}
			now[i].cpu = 100 * (after.CPU - before[i].CPU).Seconds() / duration.Seconds()
			now[i].wakes = float64(after.Wakes-before[i].Wakes) / duration.Seconds()
			now[i].rss, now[i].pss = after.RSS, after.PSS
		}
		return nil
	}

	fmt.Printf("Measuring for %v, twice. The product is signed in.\n", duration)
	if err := measure("before a window"); err != nil {
		return err
	}
	open, err := windowOpenedAndClosed(ctx, d, product)
	if err != nil {
		return err
	}
	if err := measure("after a window"); err != nil {
		return err
	}
	report(rows, open)
	return nil
}

func signIn(ctx context.Context, d *desktop.Desktop, product *trial.Resident) error {
	if err := product.Tray.Click(ctx, "Sign in…"); err != nil {
		return err
	}
	code := regexp.MustCompile(`\b[A-Z0-9]{4}-[A-Z0-9]{4}\b`)
	var shown string
	tip := func(what string, good func(string) bool) error {
		return desktop.Until(ctx, patience, what, func() error {
			text, err := product.Tray.Tooltip(ctx)
			if err == nil && !good(text) {
				err = fmt.Errorf("the tooltip says %q", text)
			}
			return err
		})
	}
	if err := tip("a code", func(text string) bool {
		shown = code.FindString(text)
		return shown != "" && len(d.Opened()) > 0
	}); err != nil {
		return err
	}
	const person = "dr.amelia.stone"
	if err := trial.Approve(ctx, d.Opened()[0], shown, person); err != nil {
		return err
	}
	return tip("the sign-in", func(text string) bool { return strings.Contains(text, person) })
}

// windowOpenedAndClosed returns what the window's process used while it was open.
func windowOpenedAndClosed(ctx context.Context, d *desktop.Desktop, product *trial.Resident) (usage.Usage, error) {
	if err := product.Tray.Click(ctx, "Open Bitfount Tray"); err != nil {
		return usage.Usage{}, err
	}
	w, err := d.Window(ctx, patience)
	if err != nil {
		return usage.Usage{}, err
	}
	if w.PID == product.PID {
		return usage.Usage{}, errors.New("the window belongs to the resident, not to a process of its own")
	}
	if err := sleep(ctx, 5*time.Second); err != nil {
		return usage.Usage{}, err
	}
	u, err := usage.Of(w.PID)
	if err != nil {
		return u, err
	}
	if err := w.Close(ctx); err != nil {
		return u, err
	}
	return u, d.NoWindow(ctx, patience)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func report(rows []row, open usage.Usage) {
	mb := func(bytes int64) string {
		if bytes == 0 {
			return "–"
		}
		return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
	}
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nprogram\twhen\tmemory (RSS)\tits share (PSS)\tCPU of one core\twake-ups a second")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%.3f %%\t%.2f\n", r.program, r.when, mb(r.rss), mb(r.pss), r.cpu, r.wakes)
	}
	fmt.Fprintf(t, "its window\twhile open\t%s\t%s\n", mb(open.RSS), mb(open.PSS))
	_ = t.Flush()
	before, after := rows[0], rows[2]
	fmt.Println()
	verdict("at most 30 MB resident", max(before.rss, after.rss) <= mostMemory)
	verdict("at most 0.05 % of a core", max(before.cpu, after.cpu) <= mostCPU)
	verdict("the same after the window as before (within 1 MB)", after.rss-before.rss <= mostGrowth)
}

func verdict(what string, met bool) {
	word := "MET    "
	if !met {
		word = "NOT MET"
	}
	fmt.Println(word, what)
}
