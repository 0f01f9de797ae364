//go:build cgo && linux

package audio_test

import (
	"bufio"
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
const (
	deviceRole = "EARSHOT_TEST_DEVICE"
	deviceName = "EARSHOT_TEST_DEVICE_NAME"
)

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
	switch role {
	case "helper":
		return device.Serve(ctx, "", os.Stdin, os.Stdout)
	case "lost":
		return loseDevice(ctx)
	}
	d, err := device.Open(ctx, audio.NewRing(), device.Options{Name: os.Getenv(deviceName)})
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

// loseDevice plays on until its card was lost and was there again for a while.
func loseDevice(ctx context.Context) error {
	told := make(chan error)
	d, err := device.Open(ctx, audio.NewRing(), device.Options{
		Tell: func(lost error) { told <- lost },
		Helper: func(ctx context.Context) *exec.Cmd {
			cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestDeviceProcess$")
			cmd.Env = append(os.Environ(), deviceRole+"=helper")
			return cmd
		},
	})
	if err != nil {
		return err
	}
	playing, stop := context.WithCancel(ctx)
	defer stop()
	failed := make(chan error, 1)
	go func() {
		for pcm := ramp(audio.SampleRate / 10); ; {
			if err := d.Write(playing, pcm); err != nil {
				failed <- err
				return
			}
		}
	}()
	for range 2 {
		select {
		case err := <-told:
			fmt.Println("told:", err)
		case err := <-failed:
			return err
		}
	}
	time.Sleep(500 * time.Millisecond) // sound on the new card
	stop()
	<-failed
	return d.Close()
}

// play runs a process in which ALSA's sound card is a pipe, and returns what it
// printed and what sounded.
func play(t *testing.T, role string) (printed, stderr string, pcm []byte) {
	t.Helper()
	return playOn(t, role, func(fifo string) string {
		if role == "none" {
			return ""
		}
		return cardConfig(fifo)
	})
}

// cardConfig is ALSA's configuration of a card that is a pipe. ALSA's file device writes
// what it plays; behind it is no clock, so that the pipe's reader is one.
func cardConfig(fifo string) string {
	return `pcm.!default { type plug slave { format S16_LE channels 2 rate 44100 pcm { type file file "` + fifo +
		`" format raw slave.pcm { type null } } } }`
}

// testProcess is this program, told what to be.
func testProcess(ctx context.Context, t *testing.T, role, config string) *exec.Cmd {
	t.Helper()
	conf := filepath.Join(t.TempDir(), "asound.conf")
	if err := os.WriteFile(conf, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestDeviceProcess$")
	cmd.Env = append(os.Environ(), deviceRole+"="+role, "ALSA_CONFIG_PATH="+conf)
	return cmd
}

func playOn(t *testing.T, role string, config func(fifo string) string) (printed, stderr string, pcm []byte) {
	t.Helper()
	fifo := filepath.Join(t.TempDir(), "card")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
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
	cmd := testProcess(ctx, t, role, config(fifo))
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	heard := make(chan []byte)
	stop := make(chan struct{})
	go func() { heard <- sound(card, stop, true) }()
	err = cmd.Wait()
	close(stop)
	pcm = <-heard
	if err != nil && role != "none" {
		t.Fatalf("%v: %s%s", err, out.String(), errs.String())
	}
	return out.String(), errs.String(), pcm
}

// sound takes PCM at its rate and returns it, until it is stopped and, with rest, the
// pipe is empty.
func sound(card *os.File, stop chan struct{}, rest bool) (pcm []byte) {
	const period = 5 * time.Millisecond
	tick := time.NewTicker(period)
	defer tick.Stop()
	p := make([]byte, 4096)
	begin, taken := time.Now(), 0
	for stopped := false; ; {
		select {
		case <-stop:
			if stopped = true; !rest {
				return pcm
			}
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
			if err != nil || n == 0 { // the other end is closed
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

func TestADeviceThatWasLostPlaysOnWhenItIsBack(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds until a card is looked for again")
	}
	dir := t.TempDir()
	fifo := filepath.Join(dir, "card")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := testProcess(ctx, t, "lost", cardConfig(fifo))
	printed, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(printed)
	// A card that is pulled out: a folder stands in its place, which cannot be opened,
	// and nobody reads the pipe any more.
	pull := func() {
		if err := unix.Renameat2(unix.AT_FDCWD, fifo, unix.AT_FDCWD, dir+"/empty", unix.RENAME_EXCHANGE); err != nil {
			t.Error(err)
		}
	}
	if err := os.Mkdir(dir+"/empty", 0o700); err != nil {
		t.Fatal(err)
	}
	listen(t, fifo, 0, pull)
	if !lines.Scan() || !strings.Contains(lines.Text(), "told: the sound card is gone") {
		t.Errorf("it says %q", lines.Text())
	}
	pull() // the other way
	again := make(chan []byte)
	go func() { again <- listen(t, fifo, 400*time.Millisecond, func() {}) }()
	if !lines.Scan() || lines.Text() != "told: <nil>" {
		t.Errorf("it says %q", lines.Text())
	}
	if pcm := without(<-again); len(pcm) == 0 {
		t.Error("nothing sounds on the card that is back")
	}
	if err := cmd.Wait(); err != nil || said.Len() > 0 {
		t.Errorf("%v; on stderr it says %q", err, said.String())
	}
}

// listen reads a card at its rate for a second and so long, and does something before it
// stops.
func listen(t *testing.T, fifo string, d time.Duration, before func()) []byte {
	card, err := os.OpenFile(fifo, os.O_RDONLY, 0)
	if err != nil {
		t.Error(err)
		return nil
	}
	defer card.Close()
	stop := make(chan struct{})
	time.AfterFunc(d+time.Second, func() {
		before()
		close(stop)
	})
	return sound(card, stop, false)
}

func TestADeviceIsChosenByName(t *testing.T) {
	// A default of the user's, which must not win.
	const wrong = `pcm.!default { type null }` + "\n"
	dir := t.TempDir()
	t.Setenv(deviceName, "other")
	t.Setenv("HOME", dir)
	if err := os.WriteFile(filepath.Join(dir, ".asoundrc"), []byte(wrong), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, pcm := playOn(t, "even", func(fifo string) string {
		return "<confdir:alsa.conf>\n" + strings.Replace(cardConfig(fifo), "pcm.!default", "pcm.other", 1)
	})
	if want := ramp(audio.SampleRate / 2); !bytes.Equal(without(pcm), want) {
		t.Errorf("%d bytes sounded, of which %d are no silence, of %d", len(pcm), len(without(pcm)), len(want))
	}
}

func TestADeviceOfAnUnknownNameIsRefused(t *testing.T) {
	for _, name := range []string{"nosuchcard", "hw:77", `a" } evil {`} {
		t.Setenv(deviceName, name)
		if out, _, _ := play(t, "none"); !strings.Contains(out, "no device: true") {
			t.Errorf("%s: it says %q", name, out)
		}
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
