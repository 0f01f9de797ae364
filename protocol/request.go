package protocol

import (
	"crypto/ed25519"
	"encoding/binary"
	"time"

	"github.com/quic-go/quic-go/quicvarint"
)

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
	// Knows are nodes that the asker is connected with, or soon will be: of those who
	// begin too one of them can pass the start on a round trip sooner than others. At
	// most MaxKnows.
	Knows []Hint
	// Wait asks one who may begin too for the first chunk, as it comes there: it may wait
	// for that, and refuses where it has the track already.
	Wait bool
}

// Type returns TypeOpen.
func (*Open) Type() Type { return TypeOpen }

func (m *Open) encode(b []byte) []byte {
	b = appendInt(append(b, m.ID[:]...), int64(m.From/time.Millisecond))
	b = appendInt(appendInt(b, int64(m.Head/time.Millisecond)), m.Priority)
	knows := m.Knows[:min(len(m.Knows), MaxKnows)]
	b = appendInt(b, len(knows))
	for _, h := range knows {
		b = binary.BigEndian.AppendUint32(b, uint32(h))
	}
	return appendBool(b, m.Wait)
}

func (m *Open) decode(d *decoder) {
	const limit = uint64(maxDuration / time.Millisecond)
	m.ID = d.id()
	m.From = time.Duration(d.varint(limit)) * time.Millisecond
	m.Head = time.Duration(d.varint(limit)) * time.Millisecond
	if len(d.b) > 0 { // the first programs said no more
		m.Priority = d.priority()
	}
	if len(d.b) > 0 {
		for range d.int(MaxKnows) {
			m.Knows = append(m.Knows, d.hint())
		}
	}
	if len(d.b) > 0 {
		m.Wait = d.bool()
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
	Proven    int    // of the head's chunks, how many Path verifies
	Path      []byte // see Path; may be none
	// Starter says that the first of Peers begins too, a little sooner, and has the
	// head, and the chunk behind it, as soon as anyone: to be asked for them now
	// (Get.Wait).
	Starter bool
	// Slices are those of the head's first chunks, at most MaxSliced of those that Path
	// verifies, one behind the other; see Slices. May be none.
	Slices []byte
}

// Type returns TypeOpened.
func (*Opened) Type() Type { return TypeOpened }

func (m *Opened) encode(b []byte) []byte {
	b = AppendHeader(b, &m.Header)
	b = appendInt(appendInt(b, m.HeadFirst), m.HeadCount)
	b = appendPeers(appendInt(b, m.Listeners), m.Peers)
	b = appendInt(appendInt(b, m.PartFirst), m.PartCount)
	b = appendBytes(appendInt(b, m.Proven), m.Path)
	return appendBytes(appendBool(b, m.Starter), m.Slices)
}

func (m *Opened) decode(d *decoder) {
	m.Header = d.header()
	m.HeadFirst, m.HeadCount = d.int(MaxChunks), d.int(MaxHead/ChunkSize)
	m.Listeners = d.int(1 << 30)
	m.Peers = d.peers()
	if len(d.b) > 0 {
		m.PartFirst, m.PartCount = d.int(MaxChunks), d.int(MaxHead/ChunkSize)
	}
	if len(d.b) > 0 {
		m.Proven, m.Path = d.int(MaxRun), d.bytes(maxPath)
	}
	if len(d.b) > 0 {
		m.Starter = d.bool() && len(m.Peers) > 0
	}
	if len(d.b) > 0 {
		m.Slices = d.bytes(MaxSliced * SlicesSize)
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
	Prove        bool          // the asker has no proof tree yet: the chunks' path is to come with them
	Wait         bool          // it may take a while until the answerer has them
}

// Type returns TypeGet.
func (*Get) Type() Type { return TypeGet }

func (m *Get) encode(b []byte) []byte {
	b = appendInt(appendInt(append(b, m.ID[:]...), m.First), m.Count)
	b = appendInt(appendInt(b, m.Priority), int64(m.Within/time.Millisecond))
	return appendBool(appendBool(b, m.Prove), m.Wait)
}

func (m *Get) decode(d *decoder) {
	m.ID, m.First, m.Count = d.id(), d.int(MaxChunks), d.int(MaxRun)
	m.Priority = d.priority()
	if len(d.b) > 0 { // older nodes do not say
		m.Within = time.Duration(d.varint(uint64(maxDuration/time.Millisecond))) * time.Millisecond
	}
	if len(d.b) > 0 {
		m.Prove = d.bool()
	}
	if len(d.b) > 0 {
		m.Wait = d.bool()
	}
	if d.err == nil && m.Count == 0 {
		d.fail(ErrMalformed)
	}
}

// Data answers Get: the chunks follow it raw, in order. Count may be less than
// was asked, where the answerer holds no more.
type Data struct {
	Count int    // 1 to MaxRun
	Path  []byte // of these chunks, where Prove asked for it; see Path
	// Slices are those of the first chunk, where the answer may come slice by slice; see
	// Slices.
	Slices []byte
}

// Type returns TypeData.
func (*Data) Type() Type { return TypeData }

func (m *Data) encode(b []byte) []byte {
	b = appendInt(b, m.Count)
	if len(m.Path)+len(m.Slices) > 0 {
		b = appendBytes(b, m.Path)
	}
	if len(m.Slices) > 0 {
		b = appendBytes(b, m.Slices)
	}
	return b
}

func (m *Data) decode(d *decoder) {
	m.Count = d.int(MaxRun)
	if len(d.b) > 0 {
		m.Path = d.bytes(maxPath)
	}
	if len(d.b) > 0 {
		m.Slices = d.bytes(SlicesSize)
	}
}

// GetProof asks for a proof tree.
type GetProof struct{ ID ID }

// Type returns TypeGetProof.
func (*GetProof) Type() Type               { return TypeGetProof }
func (m *GetProof) encode(b []byte) []byte { return append(b, m.ID[:]...) }
func (m *GetProof) decode(d *decoder)      { m.ID = d.id() }

// Proof is followed by the leaves of a track's proof tree, raw (Leaves). It answers
// GetProof, and comes unasked on a stream of its own behind Open.
type Proof struct {
	ID   ID
	Size int64 // of the track, in bytes
}

// Type returns TypeProof.
func (*Proof) Type() Type               { return TypeProof }
func (m *Proof) encode(b []byte) []byte { return appendInt(append(b, m.ID[:]...), m.Size) }
func (m *Proof) decode(d *decoder)      { m.ID, m.Size = d.id(), int64(d.varint(MaxTrackSize)) }

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
