package audio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/hajimehoshi/go-mp3"
)

// frameBytes is the PCM of a frame, in bytes: what go-mp3 gives for it, stereo
// also where the frame is mono.
const frameBytes = frameSamples * sampleSize

// layer3 decodes MPEG-1 layer III frame by frame through go-mp3, in frames that
// it writes itself (remux.go). It holds two frames: the one that is decoded next
// and the one behind it. reset makes it ready.
type layer3 struct {
	dec  *mp3.Decoder // nil where it is to be begun anew
	feed feed
	out  [maxFrameSize]byte // the frame that is fed

	queue     [2]part
	held      int
	reservoir []byte // the last maxReservoir bytes of main data
	room      int    // in the last frame for the next, as part.plan takes it
}

// anchored is the room of a frame that does not depend on those before.
const anchored = -1

// feed gives a go-mp3 decoder one frame at a time.
type feed struct{ b []byte }

var errUnfed = errors.New("it wants more than a frame")

func (f *feed) Read(p []byte) (int, error) {
	if len(f.b) == 0 {
		return 0, errUnfed
	}
	n := copy(p, f.b)
	f.b = f.b[n:]
	return n, nil
}

// reset forgets all that came before. A frame that comes next and is no anchor has
// all room before it, as a carrier is made for it.
func (l *layer3) reset() {
	l.dec, l.held, l.reservoir, l.room = nil, 0, l.reservoir[:0], maxReservoir
}

// skip passes over a frame: of it only that is kept which later frames may need.
// No frame may be held.
func (l *layer3) skip(frame []byte, anchor bool) {
	l.plan(&l.queue[0], frame, anchor)
	l.keep(frame)
}

// plan decides how a frame is written. An anchor does not depend on those before.
func (l *layer3) plan(p *part, frame []byte, anchor bool) {
	if anchor {
		l.room = anchored
	}
	if p.err = p.plan(frame, l.room); p.err != nil {
		l.room = anchored
	} else {
		l.room = p.room()
	}
}

// keep moves a frame's main data into the reservoir.
func (l *layer3) keep(frame []byte) {
	main := frame[readHeader(frame).mainData():]
	l.reservoir = append(l.reservoir, main...)
	if extra := len(l.reservoir) - maxReservoir; extra > 0 {
		l.reservoir = append(l.reservoir[:0], l.reservoir[extra:]...)
	}
}

// load takes the next frame in order, whole. Fewer than two may be held.
func (l *layer3) load(frame []byte, anchor bool) {
	p := &l.queue[l.held]
	l.plan(p, frame, anchor)
	if p.err == nil {
		p.err = p.make(frame, l.reservoir)
	}
	l.held++
	l.keep(frame)
}

// decode decodes the older frame that is held into pcm, of frameBytes. What
// cannot be decoded is silence, and reported.
func (l *layer3) decode(pcm []byte) error {
	p := &l.queue[0]
	err := p.err
	if err == nil && l.dec == nil {
		err = l.begin(p)
	}
	placed := true // what the next frame has before it
	if err == nil {
		var tail []byte
		if next := &l.queue[1]; l.held > 1 && next.err == nil {
			if placed = next.prefix <= p.room(); placed {
				tail = next.main[:next.prefix]
			}
		}
		err = l.push(p.write(l.out[:], tail), pcm)
	}
	if err != nil {
		clear(pcm)
	}
	l.queue[0], l.queue[1] = l.queue[1], l.queue[0]
	if l.held--; err != nil || !placed || l.held == 0 {
		l.dec = nil // it lacks what the next frame needs
	}
	return err
}

// begin makes a new go-mp3 decoder that holds the prefix of p: by a frame of
// silence, the carrier, with the prefix at its end.
func (l *layer3) begin(p *part) error {
	if p.prefix == 0 {
		return nil
	}
	carrier := l.out[:p.top.size()]
	clear(carrier)
	binary.BigEndian.PutUint32(carrier, uint32(p.top))
	copy(carrier[len(carrier)-p.prefix:], p.main)
	var silence [frameBytes]byte
	return l.push(carrier, silence[:])
}

// push has go-mp3 decode a frame into pcm. It turns a panic of go-mp3, which
// broken frames can cause, into an error.
func (l *layer3) push(frame, pcm []byte) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("decoding a frame: %v", r)
		}
	}()
	l.feed.b = frame
	if l.dec == nil {
		if l.dec, err = mp3.NewDecoder(&l.feed); err != nil {
			return fmt.Errorf("decoding a frame: %w", err)
		}
	}
	if _, err = io.ReadFull(l.dec, pcm); err != nil {
		return fmt.Errorf("decoding a frame: %w", err)
	}
	if len(l.feed.b) > 0 {
		return fmt.Errorf("decoding a frame: %d bytes were not wanted", len(l.feed.b))
	}
	return nil
}
