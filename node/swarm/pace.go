package swarm

import "time"

// least bounds how soon it is looked again whose turn it is: what timers can do.
const least = time.Millisecond

// sent notes that n bytes more are on the line. l.mu is held, as below.
func (l *uplink) sent(now time.Time, n int) {
	if l.window.pace == 0 {
		return
	}
	if l.busy.Before(now) {
		l.busy = now
	}
	l.busy = l.busy.Add(l.takes(n))
}

// takes is how long the line is busy with n bytes.
func (l *uplink) takes(n int) time.Duration {
	return time.Duration(float64(n) / l.window.pace * float64(time.Second))
}

// queues reports whether what was sent, or may be, makes a queue at the line, and sees
// to it that turns are given when it no longer does.
func (l *uplink) queues(now time.Time) bool {
	if l.window.pace == 0 || !l.waiting() {
		return false
	}
	queue := max(l.busy.Sub(now), 0) + l.takes(l.granted)
	if queue <= mostQueue {
		return false
	}
	wait := max(queue-mostQueue, least)
	if l.again == nil {
		l.again = time.AfterFunc(wait, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.grant(time.Now())
		})
	} else {
		l.again.Reset(wait)
	}
	return true
}

// rest ends what waits for the line.
func (l *uplink) rest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.again != nil {
		l.again.Stop()
	}
}

// Uplink returns what a server's line has been seen to carry, in bytes a second; 0
// while nothing had to wait for it, and of a listener.
func (s *Swarm) Uplink() float64 {
	if s.uplink == nil {
		return 0
	}
	s.uplink.mu.Lock()
	defer s.uplink.mu.Unlock()
	return s.uplink.window.known()
}
