package schedule

import (
	"math/rand/v2"
	"testing"
	"time"

	"earshot/protocol"
)

// takers counts how many of a crowd, each of whom knows some others, are first in
// line for a block, on average over all blocks.
func takers(crowd, known int, slack time.Duration) float64 {
	line, rng := track(), rand.New(rand.NewPCG(1, 2))
	keys := make([]uint64, crowd)
	for i := range keys {
		keys[i] = rng.Uint64()
	}
	first, blocks := 0, 0
	for i := range keys {
		s := New(Config{Timeline: line, Self: keys[i], Others: crowd - 1, Track: protocol.ID{1}})
		for n, p := range rng.Perm(crowd) {
			if p != i && n < known {
				s.AddSource(0, SourceID(p), Source{Key: keys[p]})
				s.Listening(0, SourceID(p), true)
			}
		}
		blocks = 0
		for c := 0; c < line.Chunks(); c += runChunks {
			blocks++
			if s.rank(c) == 0 && !s.outranked(c, slack) {
				first++
			}
		}
	}
	return float64(first) / float64(blocks)
}

func TestOfACrowdWhoKnowsFewAboutOneTakesABlockAtFirst(t *testing.T) {
	const crowd, known = 50, 15
	far, urgent := takers(crowd, known, Never), takers(crowd, known, 3*time.Second)
	if far < 0.6 || far > 1.5 {
		t.Errorf("far ahead %.2f take each block", far)
	}
	if urgent < 2 {
		t.Errorf("when it is urgent %.2f do, so somebody may not", urgent)
	}
	if near := takers(crowd, known, 9*time.Second); near <= far || near >= urgent {
		t.Errorf("in between %.2f do, not between %.2f and %.2f", near, far, urgent)
	}
	if all := takers(8, 8, Never); all != 1 {
		t.Errorf("where all know one another %.2f do", all)
	}
}
