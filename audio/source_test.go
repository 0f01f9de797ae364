package audio

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"time"
)

// watched tells what is read of a source.
type watched struct {
	*bytes.Reader
	seeks  int
	lowest int64
	pos    int64
}

func watch(b []byte) *watched { return &watched{Reader: bytes.NewReader(b), lowest: 1 << 62} }

func (w *watched) Seek(off int64, whence int) (int64, error) {
	w.seeks++
	pos, err := w.Reader.Seek(off, whence)
	w.pos = pos
	return pos, err
}

func (w *watched) Read(p []byte) (int, error) {
	w.lowest = min(w.lowest, w.pos)
	n, err := w.Reader.Read(p)
	w.pos += int64(n)
	return n, err
}

func TestTheFirstSoundNeedsTwoFrames(t *testing.T) {
	for _, name := range files {
		b := load(t, name)
		h := header(t, b)
		at := offsets(b[h.Seek[0]:])
		// A source that gives what is there, and then nothing for long.
		src := watch(b[:h.Seek[0]+int64(at[2])])
		d, err := NewDecoder(src, h)
		if err != nil {
			t.Fatal(err)
		}
		if src.seeks != 0 || src.lowest != 1<<62 {
			t.Errorf("%s: the source is touched before the first Read", name)
		}
		if n, err := d.Read(make([]byte, 10_000)); n == 0 || err != nil {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
		if src.seeks != 1 {
			t.Errorf("%s: %d seeks", name, src.seeks)
		}
	}
}

func TestTheSourceIsNotReadFarAhead(t *testing.T) {
	for _, name := range files {
		b := load(t, name)
		h := header(t, b)
		at := offsets(b[h.Seek[0]:])
		src := watch(b)
		d, err := NewDecoder(src, h)
		if err != nil {
			t.Fatal(err)
		}
		given := 0
		p := make([]byte, 500)
		for {
			n, err := d.Read(p)
			if err == io.EOF {
				break
			}
			given += n
			played := int(int64(given/sampleSize)*int64(h.SampleRate)/SampleRate) + h.Delay
			// The frame that sounds, the one behind it, and what came with it.
			next := min(played/frameSamples+2, len(at)-1)
			if most := h.Seek[0] + int64(at[next]) + readAhead; src.pos > most {
				t.Fatalf("%s: %d bytes read where %d suffice", name, src.pos, most)
			}
		}
		if src.seeks != 1 {
			t.Errorf("%s: %d seeks", name, src.seeks)
		}
	}
}

func TestASeekReadsOnlyThePreRoll(t *testing.T) {
	b := load(t, "mono")
	h := header(t, b)
	src := watch(b)
	d, err := NewDecoder(src, h)
	if err != nil {
		t.Fatal(err)
	}
	for at := 1300 * time.Millisecond; at < h.Duration; at += 300 * time.Millisecond {
		src.lowest = 1 << 62
		if err := d.Seek(at); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Read(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		if want := h.Begin(at); src.lowest < want {
			t.Errorf("%v: it read from %d, want from %d", at, src.lowest, want)
		}
	}
}

func TestAnyReaderGivesTheSameSound(t *testing.T) {
	b := load(t, "joint")
	want := decodeAll(t, b)
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"a byte at a time": iotest.OneByteReader,
		"halves":           iotest.HalfReader,
		"EOF with data":    iotest.DataErrReader,
		"flaky": func(r io.Reader) io.Reader {
			n := 0
			return readFunc(func(p []byte) (int, error) {
				if n++; n%3 == 1 {
					return 0, errAway
				}
				return r.Read(p[:min(len(p), 200)])
			})
		},
	} {
		src := bytes.NewReader(b)
		d, err := NewDecoder(readSeeker{wrap(src), src}, header(t, b))
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		p := make([]byte, 1000)
		for {
			n, err := d.Read(p)
			got = append(got, p[:n]...)
			if errors.Is(err, errAway) {
				continue // it can be tried again
			}
			if err != nil {
				break
			}
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, want %d", name, len(got), len(want))
		}
	}
}

var errAway = errors.New("away")

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

type readSeeker struct {
	io.Reader
	io.Seeker
}

func TestASourceThatNeverGivesIsGivenUp(t *testing.T) {
	b := load(t, "joint")
	nothing := readFunc(func([]byte) (int, error) { return 0, nil })
	d, err := NewDecoder(readSeeker{nothing, bytes.NewReader(b)}, header(t, b))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Read(make([]byte, 100)); !errors.Is(err, io.ErrNoProgress) {
		t.Error(err)
	}
}
