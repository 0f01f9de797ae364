//go:build !linux

package main

import "syscall"

// childAttr puts a child into a process group of its own, so that a Ctrl-C at
// the terminal reaches the demo alone, which ends its children in good order.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
