package identity

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"earshot/protocol"
)

// session returns a session that a handshake left, as crypto/tls keeps it.
func session(t testing.TB) *tls.ClientSessionState {
	t.Helper()
	a, err := OpenAuthority(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	server, err := a.ServerIdentity(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	kept := tls.NewLRUClientSessionCache(1)
	// The server's identity dials itself: what counts here is the session.
	if r := shake(server.AcceptServerConfig(secret), server.DialServerConfig(kept)); r.clientErr != nil {
		t.Fatal(r.clientErr)
	}
	s, ok := kept.Get(serverName)
	if !ok {
		t.Fatal("no session")
	}
	return s
}

// contents is what a session says, for comparing.
func contents(t testing.TB, s *tls.ClientSessionState) string {
	t.Helper()
	ticket, state, err := s.ResumptionState()
	if err != nil {
		t.Fatal(err)
	}
	data, err := state.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return string(ticket) + string(data)
}

func TestTicketsOutliveTheProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tickets")
	s := session(t)
	ticket, state, err := s.ResumptionState()
	if err != nil {
		t.Fatal(err)
	}
	state.Extra = append(state.Extra, []byte("what QUIC adds"))
	state.EarlyData = true
	if s, err = tls.NewResumptionState(ticket, state); err != nil {
		t.Fatal(err)
	}

	tickets := OpenTickets(path)
	if _, ok := tickets.Get(serverName); ok {
		t.Error("a ticket out of nothing")
	}
	tickets.Put(serverName, s)
	if err := tickets.Save(); err != nil {
		t.Fatal(err)
	}
	got, ok := OpenTickets(path).Get(serverName)
	if !ok || contents(t, got) != contents(t, s) {
		t.Error("the ticket is not what was kept")
	}
	if info, err := os.Stat(path); err != nil {
		t.Error(err)
	} else if info.Mode() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}

	tickets.Put(serverName, nil)
	if err := tickets.Save(); err != nil {
		t.Fatal(err)
	}
	if _, ok := OpenTickets(path).Get(serverName); ok {
		t.Error("a ticket that was taken out is back")
	}
}

func TestItIsKnownWithWhomThereIsASession(t *testing.T) {
	tickets := OpenTickets(filepath.Join(t.TempDir(), "tickets"))
	known, stranger := protocol.NodeID{1}, protocol.NodeID{2}
	tickets.Put(nodeName(known), session(t))
	if !tickets.Has(known) || tickets.Has(stranger) {
		t.Errorf("with the one %v, with the other %v", tickets.Has(known), tickets.Has(stranger))
	}
	tickets.Put(nodeName(known), nil)
	if tickets.Has(known) {
		t.Error("a ticket that was taken out is still there")
	}
}

func TestSavingWritesWhatHasChangedOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tickets")
	tickets := OpenTickets(path)
	if err := tickets.Save(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file of nothing")
	}
	tickets.Put("a", session(t))
	if err := tickets.Save(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := tickets.Save(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the second saving wrote what had not changed")
	}
}

func TestASavingThatFailedIsRepeated(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "tickets")
	if err := os.Mkdir(path, 0o700); err != nil { // a folder in the file's place
		t.Fatal(err)
	}
	tickets := OpenTickets(path)
	tickets.Put("a", session(t))
	if err := tickets.Save(); err == nil {
		t.Fatal("a folder was written to")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := tickets.Save(); err != nil {
		t.Fatal(err)
	}
	if _, ok := OpenTickets(path).Get("a"); !ok {
		t.Error("the ticket is lost")
	}
}

func TestTicketsAreBoundedAndTheServersIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tickets")
	tickets := OpenTickets(path)
	s := session(t)
	tickets.Put(serverName, s)
	for i := range 3 * maxTickets {
		name := fmt.Sprint(i)
		tickets.Put(name, s)
		if _, ok := tickets.Get(name); !ok {
			t.Fatal("the newest ticket is not there")
		}
	}
	if len(tickets.byName) != maxTickets {
		t.Errorf("%d tickets", len(tickets.byName))
	}
	if err := tickets.Save(); err != nil {
		t.Fatal(err)
	}
	again := OpenTickets(path)
	if len(again.byName) != maxTickets {
		t.Errorf("%d tickets after a restart", len(again.byName))
	}
	if _, ok := again.Get(serverName); !ok {
		t.Error("the server's ticket is lost")
	}
	if info, err := os.Stat(path); err != nil {
		t.Error(err)
	} else if info.Size() > maxTicketFile {
		t.Errorf("a file of %d bytes", info.Size())
	}
}

func TestADamagedFileGivesNoTicket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tickets")
	tickets := OpenTickets(path)
	tickets.Put("a", session(t))
	if err := tickets.Save(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"nothing": nil, "too much": make([]byte, maxTicketFile+1), "no sum": whole[32:]}
	for i := 0; i < len(whole); i += 37 {
		flipped := append([]byte(nil), whole...)
		flipped[i] ^= 1
		files[fmt.Sprintf("bit flipped at %d", i)] = flipped
		files[fmt.Sprintf("cut at %d", i)] = whole[:i]
	}
	for name, data := range files {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, ok := OpenTickets(path).Get("a"); ok {
			t.Errorf("%s: a ticket", name)
		}
	}
	tickets.Put("a", session(t)) // and can be written again
	if err := tickets.Save(); err != nil {
		t.Fatal(err)
	}
	if _, ok := OpenTickets(path).Get("a"); !ok {
		t.Error("the file was not mended")
	}
}

func FuzzDecodeTickets(f *testing.F) {
	_, state, err := session(f).ResumptionState()
	if err != nil {
		f.Fatal(err)
	}
	raw, err := state.Bytes()
	if err != nil {
		f.Fatal(err)
	}
	data, err := encodeTickets(map[string]ticket{"a": {[]byte("t"), raw}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data, raw)
	f.Add([]byte(nil), []byte(nil))
	f.Add(data[:40], raw[:40])
	f.Fuzz(func(t *testing.T, data, state []byte) {
		decodeTickets(data)
		tickets := Tickets{byName: map[string]ticket{"a": {[]byte("t"), state}}}
		if s, ok := tickets.Get("a"); ok && s == nil {
			t.Error("no session, and yet one")
		}
	})
}
