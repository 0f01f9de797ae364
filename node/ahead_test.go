package node

import (
	"context"
	"testing"
	"time"

	"earshot/node/control"
	"earshot/protocol"
)

// look shows tracks to someone at a node.
func (n *Node) look(t *testing.T, tracks ...labTrack) {
	t.Helper()
	for _, track := range tracks {
		if err := n.Prefetch(t.Context(), track.header.ID, control.DepthScreen); err != nil {
			t.Fatal(err)
		}
	}
}

// heads counts what the cache holds of tracks.
func (n *Node) heads(tracks ...labTrack) (heads int, bytes int64) {
	for _, track := range tracks {
		if in, ok := n.cache.Lookup(track.header.ID); ok {
			heads++
			bytes += in.Bytes
		}
	}
	return heads, bytes
}

func labTracksOf(n int, length time.Duration) (tracks []labTrack) {
	for i := range n {
		tracks = append(tracks, newLabTrack(uint64(i), length, 192_000))
	}
	return tracks
}

func TestATrackOnTheScreenSoundsAtOnce(t *testing.T) {
	tracks := labTracksOf(20, 30*time.Second)
	labWith(serverLine, tracks...).run(t, func(t *testing.T, l *lab) {
		n := l.node(homeLine)
		n.look(t, tracks...)
		time.Sleep(5 * time.Second)
		if got, bytes := n.heads(tracks...); got != 20 || bytes > 20*64<<10 {
			t.Errorf("%d heads are held, of %d bytes", got, bytes)
		}
		h := n.play(context.Background(), tracks[7], 0)
		noStutter(t, []heard{h})
		if h.latency > 5*time.Millisecond {
			t.Errorf("it sounds after %v", h.latency)
		}
	})
}

func TestHeadsAheadOfNeedComeFromNeighboursWhoHaveThem(t *testing.T) {
	tracks := labTracksOf(3, 20*time.Second)
	labWith(serverLine, tracks...).run(t, func(t *testing.T, l *lab) {
		nodes := l.nodesAt(2, homeLine)
		for _, track := range tracks {
			noStutter(t, []heard{nodes[0].play(context.Background(), track, 0)})
		}
		nodes[1].swarm.Connect(t.Context(), peersOf(nodes[:1]))
		before := l.server.swarm.Traffic().Uploaded
		nodes[1].look(t, tracks...)
		time.Sleep(5 * time.Second)
		if got, _ := nodes[1].heads(tracks...); got != len(tracks) {
			t.Errorf("%d heads are held", got)
		}
		if sent := l.server.swarm.Traffic().Uploaded - before; sent != 0 {
			t.Errorf("the server sent %d bytes", sent)
		}
	})
}

func TestHeadsAheadOfNeedAreBounded(t *testing.T) {
	tracks := labTracksOf(100, 20*time.Second)
	labWith(serverLine, tracks...).run(t, func(t *testing.T, l *lab) {
		n := l.node(homeLine)
		for i := 0; i < len(tracks); i += 20 {
			n.look(t, tracks[i:i+20]...)
			time.Sleep(5 * time.Second)
		}
		got, bytes := n.heads(tracks...)
		if got == 0 || got > 64 || bytes > 4<<20 {
			t.Errorf("%d heads are held, of %d bytes", got, bytes)
		}
		if got, _ := n.heads(tracks[80:]...); got != 20 {
			t.Errorf("of the last screen %d are held", got)
		}
		// What is played is the player's, and stays.
		r, err := n.Open(t.Context(), tracks[80].header.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		for i := 0; i < 80; i += 20 {
			n.look(t, tracks[i:i+20]...)
			time.Sleep(5 * time.Second)
		}
		if got, _ := n.heads(tracks[80]); got != 1 {
			t.Error("what was played is gone")
		}
	})
}

func TestHeadsAheadOfNeedWaitForWhatPlays(t *testing.T) {
	tracks := labTracksOf(3, 60*time.Second)
	labWith(withUp(serverLine, 2e6), tracks...).run(t, func(t *testing.T, l *lab) {
		nodes := l.nodesAt(2, homeLine)
		for _, n := range nodes { // the connection is up
			if _, err := n.swarm.Server(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		playing := make(chan heard)
		go func() { playing <- nodes[0].play(context.Background(), tracks[0], 0) }()
		time.Sleep(200 * time.Millisecond) // its head is on its way
		for _, n := range nodes {
			n.look(t, tracks[1:]...)
		}
		time.Sleep(500 * time.Millisecond)
		for i, n := range nodes {
			if got, _ := n.heads(tracks[1:]...); got != 0 {
				t.Errorf("node %d has fetched %d heads while another begins", i, got)
			}
		}
		noStutter(t, []heard{<-playing})
		for i, n := range nodes {
			if got, _ := n.heads(tracks[1:]...); got != 2 {
				t.Errorf("node %d holds %d heads in the end", i, got)
			}
		}
	})
}

func TestAWishForATrackNobodyHasDoesNoHarm(t *testing.T) {
	labWith(serverLine).run(t, func(t *testing.T, l *lab) {
		n := l.node(homeLine)
		if err := n.Prefetch(t.Context(), protocol.ID{1}, control.DepthScreen); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
	})
}
