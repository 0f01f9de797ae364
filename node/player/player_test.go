package player

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"earshot/node/control"
	"earshot/protocol"
)

// step is what is written at once: the grain of all times here.
const step = 27 * time.Millisecond

func TestTracksJoinWithoutAGapOrALostSample(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newSource(seconds(12.34567), &fakeTrack{samples: 7}, seconds(3.00007), seconds(20))
		for _, track := range src.tracks {
			track.opens = 300 * time.Millisecond
		}
		p := play(t.Context(), src, nil)
		if p.err != nil {
			t.Fatal(p.err)
		}
		if !bytes.Equal(p.out.got, whole(src)) {
			t.Errorf("the output got other samples than the tracks hold: %d bytes, want %d", len(p.out.got), len(whole(src)))
		}
		if p.out.stutters != 0 {
			t.Errorf("%d stutters, of %v", p.out.stutters, p.out.stutter)
		}
		if len(p.results) != 4 {
			t.Fatalf("%d results, want 4", len(p.results))
		}
		for k, r := range p.results {
			samples := src.tracks[k].samples
			if r.ID != id(k) || r.Err != nil || r.Stutters != 0 || r.Peers != samples*sampleSize || r.SecondsPlayed != float64(samples)/sampleRate {
				t.Errorf("track %d: %+v", k, r)
			}
			if k > 0 && ms(r.LatencyMS) > step {
				t.Errorf("track %d began %v ms after the one before", k, r.LatencyMS)
			}
		}
		if src.open != 0 {
			t.Errorf("%d tracks still open", src.open)
		}
		if got, want := len(p.kinds(EventStarted)), 4; got != want || len(p.kinds(EventEnded)) != want {
			t.Errorf("%d started and %d ended, want %d", got, len(p.kinds(EventEnded)), want)
		}
	})
}

func TestNothingIsLookedUpBesideAStart(t *testing.T) {
	for name, test := range map[string]struct {
		opens time.Duration
		want  []int // the tracks that are looked up
	}{
		"what plays tells of itself":       {100 * time.Millisecond, []int{1}},
		"a start that takes long may wait": {2 * time.Second, []int{0, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src := newSource(seconds(20), seconds(20))
				src.tracks[0].opens = test.opens
				begin := time.Now()
				var got []int
				play(t.Context(), src, func(c *Config) {
					c.Describe = func(_ context.Context, id protocol.ID) (protocol.Track, error) {
						if since := time.Since(begin); since < min(test.opens, lookUpAfter) {
							t.Errorf("track %d was looked up after %v", id[0], since)
						}
						got = append(got, int(id[0]))
						return protocol.Track{ID: id, Title: "A title"}, nil
					}
				})
				if !slices.Equal(got, test.want) {
					t.Errorf("looked up: %v, want %v", got, test.want)
				}
			})
		})
	}
}

func TestFirstSampleLeavesAsSoonAsItIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started := time.Now()
		time.Sleep(100 * time.Millisecond) // the process starts
		track := seconds(5)
		track.opens, track.rate = 50*time.Millisecond, secondSize*5/4
		p := play(t.Context(), newSource(track), func(c *Config) { c.Started = started })
		// 1152 bytes are what the track gives first.
		want := 150*time.Millisecond + time.Second*1151/(secondSize*5/4)
		if got := p.out.first.Sub(started); !near(got, want, time.Microsecond) {
			t.Errorf("the first sample left after %v, want %v", got, want)
		}
		if got := ms(p.results[0].LatencyMS); !near(got, want, time.Microsecond) {
			t.Errorf("playback latency %v, want %v", got, want)
		}
		if e := p.kinds(EventStarted); len(e) != 1 || e[0].Result.LatencyMS != p.results[0].LatencyMS {
			t.Errorf("started: %+v", e)
		}
		if p.out.stutters != 0 {
			t.Errorf("%d stutters", p.out.stutters)
		}
	})
}

func TestNextTrackIsFetchedWhenItsTimeComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newSource(seconds(45), seconds(4), seconds(1))
		p := play(t.Context(), src, nil)
		if p.err != nil {
			t.Fatal(p.err)
		}
		want := []prefetched{
			{id(1), control.DepthPeers, 15 * time.Second},
			{id(1), control.DepthHead, 35 * time.Second},
		}
		if len(src.prefetches) != len(want) {
			t.Fatalf("prefetched %v, want %v", src.prefetches, want)
		}
		for i, w := range want {
			got := src.prefetches[i]
			if got.id != w.id || got.depth != w.depth || !near(got.at, w.at, outputBuffer+step) {
				t.Errorf("prefetched %+v, want %+v", got, w)
			}
		}
		// The last is opened 5 s before its time too, though the second is shorter.
		for k, at := range []time.Duration{0, 40 * time.Second, 44 * time.Second} {
			if !near(src.opened[k], at, outputBuffer+step) {
				t.Errorf("track %d opened after %v, want %v", k, src.opened[k], at)
			}
		}
	})
}

func TestRunningDryIsCountedOnTheTrackThatDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newSource(seconds(10), seconds(10), seconds(5))
		const silence = 3 * time.Second
		src.tracks[1].stallAt = 5 * secondSize
		// Opened 5 s before its first sample is heard, decoded 1 s before.
		src.tracks[1].stallFor = 10*time.Second + silence
		p := play(t.Context(), src, nil)
		if p.err != nil || !bytes.Equal(p.out.got, whole(src)) {
			t.Fatalf("%v; or not all samples", p.err)
		}
		for k, r := range p.results {
			want, silent := 0, time.Duration(0)
			if k == 1 {
				want, silent = 1, silence
			}
			if r.Stutters != want || !near(ms(r.StutterMS), silent, 2*outputBuffer) {
				t.Errorf("track %d: %d stutters of %.0f ms, want %d of %v", k, r.Stutters, r.StutterMS, want, silent)
			}
		}
	})
}

func TestPlayingResumesWhenSomethingHoldsTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newSource(seconds(10))
		src.tracks[0].stallAt, src.tracks[0].stallFor, src.tracks[0].away = 4*secondSize+2, time.Minute, true
		p := play(t.Context(), src, nil)
		if p.err != nil || !bytes.Equal(p.out.got, whole(src)) {
			t.Fatalf("%v; or not all samples", p.err)
		}
		waiting, resumed := p.kinds(EventWaiting), p.kinds(EventResumed)
		if len(waiting) != 1 || !errors.Is(waiting[0].Err, control.ErrUnavailable) || len(resumed) != 1 {
			t.Errorf("waiting: %+v; resumed: %+v", waiting, resumed)
		}
		if got := time.Since(src.begin); got > time.Minute+6*time.Second+retryMost+step {
			t.Errorf("it took %v", got)
		}
		if p.results[0].Stutters != 1 {
			t.Errorf("%d stutters, want 1", p.results[0].Stutters)
		}
	})
}

func TestCancellingIsPromptWhateverBlocks(t *testing.T) {
	for name, change := range map[string]func(*fakeTrack){
		"a read":     func(f *fakeTrack) { f.stallAt, f.stallFor = 3*secondSize, time.Hour },
		"a retry":    func(f *fakeTrack) { f.stallAt, f.stallFor, f.away = 3*secondSize, time.Hour, true },
		"the output": func(*fakeTrack) {},
		"first read": func(f *fakeTrack) { f.stallFor = time.Hour },
		"opening":    func(f *fakeTrack) { f.opens = time.Hour },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src := newSource(seconds(20), seconds(20))
				change(src.tracks[0])
				src.block = true
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				p := play(ctx, src, nil)
				if !errors.Is(p.err, context.DeadlineExceeded) {
					t.Errorf("Play: %v; want the context's error", p.err)
				}
				if late := time.Since(src.begin) - 10*time.Second; late > newsGrace {
					t.Errorf("returned %v after the end", late)
				}
				if src.open != 0 {
					t.Errorf("%d tracks still open", src.open)
				}
				if len(p.out.got) == 0 {
					if len(p.results) != 0 {
						t.Errorf("results of silence: %+v", p.results)
					}
					return
				}
				played := float64(len(p.out.got)) / secondSize
				if len(p.results) != 1 || p.results[0].SecondsPlayed != played || p.results[0].Peers == 0 {
					t.Errorf("results %+v after %.2f s", p.results, played)
				}
				if e := p.kinds(EventEnded); len(e) != 1 || e[0].Result.SecondsPlayed != played {
					t.Errorf("ended: %+v", e)
				}
			})
		})
	}
}

func TestFailingTracksArePassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newSource(seconds(2), seconds(8), seconds(2), seconds(2), &fakeTrack{}, seconds(6), seconds(3))
		src.tracks[0].openErr = control.ErrUnavailable
		src.tracks[2].decodeErr = errors.New("unsupported")
		src.tracks[3].openErr = control.ErrUnknownTrack
		src.tracks[5].breakAt = 4 * secondSize
		p := play(t.Context(), src, nil)
		if p.err != nil {
			t.Fatal(p.err)
		}
		want := append(pcm(1, 0, 8*sampleRate), pcm(5, 0, 4*sampleRate)...)
		if !bytes.HasPrefix(p.out.got, want) {
			t.Error("the second track and what is whole of the sixth are not joined")
		}
		if !bytes.HasSuffix(p.out.got, pcm(6, 0, 3*sampleRate)) {
			t.Error("the last track does not sound whole")
		}
		if p.out.stutters != 0 {
			t.Errorf("%d stutters of %v", p.out.stutters, p.out.stutter)
		}
		var failed []int
		for _, e := range p.kinds(EventFailed) {
			failed = append(failed, e.Index)
			if e.Err == nil || strings.Contains(e.Err.Error(), "\n") {
				t.Errorf("track %d failed with %v", e.Index, e.Err)
			}
		}
		if len(failed) != 5 {
			t.Errorf("%v failed, want 0, 2, 3, 4, 5", failed)
		}
		if len(p.results) != 3 || p.results[0].ID != id(1) || p.results[1].Err == nil || p.results[2].Err != nil {
			t.Errorf("results %+v", p.results)
		}
	})
}

func TestNothingPlayableIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newSource(seconds(2), seconds(2))
		src.tracks[0].openErr, src.tracks[1].openErr = control.ErrUnavailable, control.ErrServerAway
		p := play(t.Context(), src, nil)
		if !errors.Is(p.err, control.ErrUnavailable) || len(p.results) != 0 || len(p.out.got) != 0 {
			t.Errorf("two tracks: %v, %+v", p.err, p.results)
		}
		src.tracks = src.tracks[1:]
		p = play(t.Context(), src, nil)
		if !errors.Is(p.err, control.ErrServerAway) {
			t.Errorf("one track: %v", p.err)
		}
		p = play(t.Context(), src, func(c *Config) { c.Queue = nil })
		if p.err == nil {
			t.Error("an empty queue plays")
		}
		p = play(t.Context(), newSource(seconds(2)), func(c *Config) { c.From = 3 * time.Second })
		if p.err == nil || len(p.out.got) != 0 {
			t.Errorf("beyond the end: %v", p.err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		p = play(ctx, newSource(seconds(2)), nil)
		if !errors.Is(p.err, context.Canceled) || len(p.out.got) != 0 {
			t.Errorf("a context that has ended: %v", p.err)
		}
	})
}

func TestPlayingBeginsWhereItIsToldTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newSource(seconds(9), seconds(1))
		p := play(t.Context(), src, func(c *Config) { c.From = 6500 * time.Millisecond })
		want := append(pcm(0, 6.5*sampleRate, 9*sampleRate), pcm(1, 0, sampleRate)...)
		if p.err != nil || !bytes.Equal(p.out.got, want) {
			t.Errorf("%v; got %d bytes, want %d", p.err, len(p.out.got), len(want))
		}
		if e := p.kinds(EventProgress); len(e) == 0 || !near(e[0].Position, 7500*time.Millisecond, step) {
			t.Errorf("first progress %+v", e)
		}
		if p.results[0].SecondsPlayed != 2.5 {
			t.Errorf("%v s played", p.results[0].SecondsPlayed)
		}
	})
}

func TestReportsTellThePlayInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newSource(seconds(3.5), seconds(2.5))
		p := play(t.Context(), src, nil)
		if p.err != nil {
			t.Fatal(p.err)
		}
		var states []string
		for i, r := range src.reports {
			states = append(states, string(r.State))
			if i > 0 && (r.Play == src.reports[i-1].Play) != (r.ID == src.reports[i-1].ID) {
				t.Errorf("play %q of %s after play %q of %s", r.Play, r.ID.Short(), src.reports[i-1].Play, src.reports[i-1].ID.Short())
			}
			if r.Play == "" || (r.State != control.StateStarted && r.Latency != 0) {
				t.Errorf("report %+v", r)
			}
		}
		want := "started playing playing playing ended started playing playing ended"
		if got := strings.Join(states, " "); got != want {
			t.Errorf("reports %s\nwant %s", got, want)
		}
		if last := src.reports[len(src.reports)-1]; last.Position != 2500*time.Millisecond {
			t.Errorf("ended at %v", last.Position)
		}
	})
}

func TestSlowListenersOfNewsDelayNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newSource(seconds(20))
		src.reportTime = 6 * time.Second
		begin := time.Now()
		var kinds []EventKind
		p := play(t.Context(), src, func(c *Config) {
			c.Events = func(e Event) {
				kinds = append(kinds, e.Kind)
				time.Sleep(7 * time.Second)
			}
		})
		if p.err != nil || p.out.stutters != 0 || !near(p.out.dryAt.Sub(begin), 20*time.Second, step) {
			t.Errorf("%v; %d stutters; sounded until %v", p.err, p.out.stutters, p.out.dryAt.Sub(begin))
		}
		if k := len(kinds); k == 0 || k > 6 || kinds[0] != EventStarted || kinds[k-1] != EventEnded {
			t.Errorf("events %v", kinds)
		}
		if k := len(src.reports); k == 0 || k > 5 || src.reports[0].State != control.StateStarted {
			t.Errorf("reports %+v", src.reports)
		}
	})
}

func TestLastReportIsDeliveredAfterCancelling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newSource(seconds(20))
		src.reportTime = 20 * time.Millisecond
		ctx, cancel := context.WithTimeout(t.Context(), 5500*time.Millisecond)
		defer cancel()
		play(ctx, src, nil)
		if last := src.reports[len(src.reports)-1]; last.State != control.StateEnded || !near(last.Position, 5500*time.Millisecond, outputBuffer+step) {
			t.Errorf("the last report is %+v", last)
		}
	})
}

func TestAFailingOutputEndsThePlay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newSource(seconds(20))
		broken := errors.New("the device is gone")
		p := play(t.Context(), src, func(c *Config) { c.Output = &fakeOutput{fails: broken} })
		if !errors.Is(p.err, broken) || src.open != 0 {
			t.Errorf("%v; %d tracks open", p.err, src.open)
		}
	})
}

func TestResultsHaveTheNamesOfTheContract(t *testing.T) {
	b, err := json.Marshal(Result{
		ID: protocol.ID{1}, LatencyMS: 1.5, Stutters: 2, StutterMS: 3,
		Shares: control.Shares{Server: 4, Peers: 5, Cache: 6}, SecondsPlayed: 7, Err: errors.New("x"),
	})
	want := `{"id":"` + protocol.ID{1}.String() + `","playback_latency_ms":1.5,"stutters":2,"stutter_ms":3,` +
		`"bytes_from_server":4,"bytes_from_peers":5,"bytes_from_cache":6,"seconds_played":7}`
	if err != nil || string(b) != want {
		t.Errorf("%s, %v\nwant %s", b, err, want)
	}
}
