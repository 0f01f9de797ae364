package control

import (
	"context"
	"io"
	"time"

	"earshot/protocol"
)

// Node is what a node does for commands and for other programs. The node
// itself implements it, and so does Client, over the local socket; both run
// the same conformance suite. Errors are matched with errors.Is against the
// values in errors.go, on either side of the socket.
type Node interface {
	Catalogue
	Source
	Cache

	// Status tells what the node is doing now.
	Status(ctx context.Context) (Status, error)
	// Cover returns the picture in a track's tag, a JPEG or PNG file of a stranger;
	// empty where it has none, ErrUnavailable while that is not known: nothing is
	// fetched for it.
	Cover(ctx context.Context, id protocol.ID) ([]byte, error)
	// Invite makes a join link; ErrNotServer where the node is no server.
	Invite(ctx context.Context, in Invitation) (link string, err error)
	// Stop asks the node to end. It returns once the node has begun to.
	Stop(ctx context.Context) error
}

// Catalogue finds tracks by words, by prefix and in lists.
type Catalogue interface {
	Search(ctx context.Context, q protocol.Query) (protocol.Results, error)
	// Skipped lists the files that the library could not take, with reasons.
	Skipped(ctx context.Context) ([]Skipped, error)
}

// Source gives the encoded bytes of tracks, wherever they come from.
type Source interface {
	// Open begins to fetch a track and returns once its header is known.
	// from is where playing is to begin, so that the first request asks for
	// the right part; reading begins at byte 0 all the same, unless the reader
	// seeks. ctx bounds the opening alone: what is open ends by its Close.
	Open(ctx context.Context, id protocol.ID, from time.Duration) (Track, error)
	// OpenCached opens a track of which all is in the cache, for someone who may play
	// it next: it counts as no play, and nobody is asked for anything. ErrUnavailable
	// where not all is there, or no longer.
	OpenCached(ctx context.Context, id protocol.ID) (Track, error)
	// Prefetch fetches what is due of a track that plays next, or may.
	Prefetch(ctx context.Context, id protocol.ID, depth Depth) error
	// Report tells the node how playing goes; it feeds Status and CacheStats.
	Report(ctx context.Context, r Report) error
}

// Track is a track being read, by one goroutine. Read blocks until some bytes
// are there and returns those; it fails with ErrUnavailable only where nothing
// can be expected to bring them, and may be tried again then. Seeking beyond
// the end is allowed and reads io.EOF; seeking before the beginning fails.
//
// Close ends all fetching that no one else wants. It may be called from any
// goroutine and more than once, and a Read that is blocked returns at once.
type Track interface {
	io.ReadSeekCloser
	Header() protocol.Header
	// Shares tells where the bytes read so far came from. It may be called
	// from any goroutine, and after Close too.
	Shares() Shares
}

// Depth is how much of a track to prefetch.
type Depth string

// The depths.
const (
	DepthHead  Depth = "head"  // its first seconds, from whoever has them
	DepthPeers Depth = "peers" // all of it, but from peers only

	// DepthScreen is for tracks that someone looks at and may play: the first
	// second, when nothing else is to be done. The newest wishes are seen to
	// first and the oldest beyond 64 forgotten, so wish for all of a screen, and
	// for the track under the cursor last, whenever they change: a wish for what
	// is there already costs nothing. It returns at once.
	DepthScreen Depth = "screen"
)

// Shares counts bytes by where they came from.
type Shares struct {
	Server int64 `json:"bytes_from_server"`
	Peers  int64 `json:"bytes_from_peers"`
	Cache  int64 `json:"bytes_from_cache"`
}

// Add returns the sum of two counts.
func (s Shares) Add(o Shares) Shares {
	return Shares{s.Server + o.Server, s.Peers + o.Peers, s.Cache + o.Cache}
}

// Total returns the bytes from all three.
func (s Shares) Total() int64 { return s.Server + s.Peers + s.Cache }

// Report is the player's news of one play. Latency is set once, in the report
// of StateStarted; Stutters counts from the play's beginning.
type Report struct {
	Play      string        `json:"play"` // names the play among the node's: random, chosen by the player
	ID        protocol.ID   `json:"id"`
	State     State         `json:"state"`
	Position  time.Duration `json:"position_ns"`
	Latency   time.Duration `json:"latency_ns,omitempty"`
	Stutters  int           `json:"stutters"`
	StutterNS time.Duration `json:"stutter_ns"`
}

// State is a play's state.
type State string

// The states. A play is StateStarted once, StatePlaying each second, StateEnded once.
const (
	StateStarted State = "started"
	StatePlaying State = "playing"
	StateEnded   State = "ended"
)

// Cache is the node's cache, for people.
type Cache interface {
	CacheStats(ctx context.Context) (CacheStats, error)
	CacheTracks(ctx context.Context) ([]CachedTrack, error)
	Pin(ctx context.Context, id protocol.ID, pinned bool) error
	Remove(ctx context.Context, id protocol.ID) error
	// Fetch pins a track and fetches all of it, at the lowest priority: from peers,
	// and from the server at a trickle. It returns when the track is complete, at
	// once if it is. It tells the bytes that are there, from one goroutine at a
	// time; nil is allowed. It fails with ErrUnavailable where nothing that can be
	// reached holds the rest, and with ErrNoRoom; what has come stays, and the next
	// Fetch goes on there.
	Fetch(ctx context.Context, id protocol.ID, progress func(have, size int64)) error
	// Verify reads every cached chunk and removes those that are damaged. It
	// tells progress, in bytes, from one goroutine at a time; nil is allowed.
	Verify(ctx context.Context, progress func(done, total int64)) (VerifyResult, error)
	// SetLimit changes the cache's limit for good, in bytes.
	SetLimit(ctx context.Context, bytes int64) error
}

// CacheStats is what `earshot cache stats` prints. The names are a contract.
type CacheStats struct {
	Tracks            int       `json:"tracks"`
	TracksPartial     int       `json:"tracks_partial"`
	TracksPinned      int       `json:"tracks_pinned"`
	Bytes             int64     `json:"bytes"`
	LimitBytes        int64     `json:"limit_bytes"`
	Hits              int64     `json:"hits"`
	Misses            int64     `json:"misses"`
	Evictions         int64     `json:"evictions"`
	PlayedFromServer  int64     `json:"bytes_played_from_server"`
	PlayedFromPeers   int64     `json:"bytes_played_from_peers"`
	PlayedFromCache   int64     `json:"bytes_played_from_cache"`
	Uploaded          int64     `json:"bytes_uploaded"`
	PlaybackLatencyMS Latency   `json:"playback_latency_ms"`
	Stutters          int64     `json:"stutters"`
	Plays             int64     `json:"plays"`
	OldestUsed        time.Time `json:"oldest_used,omitzero"`
}

// Latency summarises playback latencies in milliseconds.
type Latency struct {
	P50   float64 `json:"p50"`
	P75   float64 `json:"p75"`
	P90   float64 `json:"p90"`
	Count int64   `json:"count"`
}

// CachedTrack is one row of `earshot cache ls`.
type CachedTrack struct {
	protocol.Track
	Bytes    int64     `json:"bytes"` // stored
	Complete bool      `json:"complete"`
	Pinned   bool      `json:"pinned"`
	Used     time.Time `json:"used"`
}

// VerifyResult is what `earshot cache verify` found.
type VerifyResult struct {
	Tracks  int   `json:"tracks"`
	Bytes   int64 `json:"bytes"`
	Damaged int   `json:"damaged_chunks"` // removed
}

// Skipped is a file that the library could not take.
type Skipped struct {
	Path   string `json:"path"` // relative to the music folder
	Reason string `json:"reason"`
}

// Invitation says what a join link allows.
type Invitation struct {
	Uses    int           `json:"uses"`
	Expires time.Duration `json:"expires_ns"`
}

// Role is what a node is for.
type Role string

// The roles.
const (
	RoleServer   Role = "server"
	RoleListener Role = "listener"
)

// Status is what `earshot status` prints.
type Status struct {
	Role       Role            `json:"role"`
	PID        int             `json:"pid"`
	Node       protocol.NodeID `json:"node"`
	Listen     string          `json:"listen"`
	Server     string          `json:"server,omitempty"` // the server's address, for a listener
	Connected  bool            `json:"connected"`        // to the server
	Sharing    bool            `json:"sharing"`
	Members    int             `json:"members,omitempty"` // connected now, for a server
	Tracks     int             `json:"tracks"`            // in the library or the cache
	Playing    []Playing       `json:"playing"`
	Neighbours []Neighbour     `json:"neighbours"`
	// CoordinateError is by how much the node expects its estimates of distance to
	// be off, as a share of them; 0 while it does not know where it is.
	CoordinateError float64 `json:"coordinate_error,omitempty"`

	UploadRate   int64 `json:"upload_rate"`           // bytes a second, over the last seconds
	DownloadRate int64 `json:"download_rate"`         // bytes a second, over the last seconds
	UploadLimit  int64 `json:"upload_limit"`          // bytes a second, now; 0: none
	UploadPace   int64 `json:"upload_pace,omitempty"` // bytes a second that the line is thought to bear, for a listener
	Uploaded     int64 `json:"bytes_uploaded"`
	Downloaded   int64 `json:"bytes_downloaded"`

	// The cap at night, in bytes a second, and when that is; 0 and empty for none.
	UploadNight      int64  `json:"upload_night,omitempty"`
	UploadNightHours string `json:"upload_night_hours,omitempty"` // 23:00-07:00

	// Wire counts all bytes of QUIC packets both ways; with the bytes of track
	// data it gives the protocol's overhead.
	WireSent     int64 `json:"bytes_wire_sent"`
	WireReceived int64 `json:"bytes_wire_received"`

	Faults Faults `json:"faults"`
}

// Playing is one track being played or fetched.
type Playing struct {
	protocol.Track
	State    State         `json:"state"`
	Position time.Duration `json:"position_ns"`
	Length   time.Duration `json:"length_ns"`
	Buffered time.Duration `json:"buffered_ns"` // ahead of the position
	// Waiting says that the sound is put off, as it would soon run dry: until so
	// much more has come, which is likely to take so long; 0 where that is not
	// known yet.
	Waiting  bool          `json:"waiting,omitempty"`
	WaitsFor time.Duration `json:"waits_for_ns,omitempty"`
	StartsIn time.Duration `json:"starts_in_ns,omitempty"`
	Chunks   int           `json:"chunks"`
	Have     int           `json:"have"`
	// Parts tells where the track's parts came from, for a bar: at most 100
	// letters, each for a stretch of the same length in time, S(erver), P(eers)
	// or C(ache) as most of its bytes are, a space where it is not all there.
	Parts string `json:"parts,omitempty"`
	Shares
}

// Neighbour is one connection to another node.
type Neighbour struct {
	Node       protocol.NodeID `json:"node"`
	Address    string          `json:"address"`
	RTT        time.Duration   `json:"rtt_ns"`
	Distance   time.Duration   `json:"distance_ns,omitempty"` // the round trip as coordinates estimate it
	Server     bool            `json:"server"`
	Uploaded   int64           `json:"bytes_uploaded"`
	Downloaded int64           `json:"bytes_downloaded"`
}

// Faults counts what peers did wrong and the node got over, since it started.
type Faults struct {
	Violations   int64 `json:"violations"`    // garbage, too much, out of turn
	BadChunks    int64 `json:"bad_chunks"`    // failed verification
	Timeouts     int64 `json:"timeouts"`      // answered too late or not at all
	Disconnected int64 `json:"disconnected"`  // went in the middle of a chunk
	WriteFailed  int64 `json:"writes_failed"` // the cache could not store a chunk
}
