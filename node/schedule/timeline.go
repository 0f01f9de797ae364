package schedule

import (
	"time"

	"earshot/protocol"
)

// Timeline is when each chunk of a track is played: 4 bytes a chunk, computed
// once and shared by every State of the track.
type Timeline struct {
	size int64
	ms   []int32 // playing time of each chunk's first byte, and of the end; never falling
	rate float64 // mean bytes a second of playing time
}

// NewTimeline returns the timeline of the track with header h, which must be
// sound, as protocol.ParseHeader returns it.
func NewTimeline(h *protocol.Header) *Timeline {
	n := protocol.Chunks(h.Size)
	t := &Timeline{size: h.Size, ms: make([]int32, n+1)}
	for c := range n {
		t.ms[c] = int32(h.TimeAt(int64(c)*protocol.ChunkSize) / time.Millisecond)
	}
	t.ms[n] = int32(h.Duration / time.Millisecond)
	for c := 1; c <= n; c++ {
		t.ms[c] = max(t.ms[c], t.ms[c-1])
	}
	// A track of no length plays in a second: any rate will do, but not none.
	t.rate = float64(h.Size) / max(h.Duration.Seconds(), 1)
	return t
}

// Chunks returns how many chunks the track has.
func (t *Timeline) Chunks() int { return len(t.ms) - 1 }

// at returns the playing time of the first byte of chunk c, 0 to Chunks().
func (t *Timeline) at(c int) time.Duration { return time.Duration(t.ms[c]) * time.Millisecond }

// atOffset returns the playing time of a byte, interpolated within its chunk.
func (t *Timeline) atOffset(offset int64) time.Duration {
	c := int(offset / protocol.ChunkSize)
	if c >= t.Chunks() {
		return t.at(t.Chunks())
	}
	span := float64(t.at(c+1) - t.at(c))
	return t.at(c) + time.Duration(span*float64(offset%protocol.ChunkSize)/float64(protocol.ChunkLen(t.size, c)))
}

// after returns the first chunk that is played at or after a playing time.
func (t *Timeline) after(at time.Duration) int {
	lo, hi := 0, t.Chunks()
	for lo < hi {
		if mid := (lo + hi) / 2; t.at(mid) < at {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}
