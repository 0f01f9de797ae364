//go:build !linux

package control

import "net"

// allowed trusts the socket's mode where the kernel is not asked.
func allowed(*net.UnixConn) bool { return true }
