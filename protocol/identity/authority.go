package identity

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"earshot/protocol"
)

// Role is what a certificate allows its node to be.
type Role int

// The roles.
const (
	RoleMember Role = iota // listens and shares
	RoleServer             // is also believed to be the server
)

const (
	domain     = ".earshot"
	serverName = "server" + domain

	// leafLife is how long a certificate is good: weeks, so that someone who
	// listens once a month stays a member.
	leafLife = 45 * 24 * time.Hour
	// renewBefore is when it is renewed: a third of its life before its end.
	renewBefore = leafLife / 3
	// rootLife outlives the music's machine.
	rootLife = 30 * 365 * 24 * time.Hour
	// clockSlack is how far clocks may be apart without anyone noticing: a day
	// covers a wrong time zone.
	clockSlack = 24 * time.Hour

	keyFile  = "key"      // Ed25519: seed and public key
	leafFile = "leaf.der" // the node's certificate
	rootFile = "root.der" // the authority's
)

// Authority signs the certificates of a swarm.
type Authority struct {
	key  ed25519.PrivateKey
	root *x509.Certificate
}

// OpenAuthority reads the authority kept in a folder, or makes one in a folder
// that has none. It never replaces the key of a root that is there: members
// would not know the server again.
func OpenAuthority(dir string, now time.Time) (*Authority, error) {
	der, err := os.ReadFile(filepath.Join(dir, rootFile))
	if errors.Is(err, fs.ErrNotExist) {
		der, err = makeRoot(dir, now)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the swarm's authority: %w", err)
	}
	root, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("opening the swarm's authority: reading %s: %w: restore the folder %s from a backup", rootFile, err, dir)
	}
	key, err := readKey(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the swarm's authority: %w: restore the folder %s from a backup", err, dir)
	}
	key = ed25519.NewKeyFromSeed(key.Seed()) // a public half that is damaged would sign in vain
	if !key.Public().(ed25519.PublicKey).Equal(root.PublicKey) {
		return nil, fmt.Errorf("opening the swarm's authority: the key is not the certificate's: restore the folder %s from a backup", dir)
	}
	return &Authority{key, root}, nil
}

// makeRoot makes a root in a folder, of the key that is there or of a new one.
func makeRoot(dir string, now time.Time) ([]byte, error) {
	key, err := LoadKey(dir)
	if err != nil {
		return nil, err
	}
	der, err := signRoot(key, now)
	if err != nil {
		return nil, err
	}
	return der, renameio.WriteFile(filepath.Join(dir, rootFile), der, 0o600)
}

func signRoot(key ed25519.PrivateKey, now time.Time) ([]byte, error) {
	return x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: "earshot"},
		NotBefore:             now.Add(-clockSlack),
		NotAfter:              now.Add(rootLife),
		KeyUsage:              x509.KeyUsageCertSign,
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
	}, &x509.Certificate{Subject: pkix.Name{CommonName: "earshot"}}, key.Public(), key)
}

// serial returns 8 random bytes: RFC 5280 section 4.1.2.2 wants them unique, and
// allows 20.
func serial() *big.Int {
	var b [8]byte
	rand.Read(b[:])
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b[:])
}

// Issue signs a certificate, in DER, for a node's public key.
func (a *Authority) Issue(key ed25519.PublicKey, role Role, now time.Time) ([]byte, error) {
	node, err := protocol.NodeIDOf(key)
	if err != nil {
		return nil, fmt.Errorf("issuing a certificate: %w", err)
	}
	names := []string{nodeName(node)}
	if role == RoleServer {
		names = append(names, serverName)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial(),
		NotBefore:    now.Add(-clockSlack),
		NotAfter:     now.Add(leafLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		DNSNames:     names,
	}, a.root, key, a.key)
	if err != nil {
		return nil, fmt.Errorf("issuing a certificate: %w", err)
	}
	return der, nil
}

// Root returns the authority's own certificate in DER.
func (a *Authority) Root() []byte { return a.root.Raw }

// Pin returns what a join link carries of the authority.
func (a *Authority) Pin() [32]byte { return pinOf(a.root) }

// pinOf is the SHA-256 of a certificate's public key (its SubjectPublicKeyInfo,
// as in RFC 7469 section 2.4).
func pinOf(c *x509.Certificate) [32]byte { return sha256.Sum256(c.RawSubjectPublicKeyInfo) }

// ServerIdentity returns the identity of the server itself, with the key kept
// in a folder and a fresh certificate. The server renews it by itself, at the
// first handshake that finds it due, so that one that runs for months stays one.
func (a *Authority) ServerIdentity(dir string, now time.Time) (*Identity, error) {
	key, err := LoadKey(dir)
	if err != nil {
		return nil, err
	}
	issue := func(now time.Time) ([]byte, error) {
		return a.Issue(key.Public().(ed25519.PublicKey), RoleServer, now)
	}
	leaf, err := issue(now)
	if err != nil {
		return nil, err
	}
	i, err := New(key, leaf, a.Root(), a.Pin())
	if err != nil {
		return nil, err
	}
	i.issue = issue
	return i, nil
}

func nodeName(n protocol.NodeID) string { return n.String() + domain }
