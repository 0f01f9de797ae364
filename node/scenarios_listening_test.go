//go:build figures

package node

import (
	"io"
	"slices"
	"testing"
	"time"

	"earshot/node/bench"
	"earshot/node/control"
	"earshot/protocol"
)

func listenScenarios() []scenario {
	return []scenario{
		{"start", virtual(starts)},
		{"seek, no peers", virtual(func(t *testing.T) []bench.Figure { return seeks(t, 0) })},
		{"seek, with peers", virtual(func(t *testing.T) []bench.Figure { return seeks(t, 3) })},
		{"next track of an album", virtual(nextTrack)},
	}
}

// starts: first sounds of tracks that nobody else holds, the network's part.
func starts(t *testing.T) []bench.Figure {
	const each = 5
	var tracks []labTrack
	for i := range uint64(2*each + 1) {
		tracks = append(tracks, newLabTrack(i, 5*time.Second, 192_000))
	}
	l := newLab(t, serverLine, tracks...)
	defer l.close()
	host := l.host(homeLine)
	n := host.start()
	all := []heard{n.play(t.Context(), tracks[0], 0)} // leaves ticket and token
	var running, fresh, cached []heard
	for _, track := range tracks[1 : each+1] {
		running = append(running, n.play(t.Context(), track, 0))
		cached = append(cached, n.play(t.Context(), track, 0))
	}
	n.Close()
	for _, track := range tracks[each+1:] {
		n := host.start()
		fresh = append(fresh, n.play(t.Context(), track, 0))
		n.Close()
	}
	p50 := func(all []heard) float64 { return percentile(latencies(all), 50) }
	return []bench.Figure{
		bench.AtMost("uncached, node running, 50 ms of round trip, p50", p50(running), 50, "ms"),
		bench.AtMost("uncached, new process, 50 ms of round trip, p50", p50(fresh), 60, "ms"),
		bench.AtMost("cached, p50", p50(cached), 1, "ms"),
		gaps(t, slices.Concat(all, running, cached, fresh)),
	}
}

// roundTrip is that between a listener and the server.
var roundTrip = 2 * (serverLine.delay + homeLine.delay)

// seeks: to parts not held, where so many peers hold the track: one of 10
// minutes, so that it is not fetched whole meanwhile.
func seeks(t *testing.T, holders int) []bench.Figure {
	track := newLabTrack(1, 10*time.Minute, 192_000)
	l := newLab(t, serverLine, track)
	defer l.close()
	peers := l.connected(holders, homeLine)
	defer closeAll(peers)
	for _, p := range peers {
		if r, err := p.Open(t.Context(), track.header.ID, 0); err != nil {
			t.Fatal(err)
		} else if _, err := io.Copy(io.Discard, r); err != nil {
			t.Fatal(err)
		} else {
			r.Close()
		}
	}
	n := l.connected(1, homeLine)
	defer closeAll(n)
	r, err := n[0].Open(t.Context(), track.header.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var all []heard
	for range 5 {
		time.Sleep(time.Second)
		all = append(all, heard{latency: seek(t, r, track, n[0].lacks(track))})
	}
	waits := latencies(all)
	return []bench.Figure{
		bench.AtMost("p50 of 5, 50 ms of round trip", percentile(waits, 50), ms(roundTrip+25*time.Millisecond), "ms"),
		bench.AtMost("slowest of 5", percentile(waits, 100), ms(roundTrip+25*time.Millisecond), "ms"),
	}
}

// lacks returns a place in a track of which the node has nothing: the middle of
// the longest part that is missing.
func (n *Node) lacks(track labTrack) time.Duration {
	held, ok := n.cache.AcquireCached(track.header.ID)
	if !ok {
		return track.header.Duration / 2
	}
	defer held.Release()
	first, longest := 0, 0
	for c, run := 0, 0; c < protocol.Chunks(track.header.Size); c++ {
		if run++; held.Has(c) {
			run = 0
		}
		if run > longest {
			first, longest = c-run+1, run
		}
	}
	return track.header.TimeAt(int64(first+longest/2) * protocol.ChunkSize)
}

// nextTrack: the tracks of an album one after the other, each prefetched as a
// player asks for it. The gap is what the next one makes the player wait, less
// what the player has decoded ahead.
func nextTrack(t *testing.T) []bench.Figure {
	var album []labTrack
	for i := range uint64(4) {
		album = append(album, newLabTrack(i, 60*time.Second, 192_000))
	}
	l := newLab(t, serverLine, album...)
	defer l.close()
	nodes := l.connected(1, homeLine)
	defer closeAll(nodes)
	n := nodes[0]
	var all []heard
	var worst time.Duration
	for i, track := range album {
		if i+1 < len(album) {
			next := album[i+1].header.ID
			for left, depth := range map[time.Duration]control.Depth{30 * time.Second: control.DepthPeers, 10 * time.Second: control.DepthHead} {
				time.AfterFunc(track.header.Duration-left, func() { _ = n.Prefetch(t.Context(), next, depth) }) // what fails shows as a gap
			}
		}
		h := n.play(t.Context(), track, 0)
		all = append(all, h)
		if i > 0 {
			worst = max(worst, h.latency)
		}
	}
	return []bench.Figure{
		bench.AtMost("gap between two tracks, longest", ms(max(worst-playerAhead, 0)), 0, "ms"),
		bench.Told("until the next can sound, of the second that is decoded ahead", ms(worst), "ms"),
		gaps(t, all),
	}
}
