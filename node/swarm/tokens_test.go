package swarm

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestTokensSurviveAProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	first := OpenTokens(path)
	want := token{[]byte("an address-validation token"), 50 * time.Millisecond}
	ct := makeClientToken(want)
	if ct == nil {
		t.Fatal("quic.ClientToken has other fields than it had: see tokenFields")
	}
	first.Put("server.earshot", ct)
	if err := first.Save(); err != nil {
		t.Fatal(err)
	}
	second := OpenTokens(path)
	for range 2 { // one that was not replaced is good for another start
		got, ok := readClientToken(second.Pop("server.earshot"))
		if !ok || !bytes.Equal(got.Data, want.Data) || got.RTT != want.RTT {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
	if second.Pop("another") != nil {
		t.Error("a name without a token got one")
	}
}

func TestADamagedTokenFileGivesNone(t *testing.T) {
	for name, content := range map[string]string{
		"empty": "", "not JSON": "\x00\x01", "another shape": `[1,2]`, "null": "null",
		"too long": fmt.Sprintf(`{"server.earshot":{"data":"%s"}}`, bytes.Repeat([]byte("AAAA"), maxTokenBytes)),
		"negative": `{"server.earshot":{"data":"AAAA","rtt_ns":-1}}`,
	} {
		path := filepath.Join(t.TempDir(), "tokens")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		tokens := OpenTokens(path)
		if tokens.Pop("server.earshot") != nil {
			t.Errorf("%s: gives a token", name)
		}
		tokens.Put("server.earshot", makeClientToken(token{Data: []byte("x")}))
		if tokens.Save() != nil || OpenTokens(path).Pop("server.earshot") == nil {
			t.Errorf("%s: is not replaced", name)
		}
	}
}

func TestTheTokenFileStaysSmall(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	tokens := OpenTokens(path)
	for i := range 3 * maxTokens {
		tokens.Put(fmt.Sprint(i), makeClientToken(token{Data: make([]byte, maxTokenBytes)}))
	}
	if err := tokens.Save(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() > maxTokenFile {
		t.Errorf("%v, %v", info.Size(), err)
	}
	if OpenTokens(path).Pop(fmt.Sprint(3*maxTokens-1)) == nil {
		t.Error("the newest is not kept")
	}
}
