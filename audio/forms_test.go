package audio

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// needTools skips a test where there is not all that it compares with.
func needTools(t *testing.T, tools ...string) {
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("there is no " + tool)
		}
	}
	if !haveMPG123(t) {
		t.Skip("there is no libmpg123")
	}
}

// encode runs an encoder from standard input to standard output, over a chord of 0.6 s.
func encode(t *testing.T, rate int, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdin = bytes.NewReader(appendSamples(nil, 16, 2, rate, rate*3/5, false, false, binary.LittleEndian))
	file, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v", name, args, err)
	}
	return file
}

// soundsAsByMpg123 compares every sample, at the file's rate.
func soundsAsByMpg123(t *testing.T, name string, rate int, file []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.mp3")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	want, err := exec.CommandContext(t.Context(), "mpg123", "-q", "-s", "--stereo", "-r", strconv.Itoa(rate), path).Output()
	if err != nil {
		t.Fatal(err)
	}
	got := atOwnRate(t, NewDecoder, file)
	if len(want) < rate/2*sampleSize || !bytes.Equal(got, want) {
		t.Errorf("%s: %d samples, want %d; largest error %d", name, len(got)/sampleSize, len(want)/sampleSize, largestError(got, want))
	}
}

// Layer III of MPEG-1, 2 and 2.5: each rate in each mode, with every way to spend bits.
func TestEveryFormOfLayerIIISoundsAsByMpg123(t *testing.T) {
	needTools(t, "lame", "mpg123")
	t.Parallel()
	modes := map[string]string{"stereo": "s", "joint": "j", "mid/side": "f", "dual": "d", "mono": "m"}
	kinds := []string{"-b 64", "-V 5", "--abr 80", "-b 64 -p", "-b 80 --freeformat", "-b 64 -t"} // -p: with CRC; -t: without an Info frame
	rates := []int{44100, 8000, 48000, 11025, 12000, 32000, 16000, 22050, 24000}
	n := 0
	for _, rate := range rates[:fewer(len(rates))] {
		khz := strconv.FormatFloat(float64(rate)/1000, 'f', -1, 64)
		for name, mode := range modes {
			for _, kind := range []string{kinds[n%len(kinds)], kinds[(n+2)%len(kinds)]} { // all meet in the end
				args := append(strings.Fields(kind), "--quiet", "-r", "-s", khz, "--resample", khz, "-m", mode, "-", "-")
				soundsAsByMpg123(t, khz+" kHz, "+name+", "+kind, rate, encode(t, rate, "lame", args...))
			}
			n++
		}
	}
}

func TestEveryFormOfLayerIISoundsAsByMpg123(t *testing.T) {
	needTools(t, "ffmpeg", "mpg123")
	t.Parallel()
	rates := []int{44100, 16000, 48000, 22050, 24000, 32000}
	for _, rate := range rates[:fewer(len(rates))] {
		for _, channels := range []string{"1", "2"} {
			args := strings.Fields("-v error -f s16le -ar " + strconv.Itoa(rate) + " -ac 2 -i - -b:a 64k -c:a mp2 -f mp2 -ac " + channels + " -")
			soundsAsByMpg123(t, strconv.Itoa(rate)+" Hz, "+channels+" channels", rate, encode(t, rate, "ffmpeg", args...))
		}
	}
}
