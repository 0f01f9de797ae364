package stream

import (
	"time"

	"earshot/node/schedule"
	"earshot/node/swarm"
	"earshot/protocol"
)

// source is a node that may be asked for chunks.
type source struct {
	conn      *swarm.Conn
	id        schedule.SourceID
	server    bool
	added     bool // to the schedule
	have      protocol.Bitmap
	listening bool
}

// addServer makes the server a source.
func (f *fetch) addServer(now time.Duration, c *swarm.Conn) *source {
	src := f.source(c)
	if !src.added {
		src.server, src.added = true, true
		f.schedule.AddSource(now, src.id, schedule.Source{Kind: schedule.Server, RTT: c.RTT(), MinRTT: c.MinRTT()})
	}
	return src
}

// addPeer makes a neighbour a source.
func (f *fetch) addPeer(now time.Duration, src *source) {
	src.added = true
	f.schedule.AddSource(now, src.id, schedule.Source{
		Kind: schedule.Peer, RTT: src.conn.RTT(), MinRTT: src.conn.MinRTT(), Key: key(src.conn.Node()),
	})
}

// measure tells the schedule how far away a source that has answered is by now: a
// handshake's round trips are those of large packets and of a busy processor.
func (f *fetch) measure(now time.Duration, src *source) {
	if src.added && f.byID[src.id] == src { // else it is gone
		f.schedule.AddSource(now, src.id, schedule.Source{RTT: src.conn.RTT(), MinRTT: src.conn.MinRTT()})
	}
}

func (f *fetch) source(c *swarm.Conn) *source {
	src := f.sources[c]
	if src == nil {
		f.lastID++
		src = &source{conn: c, id: f.lastID}
		f.sources[c], f.byID[src.id] = src, src
	}
	return src
}

// heard takes news of a neighbour's have map. Before the proof tree is there its
// chunks are asked for already; they wait for it to be verified.
func (f *fetch) heard(now time.Duration, c *swarm.Conn, m protocol.Message) {
	src := f.source(c)
	n := protocol.Chunks(f.s.pieces.header.Size)
	switch m := m.(type) {
	case *protocol.Have:
		src.listening = m.Listening
		src.have = protocol.NewBitmap(n)
		switch {
		case m.Chunks.Valid(n):
			copy(src.have, m.Chunks)
		case m.Size != 0:
			c.Misled("a have map of another size than the track's")
		}
		f.offer(now, src)
	case *protocol.Got:
		if src.have == nil {
			return
		}
		for i := m.First; i < min(m.First+m.Count, n); i++ {
			src.have.Set(i)
		}
		f.s.setCompany()
		if src.added && m.First < n {
			f.schedule.Got(now, src.id, m.First, min(m.Count, n-m.First))
		}
	case *protocol.Lost:
		src.have = protocol.NewBitmap(n)
		f.offer(now, src)
	}
}

// offer tells the schedule of a peer and all it holds.
func (f *fetch) offer(now time.Duration, src *source) {
	if src.server || src.have == nil || !src.conn.Trusted() {
		return
	}
	if !src.added {
		f.addPeer(now, src)
	}
	if src.have.Count() > 0 || src.listening {
		f.s.setCompany()
	}
	f.schedule.SetHave(now, src.id, src.have)
	f.schedule.Listening(now, src.id, src.listening)
}

// gone takes a source out.
func (f *fetch) gone(now time.Duration, c *swarm.Conn) {
	src := f.sources[c]
	if src == nil {
		return
	}
	delete(f.sources, c)
	delete(f.byID, src.id)
	if src.added {
		f.schedule.RemoveSource(now, src.id)
	}
}
