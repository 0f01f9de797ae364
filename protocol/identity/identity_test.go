package identity

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"earshot/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newAuthority(t *testing.T) *Authority {
	t.Helper()
	a, err := OpenAuthority(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func newServer(t *testing.T, a *Authority) *Identity {
	t.Helper()
	i, err := a.ServerIdentity(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// newMember returns a member whose certificate was issued at a time.
func newMember(t *testing.T, a *Authority, at time.Time) *Identity {
	t.Helper()
	return memberIn(t, a, t.TempDir(), at)
}

func memberIn(t *testing.T, a *Authority, dir string, at time.Time) *Identity {
	t.Helper()
	key, err := LoadKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := a.Issue(key.Public().(ed25519.PublicKey), RoleMember, at)
	if err != nil {
		t.Fatal(err)
	}
	i, err := New(key, leaf, a.Root(), a.Pin())
	if err != nil {
		t.Fatal(err)
	}
	if err := i.Save(dir); err != nil {
		t.Fatal(err)
	}
	return i
}

func TestAnIdentityIsTheSameAfterARestart(t *testing.T) {
	dir := t.TempDir()
	made := memberIn(t, newAuthority(t), dir, time.Now())
	loaded, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if loaded.NodeID() != made.NodeID() || !loaded.Expires().Equal(made.Expires()) {
		t.Errorf("loaded %v until %v, made %v until %v", loaded.NodeID(), loaded.Expires(), made.NodeID(), made.Expires())
	}
}

func TestAnAuthorityIsTheSameAfterARestart(t *testing.T) {
	dir := t.TempDir()
	made, err := OpenAuthority(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	opened, err := OpenAuthority(dir, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if opened.Pin() != made.Pin() || string(opened.Root()) != string(made.Root()) {
		t.Error("the authority is another after a restart")
	}
}

func TestSecretsAreForTheirOwnerOnly(t *testing.T) {
	dir := t.TempDir()
	a, err := OpenAuthority(filepath.Join(dir, "authority"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	memberIn(t, a, filepath.Join(dir, "member"), time.Now())
	files := 0
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		if info, err := d.Info(); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s has mode %v (%v)", path, info.Mode(), err)
		}
		return nil
	})
	if err != nil || files != 5 {
		t.Errorf("%d files, want 5 (%v)", files, err)
	}
}

func TestNoIdentityIsNotExist(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty folder: %v", err)
	}
	memberIn(t, newAuthority(t), dir, time.Now())
	for _, name := range []string{leafFile, rootFile, keyFile} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("without %s: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("loading made a new %s", name)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Load(dir); err != nil {
		t.Errorf("with everything back: %v", err)
	}
}

func TestADamagedFolderIsAnErrorThatSaysWhatToDo(t *testing.T) {
	for _, name := range []string{leafFile, rootFile, keyFile} {
		for _, data := range []string{"", "x", "a key of thirty-two bytes, but an", "a key of sixty-four bytes, as they are kept, but another than that"[:ed25519.PrivateKeySize]} {
			dir, home := t.TempDir(), t.TempDir()
			a, err := OpenAuthority(home, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			memberIn(t, a, dir, time.Now())
			if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
				t.Fatal(err)
			}
			if i, err := Load(dir); err == nil || i != nil || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s of %q: %v", name, data, err)
			}
			if name == leafFile {
				continue
			}
			if err := os.WriteFile(filepath.Join(home, name), []byte(data), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := OpenAuthority(home, time.Now()); err == nil {
				t.Errorf("an authority with a %s of %q opened", name, data)
			}
		}
	}
}

func TestAKeyThatIsASeedAloneIsGood(t *testing.T) {
	a, dir := newAuthority(t), t.TempDir()
	memberIn(t, a, dir, time.Now())
	want, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, keyFile), want.key.Seed(), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Load(dir); err != nil || !got.key.Equal(want.key) {
		t.Errorf("another key, or %v", err)
	}
}

func TestAnAuthorityWithoutItsKeyIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenAuthority(dir, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, keyFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenAuthority(dir, time.Now()); err == nil {
		t.Error("an authority without a key opened")
	}
	if _, err := os.Stat(filepath.Join(dir, keyFile)); err == nil {
		t.Error("a new key was made")
	}
}

func TestAnAuthorityThatLostItsRootKeepsItsMembers(t *testing.T) {
	dir := t.TempDir()
	a, err := OpenAuthority(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	member := newMember(t, a, time.Now())
	if err := os.Remove(filepath.Join(dir, rootFile)); err != nil {
		t.Fatal(err)
	}
	again, err := OpenAuthority(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if again.Pin() != a.Pin() {
		t.Error("another pin")
	}
	server := newServer(t, again)
	if r := shake(server.AcceptServerConfig(secret), member.DialServerConfig(nil)); r.clientErr != nil || r.serverErr != nil {
		t.Errorf("client: %v, server: %v", r.clientErr, r.serverErr)
	}
}

func TestAnIdentityTakesNoPartOfAnother(t *testing.T) {
	a, b := newAuthority(t), newAuthority(t)
	key, err := LoadKey(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	other := newMember(t, a, time.Now())
	leaf, err := a.Issue(key.Public().(ed25519.PublicKey), RoleMember, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for name, parts := range map[string]struct {
		leaf, root []byte
		pin        [32]byte
	}{
		"another's leaf":             {other.shown.Load().Certificate[0], a.Root(), a.Pin()},
		"a root with another pin":    {leaf, b.Root(), a.Pin()},
		"a leaf of another root":     {leaf, b.Root(), b.Pin()},
		"a leaf that is no leaf":     {[]byte("leaf"), a.Root(), a.Pin()},
		"a root that is none":        {leaf, []byte("root"), a.Pin()},
		"the root as its own leaf":   {a.Root(), a.Root(), a.Pin()},
		"the leaf as root":           {leaf, leaf, a.Pin()},
		"the leaf as root, its hash": {leaf, leaf, pinOf(parse(t, leaf))},
	} {
		if _, err := New(key, parts.leaf, parts.root, parts.pin); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if _, err := other.Renewed(leaf); err == nil {
		t.Error("another's leaf was taken for a renewal")
	}
}

func parse(t *testing.T, der []byte) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCertificatesAreSmallAndNameTheirKey(t *testing.T) {
	a := newAuthority(t)
	server, member := newServer(t, a), newMember(t, a, time.Now())
	for _, of := range []struct {
		i    *Identity
		role Role
	}{{server, RoleServer}, {member, RoleMember}} {
		leaf := of.i.shown.Load().Leaf
		if len(leaf.Raw) > 400 {
			t.Errorf("a certificate of %d bytes", len(leaf.Raw))
		}
		node, role, err := PeerID(tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}})
		if err != nil || role != of.role || node != of.i.NodeID() {
			t.Errorf("%v, role %v (%v)", node, role, err)
		}
	}
	if _, _, err := PeerID(tls.ConnectionState{}); err == nil {
		t.Error("someone without certificate has an ID")
	}
	root := parse(t, a.Root())
	if _, _, err := PeerID(tls.ConnectionState{PeerCertificates: []*x509.Certificate{root}}); err == nil {
		t.Error("the root is a node")
	}
}

func TestOnlyEd25519KeysGetCertificates(t *testing.T) {
	for _, n := range []int{0, 31, 33} {
		if _, err := newAuthority(t).Issue(make(ed25519.PublicKey, n), RoleMember, time.Now()); err == nil {
			t.Errorf("a key of %d bytes got a certificate", n)
		}
	}
}

func TestRenewalIsDueWhenAThirdOfTheLifeIsLeft(t *testing.T) {
	now := time.Now()
	i := newMember(t, newAuthority(t), now)
	for _, c := range []struct {
		at   time.Duration
		want bool
	}{
		{0, false}, {leafLife*2/3 - time.Hour, false}, {leafLife*2/3 + time.Hour, true}, {2 * leafLife, true},
		{-clockSlack + time.Hour, false}, {-clockSlack - time.Hour, true},
	} {
		if got := i.NeedsRenewal(now.Add(c.at)); got != c.want {
			t.Errorf("%v after it was issued: %v", c.at, got)
		}
	}
}

func FuzzNew(f *testing.F) {
	dir := f.TempDir()
	a, err := OpenAuthority(dir, time.Now())
	if err != nil {
		f.Fatal(err)
	}
	key, err := LoadKey(filepath.Join(dir, "member"))
	if err != nil {
		f.Fatal(err)
	}
	leaf, err := a.Issue(key.Public().(ed25519.PublicKey), RoleMember, time.Now())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(leaf, a.Root())
	f.Add(a.Root(), leaf)
	f.Add([]byte{}, []byte{0x30})
	want, err := protocol.NodeIDOf(key.Public().(ed25519.PublicKey))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, leaf, root []byte) {
		i, err := New(key, leaf, root, a.Pin())
		if err == nil && i.NodeID() != want {
			t.Error("an identity of another node")
		}
	})
}
