package stream

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"lukechampine.com/blake3/bao"

	"earshot/cache"
	"earshot/protocol"
)

// disc is a track to fetch, and the pieces of it in a cache of its own.
type disc struct {
	*pieces
	data, tree []byte
}

func newDisc(t *testing.T, chunks int, prepare func(dir string, id protocol.ID)) *disc {
	data := make([]byte, chunks*protocol.ChunkSize-100)
	rng := rand.NewChaCha8([32]byte{byte(chunks)})
	rng.Read(data)
	tree, id := bao.EncodeBuf(data, protocol.ChunkGroup, true)
	h := protocol.Header{
		Track:  protocol.Track{ID: id, Duration: time.Duration(chunks) * time.Second, Size: int64(len(data))},
		Format: protocol.FormatMP3, SampleRate: 44100, Channels: 2,
	}
	for i := range chunks {
		h.Seek = append(h.Seek, int64(i)*protocol.ChunkSize)
	}
	dir := t.TempDir()
	c, err := cache.Open(dir, cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if prepare != nil {
		prepare(dir, id)
	}
	track, err := c.Acquire(h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(track.Release)
	return &disc{newPieces(h, track), data, tree}
}

func (d *disc) chunk(i int) []byte {
	return bytes.Clone(d.data[i*protocol.ChunkSize:][:protocol.ChunkLen(d.header.Size, i)])
}

// readable returns what can be read of a chunk, from its start.
func (d *disc) readable(t *testing.T, i int) []byte {
	t.Helper()
	var all []byte
	var scratch chunkBuffer
	for b := make([]byte, 1000); ; {
		offset := i*protocol.ChunkSize + len(all)
		if len(all) == len(d.chunk(i)) {
			return all
		}
		n, _, wait, err := d.read(b[:min(len(b), len(d.chunk(i))-len(all))], int64(offset), &scratch)
		if err != nil {
			t.Fatal(err)
		}
		if wait != nil {
			return all
		}
		all = append(all, b[:n]...)
	}
}

func TestWhatIsReadIsTheTrackInWhateverOrderItComes(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 0))
		d := newDisc(t, 1+rng.IntN(12), nil)
		order := rng.Perm(protocol.Chunks(d.header.Size))
		proof := rng.IntN(len(order) + 1) // when the tree comes
		prove := func() {
			if _, wrong, err := d.prove(d.tree); err != nil || len(wrong) > 0 {
				t.Fatalf("seed %d: the proof tree: %v, wrong %v", seed, err, wrong)
			}
		}
		for k, i := range order {
			if k == proof {
				prove()
			}
			from := provider(1 + rng.IntN(2))
			known := k >= proof
			if rng.IntN(2) == 0 { // it comes with its path
				known = true
				if _, _, _, ok := d.learn(i, 1, protocol.Path(d.tree, d.header.Size, i, 1)); !ok {
					t.Fatalf("seed %d: the path of chunk %d is refused", seed, i)
				}
			}
			known = known || d.provable(i) // by its neighbour's path
			shared, err := d.complete(i, d.chunk(i), from)
			switch kept := d.has(i); {
			case known && (!shared || err != nil || !kept):
				t.Fatalf("seed %d: chunk %d cannot be shared: %v", seed, i, err)
			case !known && (shared || !errors.Is(err, errNoProof) || kept != (from == fromServer)):
				t.Fatalf("seed %d: chunk %d before the proof, from %d: %v, %v, kept %v", seed, i, from, shared, err, kept)
			}
		}
		if proof == len(order) {
			prove()
		}
		for i := range order {
			switch got := d.readable(t, i); {
			case d.has(i) && !bytes.Equal(got, d.chunk(i)):
				t.Fatalf("seed %d: chunk %d reads wrong", seed, i)
			case !d.has(i) && len(got) > 0:
				t.Fatalf("seed %d: chunk %d reads without being there", seed, i)
			case d.has(i) != d.track.Has(i):
				t.Fatalf("seed %d: chunk %d is proven but not stored", seed, i)
			}
		}
		if _, some := d.unproven(); some {
			t.Fatalf("seed %d: chunks wait though the proof tree is there", seed)
		}
	}
}

func TestAWrongChunkIsNeverStoredNorReadOnceThereIsProof(t *testing.T) {
	d := newDisc(t, 4, nil)
	bad := d.chunk(1)
	bad[0] ^= 1
	if _, _, err := d.prove(d.tree); err != nil {
		t.Fatal(err)
	}
	for _, from := range []provider{fromServer, fromPeers} {
		if stored, err := d.complete(1, bad, from); stored || !errors.Is(err, errCorrupt) {
			t.Errorf("from %d: %v, %v", from, stored, err)
		}
	}
	if d.has(1) || len(d.readable(t, 1)) > 0 {
		t.Error("it can be read")
	}
	if stored, err := d.complete(1, d.chunk(1), fromPeers); !stored || err != nil {
		t.Errorf("the right one afterwards: %v, %v", stored, err)
	}
}

func TestTheServersChunksAreJudgedWhenTheProofTreeComes(t *testing.T) {
	d := newDisc(t, 4, nil)
	bad := d.chunk(2)
	bad[100] ^= 1
	for i, data := range [][]byte{d.chunk(0), d.chunk(1), bad} {
		if _, err := d.complete(i, data, fromServer); !errors.Is(err, errNoProof) {
			t.Fatal(err)
		}
	}
	if _, some := d.unproven(); !some {
		t.Error("nothing waits for the proof tree")
	}
	if _, _, err := d.prove(bytes.Repeat([]byte{1}, len(d.tree))); !errors.Is(err, cache.ErrBadProof) {
		t.Errorf("another track's tree: %v", err)
	}
	stored, wrong, err := d.prove(d.tree)
	if err != nil || len(stored) != 2 || len(wrong) != 1 || wrong[0] != 2 {
		t.Errorf("stored %v, wrong %v, %v", stored, wrong, err)
	}
	if d.has(2) {
		t.Error("the wrong one can be read")
	}
}

func TestOnlyTheServersBytesAreReadWhileTheyArrive(t *testing.T) {
	d := newDisc(t, 2, nil)
	c := &piece{data: d.chunk(0)}
	d.arrived(0, c, 5000, fromServer)
	if got := d.readable(t, 0); !bytes.Equal(got, d.data[:5000]) {
		t.Errorf("%d bytes can be read", len(got))
	}
	d.arrived(0, &piece{data: d.chunk(0)}, 3000, fromServer) // a second answer, behind the first
	if got := d.readable(t, 0); len(got) != 5000 {
		t.Errorf("%d bytes can be read after a slower answer", len(got))
	}
}

func TestAFullDiskDoesNotStopTheMusic(t *testing.T) {
	const chunks = maxMemory + 40
	d := newDisc(t, chunks, func(dir string, id protocol.ID) {
		folder := filepath.Join(dir, "tracks", id.String()[:2])
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/dev/full", filepath.Join(folder, id.String()+".data")); err != nil {
			t.Fatal(err)
		}
	})
	if _, _, err := d.prove(d.tree); err != nil {
		t.Fatal(err)
	}
	held := 0
	for i := range chunks {
		stored, err := d.complete(i, d.chunk(i), fromPeers)
		if stored || err == nil || errors.Is(err, errCorrupt) {
			t.Fatalf("chunk %d: %v, %v: the disk is not full", i, stored, err)
		}
		if got := d.readable(t, i); !bytes.Equal(got, d.chunk(i)) {
			t.Fatalf("chunk %d cannot be read: %d bytes", i, len(got))
		}
		for _, gone := range d.forget(i) {
			if gone >= i || d.has(gone) {
				t.Fatalf("at chunk %d, %d is forgotten", i, gone)
			}
		}
		held = max(held, len(d.memory))
	}
	if held > maxMemory+1 {
		t.Errorf("%d chunks were held in memory", held)
	}
}

func TestAPathMakesAChunkOfTheServerOneToShare(t *testing.T) {
	d := newDisc(t, 9, nil)
	if shared, err := d.complete(4, d.chunk(4), fromServer); shared || !errors.Is(err, errNoProof) {
		t.Fatalf("without any proof: %v, %v", shared, err)
	}
	bad := d.chunk(5)
	bad[0] ^= 1
	d.complete(5, bad, fromServer)
	shared, wrong, whole, ok := d.learn(4, 2, protocol.Path(d.tree, d.header.Size, 4, 2))
	if !ok || whole != nil || !slices.Equal(shared, []int{4}) || !slices.Equal(wrong, []int{5}) {
		t.Fatalf("to share are %v, wrong are %v, whole %v", shared, wrong, whole != nil)
	}
	if _, _, _, ok := d.learn(2, 1, protocol.Path(d.tree, d.header.Size, 7, 1)); ok || d.provable(2) {
		t.Error("the path of another chunk is taken")
	}
}

func TestWhatIsVerifiedIsSharedBeforeItIsStored(t *testing.T) {
	d := newDisc(t, 9, nil)
	d.learn(3, 1, protocol.Path(d.tree, d.header.Size, 3, 1))
	if shared, err := d.complete(3, d.chunk(3), fromPeers); !shared || err != nil {
		t.Fatalf("%v, %v", shared, err)
	}
	d.complete(0, d.chunk(0), fromServer) // not verified
	s := sharing{d.track, d.pieces}
	buf := make([]byte, protocol.ChunkSize)
	if have := s.Have(); have.Count() != 1 || !have.Has(3) {
		t.Errorf("it offers %v", have)
	}
	if n, err := s.ReadChunk(3, buf); err != nil || !bytes.Equal(buf[:n], d.chunk(3)) {
		t.Errorf("it gives %d bytes, %v", n, err)
	}
	if path, ok := s.Path(3, 1); !ok || !bytes.Equal(path, protocol.Path(d.tree, d.header.Size, 3, 1)) {
		t.Error("it does not prove what it gives")
	}
	if _, ok := s.Path(0, 1); ok {
		t.Error("it proves what it cannot")
	}
	if _, _, err := d.prove(d.tree); err != nil {
		t.Fatal(err)
	}
	if have := s.Have(); have.Count() != 2 || !d.track.Has(3) || !d.track.Has(0) {
		t.Errorf("with the proof tree it offers %v", have)
	}
}

func TestThePathsOfAllChunksAreTheProofTree(t *testing.T) {
	d := newDisc(t, 5, nil)
	for i := range 5 {
		if _, _, whole, ok := d.learn(i, 1, protocol.Path(d.tree, d.header.Size, i, 1)); !ok || whole != nil && !bytes.Equal(whole, d.tree) {
			t.Fatalf("chunk %d: %v, another tree", i, ok)
		} else if i == 4 && whole == nil {
			t.Error("it is not whole in the end")
		}
	}
}

func TestAHeaderThatIsReadByIsNotReplaced(t *testing.T) {
	c, err := cache.Open(t.TempDir(), cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	told := protocol.Header{
		Track:  protocol.Track{ID: protocol.ID{7}, Duration: time.Second, Size: 5 * protocol.ChunkSize},
		Format: protocol.FormatMP3, SampleRate: 44100, Channels: 2, Seek: []int64{0},
	}
	track, err := c.Acquire(told)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(track.Release)
	s := newStream(&Streams{config: Config{Cache: c}}, told.ID, 0, wishPlay, func() {})
	s.pieces = newPieces(told, track)
	read := s.pieces
	s.setReady()
	truth := told
	truth.Size += protocol.ChunkSize
	if err := s.believe(truth); !errors.Is(err, errLie) || s.pieces != read {
		t.Errorf("the pieces of a reader are others than they were: %v", err)
	}
	s.fail(errLie)
	if s.join(wishPlay) {
		t.Error("who opens the track anew joins the stream that has ended")
	}
}
