package sim

import (
	"time"

	"earshot/node/schedule"
	"earshot/protocol"
)

const (
	// The next track is fetched from peers, then its head from the server, with
	// so much left (Kreitz and Niemelä, section III).
	fromPeersAt  = 30 * time.Second
	fromServerAt = 10 * time.Second
	// playerAhead is how far a player decodes ahead of what sounds.
	playerAhead = time.Second
)

// play is what a listener hears.
type play struct {
	on       bool
	sounds   bool
	stalled  bool // has stuttered
	serial   int32
	track    int32
	fetch    int32 // -1 where all was cached
	next     int32 // the next in sequence, -1 for a random access
	held     *held
	asked    time.Duration
	base     time.Duration // when the track's beginning sounded; later by what was silent
	silent   time.Duration // where it is held and has sounded: since when it does not
	hold     hold
	duration time.Duration // that is listened to
}

// begin plays a track.
func (w *world) begin(i, track int32) {
	n := &w.nodes[i]
	p := play{on: true, serial: n.play.serial + 1, track: track, fetch: -1, next: -1, asked: w.now, duration: w.Length}
	switch {
	case w.Plays != nil:
	case w.rng.Float64() < w.Sequential:
		p.next = w.choose(n)
	case w.rng.Float64() < cut:
		p.duration = time.Duration(w.rng.Int64N(int64(w.Length)))
	}
	n.play = p
	w.result.Plays++
	if n.next >= 0 && w.fetches[n.next].track == track {
		n.play.fetch, n.next = n.next, -1
	} else {
		w.abandonNext(i)
		if h := n.cache[track]; h == nil || h.have != nil {
			n.play.fetch = w.newFetch(i, track, schedule.Playing)
		}
	}
	n.play.held = w.lease(i, track)
	fi := n.play.fetch
	if fi >= 0 && w.fetches[fi].state != nil {
		w.fetches[fi].mode = schedule.Playing
		w.setBusy(n, true)
		if w.fetches[fi].opened {
			w.playhead(&w.fetches[fi])
			w.step(fi)
		}
	}
	switch {
	case fi < 0 || w.fetches[fi].state == nil:
		w.sound(i, w.now)
	case w.fetches[fi].gap > 0:
		w.mayBegin(fi, w.now, 0)
	}
}

// sound is the first sample of a play, but for what decoding takes.
func (w *world) sound(i int32, at time.Duration) {
	n := &w.nodes[i]
	p := &n.play
	p.sounds = true
	p.base = at + w.Local
	w.latency = append(w.latency, float64(p.base-p.asked)/float64(time.Millisecond))
	w.at(p.base+p.duration, ending, i, p.serial, 0, n.session)
	if p.next >= 0 {
		w.at(p.base+w.Length-fromPeersAt, ahead, i, p.serial, 0, n.session)
		w.at(p.base+w.Length-fromServerAt, ahead, i, p.serial, 1, n.session)
	}
}

// heard moves the first missing chunk of a fetch, which has just come, over so long a
// time; where it came too late, the music has stopped. What the server sends is played
// while it comes, a peer's chunk when it is verified.
func (w *world) heard(fi int32, took time.Duration, byServer bool) {
	f := &w.fetches[fi]
	was := f.gap
	for f.gap < w.chunks && f.held.have.Has(f.gap) {
		f.gap++
	}
	p := &w.nodes[f.node].play
	if !p.on || p.fetch != fi || !p.sounds || p.hold.on {
		return
	}
	due := p.base + seconds(was*protocol.ChunkSize, w.perTime)
	late := w.now - due
	if byServer {
		late -= min(took, seconds(protocol.ChunkLen(w.size, was), w.perTime))
	}
	if late > 0 && was > 0 && due < p.base+p.duration {
		w.dry(p, was, w.now-late)
	}
}

// playhead tells the schedule where the reader is.
func (w *world) playhead(f *fetch) {
	p := &w.nodes[f.node].play
	offset := int64(0)
	switch {
	case f.mode == schedule.Playing && p.hold.on:
		offset = p.hold.place
	case f.mode == schedule.Playing && p.sounds:
		at := max(w.now-p.base+playerAhead, 0).Seconds() * w.perTime
		offset = min(int64(at), int64(f.gap)*protocol.ChunkSize, w.size)
	}
	f.state.Playhead(w.now, offset, 0, f.mode)
}

// ahead prefetches the next track.
func (w *world) ahead(i int32, late bool) {
	n := &w.nodes[i]
	if !late && n.next < 0 && n.until > w.now {
		if h := n.cache[n.play.next]; (h == nil || h.have != nil) && n.play.next != n.play.track {
			n.next = w.newFetch(i, n.play.next, schedule.PrefetchPeers)
		}
		return
	}
	if late && n.next >= 0 {
		f := &w.fetches[n.next]
		f.mode = schedule.PrefetchHead
		if f.state != nil && f.opened {
			w.playhead(f)
			w.step(n.next)
		}
	}
}

// abandonNext gives up what was fetched ahead for nothing.
func (w *world) abandonNext(i int32) {
	if k := w.nodes[i].next; k >= 0 {
		w.nodes[i].next = -1
		w.release(k)
	}
}

// ending is the end of a play, unless silence has put it off.
func (w *world) ending(i int32) {
	n := &w.nodes[i]
	end := n.play.base + n.play.duration
	if n.play.hold.on {
		end = w.now + tickEvery
	}
	if w.now < end {
		w.at(end, ending, i, n.play.serial, 0, n.session)
		return
	}
	next := n.play.next
	w.stop(i)
	if w.Plays != nil || w.now >= n.until {
		w.abandonNext(i)
		return
	}
	if next < 0 {
		next = w.choose(n)
	}
	w.begin(i, next)
}

// stop ends a play and notes where its bytes came from.
func (w *world) stop(i int32) {
	n := &w.nodes[i]
	p := &n.play
	p.on = false
	w.setBusy(n, false)
	if p.sounds {
		if p.hold.on {
			w.goOn(p, w.now)
		}
		w.result.Sounded++
		if p.stalled {
			w.result.Stuttered++
		}
		w.share(p)
	}
	p.held.leases--
	p.held = nil
	if p.fetch >= 0 {
		w.release(p.fetch)
		p.fetch = -1
	}
}

// share adds a play's bytes to those of its hour.
func (w *world) share(p *play) {
	played := int64(min(max(w.now-p.base, 0), w.Length).Seconds() * w.perTime)
	if w.now-p.base >= w.Length {
		played = w.size
	}
	var by [3]int64
	if p.fetch < 0 {
		by[fromCache] = played
	} else {
		f := &w.fetches[p.fetch]
		for c := range w.chunks {
			left := played - int64(c)*protocol.ChunkSize
			if left <= 0 {
				break
			}
			by[f.origin[c]] += min(left, int64(protocol.ChunkLen(w.size, c)))
		}
	}
	h := &w.result.Hours[w.hour()]
	for _, s := range [2]*Shares{h, &w.result.Played} {
		s.Cache += by[fromCache]
		s.Peers += by[fromPeer]
		s.Server += by[fromServer]
	}
}

func (w *world) hour() int { return int(w.now/time.Hour) % 24 }

// handle does what an event says, if those that it concerns are still there.
func (w *world) handle(e *event) {
	switch e.kind {
	case login:
		w.login(e.a)
	case logout, noticed, announce, ending, ahead:
		w.handleNode(e)
	case opening, opened, seekHelp, connect, told, wake, tick:
		w.handleFetch(e)
	case request, reject, drop:
		w.handleFlow(e)
	case sent:
		w.nodes[e.a].sending = false
		w.transmit(e.a)
	case arrive:
		w.arrive(e)
	case script:
		p := w.Plays[e.a]
		if n := int32(p.Listener); !w.nodes[n].play.on {
			w.begin(n, int32(p.Track))
		}
	}
}

func (w *world) handleNode(e *event) {
	n := &w.nodes[e.a]
	if n.session != e.gen {
		return
	}
	current := n.play.on && n.play.serial == e.b
	switch {
	case e.kind == logout:
		w.logout(e.a)
	case e.kind == noticed:
		w.gone(e.a)
	case e.kind == announce:
		w.announce(e.a, e.gen)
	case e.kind == ending && current:
		w.ending(e.a)
	case e.kind == ahead && current:
		w.ahead(e.a, e.c == 1)
	}
}

func (w *world) handleFetch(e *event) {
	f := w.fetch(e.a, e.gen)
	if f == nil || f.state == nil {
		return
	}
	switch e.kind {
	case opening:
		w.opening(e.a)
	case opened:
		w.opened(e.a)
	case seekHelp:
		w.seekHelp(e.a)
	case connect:
		w.connect(e.a, e.b)
	case told:
		f.state.Got(w.now, sourceID(e.b), int(e.c), 1)
		w.step(e.a)
	case wake:
		if f.wakeAt == w.now {
			w.step(e.a)
		}
	case tick:
		w.playhead(f)
		w.step(e.a)
		w.after(tickEvery, tick, e.a, 0, 0, e.gen)
	}
}

func (w *world) handleFlow(e *event) {
	f := w.flow(e.a, e.gen)
	if f == nil {
		return
	}
	switch e.kind {
	case request:
		w.asked(e.a)
	case reject:
		w.rejected(e.a, schedule.Reason(e.b))
	case drop:
		w.endFlow(e.a)
	}
}
