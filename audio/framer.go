package audio

import (
	"fmt"
	"io"

	"earshot/protocol"
)

// framer gives the MPEG frames of a track in order, from any second on, and numbers
// them from the first of sound.
type framer struct {
	src     stream
	walk    walker
	seeks   []int64 // protocol.Header.Seek
	rate    int
	delay   int
	samples int64 // of a frame
	last    int64 // the number of the last frame that is heard
	coming  int64 // of the frame that is read next
	frame   frame // whose bytes are read next, if found
	found   bool
}

func newFramer(src io.ReadSeeker, h protocol.Header, first frameHeader, free int) *framer {
	f := &framer{seeks: h.Seek, rate: h.SampleRate, delay: h.Delay, samples: int64(first.samples())}
	f.last = (int64(h.Delay) + h.Samples - 1) / f.samples
	f.src.src = src
	f.walk = walker{win: &f.src, end: h.Size, stream: first & streamMask, free: free}
	return f
}

// secondFrame returns the number of the frame in the seek table for second s.
func (f *framer) secondFrame(s int) int64 { return secondFrame(s, f.rate, f.delay, f.samples) }

// seek goes to the last second of the seek table that begins at frame n or before,
// and returns it.
func (f *framer) seek(n int64) (second int, err error) {
	second = int(max(0, min((n*f.samples-int64(f.delay))/int64(f.rate), int64(len(f.seeks))-1)))
	f.coming = f.secondFrame(second)
	f.walk.pos, f.walk.synced = f.seeks[second], true
	f.found = false
	return second, f.src.seek(f.walk.pos)
}

// next returns the bytes of the next frame; once they are used, advance goes on.
func (f *framer) next() (b []byte, err error) {
	if !f.found {
		if f.frame, err = f.walk.next(); err != nil {
			return nil, f.failed(err)
		}
		f.found = true
	}
	if b, err = f.src.view(f.frame.pos, f.frame.size); err == nil && len(b) < f.frame.size {
		err = io.EOF
	}
	if err != nil {
		return nil, f.failed(err)
	}
	return b, nil
}

func (f *framer) failed(err error) error {
	if err == io.EOF {
		return errEndsEarly
	}
	return fmt.Errorf("reading the track: %w", err)
}

var errEndsEarly = fmt.Errorf("the track ends early: %w", io.ErrUnexpectedEOF)

func (f *framer) advance() { f.coming, f.found = f.coming+1, false }

// at is the number of the first sample of frame n.
func (f *framer) at(n int64) int64 { return n*f.samples - int64(f.delay) }

// of returns the number of the frame that holds sample n of the sound.
func (f *framer) of(n int64) int64 { return (n + int64(f.delay)) / f.samples }
