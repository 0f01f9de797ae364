package protocol

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/quic-go/quic-go/quicvarint"
	"lukechampine.com/blake3/bao"
)

func sampleID(n byte) (id ID) {
	for i := range id {
		id[i] = n + byte(i)
	}
	return id
}

func sampleHeader() Header {
	h := Header{
		Track: Track{
			ID: sampleID(1), Title: "Präludium C-Dur", Artist: "J. S. Bach", Album: "BWV 846", Disc: 1, Number: 2,
			Year: 1722, Duration: 3 * time.Second, Size: 100_000, Bitrate: 192_000,
		},
		Format: FormatMP3, SampleRate: 44100, Channels: 2, Delay: 1105, Padding: 700, Samples: 3 * 44100, Loudness: Loudness{-6500, 250, 31_000, 40_000},
		Seek: []int64{1045, 25_000, 50_000, 50_000},
	}
	return h
}

func samplePeer() Peer {
	return Peer{
		Node: NodeID(sampleID(9)), Public: netip.MustParseAddrPort("203.0.113.9:4433"),
		Local:      []netip.AddrPort{netip.MustParseAddrPort("192.168.1.7:4433"), netip.MustParseAddrPort("[2001:db8::1]:4433")},
		Coordinate: Coordinate{Vec: [CoordinateDims]float64{0.25, -0.5}, Error: 1.5, Adjustment: -0.125, Height: 0.0625},
	}
}

func samples() []Message {
	return []Message{
		&Hello{Agent: "earshot/1", Sharing: true, Local: samplePeer().Local, Coordinate: samplePeer().Coordinate, Seen: samplePeer().Public},
		&Want{sampleID(2)}, &Unwant{sampleID(3)}, &Lost{sampleID(4)},
		&Have{ID: sampleID(5), Size: 5 * ChunkSize, Chunks: Bitmap{0b10101}, Listening: true},
		&Got{sampleID(6), 7, 4},
		&Announce{[]Announced{{sampleID(7), true}, {sampleID(8), false}}, samplePeer().Coordinate}, &Announce{},
		&Withdraw{[]ID{sampleID(7)}},
		&Open{sampleID(1), 90 * time.Second, 5 * time.Second, PriorityBackground, []Hint{7, 1 << 31}, true},
		&Opened{Header: sampleHeader(), HeadFirst: 1, HeadCount: 3, PartFirst: 2, PartCount: 1, Listeners: 4, Peers: []Peer{samplePeer()}, Proven: 1, Path: make([]byte, 2*nodeSize), Starter: true, Slices: make([]byte, SlicesSize)},
		&Get{sampleID(1), 4, 8, PriorityPrefetch, 1500 * time.Millisecond, true, true}, &Data{Count: 8}, &Data{Count: 8, Path: make([]byte, 9*nodeSize)}, &Data{Count: 1, Slices: make([]byte, SlicesSize)}, &GetProof{sampleID(1)}, &Proof{sampleID(1), 4711},
		&Search{Query{Kind: QueryWords, Text: "bach prelude", Offset: 10, Limit: 20}, Route{MaxHops, 1 << 63}},
		&FoundTracks{Results{Total: 7, Tracks: []Track{sampleHeader().Track}}},
		&FoundTracks{Results{Total: 7, Groups: []Group{{Artist: "J. S. Bach", Album: "WTC", Year: 1722, Tracks: 24}}}},
		&FindPeers{sampleID(1), Route{1, 4711}}, &FoundPeers{12, []Peer{samplePeer(), {Node: NodeID(sampleID(4))}}},
		&Renew{}, &Certificate{[]byte("leaf"), []byte("root")},
		&Join{Secret: [16]byte{1, 2}, Key: [32]byte{3}}, &Refuse{CodeInvitationUsed},
	}
}

func TestEveryMessageComesBackAsItWasSent(t *testing.T) {
	for _, m := range samples() {
		got, err := NewReader(bytes.NewReader(Append(nil, m))).Next()
		if err != nil {
			t.Fatalf("%T: %v", m, err)
		}
		if !reflect.DeepEqual(got, m) {
			t.Errorf("%T:\n got %+v\nwant %+v", m, got, m)
		}
	}
}

func TestUnknownMessagesAndTrailingFieldsAreSkipped(t *testing.T) {
	b := quicvarint.Append(nil, 0x3fff) // a type of version 2
	b = append(quicvarint.Append(b, 5), "later"...)
	want := &Get{ID: sampleID(1), First: 4, Count: 8}
	body := append(want.encode(nil), "more fields"...)
	b = quicvarint.Append(b, uint64(TypeGet))
	b = append(quicvarint.Append(b, uint64(len(body))), body...)
	b = append(b, "raw"...)

	r := NewReader(bytes.NewReader(b))
	got, err := r.Next()
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, %v; want %+v", got, err, want)
	}
	if raw, err := io.ReadAll(r); string(raw) != "raw" || err != nil {
		t.Errorf("behind the message: %q, %v", raw, err)
	}
}

func TestAMessageCutShortIsAnError(t *testing.T) {
	for _, m := range samples() {
		whole := Append(nil, m)
		for n := 1; n < len(whole); n++ {
			_, err := NewReader(bytes.NewReader(whole[:n])).Next()
			if err == nil || err == io.EOF {
				t.Fatalf("%T cut to %d of %d bytes: %v", m, n, len(whole), err)
			}
		}
	}
}

func TestAClaimedLengthBeyondTheLimitIsRefusedBeforeItIsRead(t *testing.T) {
	for _, m := range samples() {
		b := quicvarint.Append(nil, uint64(m.Type()))
		b = quicvarint.Append(b, uint64(bodyLimit(m.Type())+1))
		if _, err := NewReader(bytes.NewReader(b)).Next(); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%T: %v, want ErrTooLarge", m, err)
		}
	}
}

func TestMalformedFieldsAreRefused(t *testing.T) {
	bad := map[string]Message{
		"a have map of another length":      &Have{ID: sampleID(1), Size: 9 * ChunkSize, Chunks: Bitmap{0xff}},
		"a have map with bits past the end": &Have{ID: sampleID(1), Size: 5 * ChunkSize, Chunks: Bitmap{0xff}},
		"a run of no chunks":                &Get{ID: sampleID(1)},
		"a run beyond the limit":            &Get{ID: sampleID(1), Count: MaxRun + 1},
		"text that is not UTF-8":            &Search{Query: Query{Text: "\xff"}},
		"a question that goes too far":      &FindPeers{Route: Route{Hops: MaxHops + 1}},
		"a list of holders that lies":       &Announce{Coordinate: Coordinate{Error: -1}},
		"a coordinate out of this world":    &Hello{Coordinate: Coordinate{Height: 1e9}},
		"a head behind the track's end":     &Opened{Header: sampleHeader(), HeadFirst: 6, HeadCount: 2},
	}
	h := sampleHeader()
	h.Seek = []int64{5, 4}
	bad["a falling seek table"] = &Opened{Header: h}
	h.Seek = []int64{h.Size + 1}
	bad["a seek table past the end"] = &Opened{Header: h}
	h.Seek = nil
	bad["no seek table"] = &Opened{Header: h}
	for name, m := range bad {
		if _, err := NewReader(bytes.NewReader(Append(nil, m))).Next(); !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOnlyFormatsOtherThanMP3HaveASetup(t *testing.T) {
	h := sampleHeader()
	before := AppendHeader(nil, &h)
	h.Setup = []byte("not written")
	if !bytes.Equal(AppendHeader(nil, &h), before) {
		t.Error("the header of an MP3 has changed")
	}
	h.Format, h.Setup = FormatVorbis, bytes.Repeat([]byte("setup"), 1000)
	got, err := ParseHeader(AppendHeader(nil, &h))
	if err != nil || !reflect.DeepEqual(got, h) {
		t.Errorf("%+v, %v", got, err)
	}
	h.Setup = make([]byte, MaxSetup+1)
	if _, err := ParseHeader(AppendHeader(nil, &h)); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

func TestALongHeaderStaysWithinItsMessage(t *testing.T) {
	h := sampleHeader()
	h.Size = MaxTrackSize
	h.Seek = make([]int64, MaxSeconds)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := 1; i < len(h.Seek); i++ {
		h.Seek[i] = h.Seek[i-1] + 20_000 + rng.Int64N(20_000)
	}
	got, err := NewReader(bytes.NewReader(Append(nil, &Opened{Header: h}))).Next()
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.(*Opened).Header.Seek, h.Seek) {
		t.Error("the seek table changed")
	}
}

func TestASeekTableCostsAboutAByteASecond(t *testing.T) {
	seek := make([]int64, 120)
	for i := range seek { // CBR: 192 kbit/s in frames of 626 or 627 bytes
		seek[i] = int64(i) * 44100 / 1152 * 626939 / 1000
	}
	if n := len(appendSeek(nil, seek)); n > 2*len(seek) {
		t.Errorf("%d bytes for %d seconds", n, len(seek))
	}
}

func TestOffsetAndTimeAreInverse(t *testing.T) {
	h := sampleHeader()
	h.Seek = []int64{1000, 25_000, 50_000}
	for _, at := range []time.Duration{0, time.Second, 2 * time.Second} {
		if got := h.TimeAt(h.OffsetAt(at)); got != at {
			t.Errorf("TimeAt(OffsetAt(%v)) = %v", at, got)
		}
	}
	if got := h.TimeAt(37_500); got != 1500*time.Millisecond {
		t.Errorf("half way through the second second: %v", got)
	}
	if got := h.TimeAt(h.Size); got != h.Duration {
		t.Errorf("at the end: %v", got)
	}
	if got := h.OffsetAt(-time.Second); got != 1000 {
		t.Errorf("before the beginning: %v", got)
	}
}

func TestOnlyTheRightBytesVerify(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, size := range []int{1, 1024, ChunkSize - 1, ChunkSize, ChunkSize + 1, 5*ChunkSize + 77} {
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		proof, root := bao.EncodeBuf(data, ChunkGroup, true)
		if len(proof) != ProofSize(int64(size)) {
			t.Fatalf("size %d: a proof tree of %d bytes, ProofSize says %d", size, len(proof), ProofSize(int64(size)))
		}
		for i := range Chunks(int64(size)) {
			chunk := data[i*ChunkSize : i*ChunkSize+ChunkLen(int64(size), i)]
			if !VerifyChunk(root, int64(size), proof, i, chunk) {
				t.Fatalf("size %d: chunk %d does not verify", size, i)
			}
			wrong := bytes.Clone(chunk)
			wrong[rng.IntN(len(wrong))] ^= 1
			if VerifyChunk(root, int64(size), proof, i, wrong) {
				t.Fatalf("size %d: a changed chunk %d verifies", size, i)
			}
			if VerifyChunk(root, int64(size), proof, i+1, chunk) {
				t.Fatalf("size %d: chunk %d verifies as the next", size, i)
			}
		}
	}
}

func TestIDsAndNodeIDsComeBackFromText(t *testing.T) {
	id := sampleID(200)
	if got, err := ParseID(id.String()); err != nil || got != id {
		t.Errorf("ParseID(%q) = %v, %v", id.String(), got, err)
	}
	node := NodeID(id)
	if got, err := ParseNodeID(node.String()); err != nil || got != node {
		t.Errorf("ParseNodeID(%q) = %v, %v", node.String(), got, err)
	}
	for _, s := range []string{"", "xyz", id.String()[:63], id.String() + "0", "g" + id.String()[1:]} {
		if _, err := ParseID(s); err == nil {
			t.Errorf("ParseID(%q) succeeds", s)
		}
	}
}

func FuzzReader(f *testing.F) {
	var all []byte
	for _, m := range samples() {
		f.Add(Append(nil, m))
		all = Append(all, m)
	}
	f.Add(all)
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader(bytes.NewReader(b))
		for {
			m, err := r.Next()
			if err != nil {
				return
			}
			again, err := NewReader(bytes.NewReader(Append(nil, m))).Next()
			if err != nil {
				t.Fatalf("%T does not decode from its own encoding: %v", m, err)
			}
			if !bytes.Equal(Append(nil, again), Append(nil, m)) {
				t.Fatalf("%T changes:\n%+v\n%+v", m, m, again)
			}
		}
	})
}

func FuzzVerifyChunk(f *testing.F) {
	proof, root := bao.EncodeBuf(make([]byte, 3*ChunkSize), ChunkGroup, true)
	f.Add(root[:], int64(3*ChunkSize), proof, 1, make([]byte, ChunkSize))
	f.Fuzz(func(t *testing.T, id []byte, size int64, proof []byte, i int, data []byte) {
		if len(id) == 32 {
			VerifyChunk(ID(id), size, proof, i, data)
		}
	})
}

func FuzzParseHeader(f *testing.F) {
	h := sampleHeader()
	f.Add(AppendHeader(nil, &h))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHeader(b)
		if err != nil {
			return
		}
		for s := 1; s < len(h.Seek); s++ {
			if h.Seek[s] < h.Seek[s-1] || h.Seek[s] > h.Size {
				t.Fatalf("an unsound seek table: %v of %d", h.Seek, h.Size)
			}
		}
		h.TimeAt(h.Size / 2)
	})
}

func BenchmarkVerifyChunk(b *testing.B) {
	data := make([]byte, 300*ChunkSize)
	proof, root := bao.EncodeBuf(data, ChunkGroup, true)
	b.SetBytes(ChunkSize)
	b.ReportAllocs()
	for b.Loop() {
		if !VerifyChunk(root, int64(len(data)), proof, 150, data[150*ChunkSize:151*ChunkSize]) {
			b.Fatal("does not verify")
		}
	}
}

func BenchmarkGet(b *testing.B) {
	m := &Get{ID: sampleID(1), First: 4, Count: 8}
	buf := make([]byte, 0, 128)
	b.ReportAllocs()
	for b.Loop() {
		buf = Append(buf[:0], m)
	}
}
