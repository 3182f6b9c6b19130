package desktop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// process is one running part of a desktop.
type process struct {
	name string
	cmd  *exec.Cmd
	// ended is closed when the process has ended.
	ended chan struct{}
}

// run starts a part whose output goes to a log file of its name. prepare may be
// nil.
func (d *Desktop) run(name string, argv []string, prepare func(*exec.Cmd)) (*process, error) {
	log, err := d.LogFile(name)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = d.Env()
	cmd.Dir = d.dir
	dieWithParent(cmd)
	if prepare != nil {
		prepare(cmd)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("the virtual desktop cannot start %s: %w", name, err)
	}
	p := &process{name: name, cmd: cmd, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(p.ended)
	}()
	d.started = append(d.started, p)
	return p, nil
}

// LogFile opens the log of a program on this desktop, one of those that Logs
// returns, for adding to it. The caller closes it.
func (d *Desktop) LogFile(name string) (*os.File, error) {
	return os.OpenFile(filepath.Join(d.dir, "log", name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// alive is an error once the process has ended.
func (p *process) alive() error {
	select {
	case <-p.ended:
		return fmt.Errorf("%s ended (%s)", p.name, p.cmd.ProcessState)
	default:
		return nil
	}
}

// stop asks the process to end, and makes it after two seconds. It returns when
// the process has ended.
func (p *process) stop() {
	select {
	case <-p.ended:
		return
	default:
	}
	terminate(p.cmd.Process)
	select {
	case <-p.ended:
	case <-time.After(2 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}
