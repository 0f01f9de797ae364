package protocol

import (
	"bytes"
	"testing"
)

// covering returns a tree in which chunk i can be verified, and what it is.
func covering(size, i int) (tree *Tree, chunk []byte) {
	data, whole, id := made(size)
	tree = NewTree(id, int64(size))
	tree.Add(i, 1, Path(whole, int64(size), i, 1))
	return tree, data[i*ChunkSize : min((i+1)*ChunkSize, size)]
}

func TestEachSliceOfAChunkVerifiesAlone(t *testing.T) {
	for _, size := range []int{2 * ChunkSize, 3*ChunkSize + 1, 3*ChunkSize + SliceSize, 3*ChunkSize + SliceSize + 1, 4*ChunkSize - 1, 9*ChunkSize + 3*SliceSize - 500} {
		for i := range Chunks(int64(size)) {
			tree, chunk := covering(size, i)
			values := Slices(i, chunk)
			n := (len(chunk) + SliceSize - 1) / SliceSize
			if n == 1 {
				if values != nil || tree.AddSlices(i, values) {
					t.Fatalf("%d bytes: chunk %d of one slice has %d bytes of values", size, i, len(values))
				}
				continue
			}
			if !tree.AddSlices(i, values) || !bytes.Equal(tree.Slices(i), values) || len(values) > SlicesSize {
				t.Fatalf("%d bytes: the slices of chunk %d are refused", size, i)
			}
			for k := range n {
				slice := bytes.Clone(chunk[k*SliceSize : min((k+1)*SliceSize, len(chunk))])
				if !tree.VerifySlice(i, k, slice) {
					t.Fatalf("%d bytes: slice %d of chunk %d does not verify", size, k, i)
				}
				if tree.VerifySlice(i, (k+1)%n, slice) || tree.VerifySlice(i, k, slice[1:]) || tree.VerifySlice(i, n, slice) || tree.VerifySlice(i, -1, slice) {
					t.Fatalf("%d bytes: slice %d of chunk %d verifies elsewhere, or in part", size, k, i)
				}
				slice[len(slice)/2] ^= 1
				if tree.VerifySlice(i, k, slice) {
					t.Fatalf("%d bytes: a wrong slice %d of chunk %d verifies", size, k, i)
				}
			}
		}
	}
}

func TestSlicesOfAnotherChunkAreRefusedAndLeaveNothing(t *testing.T) {
	const size = 5 * ChunkSize
	tree, chunk := covering(size, 1)
	_, other := covering(size, 2)
	good := Slices(1, chunk)
	changed := bytes.Clone(good)
	changed[40] ^= 1
	for what, values := range map[string][]byte{
		"none": nil, "short": good[:len(good)-leafSize], "cut": good[:len(good)-1], "long": append(bytes.Clone(good), good[:leafSize]...),
		"changed": changed, "another's": Slices(2, other), "of another place": Slices(0, chunk),
	} {
		if tree.AddSlices(1, values) || tree.Slices(1) != nil || tree.VerifySlice(1, 0, chunk[:SliceSize]) {
			t.Errorf("%s: taken", what)
		}
	}
	for _, i := range []int{-1, 3, 5} {
		if tree.AddSlices(i, good) {
			t.Errorf("chunk %d, which nothing is known of: taken", i)
		}
	}
}

func TestATreeKeepsTheSlicesOfFewChunks(t *testing.T) {
	const chunks = 2 * maxKept
	data, whole, id := made(chunks * ChunkSize)
	tree := NewTree(id, int64(len(data)))
	tree.Add(0, chunks, Path(whole, int64(len(data)), 0, chunks))
	for i := range chunks {
		if !tree.AddSlices(i, Slices(i, data[i*ChunkSize:][:ChunkSize])) {
			t.Fatalf("those of chunk %d are refused", i)
		}
	}
	if len(tree.slices) > maxKept {
		t.Errorf("it keeps %d", len(tree.slices))
	}
}

func FuzzSlices(f *testing.F) {
	const size = 3*ChunkSize + 2*SliceSize + 9
	for i := range 4 {
		_, chunk := covering(size, i)
		f.Add(i, Slices(i, chunk))
	}
	f.Fuzz(func(t *testing.T, i int, values []byte) {
		if i = i % 4; i < 0 {
			return
		}
		tree, chunk := covering(size, i)
		if !tree.AddSlices(i, values) {
			return
		}
		for k := 0; k*SliceSize < len(chunk); k++ { // what is taken is true
			if !tree.VerifySlice(i, k, chunk[k*SliceSize:min((k+1)*SliceSize, len(chunk))]) {
				t.Fatalf("slice %d", k)
			}
		}
	})
}

func BenchmarkVerifySlice(b *testing.B) {
	tree, chunk := covering(2*ChunkSize, 1)
	tree.AddSlices(1, Slices(1, chunk))
	b.SetBytes(SliceSize)
	b.ReportAllocs()
	for b.Loop() {
		tree.VerifySlice(1, 0, chunk[:SliceSize])
	}
}
