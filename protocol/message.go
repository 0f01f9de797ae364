package protocol

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"github.com/quic-go/quic-go/quicvarint"
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

// Open asks for all that is needed to begin playing a track.
type Open struct {
	ID   ID
	From time.Duration // where playing begins, to a millisecond
	// Head asks for a head of about so long; 0 for none.
	Head time.Duration
	// Priority is PriorityUrgent where someone waits for the sound, and
	// PriorityBackground where someone may play the track: then little is sent,
	// and that only where there is nothing else to do.
	Priority Priority
}

// Type returns TypeOpen.
func (*Open) Type() Type { return TypeOpen }

func (m *Open) encode(b []byte) []byte {
	b = appendInt(append(b, m.ID[:]...), int64(m.From/time.Millisecond))
	return appendInt(appendInt(b, int64(m.Head/time.Millisecond)), m.Priority)
}

func (m *Open) decode(d *decoder) {
	const limit = uint64(maxDuration / time.Millisecond)
	m.ID = d.id()
	m.From = time.Duration(d.varint(limit)) * time.Millisecond
	m.Head = time.Duration(d.varint(limit)) * time.Millisecond
	if len(d.b) > 0 { // the first programs said no more
		m.Priority = d.priority()
	}
}

// Opened answers Open. HeadCount chunks from HeadFirst on follow it raw on the
// same stream; the proof tree comes on a stream of its own.
type Opened struct {
	Header    Header
	HeadFirst int
	HeadCount int
	PartFirst int // what the asker is to take from the server for all who begin now
	PartCount int
	Listeners int // how many others the server knows to fetch or hold the track
	Peers     []Peer
}

// Type returns TypeOpened.
func (*Opened) Type() Type { return TypeOpened }

func (m *Opened) encode(b []byte) []byte {
	b = AppendHeader(b, &m.Header)
	b = appendInt(appendInt(b, m.HeadFirst), m.HeadCount)
	b = appendPeers(appendInt(b, m.Listeners), m.Peers)
	return appendInt(appendInt(b, m.PartFirst), m.PartCount)
}

func (m *Opened) decode(d *decoder) {
	m.Header = d.header()
	m.HeadFirst, m.HeadCount = d.int(MaxChunks), d.int(MaxHead/ChunkSize)
	m.Listeners = d.int(1 << 30)
	m.Peers = d.peers()
	if len(d.b) > 0 {
		m.PartFirst, m.PartCount = d.int(MaxChunks), d.int(MaxHead/ChunkSize)
	}
	if d.err == nil && max(m.HeadFirst+m.HeadCount, m.PartFirst+m.PartCount) > Chunks(m.Header.Size) {
		d.fail(ErrMalformed)
	}
}

// Priority is how soon an upload is needed. A smaller number goes first.
// Numbers are on the wire: never renumber.
type Priority uint8

// The priorities.
const (
	PriorityUrgent     Priority = 0 // the listener's buffer is nearly empty
	PriorityPlaying    Priority = 1 // the track playing now
	PriorityPrefetch   Priority = 2 // the track that plays next
	PriorityBackground Priority = 3 // filling a cache
)

// priority takes what is less urgent than it knows for the least urgent.
func (d *decoder) priority() Priority {
	return Priority(min(d.varint(quicvarint.Max), uint64(PriorityBackground)))
}

// Get asks for a run of chunks.
type Get struct {
	ID           ID
	First, Count int // 1 to MaxRun chunks
	Priority     Priority
	Within       time.Duration // how soon the first is needed, to a millisecond; 0 for unknown
}

// Type returns TypeGet.
func (*Get) Type() Type { return TypeGet }

func (m *Get) encode(b []byte) []byte {
	b = appendInt(appendInt(append(b, m.ID[:]...), m.First), m.Count)
	return appendInt(appendInt(b, m.Priority), int64(m.Within/time.Millisecond))
}

func (m *Get) decode(d *decoder) {
	m.ID, m.First, m.Count = d.id(), d.int(MaxChunks), d.int(MaxRun)
	m.Priority = d.priority()
	if len(d.b) > 0 { // older nodes do not say
		m.Within = time.Duration(d.varint(uint64(maxDuration/time.Millisecond))) * time.Millisecond
	}
	if d.err == nil && m.Count == 0 {
		d.fail(ErrMalformed)
	}
}

// Data answers Get: the chunks follow it raw, in order. Count may be less than
// was asked, where the answerer holds no more.
type Data struct{ Count int } // 1 to MaxRun

// Type returns TypeData.
func (*Data) Type() Type               { return TypeData }
func (m *Data) encode(b []byte) []byte { return appendInt(b, m.Count) }
func (m *Data) decode(d *decoder)      { m.Count = d.int(MaxRun) }

// GetProof asks for a proof tree.
type GetProof struct{ ID ID }

// Type returns TypeGetProof.
func (*GetProof) Type() Type               { return TypeGetProof }
func (m *GetProof) encode(b []byte) []byte { return append(b, m.ID[:]...) }
func (m *GetProof) decode(d *decoder)      { m.ID = d.id() }

// Proof is followed by Size raw bytes: the proof tree. It answers GetProof,
// and comes unasked on a stream of its own behind Open.
type Proof struct {
	ID   ID
	Size int
}

// Type returns TypeProof.
func (*Proof) Type() Type               { return TypeProof }
func (m *Proof) encode(b []byte) []byte { return appendInt(append(b, m.ID[:]...), m.Size) }
func (m *Proof) decode(d *decoder)      { m.ID, m.Size = d.id(), d.int(ProofSize(MaxTrackSize)) }

// Route is how a question goes on where there is no server to answer it. The
// server ignores it.
type Route struct {
	// Hops is how many times it may be passed on, at most MaxHops.
	Hops int
	// Token is the same wherever it goes, so that nobody takes it up twice.
	Token uint64
}

// MaxHops lets a question reach the neighbours of one's neighbours, as in
// Kreitz and Niemela, section III.C: with 20 asked and 10 by each of those, that
// is a swarm of 200.
const MaxHops = 1

func appendRoute(b []byte, r Route) []byte {
	return binary.BigEndian.AppendUint64(appendInt(b, r.Hops), r.Token)
}

func (d *decoder) route() (r Route) {
	r.Hops = d.int(MaxHops)
	if p := d.take(8); p != nil {
		r.Token = binary.BigEndian.Uint64(p)
	}
	return r
}

// Search asks the catalogue.
type Search struct {
	Query Query
	Route Route
}

// Type returns TypeSearch.
func (*Search) Type() Type { return TypeSearch }

func (m *Search) encode(b []byte) []byte {
	b = appendText(appendInt(b, m.Query.Kind), m.Query.Text, MaxQueryText)
	return appendRoute(appendInt(appendInt(b, m.Query.Offset), m.Query.Limit), m.Route)
}

func (m *Search) decode(d *decoder) {
	m.Query.Kind = QueryKind(d.varint(255))
	m.Query.Text = d.text(MaxQueryText)
	m.Query.Offset, m.Query.Limit = d.int(1<<30), d.int(MaxResults)
	m.Route = d.route()
}

// FoundTracks answers Search.
type FoundTracks struct{ Results Results }

// Type returns TypeResults.
func (*FoundTracks) Type() Type { return TypeResults }

// encode leaves off the last entries where all would not fit the limit: the
// asker sees by Total that there are more.
func (m *FoundTracks) encode(b []byte) []byte {
	r := &m.Results
	b = appendInt(b, r.Total)
	var body []byte
	n := 0
	for i := range r.Tracks[:min(len(r.Tracks), MaxResults)] {
		if len(body) > maxBody/2 {
			break
		}
		body = appendTrack(body, &r.Tracks[i])
		n++
	}
	b = append(appendInt(b, n), body...)
	groups := r.Groups[:min(len(r.Groups), MaxResults)]
	if n > 0 {
		groups = nil
	}
	body, n = body[:0], 0
	for _, g := range groups {
		if len(body) > maxBody/2 {
			break
		}
		body = appendText(appendText(body, g.Artist, MaxText), g.Album, MaxText)
		body = appendInt(appendInt(body, g.Year), g.Tracks)
		n++
	}
	return append(appendInt(b, n), body...)
}

func (m *FoundTracks) decode(d *decoder) {
	r := &m.Results
	r.Total = d.int(1 << 30)
	for range d.int(MaxResults) {
		r.Tracks = append(r.Tracks, d.track())
	}
	for range d.int(MaxResults) {
		r.Groups = append(r.Groups, Group{d.text(MaxText), d.text(MaxText), d.int(9999), d.int(1 << 30)})
	}
}

// FindPeers asks for peers that hold a track.
type FindPeers struct {
	ID    ID
	Route Route
}

// Type returns TypeFindPeers.
func (*FindPeers) Type() Type               { return TypeFindPeers }
func (m *FindPeers) encode(b []byte) []byte { return appendRoute(append(b, m.ID[:]...), m.Route) }
func (m *FindPeers) decode(d *decoder)      { m.ID, m.Route = d.id(), d.route() }

// FoundPeers answers FindPeers.
type FoundPeers struct {
	Listeners int    // how many there are in all
	Peers     []Peer // at most MaxPeers, nearest first; a listener names itself without an address
}

// Type returns TypePeers.
func (*FoundPeers) Type() Type { return TypePeers }
func (m *FoundPeers) encode(b []byte) []byte {
	return appendPeers(appendInt(b, m.Listeners), m.Peers)
}
func (m *FoundPeers) decode(d *decoder) { m.Listeners, m.Peers = d.int(1<<30), d.peers() }

func appendPeers(b []byte, peers []Peer) []byte {
	peers = peers[:min(len(peers), MaxPeers)]
	b = appendInt(b, len(peers))
	for _, p := range peers {
		b = appendPeer(b, p)
	}
	return b
}

func (d *decoder) peers() (peers []Peer) {
	for range d.int(MaxPeers) {
		peers = append(peers, d.peer())
	}
	return peers
}

// Renew asks the server for a new certificate of the key that the connection
// was made with.
type Renew struct{}

// Type returns TypeRenew.
func (*Renew) Type() Type               { return TypeRenew }
func (m *Renew) encode(b []byte) []byte { return b }
func (m *Renew) decode(*decoder)        {}

// Certificate answers Renew and Join: X.509 certificates in DER.
type Certificate struct{ Leaf, Root []byte } // at most maxCertificate bytes each

const maxCertificate = 1500 // bytes: an Ed25519 certificate of ours has some 400

// Type returns TypeCertificate.
func (*Certificate) Type() Type { return TypeCertificate }
func (m *Certificate) encode(b []byte) []byte {
	return appendBytes(appendBytes(b, m.Leaf), m.Root)
}
func (m *Certificate) decode(d *decoder) {
	m.Leaf, m.Root = d.bytes(maxCertificate), d.bytes(maxCertificate)
}

// Join asks for membership on an invitation.
type Join struct {
	Secret [16]byte // the invitation's
	Key    [ed25519.PublicKeySize]byte
}

// Type returns TypeJoin.
func (*Join) Type() Type               { return TypeJoin }
func (m *Join) encode(b []byte) []byte { return append(append(b, m.Secret[:]...), m.Key[:]...) }
func (m *Join) decode(d *decoder) {
	copy(m.Secret[:], d.take(len(m.Secret)))
	copy(m.Key[:], d.take(len(m.Key)))
}

// Refuse answers any request that is not granted.
type Refuse struct{ Code Code }

// Type returns TypeRefuse.
func (*Refuse) Type() Type               { return TypeRefuse }
func (m *Refuse) encode(b []byte) []byte { return appendInt(b, m.Code) }
func (m *Refuse) decode(d *decoder)      { m.Code = Code(d.varint(quicvarint.Max)) }
