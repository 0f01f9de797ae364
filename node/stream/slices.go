package stream

import "earshot/protocol"

// What has come of a chunk is read and passed on before the rest is here: a server's
// words are taken on trust by the reader, and all else as far as its slices verify.

// arrived takes note that the first n bytes of a chunk have come, which c holds. more
// tells whether more of it can be passed on; errCorrupt that a slice is wrong.
func (p *pieces) arrived(i int, c *piece, n int, from provider) (more bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if more, err = p.verify(i, c, n); err != nil || p.track.Has(i) {
		return false, err
	}
	had := 0
	if m := p.memory[i]; m != nil {
		had = m.n
	}
	c.n = c.sure
	if from == fromServer {
		c.n = n
	}
	if c.n <= had {
		return false, nil
	}
	p.memory[i] = c
	p.origin[i] = from
	p.wake()
	return more, nil
}

// verify takes c's bytes, up to n, for sure as far as whole slices of them verify. p.mu
// is held.
func (p *pieces) verify(i int, c *piece, n int) (more bool, err error) {
	if p.tree.Slices(i) == nil {
		return false, nil
	}
	for c.sure < n {
		end := min(c.sure+protocol.SliceSize, len(c.data))
		if end > n {
			break
		}
		if !p.tree.VerifySlice(i, c.sure/protocol.SliceSize, c.data[c.sure:end]) {
			return more, errCorrupt
		}
		c.sure, more = end, true
	}
	return more, nil
}

// learnSlices takes the chaining values of the slices of a chunk; false where they are
// not its. more tells whether something can be passed on now.
func (p *pieces) learnSlices(i int, values []byte) (more, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.tree.Covers(i) {
		path, _ := p.track.Path(i, 1)
		if !p.tree.Add(i, 1, path) {
			return false, true // what would verify them is not there
		}
	}
	if !p.tree.AddSlices(i, values) {
		return false, false
	}
	if m := p.memory[i]; m != nil && !m.verified && m.n < len(m.data) {
		more, _ = p.verify(i, m, m.n) // what is wrong shows when it is whole
	}
	return more, true
}

// sliced reports whether a chunk can be verified slice by slice.
func (p *pieces) sliced(i int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tree.Slices(i) != nil
}

// begun reports whether a chunk is there, or some of it is that verifies.
func (p *pieces) begun(i int) bool { return len(p.surely(i)) > 0 || p.has(i) }

// surely returns what of a chunk is verified and in memory; it never changes.
func (p *pieces) surely(i int) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch m := p.memory[i]; {
	case m == nil:
		return nil
	case m.verified:
		return m.data
	default:
		return m.data[:m.sure]
	}
}

// Slices returns how much of chunk i is there, and what verifies it slice by slice, nil
// where that is not known.
func (t sharing) Slices(i int) (n int, values []byte) {
	n = len(t.pieces.surely(i))
	if n == 0 && t.Track.Has(i) {
		n = protocol.ChunkLen(t.pieces.header.Size, i)
	}
	t.pieces.mu.Lock()
	defer t.pieces.mu.Unlock()
	return n, t.pieces.tree.Slices(i)
}

// ReadSlices reads what there is of chunk i, in whole slices.
func (t sharing) ReadSlices(i int, buf []byte) (int, error) {
	if sure := t.pieces.surely(i); len(sure) > 0 || !t.Track.Has(i) {
		return copy(buf, sure), nil
	}
	return t.Track.ReadChunk(i, buf)
}
