package node

import (
	"context"
	"errors"
	"os"
	"time"

	"earshot/cache"
	"earshot/node/control"
	"earshot/node/stream"
	"earshot/node/swarm"
	"earshot/protocol"
	"earshot/protocol/identity"
)

// translate turns the errors of the parts into those of the control interface.
func translate(err error) error {
	for _, pair := range [...][2]error{
		{stream.ErrUnknownTrack, control.ErrUnknownTrack},
		{stream.ErrUnavailable, control.ErrUnavailable},
		{stream.ErrFull, control.ErrNoRoom},
		{swarm.ErrServerAway, control.ErrServerAway},
		{cache.ErrNotCached, control.ErrUnknownTrack},
		{cache.ErrLimitTooSmall, control.ErrBadLimit},
	} {
		if err != nil && errors.Is(err, pair[0]) {
			return &translated{pair[1], err}
		}
	}
	return err
}

// translated is a control interface's error with its cause, in one line.
type translated struct{ as, cause error }

func (t *translated) Error() string {
	if explained := identity.Explain(t.cause); explained != t.cause {
		return explained.Error()
	}
	return t.as.Error()
}

func (t *translated) Unwrap() []error { return []error{t.as, t.cause} }

// Open begins to fetch a track and returns once its header is known.
func (n *Node) Open(ctx context.Context, id protocol.ID, from time.Duration) (control.Track, error) {
	if n.streams == nil {
		return nil, control.ErrUnavailable
	}
	in, ok := n.cache.Lookup(id)
	n.cache.Ledger().Asked(ok && in.Complete)
	r, err := n.streams.Open(ctx, id, from)
	if err != nil {
		return nil, translate(err)
	}
	if !ok {
		n.seen.Note(r.Header().Track)
	}
	return n.plays.read(r), nil
}

// Prefetch fetches what is due of a track that plays next, or may.
func (n *Node) Prefetch(_ context.Context, id protocol.ID, depth control.Depth) error {
	if n.streams == nil {
		return control.ErrUnavailable
	}
	if depth == control.DepthScreen {
		return translate(n.streams.Ahead(id))
	}
	return translate(n.streams.Prefetch(id, depth == control.DepthHead))
}

// Report takes a player's news.
func (n *Node) Report(_ context.Context, r control.Report) error {
	n.plays.report(r, n.cache.Ledger())
	return nil
}

// Skipped is for servers only.
func (n *Node) Skipped(context.Context) ([]control.Skipped, error) { return nil, control.ErrNotServer }

// Invite is for servers only.
func (n *Node) Invite(context.Context, control.Invitation) (string, error) {
	return "", control.ErrNotServer
}

// Status tells what the node is doing now.
func (n *Node) Status(context.Context) (control.Status, error) {
	s := control.Status{
		Role: control.RoleListener, PID: os.Getpid(), Sharing: !n.config.NoUpload, UploadLimit: n.uploadCap(),
		UploadNight: n.config.Upload.Night.Rate, UploadNightHours: n.config.Upload.Night.Hours(),
		Tracks:  n.cache.Stats().Tracks,
		Playing: []control.Playing{}, Neighbours: []control.Neighbour{},
	}
	if n.swarm == nil {
		return s, nil
	}
	s.Node, s.Listen, s.Server = n.member.identity.NodeID(), n.swarm.Addr().String(), n.member.joined.Server
	s.UploadPace = n.swarm.UploadPace()
	conn, _ := n.swarm.ServerChanged()
	s.Connected = conn != nil && conn.IsIntroduced() // one begun in 0-RTT is no word of the server's yet
	fillTraffic(&s, n.swarm, &n.meter)
	s.Faults.WriteFailed = n.streams.WriteFailures()
	for _, p := range n.streams.Active() {
		playing := control.Playing{
			Track: p.Header.Track, State: control.StatePlaying, Position: p.Place, Length: p.Header.Duration, Buffered: p.Buffered,
			Waiting: p.Waiting, WaitsFor: p.Lacks, StartsIn: p.Awaited,
			Chunks: protocol.Chunks(p.Header.Size), Have: p.Have, Parts: p.Parts, Shares: n.plays.shares(p.Header.ID),
		}
		if r, ok := n.plays.playing(p.Header.ID); ok {
			playing.Buffered += playing.Position - r.Position
			playing.Position, playing.State = r.Position, r.State
		}
		s.Playing = append(s.Playing, playing)
	}
	return s, nil
}

// fillTraffic fills in what all nodes tell of their connections.
func fillTraffic(s *control.Status, sw *swarm.Swarm, m *meter) {
	t := sw.Traffic()
	s.Uploaded, s.Downloaded, s.WireSent, s.WireReceived = t.Uploaded, t.Downloaded, t.WireSent, t.WireReceived
	s.UploadRate, s.DownloadRate = m.rates(time.Now(), t)
	s.Faults.Violations, s.Faults.BadChunks, s.Faults.Timeouts, s.Faults.Disconnected = sw.Faults()
	s.CoordinateError = sw.Coordinate().Error
	for _, c := range sw.Neighbours() {
		if !c.IsConfirmed() { // it may be gone
			continue
		}
		up, down := c.Transferred()
		s.Neighbours = append(s.Neighbours, control.Neighbour{
			Node: c.Node(), Address: c.Addr().String(), RTT: c.RTT(), Distance: c.Distance(), Server: c.Server(), Uploaded: up, Downloaded: down,
		})
	}
}
