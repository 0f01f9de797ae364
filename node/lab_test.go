package node

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/marcopolo/simnet"
	"github.com/quic-go/quic-go/qlogwriter"
	"lukechampine.com/blake3/bao"

	"earshot/node/control"
	"earshot/node/library"
	"earshot/node/origin"
	"earshot/node/swarm"
	"earshot/node/tracker"
	"earshot/protocol"
	"earshot/protocol/identity"
)

// lab is a swarm on a simulated network, in virtual time: real nodes, real
// QUIC, real files; only the packets' way and the clock are not. It lives
// inside a synctest bubble.
type lab struct {
	t         *testing.T
	net       *simnet.Simnet
	mu        sync.Mutex
	places    map[string]line // by IP; under mu
	dir       string          // of the server
	authority *identity.Authority
	server    *labServer
	clock     time.Duration // by which the server's is ahead of the nodes'
	nodes     int
	lines     map[*Node]*lossy // of the nodes that have been started
	log       *slog.Logger
	trace     func() qlogwriter.Trace // of the nodes that are started
}

// line is a host's access line; rates in bits a second.
type line struct {
	up, down int
	delay    time.Duration
	site     string        // hosts of one site are on one LAN
	loss     float64       // of the packets, in each direction
	jitter   time.Duration // uniform, on what is sent; packets keep their order
}

var (
	serverLine = line{up: 100e6, down: 100e6, delay: 5 * time.Millisecond, site: "server"}
	homeLine   = line{up: 10e6, down: 50e6, delay: 20 * time.Millisecond}
)

const lanDelay = 200 * time.Microsecond

// labServer is the server's role over tracks in memory.
type labServer struct {
	swarm  *swarm.Swarm
	origin *origin.Origin
	packet *lossy // nil where the server is not on a line of its own
	tracks labTracks
}

func newLab(t *testing.T, serverAt line, tracks ...labTrack) *lab {
	l := &lab{t: t, places: map[string]line{}, lines: map[*Node]*lossy{}, log: slog.New(slog.DiscardHandler)}
	if os.Getenv("EARSHOT_TEST_LOG") != "" {
		l.log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	l.net = &simnet.Simnet{LatencyFunc: l.latency, Logger: slog.New(slog.DiscardHandler)}
	packet := l.plug(labServerIP, serverAt)
	l.net.Start()
	l.serve(packet, tracks...)
	l.server.packet = packet
	return l
}

const labServerIP = "198.51.100.1"

// serve starts a server at a socket: another process of the same, after the first.
func (l *lab) serve(packet net.PacketConn, tracks ...labTrack) {
	t := l.t
	var err error
	if l.dir == "" {
		l.dir = t.TempDir()
	}
	if l.authority, err = identity.OpenAuthority(filepath.Join(l.dir, "authority"), time.Now().Add(l.clock)); err != nil {
		t.Fatal(err)
	}
	id, err := l.authority.ServerIdentity(filepath.Join(l.dir, "member"), time.Now().Add(l.clock))
	if err != nil {
		t.Fatal(err)
	}
	s := &labServer{tracks: labTracks{}}
	for _, track := range tracks {
		s.tracks[track.header.ID] = track
	}
	s.origin = origin.New(origin.Config{
		Tracks: s.tracks, Catalogue: s.tracks, Tracker: tracker.NewMemory(), Authority: l.authority,
		Invitations: origin.OpenInvitations(filepath.Join(l.dir, "invitations")), Log: l.log,
	})
	secret := make([]byte, 32)
	s.swarm, err = swarm.New(swarm.Config{
		Packet: packet, Self: id.NodeID(), AcceptTLS: id.AcceptServerConfig(secret), Secret: secret,
		Store: s.origin, Server: s.origin, Log: l.log,
	})
	if err != nil {
		t.Fatal(err)
	}
	l.server = s
}

// close ends what is left of the lab: connections first, then the network.
func (l *lab) close() {
	l.server.close()
	l.net.Close()
}

func (s *labServer) close() {
	s.swarm.Close()
	s.origin.Close()
}

// labPort is where hosts are reached.
const labPort = 4433

// plug gives a host its line.
func (l *lab) plug(ip string, at line) *lossy {
	l.mu.Lock()
	l.places[ip] = at
	seed := uint64(len(l.places))
	l.mu.Unlock()
	conn := l.net.NewEndpoint(&net.UDPAddr{IP: net.ParseIP(ip).To4(), Port: labPort}, simnet.NodeBiDiLinkSettings{
		Uplink:   simnet.LinkSettings{BitsPerSecond: at.up, MTU: 1500},
		Downlink: simnet.LinkSettings{BitsPerSecond: at.down, MTU: 1500},
	})
	return &lossy{PacketConn: conn, loss: at.loss, jitter: at.jitter, rng: rand.New(rand.NewPCG(seed, 1))}
}

func (l *lab) latency(p *simnet.Packet) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	from, to := l.places[p.From.(*net.UDPAddr).IP.String()], l.places[p.To.(*net.UDPAddr).IP.String()]
	if from.site != "" && from.site == to.site {
		return lanDelay
	}
	return from.delay + to.delay
}

// host is a place with a data folder of a member.
type host struct {
	lab  *lab
	ip   string
	at   line
	data string
}

// host makes a new member's data folder, as Join would.
func (l *lab) host(at line) *host { return l.hostOf(labServerIP+":4433", at) }

// hostOf makes one whose server is somewhere else.
func (l *lab) hostOf(server string, at line) *host {
	l.nodes++
	h := &host{lab: l, ip: fmt.Sprintf("203.0.%d.%d", 113+l.nodes/250, 1+l.nodes%250), at: at, data: l.t.TempDir()}
	dir := filepath.Join(h.data, memberDir)
	key, err := identity.LoadKey(dir)
	if err != nil {
		l.t.Fatal(err)
	}
	leaf, err := l.authority.Issue(key.Public().(ed25519.PublicKey), identity.RoleMember, time.Now().Add(l.clock))
	if err != nil {
		l.t.Fatal(err)
	}
	id, err := identity.New(key, leaf, l.authority.Root(), l.authority.Pin())
	if err != nil {
		l.t.Fatal(err)
	}
	where, _ := json.Marshal(joined{Server: server})
	if err := os.WriteFile(filepath.Join(h.data, joinedFile), where, 0o600); err != nil {
		l.t.Fatal(err)
	}
	if err := id.Save(dir); err != nil {
		l.t.Fatal(err)
	}
	return h
}

// start starts a node at the host, after one that has ended.
func (h *host) start() *Node {
	packet := h.lab.plug(h.ip, h.at)
	n, err := Start(Config{Data: h.data, Packet: packet, Private: true, Log: h.lab.log, Trace: h.lab.trace})
	if err != nil {
		h.lab.t.Fatal(err)
	}
	h.lab.lines[n] = packet
	return n
}

// labTrack is a made-up track at a constant bitrate.
type labTrack struct {
	header protocol.Header
	data   []byte
	proof  []byte
	late   time.Duration // before the server finds the proof tree
	found  time.Duration // before it has looked whether a search finds it
}

func newLabTrack(seed uint64, length time.Duration, bitrate int) labTrack {
	rng := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	data := make([]byte, int(length.Seconds()*float64(bitrate)/8))
	rng.Read(data)
	proof, root := bao.EncodeBuf(data, protocol.ChunkGroup, true)
	h := protocol.Header{
		Track:  protocol.Track{ID: root, Title: fmt.Sprintf("Track %d", seed), Duration: length, Size: int64(len(data)), Bitrate: bitrate},
		Format: protocol.FormatMP3, SampleRate: 44100, Channels: 2, Samples: int64(length.Seconds() * 44100),
	}
	for s := range int(length / time.Second) {
		h.Seek = append(h.Seek, int64(s*bitrate/8))
	}
	return labTrack{header: h, data: data, proof: proof}
}

// labTracks is a track store and a catalogue.
type labTracks map[protocol.ID]labTrack

func (l labTracks) Header(_ context.Context, id protocol.ID) (protocol.Header, error) {
	t, ok := l[id]
	if !ok {
		return t.header, origin.ErrUnknownTrack
	}
	return t.header, nil
}

func (l labTracks) Proof(_ context.Context, id protocol.ID) ([]byte, error) {
	time.Sleep(l[id].late)
	return l[id].proof, nil
}

func (l labTracks) Content(_ context.Context, id protocol.ID) (origin.Content, error) {
	return content{bytes.NewReader(l[id].data)}, nil
}

func (l labTracks) Search(_ context.Context, q protocol.Query) (protocol.Results, error) {
	var all []protocol.Track
	for _, t := range l {
		time.Sleep(t.found)
		if fits(t.header.Track, q) {
			all = append(all, t.header.Track)
		}
	}
	library.Sort(all)
	return listed(all, q), nil
}

type content struct{ *bytes.Reader }

func (content) Close() error { return nil }

// heard is what one simulated play came to.
type heard struct {
	latency  time.Duration // from opening to the first 2 KiB: some frames of sound
	stutters int
	silence  time.Duration
	played   time.Duration // of the track
	shares   control.Shares
	err      error
}

// firstSound is how many bytes a decoder needs before it sounds: three frames
// at 192 kbit/s.
const firstSound = 2 << 10

// frame is how long a frame of MP3 sounds (1152 samples at 44.1 kHz): a byte is needed
// so much sooner than it is heard, as its frame may begin as much before it.
const frame = 26 * time.Millisecond

// playerAhead is how far a player decodes ahead.
const playerAhead = time.Second

// play reads a track as a player does, at the pace of its sound, and checks
// every byte.
func (n *Node) play(ctx context.Context, track labTrack, from time.Duration) (h heard) {
	asked := time.Now()
	r, err := n.Open(ctx, track.header.ID, from)
	if err != nil {
		h.err = err
		return h
	}
	defer r.Close()
	offset := track.header.OffsetAt(from)
	if _, h.err = r.Seek(offset, io.SeekStart); h.err != nil {
		return h
	}
	buf := make([]byte, 1024)
	var base time.Time // when the track's beginning would have played
	for began := offset; ; {
		k, err := r.Read(buf)
		if err == io.EOF {
			break
		}
		if err != nil {
			h.err = err
			break
		}
		if !bytes.Equal(buf[:k], track.data[offset:offset+int64(k)]) {
			h.err = fmt.Errorf("wrong bytes at %d", offset)
			break
		}
		due := track.header.TimeAt(offset)
		h.played = due
		offset += int64(k)
		now := time.Now()
		if base.IsZero() {
			if offset-began < firstSound {
				continue
			}
			h.latency = now.Sub(asked)
			base = now.Add(-track.header.TimeAt(began))
			continue
		}
		if late := now.Sub(base.Add(due - frame)); late > 0 {
			h.stutters++
			h.silence += late
			if os.Getenv("EARSHOT_STUTTERS") != "" {
				fmt.Printf("STUTTER %.2f at %.2f late %.3f\n", now.Sub(asked).Seconds(), due.Seconds(), late.Seconds())
			}
			base = base.Add(late)
		}
		select {
		case <-time.After(time.Until(base.Add(due - playerAhead))):
		case <-ctx.Done():
			h.err = ctx.Err()
			h.shares = r.Shares()
			return h
		}
	}
	h.shares = r.Shares()
	return h
}

// peersOf is how others reach nodes.
func peersOf(nodes []*Node) (peers []protocol.Peer) {
	for _, n := range nodes {
		peers = append(peers, protocol.Peer{Node: n.swarm.Self(), Public: addrOf(n.Addr())})
	}
	return peers
}

func addrOf(a net.Addr) netip.AddrPort { return a.(*net.UDPAddr).AddrPort() }

func withUp(l line, up int) line { l.up = up; return l }
