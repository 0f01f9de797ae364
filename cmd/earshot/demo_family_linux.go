package main

import "syscall"

// childAttr puts a child into a process group of its own, so that a Ctrl-C at
// the terminal reaches the demo alone, which ends its children in good order,
// and has the kernel kill it should the demo itself be killed.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
