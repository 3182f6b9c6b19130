// Bitfount Tray keeps a data custodian signed in to Bitfount from the system
// tray. This file only wires: it reads the flags, decides which process to be,
// and makes sure that there is one resident.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/authcore/localapi"
	"github.com/bitfount/bitfount-tray/authcore/vault"
	"github.com/bitfount/bitfount-tray/tray/policy"
	"github.com/bitfount/bitfount-tray/tray/resident"
	"github.com/bitfount/bitfount-tray/tray/update"
	"github.com/bitfount/bitfount-tray/ui/window"
)

// appID is the application's identity for desktops, in reverse DNS.
const appID = "com.bitfount.tray"

// version is set by the release build (-ldflags "-X main.version=1.2.3").
var version = "dev"

// updateURL and updateKeys are set (-ldflags) by who builds for people who get
// newer versions elsewhere.
var updateURL, updateKeys string

func main() {
	// Windows and macOS draw from the thread that the program began on.
	runtime.LockOSThread()
	os.Exit(run(os.Args[1:], os.Stderr))
}

type flags struct {
	window, hidden, show, quit, version bool
	config                              string
}

func run(args []string, stderr io.Writer) int {
	var f flags
	set := flag.NewFlagSet("bitfount-tray", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.BoolVar(&f.hidden, "hidden", false, "start without a window, even where no tray icon can be shown")
	set.BoolVar(&f.show, "show", false, "open the window, of a running Bitfount Tray if there is one")
	set.BoolVar(&f.quit, "quit", false, "end a running Bitfount Tray")
	set.BoolVar(&f.version, "version", false, "print the version and end")
	set.BoolVar(&f.window, "window", false, "be the window of a running Bitfount Tray (it starts this by itself)")
	set.StringVar(&f.config, "config", "", "read the configuration from this `file`")
	if err := set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	if f.version {
		fmt.Println("Bitfount Tray", version)
		return 0
	}
	if err := start(f); err != nil {
		fmt.Fprintln(stderr, "bitfount-tray:", err)
		if !f.window && !f.quit {
			resident.ShowStartError(err)
		}
		return 1
	}
	return 0
}

func start(f flags) error {
	paths, err := authcore.DefaultPaths()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	client := localapi.NewClient(paths.Socket())
	switch {
	case f.window:
		return runWindow(ctx, client)
	case f.quit:
		return client.Quit(ctx)
	}
	return runResident(ctx, f, paths, client)
}

func runResident(ctx context.Context, f flags, paths authcore.Paths, client *localapi.Client) error {
	listener, err := localapi.Listen(paths.Socket())
	if errors.Is(err, localapi.ErrRunning) {
		if f.hidden {
			return nil
		}
		return client.Do(ctx, authcore.Command{Name: authcore.CommandOpenWindow})
	}
	if err != nil {
		return err
	}
	defer listener.Close()
	resident.Harden()
	// With a second processor at hand, Go wakes threads to look for work that is
	// not there, each time that a timer fires. The resident waits, and one is
	// plenty for what it does in between.
	runtime.GOMAXPROCS(1)

	managed, policyProblem := policy.Read()
	// The policy's mistakes are in policyProblem.
	_, settingsFault := authcore.ReadSettings(paths.SettingsPath(), nil)
	settings, err := authcore.ReadSettings(paths.SettingsPath(), managed)
	log := resident.OpenLog(os.Stderr, paths.LogPath(), settings.LogLevel)
	defer log.Close()
	slog.SetDefault(log.Logger)
	log.Info("started", "version", version, "system", runtime.GOOS, "architecture", runtime.GOARCH)
	if err != nil {
		log.Warn("some settings are not used", "cause", err)
	}
	network, err := resident.NewNetwork(settings)
	if err != nil {
		return err
	}
	// choose finds the one that settings mean.
	choose := func(s authcore.Settings) (e authcore.Environment, chosen bool, err error) {
		if f.config != "" && !s.IsLocked("environment") {
			s.Environment = "" // the command line is nearer
		}
		return s.ChooseEnvironment(os.Getenv(authcore.EnvironmentVariable), cmp.Or(f.config, paths.ConfigPath()))
	}
	environment, chosen, err := choose(settings)
	if err != nil {
		return err
	}
	updates := update.Source{
		URL: cmp.Or(updateURL, update.URL), Keys: cmp.Or(updateKeys, update.Keys()),
		Transport: network, UserAgent: "Bitfount Tray " + version,
	}
	agent, err := authcore.NewAgent(authcore.AgentOptions{
		Environment:       environment,
		EnvironmentChosen: chosen,
		Vault:             vault.New(vault.Options{Dir: paths.Data}),
		LiveFileList:      paths.LiveFileList(),
		HistoryPath:       paths.HistoryPath(),
		Settings:          &settings,
		Transport:         network,
		UserAgent:         "Bitfount Tray " + version,
		Version:           version,
		Log:               log.Logger,
	})
	if err != nil {
		return err
	}
	return resident.Run(ctx, resident.Options{
		Agent: agent, Listener: listener, Show: f.show || settings.ShowWindow && !f.hidden, Hidden: f.hidden, Log: log,
		Settings: settings, SettingsPath: paths.SettingsPath(), SettingsFault: settingsFault, NoticesPath: paths.NoticesPath(), Network: network, Policy: policyProblem,
		Environment: func(s authcore.Settings) (authcore.Environment, error) {
			e, _, err := choose(s)
			return e, err
		},
		Updates: updates, UpdatePath: paths.UpdatePath(),
	})
}

// runWindow draws what the resident streams. It holds no state: when the
// resident is gone, the window says so.
func runWindow(ctx context.Context, client *localapi.Client) error {
	snapshots := make(chan *authcore.Snapshot, 1)
	focus := make(chan struct{}, 1)
	watching, leave := context.WithCancel(ctx)
	defer leave()
	go func() {
		defer close(snapshots)
		for update, err := range client.WatchAsWindow(watching) {
			switch {
			case err != nil:
				return
			case update.Focus:
				select {
				case focus <- struct{}{}:
				default:
				}
			default:
				select {
				case <-snapshots:
				default:
				}
				snapshots <- update.Snapshot
			}
		}
	}()
	err := window.Run(ctx, window.Options{
		Snapshots: snapshots, Focus: focus, Closed: leave, Do: client.Do, AppID: appID, Version: version,
		SetAPIKeys: client.SetAPIKeys, SetExternalJWT: client.SetExternalJWT,
		TestAPIKeys: client.TestAPIKeys, TestSource: client.TestSource,
	})
	var problem *authcore.Problem
	if errors.As(err, &problem) {
		return fmt.Errorf("%s", problem.Cause)
	}
	return err
}
