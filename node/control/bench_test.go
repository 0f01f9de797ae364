package control_test

import (
	"io"
	"testing"
	"time"

	"earshot/node/control"
)

// BenchmarkOpen costs a play's beginning over the socket: connecting, opening
// the track and its first bytes. The goal is 2 ms.
func BenchmarkOpen(b *testing.B) {
	n, f := newFake(control.RoleListener)
	dir, _ := serve(b, n)
	buf := make([]byte, 4096)
	for b.Loop() {
		c, err := control.Dial(b.Context(), dir)
		if err != nil {
			b.Fatal(err)
		}
		track, err := c.Open(b.Context(), f.Tracks[0].ID, 0)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(track, buf); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		track.Close()
		c.Close()
		b.StartTimer()
	}
}

// BenchmarkRange costs one range of up to 10,000 bytes, what the fake node
// has at once: 0.4 s of music at 192 kbit/s.
func BenchmarkRange(b *testing.B) {
	n, f := newFake(control.RoleListener)
	dir, _ := serve(b, n)
	track, err := dial(b, dir).Open(b.Context(), f.Tracks[0].ID, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer track.Close()
	buf := make([]byte, 16<<10)
	b.ReportAllocs()
	for b.Loop() {
		_, err := track.Read(buf)
		if err == io.EOF {
			_, err = track.Seek(0, io.SeekStart)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReport costs the report of each second played.
func BenchmarkReport(b *testing.B) {
	n, f := newFake(control.RoleListener)
	dir, _ := serve(b, n)
	c := dial(b, dir)
	for b.Loop() {
		if err := c.Report(b.Context(), control.Report{ID: f.Tracks[0].ID, State: control.StatePlaying, Position: time.Second}); err != nil {
			b.Fatal(err)
		}
	}
}
