package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/google/renameio/v2"

	"earshot/node/control"
	"earshot/node/library"
	"earshot/node/origin"
	"earshot/node/swarm"
	"earshot/node/tracker"
	"earshot/protocol/identity"
)

// ServeConfig is what a server's node is made of.
type ServeConfig struct {
	Data      string         // the data folder
	Music     string         // the folder of music to share
	Listen    string         // HOST:PORT
	Advertise string         // HOST:PORT that join links name; empty for Listen's
	Packet    net.PacketConn // instead of Listen, for simulated networks
	Private   bool           // no control socket: for simulated networks
	Progress  func(library.Progress)
	// Skipped is called with files that are put into the folder while it is shared and
	// cannot be taken, from one goroutine. May be nil.
	Skipped func([]control.Skipped)
	Log     *slog.Logger // nil: none
}

// Server is a server's node. It implements control.Node.
type Server struct {
	config    ServeConfig
	log       *slog.Logger
	folder    *folder
	authority *identity.Authority
	identity  *identity.Identity
	library   *library.Library
	invites   *origin.Invitations
	origin    *origin.Origin
	swarm     *swarm.Swarm
	meter     meter

	cancel context.CancelFunc
	wg     sync.WaitGroup
	stop   stopper
}

// served is kept in the data folder, for join links made while no server runs.
type served struct {
	Advertise string `json:"advertise"`
}

// Serve owns the data folder, takes in the music and starts to accept
// connections; it returns when it does. ctx bounds that only.
func Serve(ctx context.Context, c ServeConfig) (*Server, error) {
	s := &Server{config: c, log: c.Log, stop: stopper{done: make(chan struct{})}}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if s.folder, err = own(c.Data); err != nil {
		return nil, err
	}
	running, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	if err = s.start(ctx, running); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// start builds the server; ctx bounds the first scan, running its life.
func (s *Server) start(ctx, running context.Context) error {
	secret, err := loadSecret(s.folder)
	if err != nil {
		return err
	}
	if s.authority, err = openAuthority(s.folder); err != nil {
		return err
	}
	if s.identity, err = s.authority.ServerIdentity(s.folder.join(memberDir), time.Now()); err != nil {
		return err
	}
	packet := s.config.Packet
	if packet == nil { // before the scan: a port in use is known at once
		if packet, err = listenUDP(s.config.Listen, 0); err != nil {
			return err
		}
	}
	if err := s.takeIn(ctx); err != nil {
		packet.Close()
		return err
	}
	s.invites = origin.OpenInvitations(s.folder.join(invitationsFile))
	s.origin = origin.New(origin.Config{
		Tracks: tracks{s.library}, Catalogue: s.library, Tracker: tracker.NewMemory(),
		Authority: s.authority, Invitations: s.invites, Log: s.log,
	})
	s.swarm, err = swarm.New(swarm.Config{
		Packet: packet, Self: s.identity.NodeID(),
		AcceptTLS: s.identity.AcceptServerConfig(secret),
		Secret:    secret, Store: s.origin, Server: s.origin, Agent: agent,
		Log: s.log,
	})
	if err != nil {
		packet.Close()
		return err
	}
	if err := s.noteAddress(); err != nil {
		return err
	}
	s.wg.Go(func() { s.measure(running) })
	s.wg.Go(func() {
		if err := s.library.Watch(running, s.tellSkipped); err != nil && running.Err() == nil {
			s.log.Warn("watching the music folder failed: restart to take in changes", "err", err)
		}
	})
	s.wg.Go(func() { s.library.Measure(running) })
	if s.config.Private {
		return nil
	}
	return serveControl(running, &s.wg, s.folder, s, s.log)
}

func (s *Server) tellSkipped(skipped []control.Skipped) {
	if len(skipped) > 0 && s.config.Skipped != nil {
		s.config.Skipped(skipped)
	}
}

// takeIn opens the library and scans the music folder.
func (s *Server) takeIn(ctx context.Context) error {
	info, err := os.Stat(s.config.Music)
	if err != nil || !info.IsDir() {
		return fmt.Errorf("the music folder %s does not exist: use --music to name one", s.config.Music)
	}
	if err := os.MkdirAll(s.folder.join(libraryDir), 0o700); err != nil {
		return fmt.Errorf("making the library's folder: %w", err)
	}
	if s.library, err = library.Open(ctx, s.folder.join(libraryDir), s.config.Music, library.Options{Log: s.log}); err != nil {
		return err
	}
	if err := s.library.Scan(ctx, s.config.Progress); err != nil {
		return err
	}
	if s.library.Len() == 0 {
		return fmt.Errorf("there is no music that can be shared in %s: `earshot ls --skipped` tells why files were skipped", s.config.Music)
	}
	return nil
}

func openAuthority(f *folder) (*identity.Authority, error) {
	return identity.OpenAuthority(f.join(authorityDir), time.Now())
}

// noteAddress keeps the address that join links name.
func (s *Server) noteAddress() error {
	data, err := json.Marshal(served{Advertise: s.advertised()})
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(s.folder.join(servedFile), data, 0o600); err != nil {
		return fmt.Errorf("noting the server's address: %w", err)
	}
	return nil
}

// advertised is the address that others reach the server at: as told, else the
// one it listens on, else this machine's first on its LAN.
func (s *Server) advertised() string {
	addr := s.swarm.Addr().String()
	host, port, err := net.SplitHostPort(addr)
	if s.config.Advertise != "" {
		return s.config.Advertise
	}
	if err != nil {
		return addr
	}
	if named, _, err := net.SplitHostPort(s.config.Listen); err == nil && named != "" {
		host = named
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if local := swarm.LocalAddrs(s.swarm.Addr()); len(local) > 0 {
			host = local[0].Addr().String()
		}
	}
	return net.JoinHostPort(host, port)
}

// Addr returns the address that join links name.
func (s *Server) Addr() string { return s.advertised() }

// Tracks returns how many tracks are shared.
func (s *Server) Tracks() int { return s.library.Len() }

// Wait returns when the server was asked to stop, or with ctx and its error.
func (s *Server) Wait(ctx context.Context) error {
	select {
	case <-s.stop.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stop asks the server to end; whoever runs it then closes it.
func (s *Server) Stop(context.Context) error {
	s.stop.ask()
	return nil
}

// Close ends the server.
func (s *Server) Close() error {
	s.stop.ask()
	s.cancel()
	s.wg.Wait()
	var errs []error
	if s.swarm != nil {
		errs = append(errs, s.swarm.Close())
	}
	if s.origin != nil {
		s.origin.Close()
	}
	if s.library != nil {
		errs = append(errs, s.library.Close())
	}
	errs = append(errs, s.folder.release())
	return errors.Join(errs...)
}

func (s *Server) measure(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			s.meter.add(now, s.swarm.Traffic())
		case <-ctx.Done():
			return
		}
	}
}

// Invite makes a join link through the node that owns the data folder, or in
// the folder of a server that does not run now.
func Invite(ctx context.Context, data string, in control.Invitation) (string, error) {
	client, err := control.Dial(ctx, data)
	if err == nil {
		defer client.Close()
		return client.Invite(ctx, in)
	}
	if !errors.Is(err, control.ErrNoOwner) {
		return "", err
	}
	f, err := own(data)
	if err != nil {
		return "", err
	}
	defer f.release()
	var at served
	raw, err := os.ReadFile(f.join(servedFile))
	if err == nil {
		err = json.Unmarshal(raw, &at)
	}
	if err != nil {
		return "", fmt.Errorf("%w: run `earshot serve` in this data folder first", control.ErrNotServer)
	}
	authority, err := openAuthority(f)
	if err != nil {
		return "", err
	}
	return invite(ctx, authority, origin.OpenInvitations(f.join(invitationsFile)), at.Advertise, in)
}

func invite(ctx context.Context, a *identity.Authority, v *origin.Invitations, addr string, in control.Invitation) (string, error) {
	secret, err := v.Invite(ctx, in.Uses, time.Now().Add(in.Expires))
	if err != nil {
		return "", err
	}
	return identity.JoinLink{Addr: addr, Pin: a.Pin(), Secret: secret}.String(), nil
}
