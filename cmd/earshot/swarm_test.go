package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lukechampine.com/blake3"

	"earshot/audio"
	"earshot/audio/music"
	"earshot/node/control"
	"earshot/node/player"
	"earshot/protocol"
)

// processes runs earshot in processes of its own, in one folder.
type processes struct {
	t   *testing.T
	dir string
}

// start starts a command that runs until the test ends.
func (p *processes) start(args ...string) *exec.Cmd {
	cmd := exec.Command("earshot", args...)
	cmd.Dir = p.dir
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		if p.t.Failed() {
			p.t.Logf("earshot %s: %s", strings.Join(args, " "), &said)
		}
	})
	return cmd
}

// run runs a command to its end and returns what it prints.
func (p *processes) run(args ...string) string {
	p.t.Helper()
	cmd := exec.Command("earshot", args...)
	cmd.Dir = p.dir
	out, err := cmd.Output()
	if err != nil {
		p.t.Fatalf("earshot %s: %v", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out))
}

// await waits until the node that owns a data folder is as wanted.
func (p *processes) await(data string, ready func(control.Status) bool) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), scriptWait)
	defer cancel()
	for {
		s, err := p.status(ctx, data)
		if err == nil && ready(s) {
			return
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			p.t.Fatalf("the node of %s is not ready: %v", data, err)
		}
	}
}

func (p *processes) status(ctx context.Context, data string) (control.Status, error) {
	c, err := control.Dial(ctx, filepath.Join(p.dir, data))
	if err != nil {
		return control.Status{}, err
	}
	defer c.Close()
	return c.Status(ctx)
}

// listen plays a track to stdout at twelve times its pace, so that there is time
// for peers, and returns its sound and what was told of it.
func (p *processes) listen(data string, id protocol.ID) (pcm []byte, r player.Result) {
	cmd := exec.Command("earshot", "play", "--data", data, "--output", "stdout", "--loudness", "off", "--json", id.String())
	cmd.Dir = p.dir
	var words bytes.Buffer
	cmd.Stderr = &words
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		p.t.Error(err)
		return nil, r
	}
	const second = 4 * audio.SampleRate
	pace := time.NewTicker(time.Second / 12)
	defer pace.Stop()
	var heard bytes.Buffer
	reader := bufio.NewReaderSize(out, second)
	for {
		if _, err = io.CopyN(&heard, reader, second); err != nil {
			break
		}
		<-pace.C
	}
	if werr := cmd.Wait(); err != io.EOF || werr != nil {
		p.t.Errorf("playing in %s: %v, %v: %s", data, err, werr, &words)
		return nil, r
	}
	if err := json.Unmarshal(words.Bytes(), &r); err != nil {
		p.t.Errorf("%v in %s", err, &words)
	}
	return heard.Bytes(), r
}

// decoded is what a file sounds like, with nothing between it and the decoder.
func decoded(t *testing.T, data []byte) []byte {
	r := bytes.NewReader(data)
	info, err := audio.Probe(r, r.Size())
	if err != nil {
		t.Fatal(err)
	}
	d, err := audio.NewDecoder(r, info.Header(protocol.Track{}))
	if err != nil {
		t.Fatal(err)
	}
	pcm, err := io.ReadAll(d)
	if err != nil {
		t.Fatal(err)
	}
	return pcm
}

// TestASwarmOfProcessesPlaysEverySample is the whole program at once: a server
// and three nodes, each a process of its own, and real music.
func TestASwarmOfProcessesPlaysEverySample(t *testing.T) {
	p := &processes{t: t, dir: t.TempDir()}
	if err := os.CopyFS(filepath.Join(p.dir, "music"), music.Files()); err != nil {
		t.Fatal(err)
	}
	piece, err := fs.ReadFile(music.Files(), "03-invention.mp3")
	if err != nil {
		t.Fatal(err)
	}
	id, want := protocol.ID(blake3.Sum256(piece)), decoded(t, piece)
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	server := p.start("serve", "--data", "server", "--music", "music", "--listen", "127.0.0.1:"+port)
	p.await("server", func(control.Status) bool { return true })
	link := p.run("invite", "--data", "server", "--uses", "3")
	check := func(who string, pcm []byte, r player.Result) {
		t.Helper()
		if !bytes.Equal(pcm, want) {
			t.Errorf("%s: %d bytes of sound, want %d, or others", who, len(pcm), len(want))
		}
		if r.ID != id || r.SecondsPlayed != float64(len(want))/(4*audio.SampleRate) {
			t.Errorf("%s: %+v", who, r)
		}
		if sum := r.Total(); sum < int64(len(piece))*95/100 || sum > int64(len(piece)) {
			t.Errorf("%s: the shares add up to %d of %d bytes", who, sum, len(piece))
		}
	}

	p.run("join", "--data", "first", link)
	p.start("seed", "--data", "first")
	p.await("first", func(s control.Status) bool { return s.Connected })
	pcm, r := p.listen("first", id)
	check("first", pcm, r)
	if r.Peers != 0 || r.Server == 0 {
		t.Errorf("the first one: %+v", r.Shares)
	}

	// Two more at once, who have the first one as a peer.
	var wg sync.WaitGroup
	others := []string{"second", "third"}
	sounds, results := make([][]byte, len(others)), make([]player.Result, len(others))
	for i, data := range others {
		p.run("join", "--data", data, link)
		wg.Go(func() { sounds[i], results[i] = p.listen(data, id) })
	}
	wg.Wait()
	for i, data := range others {
		check(data, sounds[i], results[i])
	}
	if results[0].Peers+results[1].Peers == 0 {
		t.Errorf("nothing came from peers: %+v, %+v", results[0].Shares, results[1].Shares)
	}

	// What is cached plays with the server down, in a new process too.
	server.Process.Signal(syscall.SIGTERM)
	server.Wait()
	pcm, r = p.listen("third", id)
	check("third, again", pcm, r)
	if r.Cache != r.Total() {
		t.Errorf("not all of it came from the cache: %+v", r.Shares)
	}
}
