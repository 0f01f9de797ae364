package swarm

import (
	"fmt"

	"earshot/protocol"
)

// greeting is what a control stream begins with: who we are and all that we
// want to know.
func (s *Swarm) greeting(c *Conn) []byte {
	b := protocol.Append(nil, s.helloMessage(c))
	if c.server {
		return b
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.watches {
		b = protocol.Append(b, &protocol.Want{ID: id})
	}
	return b
}

func (s *Swarm) helloMessage(c *Conn) *protocol.Hello {
	h := &protocol.Hello{Agent: s.config.Agent, Sharing: !s.config.NoUpload, Coordinate: s.place.coordinate(), Seen: c.Addr()}
	if c.server {
		h.Local = LocalAddrs(s.Addr())
	}
	return h
}

const (
	// announceBurst is what tells the server of a cache of 20,000 tracks, three
	// times over, and announceRate several times what changes as music plays. Who
	// says more is heard that slowly: nobody else waits for it.
	announceBurst = 128
	announceRate  = 4
)

// hello takes the other side's introduction.
func (s *Swarm) hello(c *Conn, m *protocol.Hello) {
	c.mu.Lock()
	c.hello = m
	c.mu.Unlock()
	if c.server && m.Seen.IsValid() {
		s.upstream.seen.Store(&m.Seen)
	}
	c.greetOnce.Do(func() { close(c.greeted) })
}

// heard takes what came on a control stream. An error is a violation.
func (s *Swarm) heard(c *Conn, m protocol.Message) error {
	switch m := m.(type) {
	case *protocol.Hello:
		s.hello(c, m)
	case *protocol.Want:
		return s.wanted(c, m.ID)
	case *protocol.Unwant:
		c.mu.Lock()
		delete(c.wants, m.ID)
		c.mu.Unlock()
	case *protocol.Have:
		s.tell(c, m.ID, m, func(protocol.Bitmap) protocol.Bitmap { return m.Chunks.Clone() })
	case *protocol.Got:
		s.tell(c, m.ID, m, func(have protocol.Bitmap) protocol.Bitmap {
			for i := m.First; i < min(m.First+m.Count, 8*len(have)); i++ {
				have.Set(i)
			}
			return have
		})
	case *protocol.Lost:
		s.tell(c, m.ID, m, func(protocol.Bitmap) protocol.Bitmap { return nil })
	case *protocol.Announce, *protocol.Withdraw:
		if s.config.Server == nil {
			return nil // we are not whom it takes us for; no harm done
		}
		if c.Confirmed(c.quic.Context()) != nil || c.announces.Wait(c.quic.Context()) != nil {
			return nil
		}
		if a, ok := m.(*protocol.Announce); ok {
			c.moved(a.Coordinate)
			s.config.Server.Announced(c, a.Tracks)
		} else {
			s.config.Server.Withdrawn(c, m.(*protocol.Withdraw).IDs)
		}
	default:
		return fmt.Errorf("%w: %v on a control stream", protocol.ErrMalformed, m.Type())
	}
	return nil
}

// tell notes news of a track's have map, and passes them to who watches it.
func (s *Swarm) tell(c *Conn, id protocol.ID, m protocol.Message, change func(protocol.Bitmap) protocol.Bitmap) {
	s.mu.Lock()
	w := s.watches[id]
	s.mu.Unlock()
	if w == nil || c.server {
		return
	}
	c.mu.Lock()
	c.theirs[id] = change(c.theirs[id])
	c.mu.Unlock()
	w.Heard(c, m)
}

// holds reports whether the other side is known to hold a chunk.
func (c *Conn) holds(id protocol.ID, i int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.theirs[id].Has(i)
}

// wanted answers Want with the have map. The subscription is noted first, so
// that no chunk falls between the map and the news.
func (s *Swarm) wanted(c *Conn, id protocol.ID) error {
	c.mu.Lock()
	c.wants[id] = struct{}{}
	n := len(c.wants)
	c.mu.Unlock()
	if n > maxWants {
		return fmt.Errorf("%w: %d tracks wanted", protocol.ErrTooLarge, n)
	}
	s.sayHave(c, id)
	return nil
}

func (s *Swarm) sayHave(c *Conn, id protocol.ID) {
	s.mu.Lock()
	_, listening := s.watches[id]
	s.mu.Unlock()
	m := &protocol.Have{ID: id, Listening: listening}
	if t, err := s.acquire(id); err == nil {
		h := t.Header()
		m.Size, m.Chunks = h.Size, t.Have()
		t.Release()
	}
	c.out.say(m)
}

// Watch hears of a track from all neighbours, now and later, until stop is
// called. One track has one watcher. Who wants the track here learns that this
// node listens to it, and in the end that it no longer does, and what it has stored:
// nobody is to wait for what it would have brought, or ask for what it only had in memory.
func (s *Swarm) Watch(id protocol.ID, w Watcher) (stop func()) {
	s.mu.Lock()
	s.watches[id] = w
	s.mu.Unlock()
	s.wake()
	s.each(func(c *Conn) {
		c.out.say(&protocol.Want{ID: id})
		if c.wantsTrack(id) {
			s.sayHave(c, id)
		}
	})
	return func() {
		s.mu.Lock()
		delete(s.watches, id)
		s.mu.Unlock()
		s.each(func(c *Conn) {
			c.mu.Lock()
			delete(c.theirs, id)
			c.mu.Unlock()
			c.out.say(&protocol.Unwant{ID: id})
			if c.wantsTrack(id) {
				s.sayHave(c, id)
			}
		})
	}
}

// Got tells who wants the track that count more chunks from first on are here, at
// once if others are likely to need them soon.
func (s *Swarm) Got(id protocol.ID, first, count int, soon bool) {
	if s.config.NoUpload {
		return
	}
	s.wake()
	s.each(func(c *Conn) {
		if c.wantsTrack(id) {
			c.out.got(id, first, count, soon)
		}
	})
}

// Lost tells who wants the track that nothing of it is here any more.
func (s *Swarm) Lost(id protocol.ID) {
	s.each(func(c *Conn) {
		if c.wantsTrack(id) {
			c.out.say(&protocol.Lost{ID: id})
		}
	})
}

func (c *Conn) wantsTrack(id protocol.ID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.wants[id]
	return ok
}

// each calls f for every neighbour that is not the server.
func (s *Swarm) each(f func(c *Conn)) {
	for _, c := range s.Neighbours() {
		if !c.server {
			f(c)
		}
	}
}
