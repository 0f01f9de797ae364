package origin

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"earshot/node/schedule"
	"earshot/node/swarm"
	"earshot/node/tracker"
	"earshot/protocol"
	"earshot/protocol/identity"
)

// ErrUnknownTrack is what a TrackStore returns for a track it does not hold.
var ErrUnknownTrack = errors.New("no such track")

// TrackStore is where the server's tracks are: a folder, say.
type TrackStore interface {
	Header(ctx context.Context, id protocol.ID) (protocol.Header, error)
	Proof(ctx context.Context, id protocol.ID) ([]byte, error)
	Content(ctx context.Context, id protocol.ID) (Content, error)
}

// Content is the bytes of one track.
type Content interface {
	io.ReaderAt
	io.Closer
}

// Catalogue finds tracks.
type Catalogue interface {
	Search(ctx context.Context, q protocol.Query) (protocol.Results, error)
}

// Config is what an Origin is made of.
type Config struct {
	Tracks      TrackStore
	Catalogue   Catalogue
	Tracker     tracker.Tracker
	Authority   *identity.Authority
	Invitations *Invitations
	Log         *slog.Logger // nil: none
}

// Origin implements swarm.Server and swarm.Store.
type Origin struct {
	Config
	heads  atomic.Int32 // under way
	parts  parts
	work   chan func(ctx context.Context) // for the tracker, in order
	known  knownTracks
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

const (
	// answerTimeout bounds the look-ups behind one answer.
	answerTimeout = 10 * time.Second
	// crowded is how many heads under way make names cost sound: a peer's takes some
	// 100 bytes, and crowdPeers are enough to begin with; the asker asks for more.
	crowded    = 4
	crowdPeers = 2
	// spread is how much sooner than it is played the chunk behind the start is sent, to
	// whom others wait for it at: three steps down the tree, of 100 ms each. With 200 ms
	// some of 20 at 2 Mbit/s heard a gap there in every second run. Sooner, and fewer have
	// begun by then: a chunk is 66 ms of 2 Mbit/s.
	spread = 300 * time.Millisecond
	// proofAtHand is how long a proof tree may take to look up that goes into the
	// answer: more than a database takes, and less than anyone hears.
	proofAtHand = 5 * time.Millisecond
	// proofWithin is when a proof tree is needed that goes behind a head: until then
	// paths come with what is taken from peers, and peers can bring it sooner.
	proofWithin = 1200 * time.Millisecond
	// proofSoon is the same for the first of those who begin, where the answer came without
	// the path: until then it cannot pass the start on. By then it has it.
	proofSoon = 100 * time.Millisecond
	// trackerQueue holds what members announced until the tracker has it. More
	// is dropped: it is announced again (package node).
	trackerQueue = 4096
)

// New starts the server's role. Close ends it.
func New(c Config) *Origin {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	o := &Origin{Config: c, work: make(chan func(context.Context), trackerQueue), cancel: cancel}
	o.wg.Go(func() {
		for {
			select {
			case f := <-o.work:
				f(ctx)
			case <-ctx.Done():
				return
			}
		}
	})
	return o
}

// Close ends the work that goes on behind answers.
func (o *Origin) Close() {
	o.cancel()
	o.wg.Wait()
}

// Answer answers what members ask of a server.
func (o *Origin) Answer(ctx context.Context, from *swarm.Conn, m protocol.Message, to *swarm.Answer) {
	sending := ctx
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	var err error
	switch m := m.(type) {
	case *protocol.Open:
		err = o.open(ctx, sending, from, m, to)
	case *protocol.Search:
		var r protocol.Results
		if r, err = o.Catalogue.Search(ctx, m.Query); err == nil {
			to.SetFirst()
			err = to.Send(&protocol.FoundTracks{Results: r})
		}
	case *protocol.FindPeers:
		err = o.findPeers(ctx, from, m, to)
	case *protocol.Renew:
		err = o.renew(ctx, from, to)
	default:
		err = &protocol.Refused{Code: protocol.CodeWrongRole}
	}
	if errors.Is(err, ErrUnknownTrack) {
		err = &protocol.Refused{Code: protocol.CodeNotFound}
	}
	to.End(err)
}

// open sends header and head on the asker's stream, and the proof tree beside
// them. The asker becomes a peer for the track once it is known to be here. ctx
// bounds what is looked up; sending a head may take longer on a thin line.
func (o *Origin) open(ctx, sending context.Context, from *swarm.Conn, m *protocol.Open, to *swarm.Answer) error {
	header, err := o.Tracks.Header(ctx, m.ID)
	if err != nil {
		return err
	}
	answer := &protocol.Opened{Header: header}
	if m.Priority == protocol.PriorityBackground {
		return o.openAhead(ctx, m, answer, to)
	}
	to.SetFirst()
	tree := o.proof(ctx, m.ID)
	answer.Peers, answer.Listeners = o.peers(ctx, from, m.ID) // others, so before it is one
	o.enterOpener(ctx, from, m.ID)
	crowd := int(o.heads.Add(1)) - 1
	defer o.heads.Add(-1)
	if crowd >= crowded {
		answer.Peers = answer.Peers[:min(len(answer.Peers), crowdPeers)]
	}
	own := o.parts.next(time.Now(), &header, m.From, beginner{peer: from.Peer(), sharing: from.Sharing(), knows: m.Knows})
	answer.PartFirst, answer.PartCount = own.first, own.count
	answer.Listeners = max(answer.Listeners, own.before) // who came in 0-RTT is entered later
	nameStarter(answer, own.starter)
	length := schedule.Head(len(answer.Peers), crowd)
	if own.starter != nil {
		length = schedule.LeastHead // the rest is handed out in parts
	}
	answer.HeadFirst, answer.HeadCount = header.Run(m.From, min(m.Head, length))
	content, err := o.Tracks.Content(ctx, m.ID)
	if err != nil {
		return err
	}
	defer content.Close()
	stored := &track{origin: o, header: header, content: content}
	within := proofWithin
	if own.before == 0 && !provePart(answer, stored, tree) {
		within = proofSoon
	}
	if err := to.Send(answer); err != nil {
		return err
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		// The stream's context ends with the head, the proof tree may come later.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTimeout)
		defer cancel()
		o.sendProof(ctx, tree, &answer.Header, to, within)
	})
	if answer.HeadCount == 0 {
		to.End(nil) // the stream; the proof tree goes on
		return nil
	}
	head := swarm.Head{From: m.From, First: answer.HeadFirst, Count: answer.HeadCount, Shared: answer.HeadFirst, Spread: spread, Steps: own.steps}
	if own.before > 0 { // the first one alone has the start to pass on
		start, n := header.Run(m.From, schedule.LeastHead)
		head.Shared = start + n
	}
	to.End(to.SendHead(sending, stored, head))
	return nil
}

// nameStarter puts one who will have the start first among the peers.
func nameStarter(answer *protocol.Opened, p *protocol.Peer) {
	if p == nil {
		return
	}
	others := slices.DeleteFunc(answer.Peers, func(o protocol.Peer) bool { return o.Node == p.Node })
	others = others[:min(len(others), protocol.MaxPeers-1)]
	answer.Peers, answer.Starter = append([]protocol.Peer{*p}, others...), true
}

// proof is a track's proof tree, being looked up.
type proof struct {
	done chan struct{} // closed when the others are set
	tree []byte
	err  error
}

// proof begins to look up a proof tree; it goes on when ctx ends.
func (o *Origin) proof(ctx context.Context, id protocol.ID) *proof {
	p := &proof{done: make(chan struct{})}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTimeout)
	o.wg.Go(func() {
		defer cancel()
		defer close(p.done)
		p.tree, p.err = o.Tracks.Proof(ctx, id)
	})
	return p
}

// provePart adds what verifies the beginning of a head, its first chunk slice by slice, so
// that the first of those who begin can pass that on as it comes, before it has the proof
// tree. Nobody waits for that
// tree if it is not at hand: then it is false.
func provePart(answer *protocol.Opened, t *track, p *proof) bool {
	_, n := answer.Header.Run(answer.Header.TimeAt(int64(answer.HeadFirst)*protocol.ChunkSize), schedule.LeastHead)
	n = min(n+1, answer.HeadCount) // and what comes behind the start
	timer := time.NewTimer(proofAtHand)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		return false
	}
	if p.err == nil && n > 0 {
		answer.Proven, answer.Path = n, protocol.Path(p.tree, answer.Header.Size, answer.HeadFirst, n)
		answer.Slices = t.slices(answer.HeadFirst, min(n, protocol.MaxSliced))
	}
	return true
}

// openAhead gives the first second of a track that someone may play, where nobody
// is sent one that plays. The asker is no listener yet, and can ask again.
func (o *Origin) openAhead(ctx context.Context, m *protocol.Open, answer *protocol.Opened, to *swarm.Answer) error {
	if o.heads.Load() > 0 {
		return &protocol.Refused{Code: protocol.CodeBusy}
	}
	answer.HeadFirst, answer.HeadCount = answer.Header.Run(m.From, min(m.Head, schedule.ScreenHead))
	to.SetPriority(protocol.PriorityBackground)
	content, err := o.Tracks.Content(ctx, m.ID)
	if err != nil {
		return err
	}
	defer content.Close()
	if err := to.Send(answer); err != nil {
		return err
	}
	o.sendProof(ctx, o.proof(ctx, m.ID), &answer.Header, to, answerTimeout)
	return to.SendChunks(ctx, &track{origin: o, header: answer.Header, content: content}, answer.HeadFirst, answer.HeadCount)
}

// sendProof sends a proof tree beside an answer, as what is needed within a time.
func (o *Origin) sendProof(ctx context.Context, p *proof, h *protocol.Header, to *swarm.Answer, within time.Duration) {
	<-p.done // within answerTimeout
	err := p.err
	if err == nil {
		err = to.SendProof(ctx, h, p.tree, within)
	}
	if err != nil {
		o.Log.Debug("sending a proof tree failed", "track", h.ID.Short(), "err", err)
	}
}

func (o *Origin) findPeers(ctx context.Context, from *swarm.Conn, m *protocol.FindPeers, to *swarm.Answer) error {
	peers, n := o.peers(ctx, from, m.ID)
	to.SetFirst()
	return to.Send(&protocol.FoundPeers{Listeners: n, Peers: peers})
}

func (o *Origin) renew(ctx context.Context, from *swarm.Conn, to *swarm.Answer) error {
	if err := from.Confirmed(ctx); err != nil {
		return err
	}
	node := from.Node()
	leaf, err := o.Authority.Issue(node[:], identity.RoleMember, time.Now())
	if err != nil {
		return err
	}
	return to.Send(&protocol.Certificate{Leaf: leaf, Root: o.Authority.Root()})
}

// Join admits a node that brings a valid invitation.
func (o *Origin) Join(ctx context.Context, m *protocol.Join) (*protocol.Certificate, error) {
	if err := o.Invitations.Use(ctx, m.Secret, time.Now()); err != nil {
		return nil, err
	}
	leaf, err := o.Authority.Issue(m.Key[:], identity.RoleMember, time.Now())
	if err != nil {
		return nil, err
	}
	return &protocol.Certificate{Leaf: leaf, Root: o.Authority.Root()}, nil
}
