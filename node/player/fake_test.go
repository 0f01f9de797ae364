package player

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"earshot/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// played is what came of a play.
type played struct {
	results []Result
	err     error
	events  []Event
	out     *fakeOutput
}

// play plays all tracks of src and collects what comes of it.
func play(ctx context.Context, src *fakeSource, change func(*Config)) played {
	p := played{out: &fakeOutput{}}
	cfg := Config{Source: src, Output: p.out, Decode: src.decode, Events: func(e Event) { p.events = append(p.events, e) }}
	for k := range src.tracks {
		cfg.Queue = append(cfg.Queue, protocol.Track{ID: id(k)})
	}
	if change != nil {
		change(&cfg)
	}
	p.results, p.err = Play(ctx, cfg)
	return p
}

// synctestPlay plays all tracks of a source in virtual time and looks at what came of it.
func synctestPlay(t *testing.T, src func() *fakeSource, change func(*Config), f func(played, *fakeSource)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := src()
		f(play(t.Context(), s, change), s)
	})
}

// kinds returns the events of a kind.
func (p played) kinds(kind EventKind) (all []Event) {
	for _, e := range p.events {
		if e.Kind == kind {
			all = append(all, e)
		}
	}
	return all
}

// near reports whether got is within slack of want.
func near(got, want, slack time.Duration) bool { return (got - want).Abs() <= slack }

func ms(f float64) time.Duration { return time.Duration(f * float64(time.Millisecond)) }

// whole is the PCM of all tracks of src, one after another.
func whole(src *fakeSource) (b []byte) {
	for k, t := range src.tracks {
		b = append(b, pcm(k, 0, t.samples)...)
	}
	return b
}
