package trackertest

import (
	"math/rand/v2"
	"time"

	"earshot/node/tracker"
	"earshot/protocol"
)

// model is what a tracker must agree with: who announced what, and when.
type model map[int]map[int]time.Duration // by track, by peer

// asAModel does things at random and compares the tracker with the model after
// each.
func asAModel(f *fixture) {
	const peers, tracks, steps = 12, 6, 2000
	const step = tracker.TTL/8 + 25*time.Second // no multiple of it is near the TTL
	random := rand.New(rand.NewPCG(1, 2))
	m := model{}
	for i := range tracks {
		m[i] = map[int]time.Duration{}
	}
	var now time.Duration
	for range steps {
		p, id := random.IntN(peers), random.IntN(tracks)
		switch n := random.IntN(20); {
		case n < 12:
			other := random.IntN(tracks)
			f.announce(peer(p), n%2 == 0, track(id), track(other))
			m[id][p], m[other][p] = now, now
		case n < 15:
			f.withdraw(peer(p), track(id))
			delete(m[id], p)
		case n < 16:
			f.forget(peer(p))
			for _, holders := range m {
				delete(holders, p)
			}
		default:
			f.pass(step)
			now += step
		}
		var want []protocol.Peer
		for holder, since := range m[id] {
			if now-since < tracker.TTL {
				want = append(want, peer(holder))
			}
		}
		f.holders("after some steps", track(id), want...)
		if f.t.Failed() {
			return
		}
	}
}
