package player

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"earshot/node/control"
)

// cachedAlbum is an album that is cached, of tracks that take long to be opened.
func cachedAlbum() *fakeSource {
	src := album()
	for _, t := range src.tracks {
		t.cached, t.opens = true, 300*time.Millisecond
	}
	return src
}

func TestAKeyIsHeardBeforeTheTrackIsOpen(t *testing.T) {
	live(t, cachedAlbum, nil, func(l *living) {
		begin := func(do control.Do, index int) {
			t.Helper()
			l.do(do)
			s := l.state()
			if s.Playback != control.PlaybackPlaying || s.Index != index || s.Latency != 0 || s.Track == nil || s.Track.Duration != time.Duration(s.Track.Size/sampleSize)*time.Second/sampleRate {
				t.Fatalf("%s: %+v", do, s)
			}
			time.Sleep(4 * time.Second)
			if k := int64(4 * sampleRate); !bytes.HasSuffix(l.out.heard(), pcm(index, 0, k)) {
				t.Errorf("%s: the first seconds of track %d are not what is heard", do, index)
			}
		}
		time.Sleep(4 * time.Second)
		begin(control.DoNext, 1)
		begin(control.DoNext, 2)
		begin(control.DoPrev, 2) // its beginning
		l.after(0, control.Command{Do: control.DoSeek})
		time.Sleep(time.Second)
		begin(control.DoPrev, 1)
		if l.out.stutters != 0 {
			t.Errorf("%d stutters", l.out.stutters)
		}
	})
}

func TestAHeadJoinsAndFadesAsAWholeTrackDoes(t *testing.T) {
	for _, fade := range []time.Duration{0, 4 * time.Second} {
		synctestPlay(t, cachedAlbum, crossfading(fade), func(p played, src *fakeSource) {
			if want := fadesInto(src, fade, fade); !bytes.Equal(p.out.got, want) || p.out.stutters != 0 || p.err != nil {
				t.Errorf("a fade of %v: %d bytes, want %d; %d stutters; %v", fade, len(p.out.got), len(want), p.out.stutters, p.err)
			}
			if src.open != 0 {
				t.Errorf("%d tracks still open", src.open)
			}
		})
	}
}

func TestNothingIsOpenedAheadThatIsNotCached(t *testing.T) {
	src := func() *fakeSource {
		src := cachedAlbum()
		src.tracks[1].cached = false
		return src
	}
	live(t, src, nil, func(l *living) {
		time.Sleep(4 * time.Second)
		if len(l.src.opened) != 1 || l.src.peeked != 1 { // its own beginning
			t.Errorf("%d opened, and %d heads", len(l.src.opened), l.src.peeked)
		}
		l.do(control.DoNext)
		if s := l.state(); s.Playback != control.PlaybackWaiting {
			t.Errorf("%+v", s)
		}
		time.Sleep(time.Second)
		l.is(control.PlaybackPlaying, 1, 700*time.Millisecond)
	})
}

func TestATrackThatIsGoneFailsBehindItsHead(t *testing.T) {
	live(t, cachedAlbum, nil, func(l *living) {
		time.Sleep(4 * time.Second)
		l.src.refuse(1, control.ErrUnknownTrack)
		l.do(control.DoNext)
		time.Sleep(time.Second)
		synctest.Wait()
		if s := l.state(); s.Index != 2 || s.Problem == "" {
			t.Errorf("%+v", s)
		}
	})
}
