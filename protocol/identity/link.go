package identity

import (
	"encoding/base64"
	"errors"
	"net"
	"strconv"
	"strings"
)

// JoinLink is an invitation as people pass it on: where the server is, the hash
// of its authority's public key, and a secret that is good for joining.
type JoinLink struct {
	Addr   string // HOST:PORT
	Pin    [32]byte
	Secret [16]byte
}

// ErrBadLink is returned for text that is no join link.
var ErrBadLink = errors.New("this is not a join link: want earshot://HOST:PORT/... as `earshot invite` prints it, whole")

const (
	scheme = "earshot://"
	// maxLink is more than the longest host name (253, RFC 1035) makes.
	maxLink = 512
)

// String returns the link. It needs no quotes in a shell.
func (l JoinLink) String() string {
	e := base64.RawURLEncoding
	return scheme + l.Addr + "/" + e.EncodeToString(l.Pin[:]) + "." + e.EncodeToString(l.Secret[:])
}

// ParseJoinLink reads a link. It fails with ErrBadLink.
func ParseJoinLink(s string) (l JoinLink, err error) {
	s = strings.TrimSpace(s)
	rest, ok := strings.CutPrefix(s, scheme)
	if !ok || len(s) > maxLink {
		return l, ErrBadLink
	}
	addr, secrets, _ := strings.Cut(rest, "/")
	pin, secret, _ := strings.Cut(secrets, ".")
	host, port, err := net.SplitHostPort(addr)
	if n, perr := strconv.Atoi(port); err != nil || perr != nil || host == "" || n < 1 || n > 65535 {
		return l, ErrBadLink
	}
	l.Addr = addr
	e := base64.RawURLEncoding.Strict()
	if n, err := e.Decode(l.Pin[:], fit(e, pin, len(l.Pin))); err != nil || n != len(l.Pin) {
		return JoinLink{}, ErrBadLink
	}
	if n, err := e.Decode(l.Secret[:], fit(e, secret, len(l.Secret))); err != nil || n != len(l.Secret) {
		return JoinLink{}, ErrBadLink
	}
	return l, nil
}

// fit returns text that decodes to n bytes, or nothing.
func fit(e *base64.Encoding, text string, n int) []byte {
	if len(text) != e.EncodedLen(n) || strings.ContainsAny(text, "\r\n") {
		return nil
	}
	return []byte(text)
}
