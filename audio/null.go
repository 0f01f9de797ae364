package audio

import (
	"sync"
	"time"
)

// nullPeriod is how often the null output takes sound: as an ordinary sound card
// does (1024 samples), and what a ring starts with. At half of it, waking costs a
// third of what decoding does.
const nullPeriod = startTime

// null reads a ring at the pace of a sound card and throws the sound away.
type null struct {
	*Ring
	stop   chan struct{}
	pauses chan bool
	once   sync.Once
	work   sync.WaitGroup
}

// NewNull returns an output that sounds nowhere, in real time.
func NewNull() Output {
	n := &null{Ring: NewRing(), stop: make(chan struct{}), pauses: make(chan bool)}
	n.work.Go(n.run)
	return n
}

func (n *null) run() {
	tick := time.NewTicker(nullPeriod)
	defer tick.Stop()
	begin, taken := time.Now(), int64(0)
	buf := make([]byte, soundBytes(ringTime))
	for {
		select {
		case <-n.stop:
			return
		case paused := <-n.pauses:
			if paused && !n.rest() {
				return
			}
			begin, taken = time.Now(), 0
			continue
		case <-tick.C:
		}
		due := soundBytes(time.Since(begin)) - taken
		if most := int64(len(buf) / 2); due > most {
			// This clock was not run for so long that the writer, who waited
			// for it, could not have kept up either. It is set back.
			begin = begin.Add(soundTime(due - most))
			due = most
		}
		n.Read(buf[:due])
		taken += due
	}
}

// rest waits, without a clock, until playing goes on; false if it ends instead.
func (n *null) rest() bool {
	for {
		select {
		case <-n.stop:
			return false
		case paused := <-n.pauses:
			if !paused {
				return true
			}
		}
	}
}

// Pause also stops the clock: a program that waits for its user costs nothing.
func (n *null) Pause(paused bool) {
	n.Ring.Pause(paused)
	select {
	case n.pauses <- paused:
	case <-n.stop:
	}
}

// Close also waits for the clock to end.
func (n *null) Close() error {
	err := n.Ring.Close()
	n.once.Do(func() { close(n.stop) })
	n.work.Wait()
	return err
}
