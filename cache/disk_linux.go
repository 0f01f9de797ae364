package cache

import (
	"io/fs"
	"os"
	"syscall"
)

// freeSpace returns the bytes that an ordinary user may still write in dir.
func freeSpace(dir string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, os.NewSyscallError("statfs", err)
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}

// allocated returns the bytes that a file takes on disk, holes excluded.
func allocated(fi fs.FileInfo) int64 {
	if s, ok := fi.Sys().(*syscall.Stat_t); ok {
		return s.Blocks * 512 // stat(2): always of 512 bytes
	}
	return blocks(fi.Size())
}

// punch gives the space of a part of a file back. Where the file system cannot,
// the part stays until it is written anew.
func punch(f *os.File, offset, length int64) {
	const keepSize, punchHole = 1, 2 // linux/falloc.h
	conn, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) {
		_ = syscall.Fallocate(int(fd), keepSize|punchHole, offset, length)
	})
}
