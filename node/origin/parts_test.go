package origin

import (
	"testing"
	"time"

	"earshot/protocol"
)

// minutes is the header of a track of 192 kbit/s: a chunk is 0.7 s.
func minutes(n int) *protocol.Header {
	h := &protocol.Header{Track: protocol.Track{ID: protocol.ID{7}, Duration: time.Duration(n) * time.Minute, Size: int64(n) * 60 * 24000}}
	for s := range n * 60 {
		h.Seek = append(h.Seek, int64(s)*24000)
	}
	return h
}

func TestThoseWhoBeginTogetherGetDifferentParts(t *testing.T) {
	var p parts
	h, now := minutes(2), time.Unix(0, 0)
	for i, want := range []int{0, 2, 3, 4, 5} {
		before, first, count := p.next(now.Add(time.Duration(i)*10*time.Millisecond), h, 0)
		if before != i || first != want || count != min(i, 1) {
			t.Errorf("number %d: %d before it, its part is %d of %d, want 1 of %d", i, before, count, first, want)
		}
	}
	if before, _, count := p.next(now.Add(2*together), h, 0); before != 0 || count != 0 {
		t.Errorf("who comes later begins with %d others, with a part of %d chunks", before, count)
	}
	if before, _, _ := p.next(now.Add(2*together), h, time.Minute); before != 0 {
		t.Errorf("who begins elsewhere begins with %d others", before)
	}
}

func TestAShortTrackHasNoPartsBehindItsEnd(t *testing.T) {
	var p parts
	h := minutes(1)
	h.Size = 3 * protocol.ChunkSize
	for i := range 20 {
		if _, first, count := p.next(time.Unix(0, 0), h, 0); first+count > 3 {
			t.Errorf("number %d gets %d chunks from %d on", i, count, first)
		}
	}
}

func TestTheAccountOfBeginningsIsBounded(t *testing.T) {
	var p parts
	h := minutes(1)
	for i := range 3 * maxBegins {
		h.ID = protocol.ID{byte(i), byte(i >> 8)}
		p.next(time.Unix(0, 0), h, 0)
	}
	if len(p.begins) > maxBegins {
		t.Errorf("it holds %d", len(p.begins))
	}
}
