package protocol

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// ID names a track: the BLAKE3 hash of its bytes, what b3sum prints.
type ID [32]byte

// ErrBadID is returned for text that is not 64 hexadecimal digits.
var ErrBadID = errors.New("not a track ID: want 64 hexadecimal digits")

// ParseID reads the 64 hexadecimal digits that String prints, in either case.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != hex.EncodedLen(len(id)) {
		return id, ErrBadID
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return ID{}, ErrBadID
	}
	return id, nil
}

// String returns the ID as 64 lower-case hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Short returns the first 12 digits: enough to name a track among millions on
// a command line, short enough for a table.
func (id ID) Short() string { return hex.EncodeToString(id[:6]) }

// Compare orders IDs bytewise.
func (id ID) Compare(other ID) int { return bytes.Compare(id[:], other[:]) }

// MarshalText and UnmarshalText make an ID a hexadecimal string in JSON.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *ID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseID(string(b))
	return err
}

// MinPrefix is the shortest prefix of an ID that is taken for one: six
// hexadecimal digits, so that ordinary words are not mistaken for IDs.
const MinPrefix = 6

// IsPrefix reports whether s can be the beginning of an ID in hexadecimal.
func IsPrefix(s string) bool {
	if len(s) < MinPrefix || len(s) > 64 {
		return false
	}
	return strings.Trim(strings.ToLower(s), "0123456789abcdef") == ""
}

// NodeID names a node: its Ed25519 public key.
type NodeID [ed25519.PublicKeySize]byte

// nodeEncoding fits 32 bytes into 52 characters, short enough for a DNS label
// (63, RFC 1035 section 2.3.4), which is how a certificate carries a NodeID.
var nodeEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NodeIDOf returns the NodeID of a public key.
func NodeIDOf(key ed25519.PublicKey) (NodeID, error) {
	if len(key) != ed25519.PublicKeySize {
		return NodeID{}, fmt.Errorf("a public key of %d bytes, want %d", len(key), ed25519.PublicKeySize)
	}
	return NodeID(key), nil
}

// ParseNodeID reads what String prints.
func ParseNodeID(s string) (NodeID, error) {
	b, err := nodeEncoding.DecodeString(s)
	if err != nil || len(b) != len(NodeID{}) {
		return NodeID{}, errors.New("not a node ID: want 52 base32 characters")
	}
	return NodeID(b), nil
}

// String returns the NodeID as 52 lower-case base32 characters.
func (n NodeID) String() string { return nodeEncoding.EncodeToString(n[:]) }

// Hint is enough of a NodeID to tell a node among those of a moment: its first 32 bits. It
// proves nothing.
type Hint uint32

// Hint returns the NodeID's.
func (n NodeID) Hint() Hint { return Hint(binary.BigEndian.Uint32(n[:])) }

// Short returns the first 8 characters, for people.
func (n NodeID) Short() string { return n.String()[:8] }

// MarshalText makes a NodeID a string in JSON.
func (n NodeID) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (n *NodeID) UnmarshalText(b []byte) (err error) {
	*n, err = ParseNodeID(string(b))
	return err
}
