package identity

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/google/renameio/v2"
)

// Tickets is a tls.ClientSessionCache kept in a file: with a session ticket a
// new process sends its request in the first flight (0-RTT, RFC 8446 section
// 2.3).
type Tickets struct {
	path string

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
	maxTicketFile = 4 << 20 // bytes
	maxTicket     = 8 << 10 // bytes of one: they have some 2 KB
)

// OpenTickets reads the tickets of an earlier process. A file that is missing
// or damaged gives none: they only save time.
func OpenTickets(path string) *Tickets {
	t := &Tickets{path: path, byName: map[string]ticket{}}
	if info, err := os.Stat(path); err != nil || info.Size() > maxTicketFile {
		return t
	}
	data, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(data, &t.byName) != nil || t.byName == nil {
		t.byName = map[string]ticket{}
	}
	return t
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

// Put keeps the newest session with a server; nil takes it out.
func (t *Tickets) Put(name string, session *tls.ClientSessionState) {
	var k ticket
	if session != nil {
		raw, state, err := session.ResumptionState()
		if err != nil || state == nil {
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
	if _, known := t.byName[name]; !known && len(t.byName) >= maxTickets {
		for other := range t.byName { // any: they are all as good
			delete(t.byName, other)
			break
		}
	}
	t.byName[name] = k
}

// Save writes the tickets to the file if they have changed.
func (t *Tickets) Save() error {
	t.mu.Lock()
	data, err := json.Marshal(t.byName)
	dirty := t.dirty
	t.dirty = false
	t.mu.Unlock()
	if !dirty {
		return nil
	}
	if err == nil {
		err = renameio.WriteFile(t.path, data, 0o600)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // the folder is gone: nothing to save for
		return fmt.Errorf("saving session tickets: %w", err)
	}
	return nil
}
