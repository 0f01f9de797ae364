//go:build figures && linux

package main

import (
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"earshot/audio"
)

// newCard makes a sound card for ALSA, a pipe that is read at the rate of a card, and returns
// the environment of a process that is to play on it. count is what it has sounded so far.
func newCard(t *testing.T) (env string, count func() time.Duration) {
	dir := t.TempDir()
	fifo, conf := filepath.Join(dir, "card"), filepath.Join(dir, "asound.conf")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	card, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.FcntlInt(card.Fd(), unix.F_SETPIPE_SZ, 4096); err != nil {
		t.Fatal(err)
	}
	config := `pcm.!default { type plug slave { format S16_LE channels 2 rate 44100 pcm { type file file "` + fifo +
		`" format raw slave.pcm { type null } } } }`
	if err := os.WriteFile(conf, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &pipeCard{file: card, stop: make(chan struct{})}
	c.work.Go(c.sound)
	t.Cleanup(func() {
		close(c.stop)
		c.work.Wait()
		card.Close()
	})
	return "ALSA_CONFIG_PATH=" + conf, c.count
}

// pipeCard takes sound from a pipe, at its rate.
type pipeCard struct {
	file *os.File
	stop chan struct{}
	work sync.WaitGroup

	mu    sync.Mutex
	taken int
}

func (c *pipeCard) sound() {
	const (
		period = 10 * time.Millisecond
		most   = audio.SampleRate // bytes: a quarter of a second, as a card with its ring may be late
	)
	tick := time.NewTicker(period)
	defer tick.Stop()
	buf := make([]byte, 4096)
	begin, taken := time.Now(), 0
	for {
		select {
		case <-c.stop:
			return
		case <-tick.C:
		}
		due := int(time.Since(begin).Seconds()*audio.SampleRate)*4 - taken
		if due > most {
			begin, taken, due = time.Now(), 0, 0 // nothing is played: what was due is past
		}
		for due > 0 {
			poll := []unix.PollFd{{Fd: int32(c.file.Fd()), Events: unix.POLLIN}}
			if n, _ := unix.Poll(poll, 0); n == 0 {
				break
			}
			n, err := unix.Read(int(c.file.Fd()), buf[:min(due, len(buf))])
			if err != nil {
				return
			}
			due -= n
			taken += n
			c.mu.Lock()
			c.taken += n
			c.mu.Unlock()
		}
	}
}

// count is how much it has sounded.
func (c *pipeCard) count() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Duration(c.taken/4) * time.Second / audio.SampleRate
}
