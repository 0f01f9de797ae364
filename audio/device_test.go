//go:build cgo && linux

package audio_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"earshot/audio"
	"earshot/audio/device"
)

// A process has one chance to open a sound card. So each test of it is a process
// of its own: this test program, told by deviceRole what to be.
const deviceRole = "EARSHOT_TEST_DEVICE"

// ramp is samples of PCM of which no two are alike, and none is silence.
func ramp(samples int) []byte {
	var b []byte
	for i := range samples {
		b = binary.LittleEndian.AppendUint32(b, uint32(i+1))
	}
	return b
}

// TestDeviceProcess is the process, and no test of its own.
func TestDeviceProcess(t *testing.T) {
	role := os.Getenv(deviceRole)
	if role == "" {
		return
	}
	if err := runDevice(role); err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	os.Exit(0) // before goleak, as oto has goroutines for ever
}

func runDevice(role string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	ring := audio.NewRing()
	d, err := device.Open(ctx, ring)
	if err != nil {
		fmt.Println("no device:", errors.Is(err, device.ErrNoDevice))
		return err
	}
	var out audio.Output = d
	pcm := ramp(audio.SampleRate / 2)
	half := len(pcm) / 2
	if err := out.Write(ctx, pcm[:half]); err != nil {
		return err
	}
	switch role {
	case "late":
		time.Sleep(600 * time.Millisecond)
	case "paused":
		out.Pause(true)
		time.Sleep(600 * time.Millisecond)
		fmt.Println("unheard in the pause:", out.Unheard())
		out.Pause(false)
	case "flushed":
		out.Pause(true)
		out.Flush()
		time.Sleep(300 * time.Millisecond) // what the card has sounds
		fmt.Println("unheard after the flush:", out.Unheard())
		out.Pause(false)
	}
	if err := out.Write(ctx, pcm[half:]); err != nil {
		return err
	}
	if err := out.Drain(ctx); err != nil {
		return err
	}
	n, _ := out.Stutters()
	fmt.Println("stutters:", n)
	return out.Close()
}

// play runs a process in which ALSA's sound card is a pipe, and returns what it
// printed and what sounded.
func play(t *testing.T, role string) (printed, stderr string, pcm []byte) {
	t.Helper()
	dir := t.TempDir()
	fifo, conf := filepath.Join(dir, "card"), filepath.Join(dir, "asound.conf")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	// ALSA's file device writes what it plays; behind it is no clock, so that the
	// pipe's reader is one.
	config := `pcm.!default { type plug slave { format S16_LE channels 2 rate 44100 pcm { type file file "` + fifo +
		`" format raw slave.pcm { type null } } } }`
	if role == "none" {
		config = ""
	}
	if err := os.WriteFile(conf, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	card, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer card.Close()
	if _, err := unix.FcntlInt(card.Fd(), unix.F_SETPIPE_SZ, 4096); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestDeviceProcess$")
	cmd.Env = append(os.Environ(), deviceRole+"="+role, "ALSA_CONFIG_PATH="+conf)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	heard := make(chan []byte)
	stop := make(chan struct{})
	go func() { heard <- sound(card, stop) }()
	err = cmd.Wait()
	close(stop)
	pcm = <-heard
	if err != nil && role != "none" {
		t.Fatalf("%v: %s%s", err, out.String(), errs.String())
	}
	return out.String(), errs.String(), pcm
}

// sound takes PCM at its rate and returns it, until it is stopped and the pipe is
// empty.
func sound(card *os.File, stop chan struct{}) (pcm []byte) {
	const period = 5 * time.Millisecond
	tick := time.NewTicker(period)
	defer tick.Stop()
	p := make([]byte, 4096)
	begin, taken := time.Now(), 0
	for stopped := false; ; {
		select {
		case <-stop:
			stopped = true
		case <-tick.C:
		}
		for {
			due := int(time.Since(begin).Seconds()*audio.SampleRate)*4 - taken
			poll := []unix.PollFd{{Fd: int32(card.Fd()), Events: unix.POLLIN}}
			if n, _ := unix.Poll(poll, 0); n == 0 && stopped {
				return pcm
			} else if n == 0 && taken == 0 {
				begin = time.Now() // the card starts when there is sound
			}
			if due <= 0 && !stopped || poll[0].Revents == 0 {
				break
			}
			if !stopped {
				p = p[:min(due, cap(p))]
			}
			n, err := unix.Read(int(card.Fd()), p)
			if err != nil {
				return pcm
			}
			pcm = append(pcm, p[:n]...)
			taken += n
		}
	}
}

// without returns pcm without silent samples.
func without(pcm []byte) (b []byte) {
	for i := 0; i+4 <= len(pcm); i += 4 {
		if s := pcm[i : i+4]; binary.LittleEndian.Uint32(s) != 0 {
			b = append(b, s...)
		}
	}
	return b
}

// Whether the processes here keep up with the clock is the machine's affair, so
// silence between samples is let pass. Every sample must sound once, in order.
func TestDeviceSoundsEverySampleExactly(t *testing.T) {
	out, stderr, pcm := play(t, "even")
	if want := ramp(audio.SampleRate / 2); !bytes.Equal(without(pcm), want) {
		t.Errorf("%d bytes sounded, of which %d are no silence, of %d", len(pcm), len(without(pcm)), len(want))
	}
	if !strings.Contains(out, "stutters: ") || stderr != "" {
		t.Errorf("it says %q, and on stderr %q", out, stderr)
	}
}

func TestDeviceFillsLateSoundWithSilence(t *testing.T) {
	out, _, pcm := play(t, "late")
	if want := ramp(audio.SampleRate / 2); !bytes.Equal(without(pcm), want) {
		t.Errorf("%d bytes sounded, of which %d are no silence, of %d", len(pcm), len(without(pcm)), len(want))
	}
	if !strings.Contains(out, "stutters: ") || strings.Contains(out, "stutters: 0") {
		t.Errorf("it says %q", out)
	}
}

func TestDevicePausesWithoutLosingASample(t *testing.T) {
	out, _, pcm := play(t, "paused")
	if want := ramp(audio.SampleRate / 2); !bytes.Equal(without(pcm), want) {
		t.Errorf("%d bytes sounded, of which %d are no silence, of %d", len(pcm), len(without(pcm)), len(want))
	}
	if !strings.Contains(out, "unheard in the pause: ") || strings.Contains(out, "unheard in the pause: 0s") {
		t.Errorf("it says %q", out)
	}
}

func TestDeviceDropsOnAFlushWhatTheCardDoesNotHave(t *testing.T) {
	out, _, pcm := play(t, "flushed")
	all := ramp(audio.SampleRate / 2)
	got, second := without(pcm), all[len(all)/2:]
	if len(got) >= len(all) || !bytes.HasSuffix(got, second) || !bytes.HasPrefix(all, got[:len(got)-len(second)]) {
		t.Errorf("%d bytes sounded of %d, %d of them behind the flush", len(got), len(all), len(second))
	}
	if !strings.Contains(out, "unheard after the flush: 0s") {
		t.Errorf("it says %q", out)
	}
}

func TestWithoutASoundCardDeviceSaysSo(t *testing.T) {
	out, stderr, _ := play(t, "none")
	if !strings.Contains(out, "no device: true") || strings.Count(out, "\n") != 2 {
		t.Errorf("it says %q", out)
	}
	if stderr != "" {
		t.Errorf("ALSA says %q", stderr)
	}
}
