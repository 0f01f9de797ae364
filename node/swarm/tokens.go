package swarm

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"sync"
	"time"
	"unsafe"

	"github.com/google/renameio/v2"
	"github.com/quic-go/quic-go"
)

// Tokens is a quic.TokenStore kept in a file: with its address-validation token
// (RFC 9000 section 8.1.3) a new process's first flight is answered in full; a
// server that does not know the address sends no more than three times what it
// received.
type Tokens struct {
	path string

	mu     sync.Mutex
	byName map[string]token
	dirty  bool
}

type token struct {
	Data []byte        `json:"data"`
	RTT  time.Duration `json:"rtt_ns"`
}

const (
	maxTokens     = 256     // names kept: the server and several times the neighbours
	maxTokenFile  = 1 << 20 // bytes
	maxTokenBytes = 1024    // quic-go's have some 100
)

// OpenTokens reads the tokens of an earlier process. A file that is missing or
// damaged gives none: they only save time.
func OpenTokens(path string) *Tokens {
	t := &Tokens{path: path, byName: map[string]token{}}
	if info, err := os.Stat(path); err != nil || info.Size() > maxTokenFile {
		return t
	}
	data, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(data, &t.byName) != nil || t.byName == nil {
		t.byName = map[string]token{}
	}
	for name, k := range t.byName {
		if len(k.Data) > maxTokenBytes || k.RTT < 0 {
			delete(t.byName, name)
		}
	}
	return t
}

// Pop returns the token for a server name, nil if there is none. It stays until
// the connection brings a new one: a process that ends before would leave the
// next without, and the next start would take a round trip more. (RFC 9000 asks
// clients not to use a token twice so that networks cannot link connections;
// here the certificate's owner wants to be known, and servers do not mind.)
func (t *Tokens) Pop(name string) *quic.ClientToken {
	t.mu.Lock()
	defer t.mu.Unlock()
	k, ok := t.byName[name]
	if !ok {
		return nil
	}
	return makeClientToken(k)
}

// Put keeps the newest token for a server name.
func (t *Tokens) Put(name string, ct *quic.ClientToken) {
	k, ok := readClientToken(ct)
	if !ok || len(k.Data) > maxTokenBytes {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.byName[name]; !known && len(t.byName) >= maxTokens {
		for other := range t.byName { // any: they are all as good
			delete(t.byName, other)
			break
		}
	}
	t.byName[name] = k
	t.dirty = true
}

// Save writes the tokens to the file if they have changed.
func (t *Tokens) Save() error {
	t.mu.Lock()
	data, err := json.Marshal(t.byName)
	dirty := t.dirty
	t.dirty = false
	t.mu.Unlock()
	if !dirty {
		return nil
	}
	if err != nil {
		return fmt.Errorf("saving address-validation tokens: %w", err)
	}
	err = renameio.WriteFile(t.path, data, 0o600)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // the folder is gone: nothing to save for
		return fmt.Errorf("saving address-validation tokens: %w", err)
	}
	return nil
}

// quic.ClientToken hides its two fields and has no codec, so they are reached
// by reflection; TestTokensSurviveAProcess fails should a later version rename
// them, and without them a cold start costs one round trip more.

func readClientToken(ct *quic.ClientToken) (token, bool) {
	data, rtt, ok := tokenFields(ct)
	if !ok {
		return token{}, false
	}
	return token{append([]byte(nil), *data...), *rtt}, true
}

func makeClientToken(k token) *quic.ClientToken {
	ct := new(quic.ClientToken)
	data, rtt, ok := tokenFields(ct)
	if !ok {
		return nil
	}
	*data, *rtt = k.Data, k.RTT
	return ct
}

func tokenFields(ct *quic.ClientToken) (*[]byte, *time.Duration, bool) {
	v := reflect.ValueOf(ct).Elem()
	data, rtt := v.FieldByName("data"), v.FieldByName("rtt")
	if !data.IsValid() || data.Type() != reflect.TypeFor[[]byte]() || !rtt.IsValid() || rtt.Type() != reflect.TypeFor[time.Duration]() {
		return nil, nil, false
	}
	return (*[]byte)(unsafe.Pointer(data.UnsafeAddr())), (*time.Duration)(unsafe.Pointer(rtt.UnsafeAddr())), true
}
