package stream

import (
	"testing"
	"testing/synctest"
	"time"

	"earshot/protocol"
)

func TestWhatAPlayerHasInHandIsToldApartFromASeek(t *testing.T) {
	const second = 24000 // bytes
	h := protocol.Header{Track: protocol.Track{Duration: 10 * time.Minute, Size: 600 * second}}
	for s := range int64(600) {
		h.Seek = append(h.Seek, s*second)
	}
	synctest.Test(t, func(t *testing.T) {
		p := newPlayhead(0)
		at := func(offset int64, waiting bool, want time.Duration) {
			t.Helper()
			n := second
			if waiting {
				n = 0
			}
			p.read(&h, time.Now(), offset, n)
			if got := p.ahead(&h, time.Now()); got != want {
				t.Errorf("at %d s it has %v in hand, want %v", offset/second, got, want)
			}
		}
		at(0, true, 0)
		at(0, false, 0)
		at(second, false, time.Second)
		time.Sleep(time.Second / 2)
		at(second, true, time.Second/2)
		time.Sleep(5 * time.Second)
		at(second, true, 0)
		at(second, false, 0) // it goes on
		at(300*second, true, 0)
		at(300*second, false, 0)
		at(301*second, false, time.Second)
		at(10*second, true, 0)
		at(10*second, false, 0)
		for i := range int64(60) { // it reads all it can get
			at((11+i)*second, false, time.Duration(1+i)*time.Second)
		}
		at(71*second, true, 61*time.Second)
		at(40*second, true, 0) // its user seeks
		at(40*second, false, 0)
	})
}
