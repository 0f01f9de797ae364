// Package identity says who is who: keys, certificates, and the TLS that checks
// them.
//
// The server is a small certificate authority. An Authority signs the
// certificate of each node, whose NodeID is its Ed25519 public key; an Identity
// is a node's key with that certificate and the authority's root. A certificate
// names its node in a DNS name, NODEID.earshot, so that crypto/tls's own
// verification (RFC 5280 and RFC 6125, by ServerName) checks who is on the other
// side; the server's certificate carries server.earshot as well. Certificates
// live for weeks and are renewed on contact: who stays away for longer joins
// again. The server renews its own.
//
// It promises: no connection without a certificate of the authority on both
// sides, but for a joining node, which is given the authority's root only if its
// public key has the hash that the join link names; small handshakes (one
// Ed25519 certificate, X25519), so that they fit QUIC's first flights; and
// session tickets that outlive both processes, for 0-RTT, and are kept while they are good.
package identity
