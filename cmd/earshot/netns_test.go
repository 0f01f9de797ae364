//go:build figures && linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"earshot/audio/music"
	"earshot/node/bench"
)

// TestInternet measures real processes of bin/earshot at places of an emulated
// internet: a server with 100 Mbit/s or less, 5 ms from the middle; listeners
// with 10 up and 50 down, 20 ms from it, each at a site of its own or in one
// office. It is skipped where the machine has no namespaces: make bench-netns.
func TestInternet(t *testing.T) {
	music := townMusic(t) // a folder
	t.Run("start", func(t *testing.T) { newTown(t, music, 100e6, 1, "").starts() })
	t.Run("office", func(t *testing.T) { newTown(t, music, 100e6, 5, "office").office() })
	t.Run("5 at once", func(t *testing.T) { newTown(t, music, 100e6, 5, "").crowd("internet, 5 at once", 1.25, 0, 100) })
	t.Run("20 at once", func(t *testing.T) {
		newTown(t, music, 4e6, 20, "").crowd("internet, 20 at once, server 4 Mbit/s", 2, 250, 500)
	})
	t.Run("20 at 2 Mbit/s", func(t *testing.T) {
		newTown(t, music, 2e6, 20, "").crowd("internet, 20 at once, server 2 Mbit/s", 2, 400, 0)
	})
}

const (
	townStarts = 20
	townOffice = 5 // tracks that an office holds, of each kind of start
	townTracks = 2*townStarts + 3
	townServer = "198.51.100.1"
	townFirst  = 20 * time.Second // that a crowd has heard together before
	townQuiet  = 60               // seconds in which the machine is to be quiet for one
	pcmRate    = 44100 * 4        // bytes a second
)

// town is a server and listeners, each a place with a data folder.
type town struct {
	*rig
	t      *testing.T
	net    *internet
	server *place
	homes  []*place
}

// townMusic makes a folder of tracks of 115 s at 192 kbit/s: the goals are for
// that, and what ships has 128.
func townMusic(t *testing.T) string {
	lame, err := exec.LookPath("lame")
	if err != nil {
		t.Skip("lame is needed, to make tracks of 192 kbit/s")
	}
	piece, err := fs.ReadFile(music.Files(), "01-prelude.mp3")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(lame, "--quiet", "--mp3input", "-b", "192", "-", "-")
	cmd.Stdin = bytes.NewReader(piece)
	encoded, err := cmd.Output()
	if err != nil {
		t.Fatalf("lame: %v", err)
	}
	dir := t.TempDir()
	for i := range townTracks {
		tag := make([]byte, 128) // ID3v1: an ID of its own
		copy(tag, fmt.Sprintf("TAGTrack %02d", i))
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d.mp3", i)), append(bytes.Clone(encoded), tag...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// newTown starts a server with such an uplink, and makes so many listeners
// members: at sites of their own, or at one.
func newTown(t *testing.T, musicDir string, uplink float64, listeners int, site string) *town {
	bin, err := filepath.Abs("../../bin/earshot")
	if err != nil {
		t.Fatal(err)
	}
	places := map[string]access{townServer: {up: uplink, down: 100e6, delay: 5 * time.Millisecond}}
	home := func(i int) string { return fmt.Sprintf("203.0.113.%d", 1+i) }
	for i := range listeners {
		places[home(i)] = access{up: 10e6, down: 50e6, delay: 20 * time.Millisecond, site: site}
	}
	w := &town{t: t, net: newInternet(t, places), rig: &rig{bin: bin, dir: t.TempDir()}}
	w.rig.addr = townServer + ":4433"
	w.server = w.net.places[netip.MustParseAddr(townServer)]
	one, err := os.Stat(filepath.Join(musicDir, "00.mp3"))
	if err != nil {
		t.Fatal(err)
	}
	w.size = int(one.Size())
	w.startAt(w.server, "serve", "--data", w.data("server"), "--music", musicDir, "--listen", w.rig.addr, "--advertise", w.rig.addr)
	w.awaitOwner(t, "server")
	for i := range listeners {
		p := w.net.places[netip.MustParseAddr(home(i))]
		w.homes = append(w.homes, p)
		link := strings.TrimSpace(string(w.run(t, "invite", "--data", w.data("server"))))
		w.runAt(p, "join", "--data", w.dataAt(p), link)
	}
	w.tracks = w.ids(t, "server", townTracks)
	return w
}

func (w *town) dataAt(p *place) string { return w.data(p.addr.String()) }

// begin starts a process at a place.
func (w *town) begin(p *place, cmd *exec.Cmd) {
	w.t.Helper()
	if err := p.inside(cmd.Start); err != nil {
		w.t.Fatal(err)
	}
}

// startAt starts a command that runs until it is ended, or the test is.
func (w *town) startAt(p *place, args ...string) *exec.Cmd {
	cmd := exec.Command(w.bin, args...)
	cmd.Stderr = os.Stderr
	w.begin(p, cmd)
	w.t.Cleanup(func() { end(cmd) })
	return cmd
}

// runAt runs a command at a place to its end.
func (w *town) runAt(p *place, args ...string) {
	w.t.Helper()
	cmd := exec.Command(w.bin, args...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	w.begin(p, cmd)
	if err := cmd.Wait(); err != nil {
		w.t.Fatalf("earshot %s: %v: %s", strings.Join(args, " "), err, &complaint)
	}
}

// listen starts a process that plays a track and takes its sound as a sound card
// does, for so long at most: 0 for the first sample only.
func (w *town) listen(p *place, id string, long time.Duration) (l listened) {
	cmd := exec.Command(w.bin, "play", "--data", w.dataAt(p), "--output", "stdout", id)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	asked := time.Now()
	if err := p.inside(cmd.Start); err != nil {
		l.err = err
		return l
	}
	l.hear(out, asked, long)
	cmd.Process.Signal(syscall.SIGINT)
	_, _ = io.Copy(io.Discard, out) // ends with the process
	err = cmd.Wait()
	if l.err != nil {
		l.err = fmt.Errorf("%w; %v: %s", l.err, err, &complaint)
	}
	return l
}

// sent is how many copies of a track the server has sent since before.
func (w *town) sent(before int64) (copies float64, now int64) {
	s, err := w.status(w.t.Context(), "server")
	if err != nil {
		w.t.Fatal(err)
	}
	return float64(s.Uploaded-before) / float64(w.size), s.Uploaded
}

// waits plays the beginnings of tracks at a place, one after the other.
func (w *town) waits(p *place, tracks []string) (d []time.Duration) {
	for _, id := range tracks {
		l := w.listen(p, id, 0)
		if l.err != nil {
			w.t.Fatal(l.err)
		}
		d = append(d, l.wait)
	}
	slices.Sort(d)
	return d
}

// fetch has a place hold tracks whole.
func (w *town) fetch(p *place, tracks []string) {
	for _, id := range tracks {
		w.runAt(p, "play", "--data", w.dataAt(p), "--output", "wav:"+filepath.Join(w.dir, p.addr.String()+".wav"), id)
	}
}

// copyCache gives a place what another holds: as if it had fetched that too.
func (w *town) copyCache(from, to *place) {
	const folder = "cache" // in the data folder
	into := filepath.Join(w.dataAt(to), folder)
	if err := errors.Join(os.RemoveAll(into), os.CopyFS(into, os.DirFS(filepath.Join(w.dataAt(from), folder)))); err != nil {
		w.t.Fatal(err)
	}
}

// starts measures first sounds of a listener alone, 50 ms from the server.
func (w *town) starts() {
	p := w.homes[0]
	w.fetch(p, w.tracks[:1]) // leaves ticket and token
	fresh := w.waits(p, w.tracks[1:1+townStarts])
	w.startAt(p, "seed", "--data", w.dataAt(p))
	w.awaitOwner(w.t, p.addr.String())
	running := w.waits(p, w.tracks[1+townStarts:1+2*townStarts])
	bench.Report(w.t, "internet, start",
		bench.Told("a process that does nothing, p50: the machine's part", millis(w.idle(), 50), "ms"),
		bench.Told("round trip of a packet alone, of 50 ms asked for, p90", millis(w.net.roundTrips(w.t, p, w.server, townStarts), 90), "ms"),
		bench.AtMost("uncached, new process, 50 ms of round trip, p50", millis(fresh, 50), 75, "ms"),
		bench.AtMost("uncached, new process, 50 ms of round trip, p90", millis(fresh, 90), 100, "ms"),
		bench.AtMost("uncached, node running, 50 ms of round trip, p50", millis(running, 50), 65, "ms"),
		bench.Told("uncached, node running, 50 ms of round trip, p90", millis(running, 90), "ms"),
	)
}

// idle starts processes that do nothing: what the machine can do today.
func (w *town) idle() (all []time.Duration) {
	for range townStarts {
		began := time.Now()
		w.run(w.t, "--version")
		all = append(all, time.Since(began))
	}
	slices.Sort(all)
	return all
}

// idlers starts so many at once.
func (w *town) idlers(n int) []time.Duration {
	all := make([]time.Duration, n)
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() {
			began := time.Now()
			if err := exec.Command(w.bin, "--version").Run(); err != nil {
				w.t.Error(err)
			}
			all[i] = time.Since(began)
		})
	}
	wg.Wait()
	slices.Sort(all)
	return all
}

// office measures a fifth listener where four hold the tracks.
func (w *town) office() {
	tracks := w.tracks[:1+2*townOffice]
	w.fetch(w.homes[0], tracks)
	for i, p := range w.homes[:4] {
		if i > 0 {
			w.copyCache(w.homes[0], p)
		}
		w.startAt(p, "seed", "--data", w.dataAt(p))
		w.awaitOwner(w.t, p.addr.String())
	}
	p := w.homes[4]
	w.fetch(p, tracks[:1]) // meets the others
	_, before := w.sent(0)
	fresh := w.waits(p, tracks[1:1+townOffice])
	w.startAt(p, "seed", "--data", w.dataAt(p))
	w.awaitOwner(w.t, p.addr.String())
	time.Sleep(time.Second) // its neighbours are connected
	running := w.waits(p, tracks[1+townOffice:])
	copies, _ := w.sent(before)
	bench.Report(w.t, "internet, office",
		bench.Told("round trip of a packet alone, of 0.4 ms asked for, p90", millis(w.net.roundTrips(w.t, p, w.homes[0], townStarts), 90), "ms"),
		bench.AtMost("where four hold it, new process, p50", millis(fresh, 50), 25, "ms"),
		bench.AtMost("where four hold it, node running, p50", millis(running, 50), 15, "ms"),
		bench.AtMost("copies the server sends for a track", copies/(2*townOffice), 0.05, ""),
	)
}

// crowd has all listeners play one track at once, to its end. They have heard another
// together before, for the first time: what that took is told.
func (w *town) crowd(row string, copies, p50, p90 float64) {
	w.quiet()
	_, first := w.together(w.tracks[0], townFirst)
	w.quiet()
	_, before := w.sent(0)
	var wg sync.WaitGroup
	idle := w.idleWithin(&wg, time.Second)
	all, waits := w.together(w.tracks[1], time.Hour)
	wg.Wait()
	sent, _ := w.sent(before)
	var bare, usual card
	shortest := time.Hour
	for _, l := range all {
		bare.add(&l.bare)
		usual.add(&l.usual)
		shortest = min(shortest, l.sound)
	}
	bench.Report(w.t, row,
		bench.Told("so many processes at once that do nothing, p50: of the machine's part", millis(w.idlers(len(w.homes)), 50), "ms"),
		bench.Told("the first time, of a server that has sent nothing: latency p50", millis(first, 50), "ms"),
		bench.Told("the first time: latency p90", millis(first, 90), "ms"),
		bench.AtMost("copies the server sends", sent, copies, ""),
		within("latency p50", millis(waits, 50), p50, "ms"),
		within("latency p90", millis(waits, 90), p90, "ms"),
		bare.figure("stutters of a card that holds nothing"),
		usual.figure(fmt.Sprintf("stutters of one that holds %v", cardHolds)),
		bench.Told("processors idle in the first second", 100*<-idle, "%"),
		bench.AtLeast("each hears", shortest.Seconds(), 114, "s"),
	)
}

// quiet waits until the machine's processors have nothing to do: what the server does
// behind a start, as it measures how loud its tracks are, has a machine of its own.
func (w *town) quiet() {
	for range townQuiet {
		idle, all := w.ticks()
		time.Sleep(time.Second)
		idleThen, allThen := w.ticks()
		if (idleThen - idle) >= 0.95*(allThen-all) {
			return
		}
	}
	w.t.Logf("the machine was not quiet for a second in %d", townQuiet)
}

// together has all listeners play a track at once, for so long at most, and returns what
// they heard, and how long each waited.
func (w *town) together(id string, long time.Duration) (all []listened, waits []time.Duration) {
	all = make([]listened, len(w.homes))
	var wg sync.WaitGroup
	for i, p := range w.homes {
		wg.Go(func() { all[i] = w.listen(p, id, long) })
	}
	wg.Wait()
	for i, l := range all {
		if l.err != nil {
			w.t.Errorf("listener %d: %v", i, l.err)
		}
		waits = append(waits, l.wait)
	}
	slices.Sort(waits)
	return all, waits
}

// idleWithin tells which share of a time from now on the machine's processors have nothing
// to do: where that is little, they are what is measured.
func (w *town) idleWithin(wg *sync.WaitGroup, long time.Duration) <-chan float64 {
	share := make(chan float64, 1)
	idle, all := w.ticks()
	wg.Go(func() {
		time.Sleep(long)
		idleThen, allThen := w.ticks()
		share <- (idleThen - idle) / max(allThen-all, 1)
	})
	return share
}

// ticks reads from /proc/stat for how long processors were idle, and in all.
func (w *town) ticks() (idle, all float64) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		w.t.Error(err)
		return 0, 0
	}
	line, _, _ := strings.Cut(string(stat), "\n")
	for i, field := range strings.Fields(line)[1:] {
		n, err := strconv.ParseFloat(field, 64)
		if err != nil {
			w.t.Error(err)
		}
		if i == 3 || i == 4 { // idle, and waiting for disks
			idle += n
		}
		all += n
	}
	return idle, all
}

// within is a figure with a goal, unless that is 0.
func within(what string, got, goal float64, unit string) bench.Figure {
	if goal == 0 {
		return bench.Told(what, got, unit)
	}
	return bench.AtMost(what, got, goal, unit)
}
