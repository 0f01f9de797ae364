package swarm

import (
	"time"

	"github.com/quic-go/quic-go/qlog"
	"github.com/quic-go/quic-go/qlogwriter"
)

// gauge is what QUIC tells of one connection. It is a recorder of qlog events,
// as QUIC tells what is in flight by those alone.
type gauge struct {
	line       *uplink
	since      time.Time // when the connection came
	behind     bool      // others' packets were on the line when its first were sent
	inFlight   int       // bytes; this and all below under line.mu
	counted    int       // of them, in line.inFlight
	granted    int
	heard      time.Time // when something was acknowledged, or sent on an idle connection
	silent     bool
	congestion int // window, bytes; 0 before it is known
	base       baseline
	lost       int     // packets, since something was acknowledged; of the connection's goroutine
	early      bool    // something was asked in 0-RTT; the same
	waiting    []*turn // for room in this connection
}

type gaugeKey struct{}

func (g *gauge) hasRoom() bool {
	return g.congestion == 0 || g.inFlight+g.granted < g.congestion
}

// AddProducer makes a gauge a qlog trace.
func (g *gauge) AddProducer() qlogwriter.Recorder { return g }

// RecordEvent takes note of what is in flight, after each packet and each
// acknowledgement.
func (g *gauge) RecordEvent(e qlogwriter.Event) {
	switch e := e.(type) {
	case qlog.PacketLost:
		g.lost++
	case qlog.PacketReceived:
		g.early = g.early || e.Header.PacketType == qlog.PacketType0RTT
	case qlog.MetricsUpdated:
		g.update(&e)
	}
}

func (g *gauge) update(m *qlog.MetricsUpdated) {
	now, l := time.Now(), g.line
	l.mu.Lock()
	defer l.mu.Unlock()
	g.congestion = m.CongestionWindow
	less := g.set(now, m.BytesInFlight)
	if less > 0 && m.LatestRTT > 0 {
		n := less - g.lost*packetSize
		if base, known := g.way(now, m.LatestRTT); known {
			l.window.acked(now, n, base, m.LatestRTT-base)
		} else {
			l.window.came(now, n)
		}
		g.lost = 0
	}
	spoken := less < 0 && !g.early && l.comers.spoken(g)
	if less > 0 || spoken {
		l.grant(now)
	}
}

// way returns the round trip without a queue. One who came behind others has seen none
// but theirs, so at first that is no more than the line's other connections have, and not
// known while theirs is not.
func (g *gauge) way(now time.Time, rtt time.Duration) (base time.Duration, known bool) {
	base = g.base.add(now, rtt)
	if !g.behind || now.Sub(g.since) >= newFor {
		return base, true
	}
	usual := g.line.window.base
	return min(base, usual), usual > 0
}

// set brings the count of what is in flight up to date, and returns how much less
// it is. line.mu is held.
func (g *gauge) set(now time.Time, inFlight int) (less int) {
	less = g.inFlight - inFlight
	if g.heard.IsZero() {
		g.behind = g.line.inFlight > quantum
	}
	if less < 0 {
		g.line.sent(now, -less)
	}
	if less > 0 || g.inFlight == 0 {
		g.heard, g.silent = now, false
	}
	g.inFlight = inFlight
	if !g.silent {
		g.line.inFlight += inFlight - g.counted
		g.counted = inFlight
	}
	if g.hasRoom() {
		for _, t := range g.waiting {
			g.line.push(t)
		}
		g.waiting = nil
	}
	return less
}

// Close takes the connection out of account.
func (g *gauge) Close() error {
	now, l := time.Now(), g.line
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.gauges, g)
	l.window.share(len(l.gauges) > few)
	g.congestion = 0
	g.set(now, 0)
	l.grant(now)
	return nil
}
