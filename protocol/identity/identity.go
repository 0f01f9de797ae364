package identity

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/renameio/v2"

	"earshot/protocol"
)

// Identity is a node's key, its certificate and the authority's root. It is safe
// for concurrent use.
type Identity struct {
	node protocol.NodeID
	key  ed25519.PrivateKey
	root *x509.Certificate
	pool *x509.CertPool

	// shown is the certificate that handshakes show. The identities of one
	// process that were Renewed from one another share it, and so do all their
	// TLS configurations.
	shown *atomic.Pointer[tls.Certificate]
	// issue makes the server's next certificate; nil for members.
	issue func(now time.Time) ([]byte, error)
}

// errOtherKey is returned for a certificate that is not this node's.
var errOtherKey = errors.New("the certificate is another node's")

// LoadKey reads the private key kept in a folder, or makes one there.
func LoadKey(dir string) (ed25519.PrivateKey, error) {
	key, err := readKey(dir)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = makeKey(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the private key: %w", err)
	}
	return key, nil
}

// readKey reads a key with its public half, which takes no time; of a seed alone, as it
// was kept before, that half is computed, a millisecond and more of a start.
func readKey(dir string) (ed25519.PrivateKey, error) {
	path := filepath.Join(dir, keyFile)
	key, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	switch len(key) {
	case ed25519.PrivateKeySize:
		return key, nil
	case ed25519.SeedSize:
		return ed25519.NewKeyFromSeed(key), nil
	}
	return nil, fmt.Errorf("%s has %d bytes, not a key's %d: restore it, or remove the folder %s and join again",
		path, len(key), ed25519.PrivateKeySize, dir)
}

func makeKey(dir string) (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := renameio.WriteFile(filepath.Join(dir, keyFile), key, 0o600); err != nil {
		return nil, err
	}
	return key, nil
}

// New puts an identity together and checks that its parts belong together: the
// root has the pin, the leaf is the root's and the key's.
func New(key ed25519.PrivateKey, leaf, root []byte, pin [32]byte) (*Identity, error) {
	r, err := x509.ParseCertificate(root)
	if err != nil {
		return nil, fmt.Errorf("reading the authority's certificate: %w", err)
	}
	if pinOf(r) != pin {
		return nil, ErrOtherServer
	}
	return assemble(key, leaf, r)
}

func assemble(key ed25519.PrivateKey, leaf []byte, root *x509.Certificate) (*Identity, error) {
	node, err := protocol.NodeIDOf(key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	cert, err := certificate(key, leaf, root)
	if err != nil {
		return nil, err
	}
	i := &Identity{node: node, key: key, root: root, pool: x509.NewCertPool(), shown: new(atomic.Pointer[tls.Certificate])}
	i.pool.AddCert(root)
	i.shown.Store(cert)
	return i, nil
}

// certificate checks that a leaf is the root's and the key's.
func certificate(key ed25519.PrivateKey, leaf []byte, root *x509.Certificate) (*tls.Certificate, error) {
	l, err := x509.ParseCertificate(leaf)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	if err := l.CheckSignatureFrom(root); err != nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	node, _, err := named(l)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	if !key.Public().(ed25519.PublicKey).Equal(ed25519.PublicKey(node[:])) {
		return nil, errOtherKey
	}
	return &tls.Certificate{Certificate: [][]byte{leaf}, PrivateKey: key, Leaf: l}, nil
}

// Load reads the identity kept in a folder. The error matches fs.ErrNotExist
// where there is none, or not a whole one.
func Load(dir string) (*Identity, error) {
	i, err := load(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("opening this node's identity: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("opening this node's identity: %w: remove the folder %s and join again", err, dir)
	}
	return i, nil
}

func load(dir string) (*Identity, error) {
	leaf, err := os.ReadFile(filepath.Join(dir, leafFile))
	if err != nil {
		return nil, err
	}
	rootDER, err := os.ReadFile(filepath.Join(dir, rootFile))
	if err != nil {
		return nil, err
	}
	key, err := readKey(dir)
	if err != nil {
		return nil, err
	}
	root, err := x509.ParseCertificate(rootDER)
	if err != nil {
		return nil, fmt.Errorf("reading the authority's certificate: %w", err)
	}
	return assemble(key, leaf, root)
}

// Save writes the certificates beside the key in a folder.
func (i *Identity) Save(dir string) error {
	if err := renameio.WriteFile(filepath.Join(dir, rootFile), i.root.Raw, 0o600); err != nil {
		return fmt.Errorf("keeping this node's identity: %w", err)
	}
	if err := renameio.WriteFile(filepath.Join(dir, leafFile), i.shown.Load().Certificate[0], 0o600); err != nil {
		return fmt.Errorf("keeping this node's identity: %w", err)
	}
	return nil
}

// NodeID returns who the node is.
func (i *Identity) NodeID() protocol.NodeID { return i.node }

// Expires returns when the certificate ends.
func (i *Identity) Expires() time.Time { return i.shown.Load().Leaf.NotAfter }

// NeedsRenewal reports whether it is time for a new certificate: a third of its
// life is left, or it is not good yet because a clock was wrong.
func (i *Identity) NeedsRenewal(now time.Time) bool {
	leaf := i.shown.Load().Leaf
	return now.After(leaf.NotAfter.Add(-renewBefore)) || now.Before(leaf.NotBefore)
}

// Renewed takes a new certificate into use and returns the identity that has
// it. TLS configurations made before show the new one from now on too, so that
// a node that runs for months needs no restart.
func (i *Identity) Renewed(leaf []byte) (*Identity, error) {
	cert, err := certificate(i.key, leaf, i.root)
	if err != nil {
		return nil, err
	}
	i.shown.Store(cert)
	return i, nil
}

// current returns the certificate to show in a handshake: for the server, one
// that is not due for renewal. A second one that is made meanwhile does no harm.
func (i *Identity) current() *tls.Certificate {
	if now := time.Now(); i.issue != nil && i.NeedsRenewal(now) {
		if leaf, err := i.issue(now); err == nil {
			i.Renewed(leaf) // on an error the old one, which is good for weeks yet
		}
	}
	return i.shown.Load()
}

// PeerID tells who is on the other side of a verified connection.
func PeerID(state tls.ConnectionState) (protocol.NodeID, Role, error) {
	if len(state.PeerCertificates) == 0 {
		return protocol.NodeID{}, 0, errors.New("the other side has no certificate")
	}
	return named(state.PeerCertificates[0])
}

// named returns the node that a certificate names, which must be its key.
func named(leaf *x509.Certificate) (protocol.NodeID, Role, error) {
	key, ok := leaf.PublicKey.(ed25519.PublicKey)
	if !ok {
		return protocol.NodeID{}, 0, errors.New("the certificate's key is not Ed25519")
	}
	node, err := protocol.NodeIDOf(key)
	if err != nil {
		return node, 0, err
	}
	if !slices.Contains(leaf.DNSNames, nodeName(node)) {
		return node, 0, errors.New("the certificate does not name its key")
	}
	if slices.Contains(leaf.DNSNames, serverName) {
		return node, RoleServer, nil
	}
	return node, RoleMember, nil
}
