package identity

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/google/renameio/v2"

	"earshot/protocol"
)

// Tickets is a tls.ClientSessionCache kept in a file: with a session ticket a
// new process sends its request in the first flight (0-RTT, RFC 8446 section
// 2.3). Get and Put work in memory; whoever opened it calls Save now and then.
type Tickets struct {
	path   string
	saving chan struct{} // holds the one place of whoever writes the file

	mu     sync.Mutex
	byName map[string]ticket
	dirty  bool
}

type ticket struct {
	Ticket []byte `json:"ticket"`
	State  []byte `json:"state"`
}

const (
	maxTickets    = 256     // the server and several times the neighbours
	maxTicketFile = 4 << 20 // bytes: more than that many make
	maxTicket     = 8 << 10 // bytes of one: they have some 2 KB
)

// OpenTickets reads the tickets of an earlier process. A file that is missing
// or damaged gives none: they only save time.
func OpenTickets(path string) *Tickets {
	t := &Tickets{path: path, saving: make(chan struct{}, 1), byName: map[string]ticket{}}
	f, err := os.Open(path)
	if err != nil {
		return t
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxTicketFile+1))
	if err != nil || len(data) > maxTicketFile {
		return t
	}
	for name, k := range decodeTickets(data) {
		if len(t.byName) < maxTickets && len(k.Ticket)+len(k.State) <= maxTicket {
			t.byName[name] = k
		}
	}
	return t
}

// encodeTickets writes a SHA-256 and the JSON it is of: a damaged ticket would
// make a handshake fail, not only be slow.
func encodeTickets(byName map[string]ticket) ([]byte, error) {
	data, err := json.Marshal(byName)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	return append(sum[:], data...), nil
}

func decodeTickets(data []byte) (byName map[string]ticket) {
	if len(data) < sha256.Size {
		return nil
	}
	if sum := sha256.Sum256(data[sha256.Size:]); !bytes.Equal(sum[:], data[:sha256.Size]) {
		return nil
	}
	if json.Unmarshal(data[sha256.Size:], &byName) != nil {
		return nil
	}
	return byName
}

// Get returns the session with a server, if there is one.
func (t *Tickets) Get(name string) (*tls.ClientSessionState, bool) {
	t.mu.Lock()
	k, ok := t.byName[name]
	t.mu.Unlock()
	if !ok {
		return nil, false
	}
	state, err := tls.ParseSessionState(k.State)
	if err != nil {
		return nil, false
	}
	session, err := tls.NewResumptionState(k.Ticket, state)
	return session, err == nil
}

// Has reports whether there is a session with a node, so that it can be spoken to at once.
func (t *Tickets) Has(node protocol.NodeID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.byName[nodeName(node)]
	return ok
}

// Put keeps the newest session with a server, unless its ticket says to keep the one
// before; nil takes it out.
func (t *Tickets) Put(name string, session *tls.ClientSessionState) {
	var k ticket
	if session != nil {
		raw, state, err := session.ResumptionState()
		if err != nil || state == nil || bytes.Equal(raw, keepTicket) {
			return
		}
		k.Ticket = raw
		if k.State, err = state.Bytes(); err != nil || len(k.Ticket)+len(k.State) > maxTicket {
			return
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dirty = true
	if session == nil {
		delete(t.byName, name)
		return
	}
	t.byName[name] = k
	if len(t.byName) <= maxTickets {
		return
	}
	for other := range t.byName { // any, but for the server's: it saves most
		if other != name && other != serverName {
			delete(t.byName, other)
			return
		}
	}
}

// Save writes the tickets to the file if they have changed.
func (t *Tickets) Save() error {
	t.saving <- struct{}{} // in order: an older state never replaces a newer
	defer func() { <-t.saving }()
	data, err := t.changes()
	if err == nil && data != nil {
		err = renameio.WriteFile(t.path, data, 0o600)
	}
	if errors.Is(err, fs.ErrNotExist) { // the folder is gone: nothing to save for
		return nil
	}
	if err != nil {
		t.mu.Lock()
		t.dirty = true
		t.mu.Unlock()
		return fmt.Errorf("saving session tickets: %w", err)
	}
	return nil
}

// changes returns the file's new contents, nil if they are the old ones.
func (t *Tickets) changes() ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.dirty {
		return nil, nil
	}
	t.dirty = false
	return encodeTickets(t.byName)
}
