package swarm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"earshot/protocol"
)

// stallTimeout is how long an answer may pause before it counts as none. The
// schedule asks others much sooner; this only ends what is surely dead, a
// little before the connection's own idle timeout would.
const stallTimeout = 10 * time.Second

// errTimeout is a request that was answered too late or not at all.
var errTimeout = errors.New("no answer in time")

// Run is an answer with raw chunks: Count chunks from First on, read in order
// as they arrive.
type Run struct {
	First, Count int
	Path         []byte // of the proof tree, if it was asked for (protocol.Path)
	Slices       []byte // of the first chunk, may be none (protocol.Slices)
	conn         *Conn
	stream       *quic.Stream
	reader       *protocol.Reader
	stop         func() bool
	done         func() // of waiting for more
}

// Read reads the raw bytes of the chunks. It ends with io.EOF.
func (r *Run) Read(p []byte) (int, error) {
	r.stream.SetReadDeadline(time.Now().Add(stallTimeout))
	n, err := r.reader.Read(p)
	if n > 0 {
		r.conn.downloaded.Add(int64(n))
		r.conn.lastUse.Store(int64(time.Since(r.conn.since)))
	}
	if err != nil && err != io.EOF {
		err = r.conn.fault(err)
	}
	return n, err
}

// End looks at the end of an answer that was read whole, where it has arrived:
// see letGo. It is for the goroutine that reads.
func (r *Run) End() { letGo(r.stream, r.reader, protocol.CodeNone) }

// Close lets go of the answer; what has not arrived is cancelled. It may be
// called during a Read, which then fails.
func (r *Run) Close() {
	r.stop()
	r.done()
	r.stream.CancelRead(quic.StreamErrorCode(protocol.CodeCancelled))
}

// letGo ends the reading of a stream. Where its end has arrived that is looked
// at: the other side would otherwise be told to stop, and have to acknowledge.
func letGo(s *quic.Stream, r io.Reader, code protocol.Code) {
	s.SetReadDeadline(time.Now())
	r.Read(make([]byte, 1))
	s.CancelRead(quic.StreamErrorCode(code))
}

// Get asks for a run of chunks. Cancelling ctx cancels the run, also while it
// is being read. What the other side refuses is a *protocol.Refused. asked, if not nil,
// is called once the request is on its way, or will not be.
func (c *Conn) Get(ctx context.Context, m *protocol.Get, asked func()) (*Run, error) {
	if asked != nil {
		asked = sync.OnceFunc(asked)
		defer asked()
	}
	s, r, answer, err := c.request(ctx, m, asked)
	if err != nil {
		return nil, err
	}
	data, ok := answer.(*protocol.Data)
	if !ok || data.Count == 0 || data.Count > m.Count {
		c.violation(protocol.ErrMalformed)
		return nil, protocol.ErrMalformed
	}
	run := c.newRun(ctx, s, r, m.First, data.Count)
	run.Path, run.Slices = data.Path, data.Slices
	return run, nil
}

func (c *Conn) newRun(ctx context.Context, s *quic.Stream, r *protocol.Reader, first, count int) *Run {
	return &Run{
		First: first, Count: count, conn: c, stream: s, reader: r, done: c.await(),
		stop: context.AfterFunc(ctx, func() { s.CancelRead(quic.StreamErrorCode(protocol.CodeCancelled)) }),
	}
}

// Opening is the server's answer to Open: the header is there, the head
// arrives as the Run, the proof tree beside it.
type Opening struct {
	*protocol.Opened
	Head  *Run
	conn  *Conn
	id    protocol.ID
	proof chan proofOrRefuse
}

type proofOrRefuse struct {
	tree []byte
	err  error
}

// Open asks for all that is needed to begin playing a track. A peer that is not
// the server names no peers, and sends head and proof tree only if it can.
func (c *Conn) Open(ctx context.Context, m *protocol.Open) (*Opening, error) {
	proof := make(chan proofOrRefuse, 1)
	if !m.Wait { // else none is sent
		c.mu.Lock()
		c.proofs[m.ID] = proof
		c.mu.Unlock()
	}
	s, r, answer, err := c.request(ctx, m, nil)
	if err != nil {
		c.forgetProof(m.ID, proof)
		return nil, err
	}
	opened, ok := answer.(*protocol.Opened)
	if !ok || opened.Header.ID != m.ID {
		c.forgetProof(m.ID, proof)
		c.violation(protocol.ErrMalformed)
		return nil, protocol.ErrMalformed
	}
	return &Opening{Opened: opened, Head: c.newRun(ctx, s, r, opened.HeadFirst, opened.HeadCount), conn: c, id: m.ID, proof: proof}, nil
}

// Proof waits for the proof tree that comes behind the answer.
func (o *Opening) Proof(ctx context.Context) ([]byte, error) {
	c := o.conn
	defer c.forgetProof(o.id, o.proof)
	timer := time.NewTimer(stallTimeout)
	defer timer.Stop()
	select {
	case p := <-o.proof:
		return p.tree, p.err
	case <-timer.C:
		return nil, c.fault(errTimeout)
	case <-c.Done():
		return nil, context.Cause(c.quic.Context())
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *Conn) forgetProof(id protocol.ID, proof chan<- proofOrRefuse) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.proofs[id] == proof {
		delete(c.proofs, id)
	}
}

// takeProof reads a proof tree that came on a stream of its own.
func (c *Conn) takeProof(s *quic.ReceiveStream, r *protocol.Reader, m *protocol.Proof) {
	c.mu.Lock()
	due := c.proofs[m.ID]
	delete(c.proofs, m.ID)
	c.mu.Unlock()
	if due == nil {
		s.CancelRead(quic.StreamErrorCode(protocol.CodeCancelled))
		return
	}
	s.SetReadDeadline(time.Now().Add(3 * stallTimeout)) // it goes behind the head
	tree, err := readProof(r, m.Size)
	due <- proofOrRefuse{tree, err}
}

// readProof reads the leaves behind a Proof message, growing the buffer only as bytes
// arrive, and returns their tree.
func readProof(r io.Reader, size int64) ([]byte, error) {
	want := protocol.LeavesSize(size)
	leaves, err := io.ReadAll(io.LimitReader(r, int64(want)+1))
	if err != nil {
		return nil, err
	}
	tree := protocol.TreeOf(leaves, size)
	if tree == nil {
		return nil, fmt.Errorf("%d bytes of leaves, not %d as announced: %w", len(leaves), want, protocol.ErrMalformed)
	}
	return tree, nil
}

// GetProof asks for a track's proof tree; the caller verifies it.
func (c *Conn) GetProof(ctx context.Context, id protocol.ID) ([]byte, error) {
	s, r, answer, err := c.request(ctx, &protocol.GetProof{ID: id}, nil)
	if err != nil {
		return nil, err
	}
	defer s.CancelRead(quic.StreamErrorCode(protocol.CodeCancelled))
	defer context.AfterFunc(ctx, func() { s.CancelRead(quic.StreamErrorCode(protocol.CodeCancelled)) })()
	m, ok := answer.(*protocol.Proof)
	if !ok || m.ID != id {
		c.violation(protocol.ErrMalformed)
		return nil, protocol.ErrMalformed
	}
	s.SetReadDeadline(time.Now().Add(stallTimeout))
	tree, err := readProof(r, m.Size)
	if err != nil {
		return nil, c.fault(err)
	}
	return tree, nil
}

// Search asks the server's catalogue.
func (c *Conn) Search(ctx context.Context, q protocol.Query) (protocol.Results, error) {
	m, err := ask[*protocol.FoundTracks](ctx, c, &protocol.Search{Query: q})
	if err != nil {
		return protocol.Results{}, err
	}
	return m.Results, nil
}

// FindPeers asks the server's tracker who has a track.
func (c *Conn) FindPeers(ctx context.Context, id protocol.ID) (*protocol.FoundPeers, error) {
	return ask[*protocol.FoundPeers](ctx, c, &protocol.FindPeers{ID: id})
}

// Renew asks the server for a new certificate.
func (c *Conn) Renew(ctx context.Context) (*protocol.Certificate, error) {
	if err := c.Confirmed(ctx); err != nil {
		return nil, err
	}
	return ask[*protocol.Certificate](ctx, c, &protocol.Renew{})
}

// Announce tells the server which tracks this node holds.
func (c *Conn) Announce(ctx context.Context, tracks []protocol.Announced) error {
	if err := c.Confirmed(ctx); err != nil {
		return err
	}
	for len(tracks) > 0 {
		n := min(len(tracks), protocol.MaxAnnounce)
		c.out.say(&protocol.Announce{Tracks: tracks[:n], Coordinate: c.swarm.place.coordinate()})
		tracks = tracks[n:]
	}
	return nil
}

// Withdraw takes tracks back that were announced.
func (c *Conn) Withdraw(ctx context.Context, ids []protocol.ID) error {
	if err := c.Confirmed(ctx); err != nil {
		return err
	}
	for len(ids) > 0 {
		n := min(len(ids), protocol.MaxAnnounce)
		c.out.say(&protocol.Withdraw{IDs: ids[:n]})
		ids = ids[n:]
	}
	return nil
}

// ask makes a request whose whole answer is one message of type M.
func ask[M protocol.Message](ctx context.Context, c *Conn, m protocol.Message) (answer M, err error) {
	s, r, a, err := c.request(ctx, m, nil)
	if err != nil {
		return answer, err
	}
	letGo(s, r, protocol.CodeCancelled)
	answer, ok := a.(M)
	if !ok {
		c.violation(protocol.ErrMalformed)
		return answer, protocol.ErrMalformed
	}
	return answer, nil
}

// request opens a stream, sends m and reads the first message of the answer.
// It sends again where 0-RTT data was rejected.
func (c *Conn) request(ctx context.Context, m protocol.Message, asked func()) (*quic.Stream, *protocol.Reader, protocol.Message, error) {
	for {
		s, r, answer, err := c.tryRequest(ctx, m, asked)
		if errors.Is(err, quic.Err0RTTRejected) {
			if err := c.afterRejection(ctx); err != nil {
				return nil, nil, nil, err
			}
			continue
		}
		if err != nil {
			return nil, nil, nil, err
		}
		if refuse, ok := answer.(*protocol.Refuse); ok {
			s.CancelRead(quic.StreamErrorCode(protocol.CodeCancelled))
			return nil, nil, nil, &protocol.Refused{Code: refuse.Code}
		}
		return s, r, answer, nil
	}
}

func (c *Conn) tryRequest(ctx context.Context, m protocol.Message, asked func()) (*quic.Stream, *protocol.Reader, protocol.Message, error) {
	s, err := c.quic.OpenStreamSync(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	defer c.await()()
	stop := context.AfterFunc(ctx, func() {
		s.CancelWrite(quic.StreamErrorCode(protocol.CodeCancelled))
		s.CancelRead(quic.StreamErrorCode(protocol.CodeCancelled))
	})
	defer stop()
	if err = protocol.Write(s, m); err != nil {
		s.CancelRead(quic.StreamErrorCode(protocol.CodeCancelled))
		return nil, nil, nil, err
	}
	s.Close() // fails where the answer is here already, and nothing more is wanted to be heard
	if asked != nil {
		asked()
	}
	s.SetReadDeadline(time.Now().Add(stallTimeout))
	r := protocol.NewReader(s)
	answer, err := r.Next()
	if err != nil {
		s.CancelRead(quic.StreamErrorCode(protocol.CodeCancelled))
		if ctx.Err() != nil { // given up: nobody's fault
			return nil, nil, nil, ctx.Err()
		}
		return nil, nil, nil, c.fault(err)
	}
	return s, r, answer, nil
}

// fault counts what the other side did wrong, and ends the connection for what
// cannot be a mishap.
func (c *Conn) fault(err error) error {
	var (
		timeout interface{ Timeout() bool }
		reset   *quic.StreamError
	)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, quic.Err0RTTRejected):
	case errors.Is(err, protocol.ErrMalformed), errors.Is(err, protocol.ErrTooLarge):
		c.violation(err)
	case errors.As(err, &reset) && !reset.Remote: // we cancelled it
	case errors.Is(err, errTimeout), errors.As(err, &timeout) && timeout.Timeout():
		c.swarm.faults.timeouts.Add(1)
	default:
		c.swarm.faults.disconnected.Add(1)
	}
	return err
}
