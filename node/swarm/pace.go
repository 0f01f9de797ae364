package swarm

import "time"

// shortWait bounds how soon it is looked again whose turn it is: what timers can do.
const shortWait = time.Millisecond

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
	most := l.window.queue()
	if queue <= most {
		return false
	}
	l.lookAgain(max(queue-most, shortWait))
	return true
}

// lookAgain has turns given after a time.
func (l *uplink) lookAgain(wait time.Duration) {
	if l.again != nil {
		l.again.Reset(wait)
		return
	}
	l.again = time.AfterFunc(wait, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.grant(time.Now())
	})
}

// rest ends what waits for the line.
func (l *uplink) rest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.again != nil {
		l.again.Stop()
	}
	l.comers.closed = true
	l.comers.let()
}
