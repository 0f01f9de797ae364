package protocol

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"unicode/utf8"

	"github.com/quic-go/quic-go/quicvarint"
)

// The errors of a decoder. The connection that sent such input is closed with
// CodeViolation or CodeTooLarge.
var (
	// ErrMalformed: the bytes are no message of this specification.
	ErrMalformed = errors.New("malformed message")
	// ErrTooLarge: a length or a number is beyond its limit.
	ErrTooLarge = errors.New("message beyond its limit")
)

// CodeOf returns the code to close a connection with after a decoding error.
func CodeOf(err error) Code {
	if errors.Is(err, ErrTooLarge) {
		return CodeTooLarge
	}
	return CodeViolation
}

// Reader reads the messages of one stream, and the raw bytes behind them.
type Reader struct {
	r    *bufio.Reader
	body []byte
}

// readerBuffer holds any message but a long header or have map at once; raw
// chunks pass it by.
const readerBuffer = 2048

// NewReader returns a Reader of a stream.
func NewReader(r io.Reader) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, readerBuffer)}
}

// Read reads the raw bytes that follow a message.
func (r *Reader) Read(p []byte) (int, error) { return r.r.Read(p) }

// Next returns the next message of a type that this version knows, and skips
// others. It returns io.EOF at the end of the stream between two messages,
// ErrMalformed and ErrTooLarge for what the specification does not allow, and
// the stream's own errors. The message does not share memory with the Reader.
func (r *Reader) Next() (Message, error) {
	for {
		t, err := quicvarint.Read(r.r)
		if err != nil {
			return nil, err // io.EOF here is the stream's orderly end
		}
		n, err := quicvarint.Read(r.r)
		if err != nil {
			return nil, unexpected(err)
		}
		limit := bodyLimit(Type(t))
		if n > uint64(limit) {
			return nil, fmt.Errorf("%w: %d bytes of %v, at most %d", ErrTooLarge, n, Type(t), limit)
		}
		m := newMessage(Type(t))
		if m == nil {
			if _, err := r.r.Discard(int(n)); err != nil {
				return nil, unexpected(err)
			}
			continue
		}
		if err := r.readBody(int(n)); err != nil {
			return nil, unexpected(err)
		}
		d := decoder{b: r.body}
		m.decode(&d)
		if d.err != nil {
			return nil, fmt.Errorf("%v: %w", Type(t), d.err)
		}
		return m, nil
	}
}

// readBody reads n bytes into r.body, growing it only as bytes arrive, so that
// a claimed length costs the claimant as much as us.
func (r *Reader) readBody(n int) error {
	const step = 16 << 10
	r.body = r.body[:0]
	for len(r.body) < n {
		k := min(n-len(r.body), step)
		if cap(r.body)-len(r.body) < k {
			r.body = append(make([]byte, 0, max(2*cap(r.body), len(r.body)+k)), r.body...)
		}
		end := len(r.body) + k
		if _, err := io.ReadFull(r.r, r.body[len(r.body):end]); err != nil {
			return err
		}
		r.body = r.body[:end]
	}
	return nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Append appends a whole message (type, length, body) to b.
func Append(b []byte, m Message) []byte {
	b = quicvarint.Append(b, uint64(m.Type()))
	// The length is written in two bytes (RFC 9000 section 16) and widened in
	// the rare case that they do not hold it: one pass, no scratch buffer.
	at := len(b)
	b = append(b, 0, 0)
	b = m.encode(b)
	n := len(b) - at - 2
	if n < 1<<14 {
		b[at], b[at+1] = byte(n>>8)|0x40, byte(n)
		return b
	}
	b = append(b, 0, 0)
	copy(b[at+4:], b[at+2:at+2+n])
	b[at], b[at+1], b[at+2], b[at+3] = byte(n>>24)|0x80, byte(n>>16), byte(n>>8), byte(n)
	return b
}

// Write writes a whole message to a stream in one call.
func Write(w io.Writer, m Message) error {
	_, err := w.Write(Append(make([]byte, 0, 64), m))
	return err
}

// decoder reads the fields of one body. After the first error all reads give
// zero values, so that decode functions need not check each. Bytes left over
// are fields of a later version and ignored.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
	d.b = nil
}

// varint reads a number of at most limit.
func (d *decoder) varint(limit uint64) uint64 {
	if d.err != nil {
		return 0
	}
	v, n, err := quicvarint.Parse(d.b)
	if err != nil {
		d.fail(ErrMalformed)
		return 0
	}
	if v > limit {
		d.fail(fmt.Errorf("%w: a field of %d, at most %d", ErrTooLarge, v, limit))
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) int(limit int) int { return int(d.varint(uint64(limit))) }

func (d *decoder) bool() bool { return d.varint(1) == 1 }

// signed reads a zigzag-coded number.
func (d *decoder) signed() int64 {
	v := d.varint(quicvarint.Max)
	return int64(v>>1) ^ -int64(v&1)
}

func (d *decoder) take(n int) []byte {
	if d.err != nil || n > len(d.b) {
		d.fail(ErrMalformed)
		return nil
	}
	p := d.b[:n]
	d.b = d.b[n:]
	return p
}

func (d *decoder) id() (id ID) {
	copy(id[:], d.take(len(id)))
	return id
}

func (d *decoder) node() (n NodeID) {
	copy(n[:], d.take(len(n)))
	return n
}

func (d *decoder) hint() Hint {
	p := d.take(4)
	if p == nil {
		return 0
	}
	return Hint(binary.BigEndian.Uint32(p))
}

// bytes reads a length and as many bytes, at most limit; the result is a copy.
func (d *decoder) bytes(limit int) []byte {
	n := d.int(limit)
	if n == 0 {
		return nil
	}
	return append([]byte(nil), d.take(n)...)
}

// text reads a string of valid UTF-8 of at most limit bytes.
func (d *decoder) text(limit int) string {
	p := d.take(d.int(limit))
	if !utf8.Valid(p) {
		d.fail(ErrMalformed)
		return ""
	}
	return string(p)
}

func (d *decoder) float() float64 {
	p := d.take(4)
	if p == nil {
		return 0
	}
	f := float64(math.Float32frombits(uint32(p[0])<<24 | uint32(p[1])<<16 | uint32(p[2])<<8 | uint32(p[3])))
	// A coordinate is in seconds: a minute bounds every path on Earth, and keeps
	// not-a-number and infinity out of everything computed from it.
	if !(math.Abs(f) <= 60) {
		d.fail(ErrMalformed)
		return 0
	}
	return f
}

func (d *decoder) addr() netip.AddrPort {
	var ip netip.Addr
	switch p := d.take(1); {
	case p == nil:
	case p[0] == 0:
		return netip.AddrPort{}
	case p[0] == 4:
		ip, _ = netip.AddrFromSlice(d.take(4))
	case p[0] == 16:
		ip, _ = netip.AddrFromSlice(d.take(16))
		ip = ip.Unmap()
	default:
		d.fail(ErrMalformed)
	}
	port := d.take(2)
	if d.err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ip, uint16(port[0])<<8|uint16(port[1]))
}

func (d *decoder) coordinate() (c Coordinate) {
	if !d.bool() {
		return c
	}
	for i := range c.Vec {
		c.Vec[i] = d.float()
	}
	c.Error, c.Adjustment, c.Height = d.float(), d.float(), d.float()
	if c.Error < 0 || c.Height < 0 {
		d.fail(ErrMalformed)
	}
	return c
}

func (d *decoder) peer() Peer {
	p := Peer{Node: d.node(), Public: d.addr()}
	for range d.int(MaxLocalAddrs) {
		p.Local = append(p.Local, d.addr())
	}
	p.Coordinate = d.coordinate()
	return p
}

func appendInt[T ~int | ~int64 | ~uint8 | ~uint64](b []byte, v T) []byte {
	return quicvarint.Append(b, uint64(v))
}

func appendSigned(b []byte, v int64) []byte {
	return quicvarint.Append(b, uint64(v<<1)^uint64(v>>63))
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendBytes(b, p []byte) []byte { return append(appendInt(b, len(p)), p...) }

// appendText writes at most limit bytes of s, cut between characters.
func appendText(b []byte, s string, limit int) []byte {
	if len(s) > limit {
		s = s[:limit]
		for len(s) > 0 && !utf8.ValidString(s) {
			s = s[:len(s)-1]
		}
	}
	return append(appendInt(b, len(s)), s...)
}

func appendAddr(b []byte, a netip.AddrPort) []byte {
	if !a.IsValid() {
		return append(b, 0)
	}
	ip := a.Addr().Unmap().AsSlice()
	b = append(append(b, byte(len(ip))), ip...)
	return append(b, byte(a.Port()>>8), byte(a.Port()))
}

func appendFloat(b []byte, f float64) []byte {
	u := math.Float32bits(float32(f))
	return append(b, byte(u>>24), byte(u>>16), byte(u>>8), byte(u))
}

func appendCoordinate(b []byte, c Coordinate) []byte {
	b = appendBool(b, !c.IsZero())
	if c.IsZero() {
		return b
	}
	for _, v := range c.Vec {
		b = appendFloat(b, v)
	}
	return appendFloat(appendFloat(appendFloat(b, c.Error), c.Adjustment), c.Height)
}

func appendPeer(b []byte, p Peer) []byte {
	b = appendAddr(append(b, p.Node[:]...), p.Public)
	local := p.Local[:min(len(p.Local), MaxLocalAddrs)]
	b = appendInt(b, len(local))
	for _, a := range local {
		b = appendAddr(b, a)
	}
	return appendCoordinate(b, p.Coordinate)
}
