package stream

import (
	"context"
	"time"

	"earshot/node/swarm"
	"earshot/protocol"
)

// seekHelp is when the tracker is asked for peers, after the first answer: soon, as others
// may have begun at the same moment, but not before those have their start, as each whom
// it names takes a handshake; then ever more rarely.
var seekHelp = [...]time.Duration{
	700 * time.Millisecond, time.Second, 3 * time.Second, 10 * time.Second, 30 * time.Second,
}

// enoughPeers is when the tracker is not asked any more: with four sources, the
// loss of one costs a quarter.
const enoughPeers = 4

// findHelp dials peers for the track: those of the server's answer, then those
// the tracker knows later.
func (f *fetch) findHelp(ctx context.Context, first *opened) {
	sw := f.s.all.config.Swarm
	if first == nil { // held in part: the server enters us for the track, and names peers
		if o, err := f.s.openAtServer(ctx, 0); err == nil {
			o.Head.Close()
			defer o.cancel()
			f.s.noteCompany(o)
			o.Connect(ctx)
			f.takeProof(ctx, ctx, o)
		}
	} else {
		first.Connect(ctx)
	}
	for try := 0; ; try = min(try+1, len(seekHelp)-1) {
		select {
		case <-time.After(seekHelp[try]):
		case <-ctx.Done():
			return
		}
		if f.peers(ctx) >= enoughPeers {
			continue
		}
		if !f.askTracker(ctx) {
			sw.FindPeers(ctx, f.s.id)
		}
	}
}

// awaitStarter waits until who will have the start of the track is a neighbour, and
// has it asked for that and for the chunk behind it, which is nobody's part: it answers
// when it has it, a round trip and more before it could be asked for what it has said it
// has, and before all ask the one who has it first. Where the
// connection ends it is asked for again on the next.
func (f *fetch) awaitStarter(ctx context.Context, first *opened) {
	for {
		c, err := f.s.all.config.Swarm.Neighbour(ctx, first.Peers[0].Node)
		if err != nil {
			return
		}
		f.tell(ctx, func(f *fetch, now time.Duration) { f.promised(now, promise{c, first.HeadFirst, first.HeadCount + 1}) })
		select {
		case <-c.Done():
		case <-ctx.Done():
			return
		}
	}
}

// promise is n chunks from first on that a neighbour will have soon.
type promise struct {
	conn     *swarm.Conn
	first, n int
}

// promised takes note of it. The first of them is not asked for of one who was asked for
// the same in the race.
func (f *fetch) promised(now time.Duration, p promise) {
	c, first, n := p.conn, p.first, p.n
	f.starter = p
	if f.coming[c.Node()] == c {
		first, n = first+1, n-1
	}
	select {
	case <-c.Done(): // it is taken out, or will be
		return
	default:
	}
	src := f.source(c)
	if src.have == nil {
		src.have = protocol.NewBitmap(protocol.Chunks(f.s.pieces.header.Size))
	}
	n = min(n, protocol.Chunks(f.s.pieces.header.Size)-first)
	for i := first; i < first+n; i++ {
		src.have.Set(i)
	}
	f.offer(now, src)
	f.schedule.Promise(now, src.id, first, n)
}

// trackerPatience is how long the server may take to name peers before neighbours
// are asked for theirs: as long as a slow one takes.
const trackerPatience = time.Second

// askTracker has the server name peers, and dials them; false if it is away.
func (f *fetch) askTracker(ctx context.Context) bool {
	asking, cancel := context.WithTimeout(ctx, trackerPatience)
	defer cancel()
	server, err := f.s.all.config.Swarm.Server(asking)
	if err != nil {
		return false
	}
	found, err := server.FindPeers(asking, f.s.id)
	if err == nil {
		if len(found.Peers) > 0 {
			f.s.setCompany()
		}
		server.Connect(ctx, found.Peers)
	}
	return err == nil
}

// takeProof settles the proof tree of an answer, where it is still missing; asks
// ends the waiting for it.
func (f *fetch) takeProof(ctx, asks context.Context, o *opened) {
	if f.s.pieces.proven() {
		return
	}
	if tree, err := o.Proof(asks); err == nil && !f.s.pieces.proven() {
		f.prove(ctx, o.conn, tree)
	}
}

// peers counts the neighbours that hold some of the track.
func (f *fetch) peers(ctx context.Context) int {
	answer := make(chan int, 1)
	f.tell(ctx, func(f *fetch, _ time.Duration) {
		n := 0
		for _, src := range f.sources {
			if !src.server && src.have.Count() > 0 {
				n++
			}
		}
		answer <- n
	})
	select {
	case n := <-answer:
		return n
	case <-ctx.Done():
		return 0
	}
}

// watchServer makes the server a source whenever it is there.
func (f *fetch) watchServer(ctx context.Context) {
	for {
		c, changed := f.s.all.config.Swarm.ServerChanged()
		if c != nil {
			f.tell(ctx, func(f *fetch, now time.Duration) {
				select {
				case <-c.Done():
				default:
					f.addServer(now, c)
				}
			})
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
