package player

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"earshot/node/control"
	"earshot/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeTrack is encoded as the PCM that it decodes to.
type fakeTrack struct {
	samples int64
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

// prefetched is one call of Prefetch.
type prefetched struct {
	id    protocol.ID
	depth control.Depth
	at    time.Duration
}

// fakeSource holds tracks, k of them under id(k), in virtual time.
type fakeSource struct {
	tracks     []*fakeTrack
	begin      time.Time
	reportTime time.Duration // what each report takes
	block      bool          // Prefetch and Report wait for the end of their context

	mu         sync.Mutex
	prefetches []prefetched
	reports    []control.Report
	open       int
	opened     []time.Duration
}

func newSource(tracks ...*fakeTrack) *fakeSource {
	return &fakeSource{tracks: tracks, begin: time.Now()}
}

func (s *fakeSource) Open(ctx context.Context, want protocol.ID, _ time.Duration) (control.Track, error) {
	k := int(want[0])
	if want != id(k) || k >= len(s.tracks) {
		return nil, control.ErrUnknownTrack
	}
	t := s.tracks[k]
	s.mu.Lock()
	s.opened = append(s.opened, time.Since(s.begin))
	s.mu.Unlock()
	if err := pause(ctx, t.opens); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.openErr != nil {
		return nil, t.openErr
	}
	s.open++
	return &openTrack{fakeTrack: t, source: s, k: k, since: time.Now(), closed: make(chan struct{})}, nil
}

// refuse has opening the track k fail, or with nil no more.
func (s *fakeSource) refuse(k int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tracks[k].openErr = err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *fakeSource) Prefetch(ctx context.Context, id protocol.ID, depth control.Depth) error {
	s.mu.Lock()
	s.prefetches = append(s.prefetches, prefetched{id, depth, time.Since(s.begin)})
	s.mu.Unlock()
	if s.block {
		<-ctx.Done()
	}
	return ctx.Err()
}

func (s *fakeSource) Report(ctx context.Context, r control.Report) error {
	if s.block {
		<-ctx.Done()
		return ctx.Err()
	}
	if err := pause(ctx, s.reportTime); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reports = append(s.reports, r)
	return nil
}

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
	return protocol.Header{Track: protocol.Track{ID: id(o.k), Duration: d, Size: o.samples * sampleSize}, Samples: o.samples}
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

// fakeOutput sounds in virtual time from a buffer of outputBuffer, and keeps
// what was heard of what it was given.
type fakeOutput struct {
	fails error

	mu      sync.Mutex
	got     []byte
	buffer  int       // bytes of got that have not sounded, at since
	since   time.Time // when the buffer was counted
	first   time.Time // when sound came first
	idle    bool      // drained or flushed: running dry is right
	paused  bool
	flushes int
	changed chan struct{} // closed when paused or flushes change
	dryAt   time.Time     // when it ran dry
	last    time.Time     // when the newest sound came

	stutters int
	stutter  time.Duration
}

const outputBuffer = 50 * time.Millisecond

// tick counts what has sounded by now. Hold mu.
func (o *fakeOutput) tick() {
	now := time.Now()
	if o.changed == nil {
		o.changed, o.idle = make(chan struct{}), true
	}
	if !o.paused && o.buffer > 0 {
		n := min(o.buffer, int(float64(now.Sub(o.since))*secondSize/float64(time.Second)+0.5))
		if n == o.buffer {
			o.dryAt = o.since.Add(soundTime(int64(n)))
		}
		o.buffer -= n
	}
	o.since = now
}

func (o *fakeOutput) Write(ctx context.Context, pcm []byte) error {
	if o.fails != nil {
		return o.fails
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	o.mu.Lock()
	o.tick()
	now := time.Now()
	if o.first.IsZero() {
		o.first = now
	}
	if o.buffer == 0 && !o.idle && now.After(o.dryAt) {
		o.stutters++
		o.stutter += now.Sub(o.dryAt)
	}
	o.idle, o.last = false, now
	o.got = append(o.got, pcm...)
	o.buffer += len(pcm)
	o.mu.Unlock()
	err := o.wait(ctx, outputBuffer)
	if err != nil { // then none of it counts
		o.mu.Lock()
		o.got = o.got[:len(o.got)-len(pcm)]
		o.mu.Unlock()
	}
	return err
}

// wait waits until no more than so much has not sounded, or a flush.
func (o *fakeOutput) wait(ctx context.Context, left time.Duration) error {
	for flushes := -1; ; {
		o.mu.Lock()
		o.tick()
		if flushes < 0 {
			flushes = o.flushes
		}
		wait, changed := soundTime(int64(o.buffer))-left, o.changed
		if wait <= 0 || o.flushes != flushes {
			o.mu.Unlock()
			return nil
		}
		if o.paused {
			wait = 24 * time.Hour
		}
		o.mu.Unlock()
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		timer.Stop()
	}
}

func (o *fakeOutput) Drain(ctx context.Context) error {
	o.mu.Lock()
	o.tick()
	o.idle = true
	o.mu.Unlock()
	return o.wait(ctx, 0)
}

func (o *fakeOutput) Stutters() (int, time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.stutters, o.stutter
}

func (o *fakeOutput) Pause(paused bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tick()
	o.paused = paused
	o.signal()
}

func (o *fakeOutput) Flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tick()
	o.got = o.got[:len(o.got)-o.buffer]
	o.buffer, o.idle = 0, true
	o.flushes++
	o.signal()
}

// signal wakes who waits. Hold mu.
func (o *fakeOutput) signal() {
	close(o.changed)
	o.changed = make(chan struct{})
}

func (o *fakeOutput) Unheard() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tick()
	return soundTime(int64(o.buffer))
}

// heard returns what has sounded.
func (o *fakeOutput) heard() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tick()
	return bytes.Clone(o.got[:len(o.got)-o.buffer])
}

// played is what came of a play.
type played struct {
	results []Result
	err     error
	events  []Event
	out     *fakeOutput
}

// play plays all tracks of src and collects what comes of it.
func play(ctx context.Context, src *fakeSource, change func(*Config)) played {
	p := played{out: &fakeOutput{}}
	cfg := Config{Source: src, Output: p.out, Decode: src.decode, Events: func(e Event) { p.events = append(p.events, e) }}
	for k := range src.tracks {
		cfg.Queue = append(cfg.Queue, protocol.Track{ID: id(k)})
	}
	if change != nil {
		change(&cfg)
	}
	p.results, p.err = Play(ctx, cfg)
	return p
}

// kinds returns the events of a kind.
func (p played) kinds(kind EventKind) (all []Event) {
	for _, e := range p.events {
		if e.Kind == kind {
			all = append(all, e)
		}
	}
	return all
}

// near reports whether got is within slack of want.
func near(got, want, slack time.Duration) bool { return (got - want).Abs() <= slack }

func ms(f float64) time.Duration { return time.Duration(f * float64(time.Millisecond)) }

// whole is the PCM of all tracks of src, one after another.
func whole(src *fakeSource) (b []byte) {
	for k, t := range src.tracks {
		b = append(b, pcm(k, 0, t.samples)...)
	}
	return b
}
