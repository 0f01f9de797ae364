package library

import (
	"bytes"
	"context"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"lukechampine.com/blake3"

	"earshot/audio"
	"earshot/protocol"
)

// song returns a file of real sound.
func song(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "audio", "testdata", name+".mp3"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// meter measures files, one after another.
func meter(t *testing.T, files ...[]byte) *audio.Meter {
	t.Helper()
	m := audio.NewMeter(audio.SampleRate)
	for _, b := range files {
		info, err := audio.Probe(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		dec, err := audio.NewDecoder(bytes.NewReader(b), info.Header(protocol.Track{}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(m, io.MultiReader(dec)); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// isGain checks thousandths of a dB against a meter, to a tenth of a dB.
func isGain(t *testing.T, what string, gain, peak int, m *audio.Meter) {
	t.Helper()
	if want := audio.Reference - m.Loudness(); math.Abs(float64(gain)/1000-want) > 0.1 {
		t.Errorf("%s: a gain of %.2f dB, want %.2f", what, float64(gain)/1000, want)
	}
	if want := m.Peak(); math.Abs(float64(peak)/protocol.FullScale-want) > 0.01 {
		t.Errorf("%s: a peak of %.3f, want %.3f", what, float64(peak)/protocol.FullScale, want)
	}
}

// measuring runs a test in virtual time with a library that measures.
func measuring(t *testing.T, f folder, test func(l *Library)) {
	synctest.Test(t, func(t *testing.T) {
		l, err := Open(context.Background(), f.t.TempDir(), f.path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			l.Measure(ctx)
			close(ended)
		}()
		test(l)
		cancel()
		<-ended
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
}

// rescan scans, and returns when all is measured.
func rescan(t *testing.T, l *Library) {
	t.Helper()
	if err := l.Scan(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Hour)
	synctest.Wait()
}

func loudness(t *testing.T, l *Library, file []byte) protocol.Loudness {
	t.Helper()
	h, err := l.Header(context.Background(), blake3.Sum256(file))
	if err != nil {
		t.Fatal(err)
	}
	return h.Loudness
}

func TestTracksAndAlbumsAreMeasuredBehindTheScan(t *testing.T) {
	f := newFolder(t)
	a, b, other := song(t, "joint"), song(t, "vbr"), song(t, "crc")
	f.write("Album/1.mp3", a)
	f.write("other.mp3", other)
	measuring(t, f, func(l *Library) {
		rescan(t, l)
		got := loudness(t, l, a)
		isGain(t, "the only track", got.TrackGain, got.TrackPeak, meter(t, a))
		isGain(t, "its album", got.AlbumGain, got.AlbumPeak, meter(t, a))
		got = loudness(t, l, other)
		isGain(t, "a track of no album", got.TrackGain, got.TrackPeak, meter(t, other))
		isGain(t, "which is its own", got.AlbumGain, got.AlbumPeak, meter(t, other))

		f.write("Album/2.mp3", b)
		rescan(t, l)
		for _, file := range [][]byte{a, b} {
			got := loudness(t, l, file)
			isGain(t, "a track", got.TrackGain, got.TrackPeak, meter(t, file))
			isGain(t, "the album", got.AlbumGain, got.AlbumPeak, meter(t, a, b))
		}
	})
}

func TestAnUnchangedTrackIsMeasuredOnce(t *testing.T) {
	f := newFolder(t)
	f.write("a.mp3", song(t, "joint"))
	measuring(t, f, func(l *Library) {
		rescan(t, l)
		// What is measured again would write over this.
		if _, err := l.db.Exec("UPDATE loudness SET gain = 4711"); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(f.path, "moved"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(f.path, "a.mp3"), filepath.Join(f.path, "moved", "b.mp3")); err != nil {
			t.Fatal(err)
		}
		rescan(t, l)
		if got := loudness(t, l, song(t, "joint")); got.TrackGain != 4711 {
			t.Errorf("%+v", got)
		}
		if err := os.Remove(filepath.Join(f.path, "moved", "b.mp3")); err != nil {
			t.Fatal(err)
		}
		rescan(t, l)
		var rows int
		if err := l.db.QueryRow("SELECT count(*) FROM loudness").Scan(&rows); err != nil || rows != 0 {
			t.Errorf("%d tracks that are gone are kept: %v", rows, err)
		}
	})
}

func TestTagsGoBeforeWhatWasMeasured(t *testing.T) {
	f := newFolder(t)
	plain := song(t, "joint")
	tagged := append(id3Tag(4, 0, append(id3Frame("TXXX", "\x03REPLAYGAIN_TRACK_GAIN\x00-3.21 dB"), id3Frame("TALB", "\x03x")...)), plain...)
	whole := append(id3Tag(4, 0, bytes.Join([][]byte{
		id3Frame("TXXX", "\x03replaygain_track_gain\x00-1.5 dB"), id3Frame("TXXX", "\x03replaygain_track_peak\x000.5"),
		id3Frame("TXXX", "\x03replaygain_album_gain\x00+2 dB"), id3Frame("TXXX", "\x03replaygain_album_peak\x001.0"),
	}, nil)), plain...)
	f.write("tagged.mp3", tagged)
	f.write("whole.mp3", whole)
	measuring(t, f, func(l *Library) {
		rescan(t, l)
		got := loudness(t, l, tagged)
		if got.TrackGain != -3210 {
			t.Errorf("%+v", got)
		}
		isGain(t, "what the tag leaves out", got.AlbumGain, got.AlbumPeak, meter(t, plain))
		if got.TrackPeak != got.AlbumPeak {
			t.Errorf("%+v", got)
		}
		if got := loudness(t, l, whole); got != (protocol.Loudness{TrackGain: -1500, TrackPeak: 16384, AlbumGain: 2000, AlbumPeak: 32768}) {
			t.Errorf("%+v", got)
		}
	})
}
