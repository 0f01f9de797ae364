//go:build unix

package audio

import (
	"context"
	"os/exec"
	"syscall"
)

// shell makes a command of its own process group: a Ctrl-C is not for it, and it ends
// together with what it has started.
func shell(ctx context.Context, command string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", command)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}
