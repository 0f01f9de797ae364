package player

import (
	"bytes"
	"testing"
	"time"

	"earshot/audio"
	"earshot/node/control"
	"earshot/protocol"
)

// fadesInto is the PCM of tracks, each of which fades into the next one for so long.
func fadesInto(src *fakeSource, lengths ...time.Duration) (b []byte) {
	m := audio.NewMixer()
	begin := int64(0) // of the track's part that is heard alone
	for k, t := range src.tracks {
		end := t.samples * sampleSize
		sound := pcm(k, 0, t.samples)
		fade := int64(0)
		if k < len(lengths) {
			fade = soundBytes(lengths[k])
		}
		b = append(b, m.Play(sound[begin:end-fade], audio.Level{})...)
		if fade > 0 {
			next := pcm(k+1, 0, fade/sampleSize)
			b = append(b, m.Fade(next, audio.Level{}, sound[end-fade:], audio.Level{}, audio.Fade{Length: len(next) / sampleSize})...)
		}
		begin = fade
	}
	return append(b, m.End()...)
}

func crossfading(d time.Duration) func(*Config) {
	return func(c *Config) { c.Crossfade = d }
}

func TestATrackFadesIntoTheNextToTheSample(t *testing.T) {
	for name, c := range map[string]struct {
		src  func() *fakeSource
		want []time.Duration
	}{
		"two":                   {func() *fakeSource { return newSource(seconds(20.12345), seconds(30), seconds(15)) }, []time.Duration{4 * time.Second, 4 * time.Second}},
		"half of a shorter one": {func() *fakeSource { return newSource(seconds(20), seconds(3), seconds(5), seconds(20)) }, []time.Duration{1500 * time.Millisecond, 1500 * time.Millisecond, 2500 * time.Millisecond}},
		"too short a one":       {func() *fakeSource { return newSource(seconds(20), seconds(0.3), seconds(20)) }, []time.Duration{0, 0}},
		"an album": {func() *fakeSource {
			src := newSource(seconds(20), seconds(20), seconds(20), seconds(20))
			for k, number := range []int{1, 2, 4, 1} {
				src.tracks[k].album, src.tracks[k].number = "Suite", number
			}
			src.tracks[3].album = "Partita"
			return src
		}, []time.Duration{0, 4 * time.Second, 4 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			synctestPlay(t, c.src, crossfading(4*time.Second), func(p played, src *fakeSource) {
				if want := fadesInto(src, c.want...); !bytes.Equal(p.out.got, want) {
					t.Errorf("it sounds otherwise: %d bytes, want %d", len(p.out.got), len(want))
				}
				if p.err != nil || p.out.stutters != 0 || src.open != 0 {
					t.Errorf("%v, %d stutters, %d tracks open", p.err, p.out.stutters, src.open)
				}
				if len(p.results) != len(src.tracks) {
					t.Fatalf("%d results", len(p.results))
				}
				for k, r := range p.results {
					whole := float64(src.tracks[k].samples) / sampleRate
					if r.ID != id(k) || r.SecondsPlayed != whole || r.Err != nil || k > 0 && ms(r.LatencyMS) > step {
						t.Errorf("track %d: %+v", k, r)
					}
				}
			})
		})
	}
}

// What fades in was opened as early before its first sample as without a crossfade.
func TestWhatFadesInIsFetchedEarlier(t *testing.T) {
	synctestPlay(t, func() *fakeSource { return newSource(seconds(60), seconds(20)) }, crossfading(10*time.Second), func(p played, src *fakeSource) {
		want := []time.Duration{20 * time.Second, 40 * time.Second}
		for i, at := range want {
			if len(src.prefetches) != 2 || !near(src.prefetches[i].at, at, outputBuffer+step) {
				t.Fatalf("prefetched %v", src.prefetches)
			}
		}
		if !near(src.opened[1], 45*time.Second, outputBuffer+step) {
			t.Errorf("opened after %v", src.opened[1])
		}
	})
}

func TestACrossfadeIsAsLongAsTheNextTrackLeavesIt(t *testing.T) {
	late := func() *fakeSource {
		src := newSource(seconds(20), seconds(20))
		src.tracks[1].opens = openNext + 2*time.Second
		return src
	}
	synctestPlay(t, late, crossfading(4*time.Second), func(p played, src *fakeSource) {
		lost := 40*time.Second - soundTime(int64(len(p.out.got)))
		if lost > 2*time.Second || lost < 2*time.Second-fadeRetry-2*step {
			t.Errorf("the crossfade took %v", lost)
		}
		if p.err != nil || p.out.stutters != 0 || len(p.results) != 2 {
			t.Errorf("%v, %d stutters, %d results", p.err, p.out.stutters, len(p.results))
		}
	})
	never := func() *fakeSource {
		src := newSource(seconds(20), seconds(20))
		src.tracks[1].opens = time.Minute
		return src
	}
	synctestPlay(t, never, crossfading(4*time.Second), func(p played, src *fakeSource) {
		if !bytes.Equal(p.out.got, whole(src)) {
			t.Error("a track that comes late is not joined whole")
		}
	})
}

func TestATrackThatBreaksWhileItFadesOutIsToldOf(t *testing.T) {
	broken := func() *fakeSource {
		src := newSource(seconds(20), seconds(20))
		src.tracks[0].breakAt = 18 * secondSize
		return src
	}
	synctestPlay(t, broken, crossfading(4*time.Second), func(p played, src *fakeSource) {
		if failed := p.kinds(EventFailed); len(failed) != 1 || failed[0].Index != 0 || p.results[0].SecondsPlayed != 18 {
			t.Errorf("%+v", failed)
		}
		if got := soundTime(int64(len(p.out.got))); got != 36*time.Second || p.out.stutters != 0 {
			t.Errorf("%v sounded with %d stutters", got, p.out.stutters)
		}
	})
}

func TestCommandsInACrossfade(t *testing.T) {
	const into = 18 * time.Second // half of it is over
	begin := func(t *testing.T, f func(l *living)) {
		live(t, album, crossfading(4*time.Second), func(l *living) {
			time.Sleep(into)
			l.is(control.PlaybackPlaying, 1, 2*time.Second)
			f(l)
			if l.out.stutters != 0 {
				t.Errorf("%d stutters", l.out.stutters)
			}
		})
	}
	t.Run("next", func(t *testing.T) {
		begin(t, func(l *living) {
			l.do(control.DoNext)
			l.is(control.PlaybackPlaying, 2, 0)
			time.Sleep(time.Second)
			if !bytes.HasSuffix(l.out.heard(), pcm(2, 0, sampleRate)) {
				t.Error("the third track is not heard alone")
			}
		})
	})
	t.Run("prev", func(t *testing.T) {
		begin(t, func(l *living) {
			l.do(control.DoPrev)
			l.is(control.PlaybackPlaying, 0, 0)
		})
	})
	t.Run("seek", func(t *testing.T) {
		begin(t, func(l *living) {
			l.after(0, control.Command{Do: control.DoSeek, To: 10 * time.Second})
			time.Sleep(time.Second)
			if !bytes.HasSuffix(l.out.heard(), pcm(1, 10*sampleRate, 11*sampleRate)) {
				t.Error("the second track is not heard alone")
			}
		})
	})
	t.Run("pause", func(t *testing.T) {
		begin(t, func(l *living) {
			l.do(control.DoPause)
			time.Sleep(time.Hour)
			l.is(control.PlaybackPaused, 1, 2*time.Second)
			l.do(control.DoPlay)
			time.Sleep(90 * time.Second)
			if want := fadesInto(l.src, 4*time.Second, 4*time.Second); !bytes.Equal(l.out.heard(), want) {
				t.Errorf("heard %d bytes, want %d", len(l.out.heard()), len(want))
			}
		})
	})
	t.Run("remove", func(t *testing.T) {
		begin(t, func(l *living) {
			l.after(0, control.Command{Do: control.DoRemove, Index: 0})
			l.is(control.PlaybackPlaying, 0, 2*time.Second)
			time.Sleep(3 * time.Second)
			l.is(control.PlaybackPlaying, 0, 5*time.Second)
		})
	})
	t.Run("an edit before it", func(t *testing.T) {
		live(t, album, crossfading(4*time.Second), func(l *living) {
			l.after(15*time.Second, control.Command{Do: control.DoInsert, Tracks: []protocol.ID{id(2)}})
			time.Sleep(3 * time.Second)
			if s := l.state(); s.Track == nil || s.Track.ID != id(2) {
				t.Errorf("%+v", s.Track)
			}
		})
	})
}

func TestASeekIntoTheEndFadesWhatIsLeft(t *testing.T) {
	live(t, album, crossfading(4*time.Second), func(l *living) {
		l.after(time.Second, control.Command{Do: control.DoSeek, To: 18 * time.Second})
		time.Sleep(4 * time.Second)
		if s := l.state(); s.Index != 1 || !near(s.Position, 4*time.Second, fadeRetry+2*step) {
			t.Errorf("at %v of track %d", s.Position, s.Index)
		}
	})
}

func TestOneTrackRepeatsWithACrossfade(t *testing.T) {
	live(t, album, crossfading(4*time.Second), func(l *living) {
		l.after(0, control.Command{Do: control.DoRepeat, Repeat: control.RepeatOne})
		time.Sleep(40 * time.Second) // from 16 s to 16 s on
		l.is(control.PlaybackPlaying, 0, 8*time.Second)
	})
}
