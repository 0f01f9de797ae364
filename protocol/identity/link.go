package identity

import (
	"encoding/base64"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// JoinLink is an invitation as people pass it on: where the server is, the hash
// of its authority's public key, and a secret that is good for joining.
type JoinLink struct {
	Addr   string // HOST:PORT, an IPv6 host in brackets
	Pin    [32]byte
	Secret [16]byte
}

// ErrBadLink is returned for text that is no join link.
var ErrBadLink = errors.New("this is not a join link: want earshot://HOST:PORT/... as `earshot invite` prints it, whole")

const (
	scheme = "earshot://"
	// maxHost is the longest host name (RFC 1035 section 3.1, as text).
	maxHost = 253
	// maxLink is more than that makes.
	maxLink = 512
	// hostLetters are what host names are made of, and the underscore that
	// some have; none means anything to a shell.
	hostLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"
)

// String returns the link. It needs no quotes in a shell.
func (l JoinLink) String() string {
	e := base64.RawURLEncoding
	return scheme + l.Addr + "/" + e.EncodeToString(l.Pin[:]) + "." + e.EncodeToString(l.Secret[:])
}

// ParseJoinLink reads a link, with white space around it. It takes nothing but
// what String prints, and fails with ErrBadLink.
func ParseJoinLink(s string) (l JoinLink, err error) {
	s = strings.TrimSpace(s)
	rest, ok := strings.CutPrefix(s, scheme)
	if !ok || len(s) > maxLink {
		return l, ErrBadLink
	}
	addr, secrets, _ := strings.Cut(rest, "/")
	pin, secret, _ := strings.Cut(secrets, ".")
	if !validAddr(addr) {
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

// validAddr reports whether an address is HOST:PORT as it is usually written: a
// host name or an IP address, and a port from 1 to 65535.
func validAddr(addr string) bool {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || net.JoinHostPort(host, port) != addr {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
		return false
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Zone() == "" {
		return true
	}
	return host != "" && len(host) <= maxHost && strings.Trim(host, hostLetters) == "" && host[0] != '-'
}

// fit returns text that decodes to n bytes, or nothing.
func fit(e *base64.Encoding, text string, n int) []byte {
	if len(text) != e.EncodedLen(n) || strings.ContainsAny(text, "\r\n") {
		return nil
	}
	return []byte(text)
}
