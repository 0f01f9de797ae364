//go:build figures

package audio

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"testing"
	"time"
)

// TestFigures measures how fast each format decodes on one core, and what it
// allocates for a second of sound: make bench.
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
		{"Opus", "tune.opus", NewDecoder, 0},
	} {
		figureDecoding(t, f.name, loadFile(t, f.file), f.open, f.goal)
	}
	figureDecoding(t, "WAV", wavOf(16, 2, 44100, 3*44100, false), NewDecoder, 0)
	figureDecoding(t, "AIFF", aiffOf(16, 2, 44100, 3*44100), NewDecoder, 0)
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
