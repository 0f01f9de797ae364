package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"earshot/node/control"
)

const (
	// syncAtOnce is how many tracks are fetched at a time: while one waits for its
	// beginning, another comes.
	syncAtOnce = 2
	// syncGiveUp is after how many tracks in a row that nothing reachable holds
	// the rest is not tried: the server, or the network, is away.
	syncGiveUp = 3
	// rateSpan is over how long the rate is measured: long enough to be steady at
	// a trickle's runs of some 100 KB.
	rateSpan = 10 * time.Second
)

// syncRun is a sync under way.
type syncRun struct {
	node control.Node
	plan *syncPlan
	out  *screen
	err  *screen
	json bool

	mu     sync.Mutex
	next   int // of the plan's tracks
	away   int // in a row that nothing held
	failed error
	left   int // tracks that are not complete
	marks  []rateMark
	shown  time.Time
}

// rateMark is how much was there at a time.
type rateMark struct {
	at   time.Time
	have int64
}

// runSync fetches what the plan says.
func (p *program) runSync(ctx context.Context, n control.Node, plan *syncPlan, asJSON bool) error {
	r := &syncRun{node: n, plan: plan, out: p.out, err: p.err, json: asJSON}
	if asJSON {
		r.out.json(r.line("plan"))
	}
	var wg sync.WaitGroup
	for range syncAtOnce {
		wg.Go(func() { r.work(ctx) })
	}
	wg.Wait()
	r.err.clear()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if asJSON {
		r.out.json(r.line("done"))
	} else {
		done, have := r.sum()
		r.out.say("%s of %d, %s: kept for when there is no network", count(done, "track"), len(plan.tracks), bytesOf(have))
	}
	if r.failed != nil {
		return fmt.Errorf("%s could not be fetched: %w: the next `earshot sync` goes on here", count(r.left, "track"), r.failed)
	}
	return nil
}

// work fetches tracks until there are none left.
func (r *syncRun) work(ctx context.Context) {
	for ctx.Err() == nil {
		i, ok := r.take()
		if !ok {
			return
		}
		t := r.plan.tracks[i]
		err := r.node.Fetch(ctx, t.ID, func(have, size int64) { r.progress(i, have, size) })
		if ctx.Err() != nil {
			return
		}
		r.ended(i, err)
	}
}

// take returns the next track that is not complete and pinned.
func (r *syncRun) take() (int, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for ; r.next < len(r.plan.tracks); r.next++ {
		if r.plan.done[r.next] {
			continue
		}
		if r.away >= syncGiveUp || errors.Is(r.failed, control.ErrNoRoom) {
			r.left++
			continue
		}
		r.next++
		return r.next - 1, true
	}
	return 0, false
}

// progress notes what is there of a track, and shows it.
func (r *syncRun) progress(i int, have, size int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := &r.plan.tracks[i]; t.Size == 0 { // it was named by its ID alone
		t.Size = size
		r.plan.bytes += size
	}
	r.plan.have[i] = have
	now := time.Now()
	every := showEvery
	if r.json {
		every = time.Second
	}
	if now.Sub(r.shown) < every {
		return
	}
	r.shown = now
	r.note(now)
	if r.json {
		r.out.json(r.line("progress"))
		return
	}
	r.draw()
}

// note keeps marks for the rate. r.mu is held.
func (r *syncRun) note(now time.Time) {
	_, have := r.sum()
	r.marks = append(r.marks, rateMark{now, have})
	for len(r.marks) > 2 && now.Sub(r.marks[0].at) > rateSpan {
		r.marks = r.marks[1:]
	}
}

// rate is in bytes a second; 0 while it is not known.
func (r *syncRun) rate() int64 {
	if len(r.marks) < 2 {
		return 0
	}
	first, last := r.marks[0], r.marks[len(r.marks)-1]
	return max(0, int64(float64(last.have-first.have)/max(last.at.Sub(first.at).Seconds(), 0.001)))
}

// rest is how long it takes at that rate; 0 while that is not known.
func (r *syncRun) rest() time.Duration {
	_, have := r.sum()
	rate := r.rate()
	if rate == 0 {
		return 0
	}
	return (time.Duration(float64(r.plan.bytes-have)/float64(rate)) * time.Second).Round(time.Second)
}

func (r *syncRun) sum() (done int, have int64) {
	for i := range r.plan.tracks {
		have += r.plan.have[i]
		if r.plan.done[i] {
			done++
		}
	}
	return done, have
}

// draw draws the bar. r.mu is held.
func (r *syncRun) draw() {
	done, have := r.sum()
	text := fmt.Sprintf(" %d of %s, %s of %s", done, count(len(r.plan.tracks), "track"), bytesOf(have), bytesOf(r.plan.bytes))
	rate := ""
	if v := r.rate(); v > 0 {
		rate = fmt.Sprintf("  %s/s", bytesOf(v))
		if rest := r.rest(); rest > 0 {
			rate += ", " + clockOf(rest) + " left"
		}
	}
	r.err.overlay(cell{text: "keeping " + progressBar(have, r.plan.bytes, progressColumns)}, cell{text: text}, cell{text: rate, colour: dim})
}

// ended notes how a fetch ended, and tells of it.
func (r *syncRun) ended(i int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.plan.tracks[i]
	if err == nil {
		r.plan.done[i], r.plan.have[i], r.away = true, t.Size, 0
	} else {
		r.failed = err
		r.left++
		if errors.Is(err, control.ErrUnavailable) || errors.Is(err, control.ErrServerAway) {
			r.away++
		} else {
			r.away = 0
		}
		if errors.Is(err, control.ErrNoOwner) {
			r.away = syncGiveUp
		}
	}
	if r.json {
		line := syncTrack{Event: "track", trackJSON: trackJSON{t, t.Duration}, Complete: err == nil}
		if err != nil {
			line.Error = oneLine(err.Error())
		}
		r.out.json(line)
		return
	}
	if err != nil {
		r.err.say("earshot: %s: %v", titleOf(t), oneLine(err.Error()))
	} else if !r.err.tty {
		r.out.say("kept %s", titleOf(t))
	}
}

// syncLine is a line of `sync --json`: plan, progress or done. The names are a
// contract.
type syncLine struct {
	Event      string        `json:"event"`
	Tracks     int           `json:"tracks"`
	TracksDone int           `json:"tracks_done"`
	Bytes      int64         `json:"bytes"`
	BytesDone  int64         `json:"bytes_done"`
	Rate       int64         `json:"rate"` // bytes a second
	Rest       time.Duration `json:"rest_ns"`
}

// syncTrack is the line of a track that has ended.
type syncTrack struct {
	Event string `json:"event"`
	trackJSON
	Complete bool   `json:"complete"`
	Error    string `json:"error,omitempty"`
}

func (r *syncRun) line(event string) syncLine {
	done, have := r.sum()
	return syncLine{event, len(r.plan.tracks), done, r.plan.bytes, have, r.rate(), r.rest()}
}
