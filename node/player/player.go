package player

import (
	"context"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"earshot/audio"
	"earshot/node/control"
	"earshot/protocol"
)

// Output takes PCM in whole samples. Write blocks while its buffer is full, and
// Drain until what it took has sounded; both end promptly when ctx does.
// Stutters tells how often, and for how long in all, it ran dry between the
// first sample and Drain.
//
// The others may be called from any goroutine. Pause stops the sound, or has it
// go on, and keeps what is buffered. Flush drops what has not sounded; a Write
// or Drain that waits returns then. Unheard tells how long what was written and
// has not sounded lasts.
type Output interface {
	Write(ctx context.Context, pcm []byte) error
	Drain(ctx context.Context) error
	Stutters() (n int, total time.Duration)
	Pause(paused bool)
	Flush()
	Unheard() time.Duration
}

// Decoder gives the PCM of one track. Read returns whole samples, as soon as it
// has any, and io.EOF at the end; Seek makes it go on with the sample at t.
type Decoder interface {
	Read(pcm []byte) (int, error)
	Seek(t time.Duration) error
}

// Config says what to play, and how.
type Config struct {
	Source control.Source
	Output Output

	// Queue is what to play first; of a track the ID is enough.
	Queue []protocol.Track
	From  time.Duration // where to begin in the first track, if not where Saved says

	// Saved is what to go on with where Queue is empty, with its position;
	// else its volume alone counts. May be nil.
	Saved *Saved

	Paused bool // begin without a sound, until someone says play

	// Once has Run end with the queue, and fail where nothing of it played.
	// Otherwise Run goes on and waits for commands.
	Once bool

	// Started is the moment of the play request, from which the first playback
	// latency counts: the start of the process, say. Zero means now.
	Started time.Time

	// Events is called with what happens, in order, from one goroutine; a slow
	// one misses progress but delays nothing. May be nil.
	Events func(Event)

	// Save is called with what is to be gone on with after a restart, from one
	// goroutine: soon after each change, every 5 s of sound, and at the end.
	// May be nil.
	Save func(Saved)

	// Describe finds out what is known of a track that was queued by its ID.
	// May be nil; then it is known once the track is opened.
	Describe func(ctx context.Context, id protocol.ID) (protocol.Track, error)

	// Crossfade is how long a track fades into the next one, but within an album
	// and where one of them is shorter than twice that; 0: they join.
	Crossfade time.Duration

	// Level says how loud a track is to be. May be nil: as it was recorded.
	Level func(h protocol.Header) audio.Level

	// Decode makes a decoder of a track's bytes. It may read and seek in src,
	// whose reads wait until bytes are there.
	Decode func(src io.ReadSeeker, h protocol.Header) (Decoder, error)
}

// Player plays a queue and takes commands meanwhile: it is a control.Player.
type Player struct {
	cfg      Config
	commands chan request
	notes    chan note
	work     sync.WaitGroup // decks, prefetches, descriptions
	feed     feed
	sounder  *sounder
	news     *news

	// Of the goroutine that runs Run.
	queue    *queue
	turn     *turn                 // what plays; nil: stopped
	now      *deck                 // the turn's
	ready    []*deck               // of what follows, in that order
	leaving  *deck                 // of before a seek, kept until now is open
	outgoing *outgoing             // what fades out while now begins; nil: nothing
	heads    map[protocol.ID]*head // of what a key may ask for; nil: not to be had in this turn
	heading  bool                  // one is being decoded
	passed   map[*entry]struct{}   // failed, since something sounded
	unknown  []*entry              // to be described
	asking   bool                  // one is being described
	volume   int
	paused   bool
	ending   bool // the queue is at its end and what was written still sounds
	quit     bool
	asked    time.Time // when the first sample that is to come next was asked for
	problem  problem
	tally    tally
	stutters int // that the output had counted when the last turn ended, and their time
	silence  time.Duration
	saved    time.Time // when Save was called last
}

var _ control.Player = (*Player)(nil)

// New returns a player. It plays once Run is called.
func New(cfg Config) *Player {
	if cfg.Started.IsZero() {
		cfg.Started = time.Now()
	}
	if cfg.Events == nil {
		cfg.Events = func(Event) {}
	}
	p := &Player{
		cfg: cfg, commands: make(chan request), notes: make(chan note), feed: newFeed(),
		queue:  newQueue(cfg.Queue, rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))),
		volume: maxVolume, paused: cfg.Paused, passed: map[*entry]struct{}{}, heads: map[protocol.ID]*head{}, asked: cfg.Started,
	}
	p.restore()
	if cfg.Describe != nil {
		p.unknown = append(p.unknown, p.queue.list...)
	}
	p.sounder = newSounder(cfg.Output, cfg.Crossfade, p.volume, p.tell)
	p.publish()
	return p
}

// Play plays a queue once and returns how each track that sounded went, in
// order. It returns early, with ctx's error, when ctx ends, and when the output
// fails. Tracks that fail are passed over; it is an error only if all do. The
// output stays open.
func Play(ctx context.Context, cfg Config) ([]Result, error) {
	cfg.Once = true
	p := New(cfg)
	err := p.Run(ctx)
	return p.Results(), err
}

// Results tells, after Run with Once, how each track that sounded went.
func (p *Player) Results() []Result { return p.tally.results }
