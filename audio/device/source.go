//go:build cgo

package device

import (
	"io"
	"sync"
	"time"

	"github.com/ebitengine/oto/v3"
)

// source is what oto reads: the ring, and no further ahead than the next period.
// Where nothing is to sound it keeps oto's reader waiting. oto then gives the card
// silence by itself, and has none at hand that the next sound would have to wait for.
// As there is one player, nothing else waits with it.
type source struct {
	ring   Ring
	player *oto.Player
	silent int // bytes of silence that are still to be read first

	mu    sync.Mutex
	until time.Time // when what was read has sounded
}

// Read is called by oto's one reader.
func (s *source) Read(p []byte) (int, error) {
	if s.silent > 0 {
		// Play fills oto's buffer before it has its reader take part. That both
		// read at once would mix up what they read, so there is no sound in it.
		n := min(len(p), s.silent)
		s.silent -= n
		clear(p[:n])
		return n, nil
	}
	room := max(sampleSize, playerBuffer-s.player.BufferedSize())
	p = p[:min(len(p), room)]
	sound, ok := s.ring.Next(p)
	if !ok {
		return 0, io.EOF
	}
	if sound > 0 {
		s.took(sound)
	}
	return len(p), nil
}

// took notes when what was read will have sounded: once the card has got rid of what it
// holds.
func (s *source) took(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if begin := time.Now().Add(cardTime); s.until.Before(begin) {
		s.until = begin
	}
	s.until = s.until.Add(time.Duration(n/sampleSize) * time.Second / sampleRate)
}

// unheard tells how much of what was read has not sounded.
func (s *source) unheard() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(0, time.Until(s.until))
}
