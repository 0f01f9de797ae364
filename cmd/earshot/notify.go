package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"earshot/node/control"
)

// supervisor is the service manager that started this process and wants to hear
// how it goes: sd_notify(3), datagrams of NAME=VALUE lines. The zero value is
// none, and hears nothing.
type supervisor struct {
	conn  net.Conn
	watch time.Duration // it takes silence of this length for a hang; 0 for none
}

// findSupervisor reads the environment, and takes it away from processes that
// this one may start.
func findSupervisor() *supervisor {
	path := os.Getenv("NOTIFY_SOCKET")
	watch, pid := os.Getenv("WATCHDOG_USEC"), os.Getenv("WATCHDOG_PID")
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
		os.Unsetenv(name)
	}
	if path == "" || path[0] != '/' && path[0] != '@' { // @: the abstract namespace, as package net writes it too
		return &supervisor{}
	}
	conn, err := net.Dial("unixgram", path)
	if err != nil {
		return &supervisor{} // to be told is its concern: music is ours
	}
	s := &supervisor{conn: conn}
	if usec, err := strconv.ParseInt(watch, 10, 64); err == nil && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		s.watch = max(0, time.Duration(usec)*time.Microsecond)
	}
	return s
}

// tell sends news.
func (s *supervisor) tell(lines ...string) {
	if s.conn != nil {
		s.conn.SetWriteDeadline(time.Now().Add(time.Second)) // one that does not read must not stop us
		s.conn.Write([]byte(strings.Join(lines, "\n")))
	}
}

// patience is how much longer a start may take after each word of progress.
const patience = 30 * time.Second

// starting says how far a start is, so that a long one is not taken for a hang.
func (s *supervisor) starting(status string) {
	s.tell("STATUS="+status, "EXTEND_TIMEOUT_USEC="+strconv.FormatInt(patience.Microseconds(), 10))
}

// tellEvery is how often `systemctl status` has something new to show.
const tellEvery = 30 * time.Second

// attend says that n is ready, and then how it goes: a node that does not answer
// is silent, and restarted by its watchdog. The returned function says that it
// stops.
func (s *supervisor) attend(ctx context.Context, n control.Node) (stopping func()) {
	if s.conn == nil {
		return func() {}
	}
	every := tellEvery
	if s.watch > 0 {
		every = min(every, max(s.watch/2, time.Millisecond)) // as sd_watchdog_enabled(3) advises
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	s.tell("READY=1", "STATUS="+statusLine(ctx, n))
	go func() {
		defer close(ended)
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
			if line := statusLine(ctx, n); line != "" {
				s.tell("WATCHDOG=1", "STATUS="+line)
			}
		}
	}()
	return func() {
		cancel()
		<-ended
		s.tell("STOPPING=1")
		s.conn.Close()
	}
}

// statusLine sums up a node; empty if it does not answer.
func statusLine(ctx context.Context, n control.Node) string {
	st, err := n.Status(ctx)
	if err != nil {
		return ""
	}
	with := count(len(st.Neighbours), "neighbour")
	if st.Role == control.RoleServer {
		with = count(st.Members, "node")
	}
	return fmt.Sprintf("sharing %s with %s, %s sent", count(st.Tracks, "track"), with, bytesOf(st.Uploaded))
}
