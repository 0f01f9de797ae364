//go:build figures

package audio

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"earshot/protocol"
)

// TestFigures measures how fast each format decodes on one core, and what it
// allocates for a second of sound, and how soon it begins: make bench.
func TestFigures(t *testing.T) {
	for _, f := range []struct {
		name, file string
		open       opener
		goal       float64 // times real time; 0: none
	}{
		{"MP3", "vbr.mp3", NewDecoder, 100},
		{"MP3 without libmpg123", "vbr.mp3", openGoMP3, 0},
		{"FLAC", "tune.flac", NewDecoder, 0},
		{"FLAC of 24 bits at 96 kHz", "deep.flac", NewDecoder, 0},
		{"Vorbis", "tune.ogg", NewDecoder, 0},
		{"Vorbis of 6 channels", "lfe.ogg", NewDecoder, 0},
		{"Opus", "tune.opus", NewDecoder, 0},
		{"Opus without libopus", "tune.opus", openPion, 0},
		{"Opus, speech", "speech.opus", NewDecoder, 0},
		{"Opus, speech, without libopus", "speech.opus", openPion, 0},
		{"FLAC in Ogg", "flac.ogg", NewDecoder, 0},
	} {
		figureDecoding(t, f.name, loadFile(t, f.file), f.open, f.goal)
	}
	figureDecoding(t, "WAV", wavOf(16, 2, 44100, 3*44100, false), NewDecoder, 0)
	figureDecoding(t, "AIFF", aiffOf(16, 2, 44100, 3*44100), NewDecoder, 0)
	figureCovers(t)
}

// figureCovers measures how much later a track with a cover of 2 MB in front gives its
// first sound: opened, and read from a file.
func figureCovers(t *testing.T) {
	const size, goal, rounds = 2 << 20, 5 * time.Millisecond, 200
	mp3, flac := loadFile(t, "vbr.mp3"), loadFile(t, "tune.flac")
	const info = 4 + 4 + flacInfoSize
	block := append([]byte{6, size >> 16, size >> 8 & 0xff, size & 0xff}, make([]byte, size)...)
	for name, files := range map[string][2][]byte{
		"MP3":  {mp3, append(id3(size), mp3...)},
		"FLAC": {flac, splice(flac, info, info, block)},
	} {
		var took [2][]time.Duration
		var paths [2]string
		for k, b := range files {
			paths[k] = filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(paths[k], b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		headers := [2]protocol.Header{header(t, files[0]), header(t, files[1])}
		p := make([]byte, 4096)
		for i := range 2 * rounds {
			k := i % 2
			begin := time.Now()
			f, err := os.Open(paths[k])
			if err != nil {
				t.Fatal(err)
			}
			d, err := NewDecoder(f, headers[k])
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.Read(p); err != nil {
				t.Fatal(err)
			}
			took[k] = append(took[k], time.Since(begin))
			f.Close()
		}
		slices.Sort(took[0])
		slices.Sort(took[1])
		later := took[1][rounds/2] - took[0][rounds/2]
		fmt.Printf("%-100s goal %7.2f ms   measured %8.2f ms\n", name+": first sound with a cover of 2 MB in front, later than without", goal.Seconds()*1000, later.Seconds()*1000)
		if later > goal*11/10 {
			t.Errorf("%s: with a cover the first sound is %v later, the goal is %v", name, later, goal)
		}
	}
}

// figureDecoding decodes a track over and over for a while, from a decoder that is
// made once.
func figureDecoding(t *testing.T, name string, file []byte, open opener, goal float64) {
	const least = time.Second
	h := header(t, file)
	d, err := open(bytes.NewReader(file), h)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	rounds := 0
	decode := func() {
		if err := d.Seek(0); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, struct{ io.Reader }{d}); err != nil {
			t.Fatal(err)
		}
		rounds++
	}
	decode()
	runtime.ReadMemStats(&before)
	rounds = 0
	begin := time.Now()
	for time.Since(begin) < least {
		decode()
	}
	took := time.Since(begin).Seconds()
	runtime.ReadMemStats(&after)
	sound := h.Duration.Seconds() * float64(rounds)
	allocations := float64(after.Mallocs-before.Mallocs) / sound
	asked := "                   "
	if goal > 0 {
		asked = fmt.Sprintf("goal %7.2f x    ", goal)
	}
	fmt.Printf("%-100s %s measured %8.2f x\n", name+": decoding, times real time on one core", asked, sound/took)
	fmt.Printf("%-100s                     measured %8.2f\n", name+": allocations for a second of sound", allocations)
	if sound/took < goal/1.1 {
		t.Errorf("%s: decoded at %.0f times real time, the goal is %.0f", name, sound/took, goal)
	}
}
