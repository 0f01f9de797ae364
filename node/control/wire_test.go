package control

import (
	"testing"
)

func FuzzParseRange(f *testing.F) {
	for _, s := range []string{"bytes=0-0", "bytes=0-", "bytes=5-16388", "bytes=-5", "bytes=5-4", "bytes=0-1,2-3", "lines=0-1", "bytes=99999999999999999999-", ""} {
		f.Add(s, int64(100_000))
	}
	f.Add("bytes=0-", int64(0))
	f.Fuzz(func(t *testing.T, s string, size int64) {
		start, n, err := parseRange(s, size)
		if err == nil && (start < 0 || n < 1 || n > maxRange || start+int64(n) > size) {
			t.Errorf("%q of %d bytes: %d bytes from %d", s, size, n, start)
		}
	})
}

func TestRangesAreCutToAChunk(t *testing.T) {
	for _, test := range []struct {
		s     string
		start int64
		n     int // 0: refused
	}{
		{"bytes=0-", 0, maxRange},
		{"bytes=10-19", 10, 10},
		{"bytes=99990-100010", 99_990, 10},
		{"bytes=0-9223372036854775807", 0, maxRange},
		{"bytes=100000-", 0, 0},
		{"bytes=-10", 0, 0},
		{"bytes=+1-2", 0, 0},
		{"bytes=3-2", 0, 0},
		{"0-10", 0, 0},
	} {
		start, n, err := parseRange(test.s, 100_000)
		if (err != nil) != (test.n == 0) || start != test.start || n != test.n {
			t.Errorf("%q: %d bytes from %d, %v; want %d from %d", test.s, n, start, err, test.n, test.start)
		}
	}
}
