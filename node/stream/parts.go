package stream

import (
	"time"

	"earshot/protocol"
)

// maxParts is how many cells Parts has at most: one for each hundredth of a
// track, as fine as a bar across a terminal shows.
const maxParts = 100

// letters are how Parts writes where a chunk came from.
var letters = [...]byte{fromCache: 'C', fromServer: 'S', fromPeers: 'P'}

// parts writes where a track's parts came from: a letter for each stretch of
// the same length in time, S, P or C as most of its bytes are, and a space
// where not all of it is there. It has maxParts letters, or one for each chunk
// where there are fewer.
func (p *pieces) parts() string {
	h := p.header
	have := p.track.Have()
	cells := min(maxParts, len(p.origin))
	text := make([]byte, cells)
	p.mu.Lock()
	defer p.mu.Unlock()
	for cell := range text {
		first, last := p.stretch(h, cell, cells)
		var counts [len(letters)]int
		text[cell] = ' '
		whole := true
		for i := first; i <= last; i++ {
			m := p.memory[i]
			whole = whole && (have.Has(i) || m != nil && m.n == len(m.data))
			counts[p.origin[i]]++
		}
		if !whole {
			continue
		}
		most := fromCache
		for from, n := range counts {
			if n > counts[most] {
				most = provider(from)
			}
		}
		text[cell] = letters[most]
	}
	return string(text)
}

// stretch returns the first and the last chunk of a cell.
func (p *pieces) stretch(h protocol.Header, cell, cells int) (first, last int) {
	at := func(cell int) int64 { return h.OffsetAt(h.Duration / time.Duration(cells) * time.Duration(cell)) }
	begin, end := at(cell), at(cell+1)
	if cell == 0 {
		begin = 0 // with what stands before the music
	}
	if cell == cells-1 {
		end = h.Size
	}
	first = min(int(begin/protocol.ChunkSize), len(p.origin)-1)
	last = min(int(max(begin, end-1)/protocol.ChunkSize), len(p.origin)-1)
	return first, last
}
