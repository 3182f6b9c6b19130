package authcore

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/windows"
)

// commandGroup is the job that holds a running command and its children.
type commandGroup struct {
	mu  *sync.Mutex
	job *windows.Handle // zero when released
}

// startInGroup starts cmd without a console window, in a job, and makes the end
// of cmd's context end all of the job. A child that cmd starts in the first
// instant, before it is put into the job, is outside of it.
func startInGroup(cmd *exec.Cmd) (commandGroup, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return commandGroup{}, err
	}
	group := commandGroup{new(sync.Mutex), &job}
	cmd.SysProcAttr = &syscall.SysProcAttr{HideWindow: true, CreationFlags: windows.CREATE_NO_WINDOW}
	cmd.Cancel = func() error {
		group.mu.Lock()
		defer group.mu.Unlock()
		if *group.job != 0 {
			// The process itself may have been too quick for the job.
			_ = windows.TerminateJobObject(*group.job, 1)
		}
		return cmd.Process.Kill()
	}
	if err := cmd.Start(); err != nil {
		group.release()
		return commandGroup{}, err
	}
	// Old systems refuse nested jobs; then only the process itself is ended.
	_ = cmd.Process.WithHandle(func(process uintptr) {
		_ = windows.AssignProcessToJobObject(job, windows.Handle(process))
	})
	return group, nil
}

func (g commandGroup) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if *g.job != 0 {
		_ = windows.CloseHandle(*g.job)
		*g.job = 0
	}
}

// refuseShellScript keeps batch files out: Windows runs them through cmd.exe,
// which reads their arguments by rules of its own.
func refuseShellScript(path string) error {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".bat", ".cmd":
		return errors.New("it is a batch file, which runs in a shell: name the program that it starts")
	}
	return nil
}
