// Command render makes the music that ships: it parses the scores, plays
// them on plucked strings in a small hall, and has the external program `lame`
// encode what comes out, with ID3v2 tags. It is needed only to change the
// music: the MP3 files are kept beside the scores. Rendering gives the same
// samples each time; whether the files come out the same is up to lame.
//
//	go run ./render -out .
//
// # The scores
//
// The pieces are in the public domain: their composers died more than 250
// years ago. A score is text. "# " begins a comment. The header is a word and
// its value on each line:
//
//	title, composer, album     text for the tags
//	track 1, year 1722         numbers for the tags
//	encode cbr 128 stereo      kbit/s, or vbr and lame's quality; mono or stereo
//	time 4/4, key C            bars and the (major) scale that ornaments use
//	tempo 76                   crotchets a minute
//	release 0.9                seconds that a note takes to die away once it ends
//	slow 3 0.62                the last 3 bars slow down to 0.62 of the tempo
//	voice right 1.0            a voice and its level
//
// Music is the voice's name, a colon, and whole bars with | between them, as
// many as fit a line; the voice's next line goes on from there:
//
//	right: mf 4:d5 8:g4 a4 b4 c5 | 4:d5 g4 g4
//
// A note is a letter, # or b, and the octave: c4 is middle C; r is a rest. The
// value comes before a colon (4 a crotchet, 8. a dotted quaver) and holds until
// the next one in the line. + joins the notes of a chord. pp, p, mp, mf, f and
// ff hold from where they stand. After a note, ~ ties it to the next, ' is a
// mordent (the note, the one below, the note), ^ a short trill from the note
// above, and * breaks a chord upwards.
//
// A figure is a bar that comes again and again with other notes. It has a line
// for each voice, in which $1 to $9 stand for the notes; using it is its name,
// a dynamic if it changes, and the notes:
//
//	figure wave bass:  2:$1 $1
//	figure wave right: 8:r 16:$2 $3 $4 $2 $3 $4 8:r 16:$2 $3 $4 $2 $3 $4
//	wave mp c4 g4 c5 e5
//
// Each bar must be full and all voices equally long.
package main

import (
	"bytes"
	"embed"
	"encoding/binary"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

//go:embed scores/*.score
var scores embed.FS

func main() {
	out := flag.String("out", ".", "folder to write the MP3 files to")
	raw := flag.Bool("raw", false, "write the rendered samples too, as 24-bit stereo PCM")
	flag.Parse()
	if err := renderAll(*out, *raw); err != nil {
		fmt.Fprintln(os.Stderr, "render:", err)
		os.Exit(1)
	}
}

func renderAll(out string, raw bool) error {
	names, err := fs.Glob(scores, "scores/*.score")
	if err != nil {
		return err
	}
	for _, name := range names {
		s, err := load(name)
		if err != nil {
			return err
		}
		base := filepath.Join(out, strings.TrimSuffix(path.Base(name), ".score"))
		pcm := s.Render().pcm24()
		fmt.Printf("%s: %d bars, %d notes, %.1f s\n", s.Title, s.Bars, len(s.Notes), float64(len(pcm))/6/sampleRate)
		if raw {
			if err := os.WriteFile(base+".pcm", pcm, 0o644); err != nil {
				return err
			}
		}
		if err := encode(s, pcm, base+".mp3"); err != nil {
			return fmt.Errorf("encoding %s: %w", s.Title, err)
		}
	}
	return nil
}

// load parses one of the embedded scores.
func load(name string) (*Score, error) {
	text, err := scores.ReadFile(name)
	if err != nil {
		return nil, err
	}
	s, err := Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// pcm24 gives the samples as lame takes them: interleaved, signed, 24 bits,
// little-endian. 24 bits need no dither.
func (s Sound) pcm24() []byte {
	const full = 1<<23 - 1
	out := make([]byte, 0, 6*len(s.Left)+1)
	for i := range s.Left {
		for _, x := range [2]float64{s.Left[i], s.Right[i]} {
			out = binary.LittleEndian.AppendUint32(out, uint32(int32(x*full)))
			out = out[:len(out)-1]
		}
	}
	return out
}

// encode has lame write an MP3 file. Stereo is plain left and right: some
// decoders are not exact on mid/side frames with short blocks.
func encode(s *Score, pcm []byte, file string) error {
	args := []string{"--quiet", "-r", "--bitwidth", "24", "--signed", "--little-endian", "-s", "44.1", "--resample", "44.1", "-q", "0"}
	if s.Encode.VBR {
		args = append(args, "-V", strconv.Itoa(s.Encode.Rate))
	} else {
		args = append(args, "--cbr", "-b", strconv.Itoa(s.Encode.Rate))
	}
	if s.Encode.Stereo {
		args = append(args, "-m", "s")
	} else {
		args = append(args, "-a", "-m", "m")
	}
	args = append(args, "--id3v2-only", "--tt", s.Title, "--ta", s.Composer, "--tl", s.Album,
		"--tn", strconv.Itoa(s.Track), "--ty", strconv.Itoa(s.Year), "-", file)
	cmd := exec.Command("lame", args...)
	cmd.Stdin = bytes.NewReader(pcm)
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("lame: %w: %s", err, bytes.TrimSpace(said))
	}
	return nil
}
