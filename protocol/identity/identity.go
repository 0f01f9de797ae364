package identity

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/renameio/v2"

	"earshot/protocol"
)

// Identity is a node's key, its certificate and the authority's root.
type Identity struct {
	node protocol.NodeID
	cert tls.Certificate
	root *x509.Certificate
	pool *x509.CertPool
}

// LoadKey reads the private key kept in a folder, or makes one there.
func LoadKey(dir string) (ed25519.PrivateKey, error) {
	path := filepath.Join(dir, keyFile)
	seed, err := os.ReadFile(path)
	if err == nil && len(seed) != ed25519.SeedSize {
		err = fmt.Errorf("%s has %d bytes, not a key's %d: restore it, or remove the folder %s and join again", path, len(seed), ed25519.SeedSize, dir)
	}
	if errors.Is(err, fs.ErrNotExist) {
		seed = make([]byte, ed25519.SeedSize)
		rand.Read(seed)
		if err = os.MkdirAll(dir, 0o700); err == nil {
			err = renameio.WriteFile(path, seed, 0o600)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("opening the private key: %w", err)
	}
	return ed25519.NewKeyFromSeed(seed), nil
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
	l, err := x509.ParseCertificate(leaf)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	if err := l.CheckSignatureFrom(root); err != nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	if !key.Public().(ed25519.PublicKey).Equal(l.PublicKey) {
		return nil, errors.New("the certificate is another node's")
	}
	node, err := protocol.NodeIDOf(key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(root)
	return &Identity{
		node: node, root: root, pool: pool,
		cert: tls.Certificate{Certificate: [][]byte{leaf}, PrivateKey: key, Leaf: l},
	}, nil
}

// Load reads the identity kept in a folder. The error matches fs.ErrNotExist
// where there is none.
func Load(dir string) (*Identity, error) {
	leaf, err := os.ReadFile(filepath.Join(dir, leafFile))
	if err != nil {
		return nil, fmt.Errorf("opening this node's identity: %w", err)
	}
	rootDER, err := os.ReadFile(filepath.Join(dir, rootFile))
	if err != nil {
		return nil, fmt.Errorf("opening this node's identity: %w", err)
	}
	root, err := x509.ParseCertificate(rootDER)
	if err != nil {
		return nil, fmt.Errorf("opening this node's identity in %s: %w", dir, err)
	}
	key, err := LoadKey(dir)
	if err != nil {
		return nil, err
	}
	id, err := assemble(key, leaf, root)
	if err != nil {
		return nil, fmt.Errorf("opening this node's identity in %s: %w", dir, err)
	}
	return id, nil
}

// Save writes the certificates beside the key in a folder.
func (i *Identity) Save(dir string) error {
	if err := renameio.WriteFile(filepath.Join(dir, rootFile), i.root.Raw, 0o600); err != nil {
		return fmt.Errorf("keeping this node's identity: %w", err)
	}
	if err := renameio.WriteFile(filepath.Join(dir, leafFile), i.cert.Certificate[0], 0o600); err != nil {
		return fmt.Errorf("keeping this node's identity: %w", err)
	}
	return nil
}

// NodeID returns who the node is.
func (i *Identity) NodeID() protocol.NodeID { return i.node }

// Expires returns when the certificate ends.
func (i *Identity) Expires() time.Time { return i.cert.Leaf.NotAfter }

// NeedsRenewal reports whether it is time for a new certificate.
func (i *Identity) NeedsRenewal(now time.Time) bool { return now.After(i.Expires().Add(-renewBefore)) }

// Renewed returns the identity with a new certificate.
func (i *Identity) Renewed(leaf []byte) (*Identity, error) {
	return assemble(i.cert.PrivateKey.(ed25519.PrivateKey), leaf, i.root)
}

// PeerID tells who is on the other side of a verified connection.
func PeerID(state tls.ConnectionState) (protocol.NodeID, Role, error) {
	if len(state.PeerCertificates) == 0 {
		return protocol.NodeID{}, 0, errors.New("the other side has no certificate")
	}
	leaf := state.PeerCertificates[0]
	key, ok := leaf.PublicKey.(ed25519.PublicKey)
	if !ok {
		return protocol.NodeID{}, 0, errors.New("the other side's key is not Ed25519")
	}
	node, err := protocol.NodeIDOf(key)
	if err != nil {
		return node, 0, err
	}
	if !slices.Contains(leaf.DNSNames, nodeName(node)) {
		return node, 0, errors.New("the other side's certificate does not name its key")
	}
	if slices.Contains(leaf.DNSNames, serverName) {
		return node, RoleServer, nil
	}
	return node, RoleMember, nil
}
