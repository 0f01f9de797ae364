package audio

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"earshot/protocol"
)

// changing is a chain of three rates, of one, two and six channels.
func changing(t testing.TB) []byte {
	return joined(t, "low.ogg", "six.ogg", "tune.ogg")
}

func joined(t testing.TB, names ...string) (b []byte) {
	for _, name := range names {
		b = append(b, loadFile(t, name)...)
	}
	return b
}

// chains have links of other channels, rates and formats.
var chains = [][]string{
	{"low.ogg", "six.ogg", "tune.ogg"}, {"tune.opus", "speech.opus", "six.opus"}, {"tune.ogg", "lfe.ogg"},
	{"speech.opus", "tune.opus"}, {"tune.ogg", "six.ogg", "tune.ogg", "low.ogg"}, {"eight.ogg", "low.ogg", "low.ogg"},
	{"flac.ogg", "high.ogg"}, {"high.ogg", "flac.ogg"}, {"tune.ogg", "tune.opus", "high.ogg"}, {"six.opus", "low.ogg"},
}

// Where the rate changes each link is converted as it is alone, to the bit. Links of one
// rate are converted as one sound: see TestAChainOfOneRateIsOneSound.
func TestAChainSoundsAsItsLinksDo(t *testing.T) {
	for _, names := range chains[:fewer(len(chains))] {
		var want []byte
		rates := map[int]bool{}
		samples := int64(0)
		for _, name := range names {
			b := loadFile(t, name)
			rates[header(t, b).SampleRate] = true
			want = append(want, decodeAll(t, b)...)
		}
		if len(rates) == 1 && !rates[SampleRate] {
			continue
		}
		samples = int64(len(want) / sampleSize)
		file := joined(t, names...)
		if h := header(t, file); h.SampleRate != SampleRate || h.Samples != samples || h.Duration != samplesTime(samples, SampleRate) {
			t.Errorf("%v: %d samples at %d Hz, %v; want %d", names, h.Samples, h.SampleRate, h.Duration, samples)
		}
		if !bytes.Equal(decodeAll(t, file), want) {
			t.Errorf("%v: it does not sound as its links do", names)
		}
		seeksAtJoins(t, file, want)
	}
}

// seeksAtJoins seeks around the beginning of each link.
func seeksAtJoins(t *testing.T, file, whole []byte) {
	t.Helper()
	h := header(t, file)
	links, _, _, err := parseOggSetup(h)
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDecoder(bytes.NewReader(file), h)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		for _, n := range []int64{l.place - 500, l.place - 1, l.place, l.place + 1, l.place + 500} {
			if n < 0 {
				continue
			}
			if err := d.Seek(time.Duration(float64(n) / SampleRate * 1e9)); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, 2000*sampleSize)
			if _, err := io.ReadFull(d, got); err != nil || !bytes.Equal(got, whole[n*sampleSize:][:len(got)]) {
				t.Errorf("from %d, where a link begins at %d, it sounds another way: %v", n, l.place, err)
			}
		}
	}
}

func TestAChainOfOneRateIsOneSound(t *testing.T) {
	for _, names := range chains[:fewer(len(chains))] {
		var want []byte
		rates := map[int]bool{}
		for _, name := range names {
			b := loadFile(t, name)
			rates[header(t, b).SampleRate] = true
			want = append(want, decodePlain(t, b)...)
		}
		if len(rates) == 1 && !bytes.Equal(decodePlain(t, joined(t, names...)), want) {
			t.Errorf("%v: it does not sound as its links do", names)
		}
	}
}

// decodePlain decodes a file without converting its rate.
func decodePlain(t *testing.T, b []byte) []byte {
	t.Helper()
	h := header(t, b)
	c, err := newCodec(bytes.NewReader(b), h)
	if err != nil {
		t.Fatal(err)
	}
	pcm, err := io.ReadAll(unconverted(c, h))
	if err != nil {
		t.Fatal(err)
	}
	return pcm
}

// The headers of later links are in the track's header too, each once: a seek reads no byte
// before a link's sound, and so costs one round trip.
func TestASeekIntoALaterLinkReadsOnlyItsSound(t *testing.T) {
	for _, names := range [][]string{{"tune.ogg", "six.ogg"}, {"tune.ogg", "tune.ogg", "tune.ogg"}, {"tune.opus", "six.opus"}, {"flac.ogg", "high.ogg"}} {
		b := joined(t, names...)
		h := header(t, b)
		links, headers, _, err := parseOggSetup(h)
		if err != nil {
			t.Fatal(err)
		}
		last := links[len(links)-1]
		if want := map[bool]int{true: 1, false: 2}[names[0] == names[1]]; len(headers) != want || last.headers != want {
			t.Errorf("%v: the headers of %d links, want %d", names, len(headers), want)
		}
		src := watch(b)
		d, err := NewDecoder(src, h)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Seek(h.Duration - 10*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		if n, err := io.ReadFull(d, make([]byte, sampleSize)); n == 0 || err != nil {
			t.Errorf("%v: %v", names, err)
		}
		if src.lowest < last.data || src.seeks != 1 {
			t.Errorf("%v: it reads from %d with %d seeks, want from %d with one", names, src.lowest, src.seeks, last.data)
		}
	}
}

// A header that was broken since the file was probed is one that was not needed.
func TestABrokenHeaderOfALaterLinkCostsNothing(t *testing.T) {
	b := changing(t)
	h := header(t, b)
	links, _, _, err := parseOggSetup(h)
	if err != nil {
		t.Fatal(err)
	}
	want := decodeAll(t, b)
	clear(b[links[1].head:links[1].data])
	d, err := NewDecoder(bytes.NewReader(b), h)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(d); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want %d: %v", len(got), len(want), err)
	}
}

// Where there is no room for the headers of a link, and in a header that was written when
// there was none for any, they are read from the file, once.
func TestHeadersOfALinkAreReadWhereTheyAreNotKnown(t *testing.T) {
	b := joined(t, "tune.ogg", "lfe.ogg")
	h := header(t, b)
	links, headers, _, err := parseOggSetup(h)
	if err != nil {
		t.Fatal(err)
	}
	old := appendNumbers(nil, 2)
	for _, l := range links {
		old = appendNumbers(old, l.head, l.data, int64(l.serial), l.start, l.granule, l.lead, l.samples)
	}
	old = append(appendNumbers(old, int64(len(headers[0].first))), headers[0].first...)
	links[1].headers = 0
	whole := decodeAll(t, b)
	for name, setup := range map[string][]byte{
		"no room": oggSetup(links, headers[:1], 0), "an old header": append(old, headers[0].setup...),
	} {
		h.Setup = setup
		src := watch(b)
		d, err := NewDecoder(src, h)
		if err != nil {
			t.Fatal(name, err)
		}
		for _, from := range []time.Duration{3 * time.Second, 0, 3 * time.Second} {
			if err := d.Seek(from); err != nil {
				t.Fatal(name, err)
			}
			want := whole[int(from.Seconds())*SampleRate*sampleSize:][:100]
			got := make([]byte, len(want))
			if _, err := io.ReadFull(d, got); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: another sound at %v, %v", name, from, err)
			}
		}
		if src.seeks != 4 {
			t.Errorf("%s: %d seeks, want 3 and one to the headers", name, src.seeks)
		}
	}
}

// Of the headers of many links those of the first fit.
func TestHeadersAreLeftOutWhereTheyAreTooLong(t *testing.T) {
	names := []string{"low.ogg", "six.ogg", "tune.ogg", "lfe.ogg", "eight.ogg"}
	total := 0
	for _, name := range names {
		total += len(header(t, loadFile(t, name)).Setup)
	}
	if total < protocol.MaxSetup {
		t.Fatalf("their headers are of %d bytes, and fit", total)
	}
	b := joined(t, names...)
	if h := header(t, b); len(h.Setup) > protocol.MaxSetup || len(h.Setup) < protocol.MaxSetup/2 {
		t.Errorf("a setup of %d bytes", len(h.Setup))
	}
	var want []byte
	for _, name := range names {
		want = append(want, decodeAll(t, loadFile(t, name))...)
	}
	if !bytes.Equal(decodeAll(t, b), want) {
		t.Error("it does not sound as its links do")
	}
}

func TestAHeaderOfAChainThatDoesNotFitTogetherIsRefused(t *testing.T) {
	good := header(t, changing(t))
	links, headers, _, err := parseOggSetup(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(links []oggLink, h *protocol.Header){
		"a rate that is none":   func(l []oggLink, _ *protocol.Header) { l[1].rate = 1 },
		"too high a rate":       func(l []oggLink, _ *protocol.Header) { l[1].rate = maxRate + 1 },
		"headers that are not":  func(l []oggLink, _ *protocol.Header) { l[1].headers = 9 },
		"more samples":          func(l []oggLink, _ *protocol.Header) { l[2].samples += 2 },
		"a length beyond all":   func(l []oggLink, _ *protocol.Header) { l[2].samples = 1 << 47 },
		"another rate in all":   func(_ []oggLink, h *protocol.Header) { h.SampleRate = 48000 },
		"another length in all": func(_ []oggLink, h *protocol.Header) { h.Samples++ },
	} {
		h, l := good, append([]oggLink(nil), links...)
		change(l, &h)
		h.Setup = oggSetup(l, headers, 0)
		if _, err := NewDecoder(nil, h); !errors.Is(err, errSetup) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestASetupThatIsCutIsRefused(t *testing.T) {
	for _, name := range []string{"tiny/stereo.ogg", "tiny/speech.opus", "tiny/flac.ogg"} {
		for _, b := range [][]byte{loadFile(t, name), append(loadFile(t, name), changing(t)...)} {
			h := header(t, b)
			for n := range h.Setup {
				if n > 100 && n < len(h.Setup)-100 && n%50 > 0 {
					continue
				}
				cut := h
				cut.Setup = h.Setup[:n]
				if _, err := NewDecoder(nil, cut); err == nil && n < 20 {
					t.Errorf("%s: %d of %d bytes", name, n, len(h.Setup))
				}
			}
		}
	}
}
