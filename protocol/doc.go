// Package protocol is the vocabulary of the wire, and this comment is its
// specification: version 1, ALPN "earshot/1", over QUIC version 1 (RFC 9000).
//
// # Goals
//
// One round trip from *open* to sound. Every chunk verifiable alone, whoever
// sends it. A version 2 that can talk to this version. No allocation that a
// peer's mere claim can cause.
//
// Non-goals: NAT traversal, multicast, payment, hiding who listens to what from
// the members of the swarm.
//
// # Connections
//
// TLS 1.3 with certificates of the swarm's authority on both sides (package
// identity); a stranger fails the handshake. Two nodes share one connection,
// whoever dialled it; where both did at the same moment, the one that is not kept goes on
// for two seconds. Either side may open streams. 0-RTT data may carry Hello,
// Want, Open, Get, GetProof, Search and FindPeers, all of which may be replayed
// without harm; what changes state is refused there with TooEarly.
//
// A node without a certificate uses ALPN "earshot-join/1", on which the server
// answers exactly one Join and nothing else, never in 0-RTT.
//
// # Messages
//
// In the notation of RFC 9000 section 1.3, (i) being a variable-length integer:
//
//	Message {
//	  Type (i),
//	  Length (i),
//	  Body (..Length),
//	}
//
// An unknown Type is skipped. A body may go on behind the fields given here;
// what goes on is ignored. A Length beyond the type's limit (4 KiB where none is
// given) closes the connection with TooLarge; a body that does not parse closes
// it with Violation. Text is UTF-8, Bool is (i) of 0 or 1, signed numbers are
// zigzag-coded.
//
//	Text  { Length (i), UTF-8 (..) }
//	Bytes { Length (i), Bytes (..) }
//	Address { Length (8) = 0, 4 or 16, IP (..), Port (16) }  -- no more where Length is 0
//	Coordinate { Known (i), [ Vec (32) x 8, Error (32), Adjustment (32), Height (32) ] }  -- IEEE 754, seconds
//	Peer { Node (256), Public Address, Local Count (i) <= 4, Local Address ..., Coordinate }
//	Route { Hops (i) <= 1, Token (64) }
//	Track {
//	  ID (256), Title Text <= 256, Artist Text <= 256, Album Text <= 256,
//	  Disc (i), Number (i), Year (i), Duration in microseconds (i),
//	  Size (i) <= 2^30, Bitrate (i),
//	}
//	Loudness {
//	  Track and Album Gain (i) signed
//	  or 100001 (i) signed, Track Gain (i) signed, Track Peak (i), Album Gain (i) signed, Album Peak (i),
//	}
//	Header {
//	  Track, Format (i), Sample Rate (i), Channels (i) <= 8, Delay (i), Padding (i),
//	  Samples (i), Loudness, Seconds (i), Seek Table (i) signed ...,
//	  [ Setup Bytes <= 16 KiB ],  -- no such field where Format is 1
//	}
//
// Entry s of the seek table is the difference between the lengths in bytes of
// seconds s-1 and s-2 (the first: the offset of the first frame): about a byte
// an entry. Offsets never fall and never pass Size.
//
// # Control streams
//
// Each side opens one unidirectional stream whose first message is Hello, and
// keeps it open. A second one, or its end, is a violation.
//
//	type          body                                          sent by
//	0x01 Hello    Agent Text <= 64, Sharing (i), Local Count    both
//	              (i) <= 4, Local Address ..., Coordinate,
//	              Seen Address
//	0x02 Want     ID (256)                                      both
//	0x03 Unwant   ID (256)                                      both
//	0x04 Have     ID (256), Size (i), Map Bytes <= 8 KiB,       both
//	              Listening (i); in all <= 128 KiB
//	0x05 Got      ID (256), First (i), Count (i)                both
//	0x06 Lost     ID (256)                                      both
//	0x07 Announce Count (i) <= 512, { ID (256), Complete (i) }  node to server
//	              ..., Coordinate
//	0x08 Withdraw Count (i) <= 512, ID (256) ...                node to server
//
// Want subscribes to a track's have map: it is answered with Have, then with Got
// and Lost as things change, until Unwant. At most 64 tracks are wanted at a
// time over one connection (package swarm); more is a violation. A Have of
// another length than Chunks(Size) is malformed; Have, Got and Lost of a track
// that is not wanted are ignored, as Unwant may be on its way.
//
// # Requests
//
// A request is a bidirectional stream: one message from the asker, who then ends
// its side; then the answer. Bulk data follows its message raw on the same
// stream. Refuse answers what is not granted. Cancelling is resetting (asker:
// STOP_SENDING) the stream with code Cancelled.
//
//	type            body                                        answered with
//	0x10 Open       ID (256), From in ms (i), Head in ms (i),   Opened, raw chunks
//	                [ Priority (i) 0 to 3, Count (i) <= 16,
//	                { Hint (32) } ..., [ Wait Bool ] ]
//	0x11 Opened     Header, Head First (i), Head Count (i),
//	                Listeners (i), Peer Count (i) <= 10,
//	                Peer ..., Part First (i), Part Count
//	                (i), Proven (i) <= 64, Path Bytes, Starter
//	                Bool, Slices Bytes; in all <= 128 KiB
//	0x12 Get        ID (256), First (i), Count (i) 1 to 64,     Data, raw chunks
//	                Priority (i) 0 to 3, Within in ms (i),
//	                Prove Bool, Wait Bool
//	0x13 Data       Count (i) 1 to 64, [ Path Bytes,
//	                [ Slices Bytes ] ]; <= 6.2 KiB
//	0x14 GetProof   ID (256)                                    Proof, raw leaves
//	0x15 Proof      ID (256), Size (i)
//	0x16 Search     Kind (i), Text <= 512, Offset (i),          Results
//	                Limit (i) <= 200, Route
//	0x17 Results    Total (i), Count (i) <= 200, Track ...,
//	                Count (i) <= 200, { Artist Text, Album
//	                Text, Year (i), Tracks (i) }; <= 128 KiB
//	0x18 FindPeers  ID (256), Route                             Peers
//	0x19 Peers      Listeners (i), Count (i) <= 10, Peer ...
//	0x1a Renew                                                  Certificate
//	0x1b Certificate Leaf Bytes <= 1500, Root Bytes <= 1500
//	0x1c Join       Secret (128), Key (256)                     Certificate
//	0x1d Refuse     Code (i)
//
// Any node answers Get, GetProof and, for a track whose header it holds, Open
// (without peers; with proof tree and a head of 2 s at the most only if it has an
// upload slot free). Renew and Join only the server answers; who else refuses
// with WrongRole. Search and FindPeers are for the server too, and for neighbours
// while it is away: see below. Where the server answers Open it sends the head, HeadCount
// chunks from HeadFirst on, and opens a unidirectional stream of lower urgency
// that begins with Proof: the proof tree. The header and the first second of
// sound fit a congestion window of 32 packets (RFC 9002 section 7.2 allows 10;
// quic-go begins with 32), so that they arrive in the first flight.
//
// An Open of Priority 3 is for a track that may be played: the server refuses it
// with Busy where it sends heads to others, sends a second at the most, names no
// peers and does not take the asker for a listener.
//
// An Open with Wait is for a neighbour that may begin the track too: its answer, of one
// chunk with Path and Slices, begins when the first slice of that is there. Who does not
// begin it, or has nothing of it after a while, refuses with NotFound. Some neighbours are
// asked so at the moment when the server is asked.
//
// Of those who begin a track together the server names a Part of it to each, to
// be asked for at once and passed on to the others, and to all but the first a
// Starter, the first of Peers: who begins too, and will have the first chunk of the
// head, and the one behind the head, as soon as anyone. Where it can it is one whom the
// asker knows: an Open has the first 32 bits of the keys of those whom it is connected
// with or dials.
//
// Within says how soon the first chunk of a run is needed, 0 if that is not known. With
// Wait the answer may wait until the chunks are there; GetProof is answered when the proof
// tree is there, by who is fetching the track.
//
// A proof tree goes as its leaves: the chaining value of each chunk, 32 bytes, in order,
// none where there is but one chunk. Size is the track's, and says how many. The nodes
// above are their hashes.
//
// A Path is those nodes of the proof tree that verify a run: 64 bytes, both
// children's chaining values, for each inner node above one of its chunks, in
// pre-order. With it a chunk is verified, played and passed on before the tree
// is there. Data has one where Prove asked for it, Opened one of the first Proven
// chunks of the head.
//
// Slices are the chaining values of the four slices of a chunk, 4 KiB each: 32 bytes for
// each, in order, of the first chunk of a run, or the first two of a head. With them it is verified, played
// and passed on as it comes: where Wait asked for a chunk, its answer may begin when its
// first slice is there.
//
// A server refuses with Elsewhere what it has sent to another lately who shares, and what
// is not needed within the next moment: to be had from peers, or asked for again.
//
// Runs and heads are whole chunks; only a track's last chunk is shorter. An
// answer that ends early, goes on too long or holds a chunk that fails
// verification is the peer's fault: it is dropped, counted, and, where it sent
// wrong bytes, not asked again in the session (code Corrupt).
//
// # Coordinates and addresses
//
// A node says in Hello where it is in the network (Vivaldi coordinates, fed by
// the round trips of its connections) and where it sees the other side. When it
// has moved, it says so to the server in Announce, with or without tracks, and to
// neighbours in another Hello on the control stream; the other fields of that one
// count too. Local addresses go to the server only, which tells them to nodes of
// the same public address only. Which addresses a node dials is package swarm's
// affair: what is named by others is never a reason to knock at a private door.
//
// # Without the server
//
// A listener answers Search from what it holds, and FindPeers with itself, its
// address being left out, if it holds some of the track. Where Hops allows, it
// passes the question on with Hops one less, to neighbours other than the asker,
// and adds what they answer within a second: for FindPeers only what each says of
// itself, at the address that the neighbour is seen at. A question whose Token was
// taken up before, with as many Hops or more, is answered with nothing; who asks
// too often is refused with Busy.
//
// # Priorities
//
// An answerer serves Priority 0 (urgent) before 1 (playing), 2 (prefetch) and 3
// (background), and maps them to urgencies of RFC 9218.
//
// # Codes
//
// The list of Code, closed and never renumbered: for Refuse, for resets and for
// closing connections.
package protocol
