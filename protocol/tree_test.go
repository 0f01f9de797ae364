package protocol

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"lukechampine.com/blake3/bao"
)

// made returns a track of random bytes and its proof tree.
func made(size int) (data, tree []byte, id ID) {
	data = make([]byte, size)
	rand.NewChaCha8([32]byte{byte(size)}).Read(data)
	tree, root := bao.EncodeBuf(data, ChunkGroup, true)
	return data, tree, ID(root)
}

func TestAPathVerifiesItsChunksAndNoOthers(t *testing.T) {
	for _, size := range []int{1, ChunkSize, ChunkSize + 1, 3 * ChunkSize, 8 * ChunkSize, 11*ChunkSize + 5, 176 * ChunkSize} {
		data, whole, id := made(size)
		n := Chunks(int64(size))
		for first := range n {
			for count := 1; count <= min(n-first, 9); count++ {
				tree := NewTree(id, int64(size))
				path := Path(whole, int64(size), first, count)
				if !tree.Add(first, count, path) {
					t.Fatalf("%d bytes: the path of %d+%d is refused", size, first, count)
				}
				for i := first; i < first+count; i++ {
					chunk := data[i*ChunkSize : min((i+1)*ChunkSize, size)]
					if !tree.Covers(i) || !tree.Verify(i, chunk) {
						t.Fatalf("%d bytes: chunk %d does not verify by the path of %d+%d", size, i, first, count)
					}
					wrong := bytes.Clone(chunk)
					wrong[len(wrong)/2] ^= 1
					if tree.Verify(i, wrong) {
						t.Fatalf("%d bytes: a wrong chunk %d verifies", size, i)
					}
				}
				if again, ok := tree.Path(first, count); !ok || !bytes.Equal(again, path) {
					t.Fatalf("%d bytes: the path of %d+%d cannot be passed on", size, first, count)
				}
			}
		}
	}
}

func TestPathsOfAllChunksMakeTheWholeTree(t *testing.T) {
	for _, size := range []int{1, 2 * ChunkSize, 13*ChunkSize - 7} {
		_, whole, id := made(size)
		tree := NewTree(id, int64(size))
		n := Chunks(int64(size))
		for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(n) {
			if _, done := tree.Whole(); done && n > 2 && len(tree.nodes) < n-1 {
				t.Fatal("whole too soon")
			}
			tree.Add(i, 1, Path(whole, int64(size), i, 1))
		}
		if got, ok := tree.Whole(); !ok || !bytes.Equal(got, whole) {
			t.Fatalf("%d bytes: the tree is not whole", size)
		}
	}
}

func TestAWrongPathIsRefusedAndLeavesNothing(t *testing.T) {
	const size = 20 * ChunkSize
	_, whole, id := made(size)
	good := Path(whole, size, 5, 2)
	bad := map[string][]byte{"short": good[:len(good)-nodeSize], "long": append(bytes.Clone(good), good[:nodeSize]...), "cut": good[:len(good)-1], "empty": nil}
	for i := range len(good) / nodeSize {
		b := bytes.Clone(good)
		b[i*nodeSize] ^= 1
		bad[fmt.Sprint("changed ", i)] = b
	}
	for what, path := range bad {
		tree := NewTree(id, size)
		if tree.Add(5, 2, path) || len(tree.nodes) > 0 || tree.Covers(5) {
			t.Errorf("%s: taken", what)
		}
	}
	if tree := NewTree(id, size); tree.Add(6, 2, good) || tree.Add(-1, 2, good) || tree.Add(19, 2, good) || tree.Add(5, 0, nil) {
		t.Error("the path of other chunks is taken")
	}
}

func FuzzTree(f *testing.F) {
	const size = 11*ChunkSize + 9
	data, whole, id := made(size)
	f.Add(3, 2, Path(whole, size, 3, 2))
	f.Add(0, 12, Path(whole, size, 0, 12))
	f.Fuzz(func(t *testing.T, first, count int, path []byte) {
		tree := NewTree(id, size)
		if !tree.Add(first, count, path) {
			return
		}
		for i := first; i < first+count; i++ { // what is taken is true
			if !tree.Verify(i, data[i*ChunkSize:min((i+1)*ChunkSize, size)]) {
				t.Fatalf("chunk %d", i)
			}
		}
	})
}
