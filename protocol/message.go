package protocol

import (
	"fmt"
	"net/netip"
)

// ALPN names the protocol in TLS; ALPNJoin is that of a node without a
// certificate, which may send nothing but Join.
const (
	ALPN     = "earshot/1"
	ALPNJoin = "earshot-join/1"
)

// Type is a message's type. Numbers are on the wire: never renumber.
type Type uint64

// The types of message; the package comment says what each is for.
const (
	TypeHello       Type = 0x01
	TypeWant        Type = 0x02
	TypeUnwant      Type = 0x03
	TypeHave        Type = 0x04
	TypeGot         Type = 0x05
	TypeLost        Type = 0x06
	TypeAnnounce    Type = 0x07
	TypeWithdraw    Type = 0x08
	TypeOpen        Type = 0x10
	TypeOpened      Type = 0x11
	TypeGet         Type = 0x12
	TypeData        Type = 0x13
	TypeGetProof    Type = 0x14
	TypeProof       Type = 0x15
	TypeSearch      Type = 0x16
	TypeResults     Type = 0x17
	TypeFindPeers   Type = 0x18
	TypePeers       Type = 0x19
	TypeRenew       Type = 0x1a
	TypeCertificate Type = 0x1b
	TypeJoin        Type = 0x1c
	TypeRefuse      Type = 0x1d
)

// String returns the type's number, as it stands in the specification.
func (t Type) String() string { return fmt.Sprintf("message 0x%02x", uint64(t)) }

// Message is one of the types below, as a pointer.
type Message interface {
	Type() Type
	encode(b []byte) []byte
	decode(d *decoder)
}

// Limits of what one message may carry.
const (
	MaxRun      = 64  // chunks of one Get: 1 MiB, so that a cancelled one wastes little
	MaxPeers    = 10  // peers of one answer, as Spotify's tracker gave
	MaxKnows    = 16  // nodes that an Open names: 64 bytes, for which its first packet has room
	MaxAnnounce = 512 // tracks of one Announce: 17 KB
	MaxHead     = 4 << 20
	maxAgent    = 64
	maxBody     = 128 << 10 // a header with the longest seek table and setup, at four bytes a second
)

// bodyLimit bounds a body before it is read.
func bodyLimit(t Type) int {
	switch t {
	case TypeOpened, TypeHave, TypeResults:
		return maxBody
	case TypeAnnounce, TypeWithdraw:
		return MaxAnnounce*33 + 64
	case TypeData:
		return MaxData
	default:
		return 4 << 10
	}
}

func newMessage(t Type) Message {
	switch t {
	case TypeHello:
		return new(Hello)
	case TypeWant:
		return new(Want)
	case TypeUnwant:
		return new(Unwant)
	case TypeHave:
		return new(Have)
	case TypeGot:
		return new(Got)
	case TypeLost:
		return new(Lost)
	case TypeAnnounce:
		return new(Announce)
	case TypeWithdraw:
		return new(Withdraw)
	case TypeOpen:
		return new(Open)
	case TypeOpened:
		return new(Opened)
	case TypeGet:
		return new(Get)
	case TypeData:
		return new(Data)
	case TypeGetProof:
		return new(GetProof)
	case TypeProof:
		return new(Proof)
	case TypeSearch:
		return new(Search)
	case TypeResults:
		return new(FoundTracks)
	case TypeFindPeers:
		return new(FindPeers)
	case TypePeers:
		return new(FoundPeers)
	case TypeRenew:
		return new(Renew)
	case TypeCertificate:
		return new(Certificate)
	case TypeJoin:
		return new(Join)
	case TypeRefuse:
		return new(Refuse)
	}
	return nil
}

// Hello is the first message of each side's control stream.
type Hello struct {
	Agent      string           // name and version of the program, for people
	Sharing    bool             // whether this side uploads
	Local      []netip.AddrPort // its addresses on its LAN, at most MaxLocalAddrs
	Coordinate Coordinate
	Seen       netip.AddrPort // where it sees the other side
}

// Type returns TypeHello.
func (*Hello) Type() Type { return TypeHello }

func (m *Hello) encode(b []byte) []byte {
	b = appendBool(appendText(b, m.Agent, maxAgent), m.Sharing)
	local := m.Local[:min(len(m.Local), MaxLocalAddrs)]
	b = appendInt(b, len(local))
	for _, a := range local {
		b = appendAddr(b, a)
	}
	return appendAddr(appendCoordinate(b, m.Coordinate), m.Seen)
}

func (m *Hello) decode(d *decoder) {
	m.Agent = d.text(maxAgent)
	m.Sharing = d.bool()
	for range d.int(MaxLocalAddrs) {
		m.Local = append(m.Local, d.addr())
	}
	m.Coordinate = d.coordinate()
	m.Seen = d.addr()
}

// Want asks for the have map of a track, now and whenever it changes.
type Want struct{ ID ID }

// Type returns TypeWant.
func (*Want) Type() Type               { return TypeWant }
func (m *Want) encode(b []byte) []byte { return append(b, m.ID[:]...) }
func (m *Want) decode(d *decoder)      { m.ID = d.id() }

// Unwant ends a Want.
type Unwant struct{ ID ID }

// Type returns TypeUnwant.
func (*Unwant) Type() Type               { return TypeUnwant }
func (m *Unwant) encode(b []byte) []byte { return append(b, m.ID[:]...) }
func (m *Unwant) decode(d *decoder)      { m.ID = d.id() }

// Have is a whole have map. Its sender answers a Want with it, with an empty
// one (Size 0) where it holds nothing.
type Have struct {
	ID        ID
	Size      int64  // of the track, 0 if it holds nothing of it
	Chunks    Bitmap // of Chunks(Size) chunks
	Listening bool   // the sender is itself fetching the rest
}

// Type returns TypeHave.
func (*Have) Type() Type { return TypeHave }

func (m *Have) encode(b []byte) []byte {
	b = appendInt(append(b, m.ID[:]...), m.Size)
	return appendBool(appendBytes(b, m.Chunks), m.Listening)
}

func (m *Have) decode(d *decoder) {
	m.ID = d.id()
	m.Size = int64(d.varint(MaxTrackSize))
	m.Chunks = d.bytes(MaxChunks / 8)
	m.Listening = d.bool()
	if d.err == nil && !m.Chunks.Valid(Chunks(m.Size)) {
		d.fail(ErrMalformed)
	}
}

// Got says that the sender holds Count more chunks of a track from First on.
type Got struct {
	ID           ID
	First, Count int
}

// Type returns TypeGot.
func (*Got) Type() Type { return TypeGot }

func (m *Got) encode(b []byte) []byte {
	return appendInt(appendInt(append(b, m.ID[:]...), m.First), m.Count)
}

func (m *Got) decode(d *decoder) { m.ID, m.First, m.Count = d.id(), d.int(MaxChunks), d.int(MaxChunks) }

// Lost says that the sender holds nothing of a track any more.
type Lost struct{ ID ID }

// Type returns TypeLost.
func (*Lost) Type() Type               { return TypeLost }
func (m *Lost) encode(b []byte) []byte { return append(b, m.ID[:]...) }
func (m *Lost) decode(d *decoder)      { m.ID = d.id() }

// Announce tells the server which tracks the sender holds, whole or in part, and
// where it is by now: one without tracks says that alone.
type Announce struct {
	Tracks     []Announced // at most MaxAnnounce
	Coordinate Coordinate  // unknown: as before
}

// Announced is one entry of an Announce.
type Announced struct {
	ID       ID
	Complete bool
}

// Type returns TypeAnnounce.
func (*Announce) Type() Type { return TypeAnnounce }

func (m *Announce) encode(b []byte) []byte {
	b = appendInt(b, len(m.Tracks))
	for _, t := range m.Tracks {
		b = appendBool(append(b, t.ID[:]...), t.Complete)
	}
	return appendCoordinate(b, m.Coordinate)
}

func (m *Announce) decode(d *decoder) {
	for range d.int(MaxAnnounce) {
		m.Tracks = append(m.Tracks, Announced{d.id(), d.bool()})
	}
	m.Coordinate = d.coordinate()
}

// Withdraw takes tracks back that were announced: they were evicted.
type Withdraw struct{ IDs []ID } // at most MaxAnnounce

// Type returns TypeWithdraw.
func (*Withdraw) Type() Type { return TypeWithdraw }

func (m *Withdraw) encode(b []byte) []byte {
	b = appendInt(b, len(m.IDs))
	for _, id := range m.IDs {
		b = append(b, id[:]...)
	}
	return b
}

func (m *Withdraw) decode(d *decoder) {
	for range d.int(MaxAnnounce) {
		m.IDs = append(m.IDs, d.id())
	}
}
