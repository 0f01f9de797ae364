package sim

import (
	"context"
	"math"
	"time"

	"earshot/node/tracker"
	"earshot/protocol"
)

const (
	// reannounce is how often a node repeats what it holds: a third of the
	// tracker's TTL, as nodes do.
	reannounce = tracker.TTL / 3
	// silentDeath is how long QUIC waits before it gives a connection up.
	silentDeath = 10 * time.Second
	// crashes is the share of nodes that leave without a word.
	crashes = 0.1
	// topTracks have topPlays of the plays (Kreitz and Niemelä, section IV).
	topTracks, topPlays = 0.12, 0.88
	// skew is Zipf's exponent within each of the two classes: 0.6, so that the
	// first of 10,000 tracks gets 2 % of the plays.
	skew = 0.6
	// cut is the share of random accesses that cut the track before.
	cut = 0.5
)

// hours is how sessions are spread over the day: three times as many in the
// evening as in the mean of the night, the shape of Kreitz and Niemelä's
// figure of users over the week.
var hours = [24]float64{3, 2, 1.2, 1, 1, 1.2, 2, 3.5, 5, 5.5, 6, 6, 6, 6, 6, 6.2, 6.5, 7, 7.5, 8, 8, 7.5, 6, 4.5}

// populate makes the nodes, their caches and their sessions.
func (w *world) populate() {
	w.nodes = make([]node, w.Listeners+1)
	for i := range w.nodes {
		n := &w.nodes[i]
		n.next, n.play.fetch = -1, -1
		n.up, n.down, n.h = float64(w.Up)/8, float64(w.Down)/8, 2*w.Delay.Seconds()
		if int32(i) == w.server {
			n.up, n.down, n.h = float64(w.ServerUp)/8, float64(w.ServerUp)/8, 2*w.ServerDelay.Seconds()
			n.online = true
			continue
		}
		if !w.Alike {
			w.scatter(n)
		}
		n.limit = w.cacheLimit()
		n.cache = map[int32]*held{}
		if w.Plays != nil {
			n.online, n.until = true, w.Duration
			continue
		}
		w.fill(n)
		w.sessions(int32(i))
	}
	for i := range w.Plays {
		w.at(w.Plays[i].At, script, int32(i), 0, 0, 0)
	}
}

// scatter gives a node its own line and place: a continent 40 ms across, access
// lines of half to double the median.
func (w *world) scatter(n *node) {
	n.x, n.y = 0.04*w.rng.Float64(), 0.04*w.rng.Float64()
	n.h *= math.Exp2(w.rng.Float64()*2-1) / 2
	f := math.Exp2(w.rng.Float64()*2 - 1)
	n.up *= f
	n.down *= f
}

// cacheLimit draws a node's cache limit: 56 % have 5 GB or more, as Kreitz and
// Niemelä report; the rest 1 to 5 GB.
func (w *world) cacheLimit() int64 {
	const gb = 1_000_000_000
	if w.rng.Float64() < 0.56 {
		return 5*gb + w.rng.Int64N(5*gb)
	}
	return gb + w.rng.Int64N(4*gb)
}

// fill puts a node's favourites in its cache.
func (w *world) fill(n *node) {
	n.favourites = make([]int32, 0, w.Favourites)
	for range w.Favourites {
		t := w.popular()
		n.favourites = append(n.favourites, t)
		if n.cache[t] == nil {
			w.store(n, t)
		}
	}
}

// sessions draws a node's sessions of the whole time.
func (w *world) sessions(i int32) {
	var sum float64
	for _, h := range hours {
		sum += h
	}
	for t := time.Duration(0); t < w.Duration; t += time.Hour {
		chance := w.Sessions * hours[int(t.Hours())%24] / sum
		if w.rng.Float64() < chance {
			w.at(t+time.Duration(w.rng.Int64N(int64(time.Hour))), login, i, 0, 0, 0)
		}
	}
}

// popular draws a track: 88 % of them from the top 12 %.
func (w *world) popular() int32 {
	top := int(topTracks * float64(w.Tracks))
	from, n := 0, top
	if w.rng.Float64() >= topPlays {
		from, n = top, w.Tracks-top
	}
	return int32(from + int(float64(n)*math.Pow(w.rng.Float64(), 1/(1-skew))))
}

// choose draws what a listener plays next.
func (w *world) choose(n *node) int32 {
	if len(n.favourites) > 0 && w.rng.Float64() < w.Replay {
		return n.favourites[w.rng.IntN(len(n.favourites))]
	}
	return w.popular()
}

func (w *world) spell(mean time.Duration) time.Duration {
	return time.Duration(w.rng.ExpFloat64() * float64(mean))
}

func (w *world) login(i int32) {
	n := &w.nodes[i]
	length := max(w.spell(w.Listening), time.Minute)
	if n.online { // the listener is back before the node has gone
		if n.play.on {
			return
		}
	} else {
		n.online = true
		w.announce(i, n.session+1)
	}
	n.session++
	n.until = w.now + length
	w.at(n.until+w.spell(w.Linger), logout, i, 0, 0, n.session)
	w.after(reannounce, announce, i, 0, 0, n.session)
	w.begin(i, w.choose(n))
}

func (w *world) logout(i int32) {
	n := &w.nodes[i]
	if n.play.on {
		w.stop(i)
	}
	w.abandonNext(i)
	n.online = false
	n.session++
	for len(n.flows) > 0 {
		w.endFlow(n.flows[len(n.flows)-1])
	}
	if w.rng.Float64() < crashes {
		w.after(silentDeath, noticed, i, 0, 0, n.session)
		return
	}
	w.gone(i)
}

// gone has all notice that a node is no more.
func (w *world) gone(i int32) {
	_ = w.tracker.Forget(context.Background(), nodeID(i)) // Memory does not fail
	list := w.nodes[i].watchers
	w.nodes[i].watchers = nil
	for _, r := range list {
		if f := w.fetch(r.fetch, r.gen); f != nil {
			f.forget(i)
			if f.state != nil {
				f.state.RemoveSource(w.now, sourceID(i))
				w.step(r.fetch)
			}
		}
	}
}

// announce tells the tracker all that a node holds, from the longest unused on:
// the order of the cache is the same in each run, that of a map is not.
func (w *world) announce(i int32, session uint32) {
	n := &w.nodes[i]
	var all []protocol.Announced
	if !w.NoUploads {
		for h := n.order.Oldest(); h != nil; h = h.place.Newer() {
			all = append(all, protocol.Announced{ID: trackID(h.track), Complete: h.have == nil})
		}
	}
	_ = w.tracker.Announce(context.Background(), w.peer(i), all) // Memory does not fail
	if session == n.session {
		w.after(reannounce, announce, i, 0, 0, session)
	}
}

// store puts a whole track into a cache.
func (w *world) store(n *node, track int32) *held {
	if len(w.slab) == 0 {
		w.slab = make([]held, 4096)
	}
	h := &w.slab[0]
	w.slab = w.slab[1:]
	h.track, h.used = track, int64(w.now)
	n.cache[track] = h
	n.order.Push(h)
	n.used += w.size
	return h
}

// lease takes a track for play or fetch, and makes room where it is new.
func (w *world) lease(i, track int32) *held {
	n := &w.nodes[i]
	h := n.cache[track]
	if h == nil {
		for n.used+w.size > n.limit {
			out := n.order.Evict()
			if out == nil {
				break
			}
			w.evict(i, out)
		}
		h = w.store(n, track)
		h.have = protocol.NewBitmap(w.chunks)
	}
	n.order.Remove(h)
	h.used = int64(w.now)
	n.order.Push(h)
	h.leases++
	return h
}

// evict drops a track, and says so.
func (w *world) evict(i int32, h *held) {
	n := &w.nodes[i]
	n.order.Remove(h)
	delete(n.cache, h.track)
	n.used -= w.size
	_ = w.tracker.Withdraw(context.Background(), nodeID(i), []protocol.ID{trackID(h.track)}) // Memory does not fail
	w.result.Evicted++
}
