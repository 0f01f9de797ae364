package node

import (
	"sync"
	"time"

	"earshot/node/swarm"
)

// meter turns counts of bytes into rates over the last seconds.
type meter struct {
	mu      sync.Mutex
	samples [meterSpan]sample
	n       int
}

type sample struct {
	at      time.Time
	traffic swarm.Traffic
}

// meterSpan is how many seconds a rate looks back on: runs come in bursts of a
// second or two, which should not show.
const meterSpan = 5

// add takes what was counted, once a second.
func (m *meter) add(now time.Time, t swarm.Traffic) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.samples[m.n%meterSpan] = sample{now, t}
	m.n++
}

// rates returns the bytes of track data a second, up and down.
func (m *meter) rates(now time.Time, t swarm.Traffic) (up, down int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.n == 0 {
		return 0, 0
	}
	oldest := m.samples[0]
	if m.n >= meterSpan {
		oldest = m.samples[m.n%meterSpan]
	}
	span := now.Sub(oldest.at).Seconds()
	if span <= 0 {
		return 0, 0
	}
	return int64(float64(t.Uploaded-oldest.traffic.Uploaded) / span), int64(float64(t.Downloaded-oldest.traffic.Downloaded) / span)
}
