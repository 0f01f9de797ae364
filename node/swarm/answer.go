package swarm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/quic-go/quic-go"

	"earshot/protocol"
)

// Answer is the way back of one request.
type Answer struct {
	conn     *Conn
	stream   *quic.Stream
	priority protocol.Priority
	due      time.Time // when what is sent is needed
	order    uint64    // in the pacer
	start    bool      // of a track, for one who begins with this node
	over     int       // bytes that were sent beyond what the pacer allowed; less than 0, not yet sent
	sent     bool
	ended    bool
}

// patience is how soon what was asked with a priority is needed, where the asker
// did not say. Nothing waits for ever: it comes before what is asked for later.
var patience = [...]time.Duration{
	protocol.PriorityUrgent:     500 * time.Millisecond,
	protocol.PriorityPlaying:    5 * time.Second,
	protocol.PriorityPrefetch:   15 * time.Second,
	protocol.PriorityBackground: time.Minute,
}

// SetPriority says how soon the answer is needed.
func (a *Answer) SetPriority(p protocol.Priority) {
	a.priority, a.due = p, time.Now().Add(patience[p])
	a.stream.SetPriority(urgency(p), false)
}

// need notes how soon a run is needed, as who asks for it says.
func (a *Answer) need(m *protocol.Get) {
	a.SetPriority(m.Priority)
	a.start = m.Wait
	if m.Within > 0 {
		a.due = time.Now().Add(m.Within - a.conn.RTT()/2)
	}
}

// SetFirst sends the answer before all runs: someone waits for it.
func (a *Answer) SetFirst() {
	a.priority, a.due = protocol.PriorityUrgent, time.Now()
	a.stream.SetPriority(0, false)
}

// Send sends a message.
func (a *Answer) Send(m protocol.Message) error {
	a.sent = true
	a.stream.SetWriteDeadline(time.Now().Add(sendTimeout))
	return protocol.Write(a.stream, m)
}

// Write sends raw bytes behind a message.
func (a *Answer) Write(p []byte) (int, error) {
	a.stream.SetWriteDeadline(time.Now().Add(sendTimeout))
	return a.stream.Write(p)
}

// SendChunks sends count chunks from first on, a listener's no faster than its
// line bears.
func (a *Answer) SendChunks(ctx context.Context, t Stored, first, count int) error {
	return a.sendChunks(ctx, t, nil, first, count, a.asAsked)
}

// SendRun sends the answer to a Get: both together, as the message is of no use
// before its chunks, and a packet less.
func (a *Answer) SendRun(ctx context.Context, t Stored, first int, m *protocol.Data) error {
	a.sent = true
	return a.sendChunks(ctx, t, m, first, m.Count, a.asAsked)
}

// asAsked is how soon the asker said it needs all of it.
func (a *Answer) asAsked(int64) (need, int64) {
	return need{sound: true, due: a.due}, protocol.MaxTrackSize
}

// sendChunks sends a message, if there is one, and the chunks behind it.
func (a *Answer) sendChunks(ctx context.Context, t Stored, m protocol.Message, first, count int, when needs) error {
	s := a.conn.swarm
	buf := s.buffers.Get().(*sendBuffer)
	defer s.buffers.Put(buf)
	held, said := 0, 0 // bytes of buf that are not sent, of them the message's
	if m != nil {
		held = len(protocol.Append(buf[:0], m))
		said = held
	}
	for i, end := first, first+count; i < end; {
		n, atOnce, offset := held, writeChunks, int64(i)*protocol.ChunkSize-int64(held)
		if s.uplink == nil && s.pacer.rate(a.conn) > 0 {
			atOnce = 1 // so that what is counted as sent is
		}
		for last := min(i+atOnce, end); i < last; i++ {
			k, err := t.ReadChunk(i, buf[n:n+protocol.ChunkSize])
			if err != nil {
				return fmt.Errorf("reading chunk %d: %w", i, err)
			}
			n += k
		}
		whole := a.start || a.priority == protocol.PriorityUrgent // a chunk is of no use before its end
		sent, err := a.send(ctx, buf[:n], offset, when, whole || i == end)
		a.conn.gave(sent - said)
		if err != nil {
			return err
		}
		said = max(said-sent, 0)
		held = copy(buf[:], buf[sent:n])
	}
	return nil
}

// firstBytes is what a server sends of a head for the sound to begin: the frames
// that it begins with, at any bitrate, and 75 ms of most.
const firstBytes = 3 << 10

// passedOn is the playing time up to which what others take from the asker counts as
// sound that would end: it sounds for all of them, and has the longest way.
const passedOn = time.Second

// startQuantum is a turn for sound of a head: 100 ms of 192 kbit/s, so that in a crowd
// nobody gets a second of sound while others have not begun.
const startQuantum = quantum / 2

// Head is what a server sends of a track to someone who begins to play it.
type Head struct {
	From         time.Duration // where playing begins
	First, Count int           // chunks
	// Shared is the first chunk that others, who begin too, take from the asker;
	// for them it is there Spread before it is played.
	Shared int
	Spread time.Duration
	// Steps is in how many steps the start comes to the asker, who was told of someone
	// who will have it, and can wait for that a little; 0 if it was not.
	Steps int
}

// SendHead sends a head: to each who begins what sound needs to begin, and the
// rest as it will be needed.
func (a *Answer) SendHead(ctx context.Context, t Stored, head Head) error {
	h, line := t.Header(), a.conn.swarm.uplink
	start := h.OffsetBefore(head.From) + firstBytes
	if head.Shared == head.First { // others wait for it
		start = (int64(head.Shared) + 1) * protocol.ChunkSize
	}
	var asked time.Time // long ago
	if head.Steps > 0 {
		asked = line.asked(time.Now(), head.Steps)
	}
	rate := float64(h.Size) / max(h.Duration.Seconds(), 1)
	var began time.Time
	defer func() {
		if !began.IsZero() {
			line.sounds(-1, rate)
		}
	}()
	return a.sendChunks(ctx, t, nil, head.First, head.Count, func(offset int64) (need, int64) {
		if offset < start {
			return need{start: true, due: asked, whole: int(start - offset)}, start
		}
		if began.IsZero() {
			began = time.Now()
			line.sounds(1, rate)
		}
		if chunk := offset / protocol.ChunkSize; chunk >= int64(head.Shared) { // passed on whole
			plays := h.TimeAt(chunk*protocol.ChunkSize) - head.From
			return need{sound: plays <= passedOn, due: began.Add(plays - head.Spread)}, (chunk + 1) * protocol.ChunkSize
		}
		return need{sound: true, due: began.Add(h.TimeAt(offset) - head.From)}, offset + startQuantum
	})
}

// needs tells how soon the bytes from an offset to another one are needed.
type needs func(offset int64) (n need, end int64)

// send writes the raw bytes of a track at an offset, as the line of this node
// bears them: a server's in turns of all its connections. Unless they are the last
// of an answer, those at their end that would not fill a packet may be left.
func (a *Answer) send(ctx context.Context, b []byte, offset int64, when needs, last bool) (n int, err error) {
	if a.conn.swarm.uplink == nil {
		return a.conn.swarm.pacer.write(ctx, a, b, last)
	}
	for n < len(b) {
		need, end := when(offset)
		most := min(int64(len(b)-n), end-offset)
		k, err := a.conn.write(ctx, a.stream, b[n:][:most], need, last && n+int(most) == len(b))
		n, offset = n+k, offset+int64(k)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// gave takes note of bytes of track data that were sent; none where a message was not
// all of it.
func (c *Conn) gave(n int) {
	c.uploaded.Add(int64(max(n, 0)))
	c.lastUse.Store(int64(time.Since(c.since)))
}

// writer is a stream that takes what QUIC may send of it now.
type writer interface {
	io.Writer
	WriteWithLimit(p []byte, limiter func(most int) int) (int, error)
	SetWriteDeadline(t time.Time) error
}

// write writes to one of the connection's streams: a server as much as one turn
// allows, a listener all of it. Behind the last of an answer there is only the
// stream's end.
func (c *Conn) write(ctx context.Context, w writer, b []byte, n need, last bool) (int, error) {
	w.SetWriteDeadline(time.Now().Add(sendTimeout))
	if c.gauge == nil {
		return w.Write(b)
	}
	t, err := c.swarm.uplink.take(ctx, c.gauge, n)
	if err != nil {
		return 0, err
	}
	defer t.end()
	if !last {
		return writeWithin(w, b, t.limit)
	}
	k, tail, err := writePackets(w, b, t.limit)
	if err != nil || !tail {
		return k, err
	}
	t.limit(len(b) - k)
	written, err := w.Write(b[k:])
	return k + written, err
}

// writeWithin writes as much as the limit allows.
func writeWithin(w writer, b []byte, limit func(most int) int) (int, error) {
	n, err := w.WriteWithLimit(b, limit)
	if errors.Is(err, quic.ErrWriteLimitReached) {
		err = nil
	}
	return n, err
}

// writePackets writes what fills packets, as far as the limit goes, and reports
// whether it ended at those bytes that do not: the last of a stream are written at
// once, so that its end goes in the same packet and not in one of its own.
func writePackets(w writer, b []byte, limit func(most int) int) (n int, tail bool, err error) {
	rest := len(b) // written where the packets are made; read when that has ended
	n, err = writeWithin(w, b, func(most int) int {
		if tail = most >= rest; tail {
			return 0
		}
		used := limit(most)
		rest -= used
		return used
	})
	return n, tail, err
}

// writeAll writes all of it, in as many turns as it takes; then the stream ends.
func (c *Conn) writeAll(ctx context.Context, w writer, b []byte, n need) error {
	for len(b) > 0 {
		k, err := c.write(ctx, w, b, n, true)
		b = b[k:]
		if err != nil {
			return err
		}
	}
	return nil
}

// writeChunks is how many chunks are read to be written at once.
const writeChunks = 4

// sendBuffer holds those, and the longest message, or what is left for the next
// packet, before them.
type sendBuffer [writeChunks*protocol.ChunkSize + protocol.MaxData]byte

// SendProof sends a proof tree unasked, on a stream of its own, as something that
// is needed within a time.
func (a *Answer) SendProof(ctx context.Context, h *protocol.Header, tree []byte, within time.Duration) error {
	s, err := a.conn.quic.OpenUniStreamSync(ctx)
	if err != nil {
		return err
	}
	if a.priority == protocol.PriorityBackground {
		s.SetPriority(urgency(a.priority), false)
	} else {
		s.SetPriority(urgencyProof, false)
	}
	b := append(protocol.Append(nil, &protocol.Proof{ID: h.ID, Size: h.Size}), protocol.Leaves(tree, h.Size)...)
	if err := a.conn.writeAll(ctx, s, b, need{due: time.Now().Add(within)}); err != nil {
		s.CancelWrite(quic.StreamErrorCode(protocol.CodeInternal))
		return err
	}
	return s.Close()
}

// End ends the answer: in order after nil, with Refuse where nothing was sent
// yet, else by resetting the stream. Only the first call counts.
func (a *Answer) End(err error) {
	if a.ended {
		return
	}
	a.ended = true
	if g := a.conn.gauge; g != nil {
		defer g.line.answered(g)
	}
	if err == nil {
		a.stream.Close()
		return
	}
	code := protocol.CodeInternal
	var refused *protocol.Refused
	if errors.As(err, &refused) {
		code = refused.Code
	} else {
		a.conn.swarm.log.Debug("an answer failed", "node", a.conn.node.Short(), "err", err)
	}
	if !a.sent && a.Send(&protocol.Refuse{Code: code}) == nil {
		a.stream.Close()
		return
	}
	a.stream.CancelWrite(quic.StreamErrorCode(code))
}
