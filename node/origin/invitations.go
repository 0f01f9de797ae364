package origin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/google/renameio/v2"

	"earshot/protocol"
)

// Invitations are the join links that are good: kept in a file, by the hash of
// their secret, so that the file gives nobody a way in.
type Invitations struct {
	path string
	// lock is a mutex of one slot: it is held while the file is written, which
	// a sync.Mutex must not be (package node, on virtual time).
	lock chan struct{}
}

type invitation struct {
	Uses    int       `json:"uses"` // left
	Expires time.Time `json:"expires"`
}

const (
	// keepFor is how long an invitation is remembered when it is over, so that
	// whoever comes late is told why.
	keepFor = 30 * 24 * time.Hour
	// maxInvitations bounds the file.
	maxInvitations = 10_000
)

// OpenInvitations keeps invitations in a file, which need not exist yet.
func OpenInvitations(path string) *Invitations {
	return &Invitations{path: path, lock: make(chan struct{}, 1)}
}

// Invite makes an invitation for so many nodes, good until it expires.
func (v *Invitations) Invite(ctx context.Context, uses int, expires time.Time) (secret [16]byte, err error) {
	if uses < 1 || !expires.After(time.Now()) {
		return secret, errors.New("an invitation must allow one use at the least, and end in the future")
	}
	rand.Read(secret[:])
	return secret, v.update(ctx, func(all map[string]invitation) error {
		if len(all) >= maxInvitations {
			return fmt.Errorf("there are %d invitations already: let some expire first", len(all))
		}
		all[key(secret)] = invitation{Uses: uses, Expires: expires}
		return nil
	})
}

// Use takes one use of an invitation. It is written before it returns. The
// errors are *protocol.Refused with the reason.
func (v *Invitations) Use(ctx context.Context, secret [16]byte, now time.Time) error {
	return v.update(ctx, func(all map[string]invitation) error {
		in, ok := all[key(secret)]
		switch {
		case !ok:
			return &protocol.Refused{Code: protocol.CodeInvitationUnknown}
		case !now.Before(in.Expires):
			return &protocol.Refused{Code: protocol.CodeInvitationExpired}
		case in.Uses < 1:
			return &protocol.Refused{Code: protocol.CodeInvitationUsed}
		}
		in.Uses--
		all[key(secret)] = in
		return nil
	})
}

// update changes the invitations and writes them, or neither.
func (v *Invitations) update(ctx context.Context, change func(map[string]invitation) error) error {
	select {
	case v.lock <- struct{}{}:
		defer func() { <-v.lock }()
	case <-ctx.Done():
		return ctx.Err()
	}
	all, err := v.read()
	if err != nil {
		return err
	}
	for k, in := range all {
		if time.Since(in.Expires) > keepFor {
			delete(all, k)
		}
	}
	if err := change(all); err != nil {
		return err
	}
	data, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("writing invitations: %w", err)
	}
	if err := renameio.WriteFile(v.path, data, 0o600); err != nil {
		return fmt.Errorf("writing invitations: %w", err)
	}
	return nil
}

func (v *Invitations) read() (map[string]invitation, error) {
	all := map[string]invitation{}
	data, err := os.ReadFile(v.path)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading invitations: %w", err)
	}
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("reading invitations from %s: %w", v.path, err)
	}
	if all == nil {
		all = map[string]invitation{}
	}
	return all, nil
}

func key(secret [16]byte) string {
	h := sha256.Sum256(secret[:])
	return hex.EncodeToString(h[:])
}
