package node

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/google/renameio/v2"

	"earshot/node/control"
	"earshot/node/swarm"
	"earshot/protocol"
	"earshot/protocol/identity"
)

// member is what makes a data folder one of a swarm: its identity, where its
// server is, and what lets it return in one round trip.
type member struct {
	folder     *folder
	identity   *identity.Identity
	joined     joined
	accept     *tls.Config
	tickets    *identity.Tickets
	tokens     *swarm.Tokens
	neighbours neighbourFile
	secret     []byte
}

// joined is kept in the data folder.
type joined struct {
	Server string `json:"server"` // HOST:PORT
}

func loadMember(f *folder) (*member, error) {
	id, err := identity.Load(f.join(memberDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, control.ErrNotMember
	}
	if err != nil {
		return nil, err
	}
	m := &member{folder: f, identity: id}
	data, err := os.ReadFile(f.join(joinedFile))
	if err == nil {
		err = json.Unmarshal(data, &m.joined)
	}
	if err != nil {
		return nil, fmt.Errorf("reading where the server is: %w: %w", err, control.ErrNotMember)
	}
	if m.secret, err = loadSecret(f); err != nil {
		return nil, err
	}
	m.tickets = identity.OpenTickets(f.join(ticketsFile))
	m.tokens = swarm.OpenTokens(f.join(tokensFile))
	m.neighbours = openNeighbours(f.join(neighboursFile))
	m.accept = id.AcceptConfig(m.secret)
	return m, nil
}

// loadSecret reads the secret of tickets, tokens and resets, making it where it
// is missing: with it, what they were given before is good after a restart.
func loadSecret(f *folder) ([]byte, error) {
	data, err := os.ReadFile(f.join(secretFile))
	if err == nil && len(data) == 32 {
		return data, nil
	}
	data = make([]byte, 32)
	rand.Read(data)
	if err := renameio.WriteFile(f.join(secretFile), data, 0o600); err != nil {
		return nil, fmt.Errorf("keeping the secret of session tickets: %w", err)
	}
	return data, nil
}

func (m *member) dial(node protocol.NodeID, server bool) *tls.Config {
	if server {
		return m.identity.DialServerConfig(m.tickets)
	}
	return m.identity.DialConfig(node, m.tickets)
}

// save keeps tickets and tokens for the next process.
func (m *member) save() error {
	return errors.Join(m.tickets.Save(), m.tokens.Save())
}

const (
	// saveEvery bounds what a killed process forgets.
	saveEvery = 5 * time.Second
	// renewEvery is how often the certificate's age is looked at.
	renewEvery = time.Hour
)

// keep saves what lets the node return, and renews the certificate in time.
func (m *member) keep(ctx context.Context, s *swarm.Swarm, log *slog.Logger) {
	save := time.NewTicker(saveEvery)
	defer save.Stop()
	var looked time.Time
	for {
		select {
		case <-save.C:
		case <-ctx.Done():
			return
		}
		if err := errors.Join(m.save(), m.neighbours.save(s, false)); err != nil {
			log.Warn("the next start will take a round trip more", "err", err)
		}
		if time.Since(looked) >= renewEvery {
			looked = time.Now()
			if err := m.renew(ctx, s); err != nil && ctx.Err() == nil {
				log.Warn("the certificate could not be renewed", "expires", m.identity.Expires(), "err", err)
			}
		}
	}
}

// renew asks the server for a new certificate when ours grows old. New
// connections show it from then on; those that are up stay good.
func (m *member) renew(ctx context.Context, s *swarm.Swarm) error {
	if !m.identity.NeedsRenewal(time.Now()) {
		return nil
	}
	server, err := s.Server(ctx)
	if err != nil {
		return err
	}
	c, err := server.Renew(ctx)
	if err != nil {
		return err
	}
	renewed, err := m.identity.Renewed(c.Leaf)
	if err != nil {
		return err
	}
	return renewed.Save(m.folder.join(memberDir))
}

// Joined tells what Join has done.
type Joined struct {
	Node    protocol.NodeID `json:"node"`
	Server  string          `json:"server"`
	Expires time.Time       `json:"expires"` // of the certificate, renewed on contact
}

// Join makes a data folder a member of the swarm that a join link invites to.
func Join(ctx context.Context, data, link string) (Joined, error) {
	l, err := identity.ParseJoinLink(link)
	if err != nil {
		return Joined{}, err
	}
	j, err := join(ctx, data, l)
	if err == nil {
		greet(ctx, data)
	}
	return j, err
}

// greet makes a first connection as a member: it leaves the session ticket and
// the address-validation token with which the first play takes one round trip.
func greet(ctx context.Context, data string) {
	n, err := Start(Config{Data: data, Private: true})
	if err != nil {
		return // it only saves time
	}
	defer n.Close()
	ctx, cancel := context.WithTimeout(ctx, greetTimeout)
	defer cancel()
	n.trySearch(ctx, protocol.Query{Limit: 1, Text: "a"}) // both come before its answer
}

// greetTimeout is as long as someone who has joined waits gladly.
const greetTimeout = 3 * time.Second

func join(ctx context.Context, data string, l identity.JoinLink) (Joined, error) {
	f, err := own(data)
	if err != nil {
		return Joined{}, err
	}
	defer f.release()
	key, err := identity.LoadKey(f.join(memberDir))
	if err != nil {
		return Joined{}, err
	}
	node, err := protocol.NodeIDOf(key.Public().(ed25519.PublicKey))
	if err != nil {
		return Joined{}, err
	}
	addr, err := net.ResolveUDPAddr("udp", l.Addr)
	if err != nil {
		return Joined{}, fmt.Errorf("finding the server of the join link: %w", err)
	}
	packet, err := net.ListenUDP("udp", nil)
	if err != nil {
		return Joined{}, fmt.Errorf("opening a socket: %w", err)
	}
	defer packet.Close()
	c, err := swarm.Join(ctx, packet, addr, identity.JoinConfig(l.Pin), &protocol.Join{Secret: l.Secret, Key: [32]byte(node)})
	if err != nil {
		return Joined{}, explainJoin(err)
	}
	id, err := identity.New(key, c.Leaf, c.Root, l.Pin)
	if err != nil {
		return Joined{}, err
	}
	if err := id.Save(f.join(memberDir)); err != nil {
		return Joined{}, err
	}
	where, err := json.Marshal(joined{Server: l.Addr})
	if err != nil {
		return Joined{}, err
	}
	if err := renameio.WriteFile(f.join(joinedFile), where, 0o600); err != nil {
		return Joined{}, fmt.Errorf("noting where the server is: %w", err)
	}
	return Joined{Node: node, Server: l.Addr, Expires: id.Expires()}, nil
}

// explainJoin says in a sentence why joining failed, and what to do.
func explainJoin(err error) error {
	var refused *protocol.Refused
	if errors.As(err, &refused) {
		switch refused.Code {
		case protocol.CodeInvitationUnknown:
			return errors.New("the server does not know this invitation: ask for a new join link")
		case protocol.CodeInvitationUsed:
			return errors.New("this invitation is used up: ask for a new join link")
		case protocol.CodeInvitationExpired:
			return errors.New("this invitation has expired: ask for a new join link")
		}
		return fmt.Errorf("the server refused: %w", err)
	}
	return identity.Explain(err)
}
