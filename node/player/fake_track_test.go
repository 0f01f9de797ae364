package player

import (
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"sync"
	"time"

	"earshot/node/control"
	"earshot/protocol"
)

// fakeTrack is encoded as the PCM that it decodes to.
type fakeTrack struct {
	samples int64
	cached  bool
	album   string
	number  int
	opens   time.Duration // how long opening takes
	rate    int64         // bytes a second at which its bytes come, from its opening; 0: at once

	stallAt  int64 // no byte from here on comes
	stallFor time.Duration
	away     bool // Read fails with ErrUnavailable while it stalls, where it else blocks

	openErr   error
	decodeErr error
	breakAt   int64 // decoding fails here
}

// seconds returns a track of so many seconds whose bytes are all there.
func seconds(s float64) *fakeTrack { return &fakeTrack{samples: int64(s * sampleRate)} }

// pcm returns samples from to to of track k. No two samples are alike.
func pcm(k int, from, to int64) []byte {
	b := make([]byte, 0, (to-from)*sampleSize)
	for i := from; i < to; i++ {
		b = binary.LittleEndian.AppendUint32(b, uint32(i)|uint32(k)<<24)
	}
	return b
}

func id(k int) protocol.ID { return protocol.ID{byte(k), 1} }

type openTrack struct {
	*fakeTrack
	source *fakeSource
	k      int
	since  time.Time
	pos    int64
	read   int64
	mu     sync.Mutex
	closed chan struct{}
}

func (o *openTrack) Header() protocol.Header {
	d := time.Duration(o.samples) * time.Second / sampleRate
	return protocol.Header{Track: protocol.Track{ID: id(o.k), Title: "Air", Duration: d, Size: o.samples * sampleSize, Album: o.album, Number: o.number}, Samples: o.samples}
}

func (o *openTrack) Shares() control.Shares {
	o.mu.Lock()
	defer o.mu.Unlock()
	return control.Shares{Peers: o.read}
}

// comes tells when the byte at pos is there.
func (o *openTrack) comes(pos int64) time.Time {
	at := o.since
	if o.rate > 0 {
		at = at.Add(time.Duration(pos) * time.Second / time.Duration(o.rate))
	}
	if o.stallFor > 0 && pos >= o.stallAt {
		at = at.Add(o.stallFor)
	}
	return at
}

func (o *openTrack) Read(p []byte) (int, error) {
	end := o.samples * sampleSize
	if o.pos >= end {
		return 0, io.EOF
	}
	n := min(int64(len(p)), end-o.pos)
	if o.rate > 0 {
		n = min(n, 1152)
	}
	if o.pos < o.stallAt {
		n = min(n, o.stallAt-o.pos)
	}
	wait := time.Until(o.comes(o.pos + n - 1))
	if wait > 0 && o.away {
		return 0, control.ErrUnavailable
	}
	select {
	case <-time.After(max(0, wait)):
	case <-o.closed:
		return 0, fs.ErrClosed
	}
	first := o.pos / sampleSize
	b := pcm(o.k, first, (o.pos+n+sampleSize-1)/sampleSize)
	n = int64(copy(p[:n], b[o.pos-first*sampleSize:]))
	o.pos += n
	o.mu.Lock()
	o.read += n
	o.mu.Unlock()
	return int(n), nil
}

func (o *openTrack) Seek(offset int64, whence int) (int64, error) {
	if whence != io.SeekStart {
		return 0, errors.New("not needed here")
	}
	o.pos = offset
	return offset, nil
}

func (o *openTrack) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case <-o.closed:
	default:
		close(o.closed)
		o.source.mu.Lock()
		o.source.open--
		o.source.mu.Unlock()
	}
	return nil
}

// fakeDecoder passes PCM on, whole samples of it.
type fakeDecoder struct {
	src   io.ReadSeeker
	track *fakeTrack
	pos   int64
}

func (s *fakeSource) decode(src io.ReadSeeker, h protocol.Header) (Decoder, error) {
	t := s.tracks[h.ID[0]]
	return &fakeDecoder{src: src, track: t}, t.decodeErr
}

func (d *fakeDecoder) Read(p []byte) (int, error) {
	if d.track.breakAt > 0 && d.pos >= d.track.breakAt {
		return 0, errors.New("broken music")
	}
	n, err := d.src.Read(p)
	if n%sampleSize != 0 && err == nil {
		var m int
		m, err = io.ReadFull(d.src, p[n:n+sampleSize-n%sampleSize])
		n += m
	}
	d.pos += int64(n)
	return n, err
}

func (d *fakeDecoder) Seek(t time.Duration) error {
	pos, err := d.src.Seek(int64(t*sampleRate/time.Second)*sampleSize, io.SeekStart)
	d.pos = pos
	return err
}
