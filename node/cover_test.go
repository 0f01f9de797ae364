package node

import (
	"crypto/rand"
	"io"
	"testing"
	"time"

	"lukechampine.com/blake3/bao"

	"earshot/protocol"
)

// covered is the track behind so many bytes of a tag.
func (l labTrack) covered(bytes int) labTrack {
	tag := make([]byte, bytes)
	rand.Read(tag)
	l.data = append(tag, l.data...)
	l.proof, l.header.ID = bao.EncodeBuf(l.data, protocol.ChunkGroup, true)
	l.header.Size = int64(len(l.data))
	l.header.Seek = append([]int64(nil), l.header.Seek...)
	for i := range l.header.Seek {
		l.header.Seek[i] += int64(bytes)
	}
	return l
}

// A picture of 2 MB before the sound delays the start by 5 ms at most, be the server known or
// not: the sound's own beginning is asked for.
func TestACoverDoesNotDelayTheStart(t *testing.T) {
	const most = 5 * time.Millisecond
	plain := []labTrack{newLabTrack(1, time.Minute, 192_000), newLabTrack(2, time.Minute, 192_000)}
	var covered []labTrack
	for _, track := range plain {
		covered = append(covered, track.covered(2<<20))
	}
	labWith(serverLine, append(plain, covered...)...).run(t, func(t *testing.T, l *lab) {
		var took [2][2]time.Duration
		for i, tracks := range [][]labTrack{plain, covered} {
			n := l.host(homeLine).start()
			for k, track := range tracks {
				took[i][k] = n.firstSound(t, track)
				time.Sleep(time.Second)
			}
			n.Close()
		}
		for k, when := range []string{"to begin with", "later"} {
			if later := took[1][k] - took[0][k]; later > most {
				t.Errorf("%s the first sound comes after %v, with a cover after %v", when, took[0][k], took[1][k])
			}
		}
		t.Logf("plain %v, with a cover %v", took[0], took[1])
	})
}

// firstSound is how long it takes to what a decoder needs to begin a track.
func (n *Node) firstSound(t *testing.T, track labTrack) time.Duration {
	t.Helper()
	asked := time.Now()
	r, err := n.Open(t.Context(), track.header.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Seek(track.header.Begin(0), io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, r, firstSound); err != nil {
		t.Fatal(err)
	}
	return time.Since(asked)
}
