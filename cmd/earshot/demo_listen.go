package main

import (
	"context"
	"strings"
	"syscall"
	"time"

	"earshot/node/control"
	"earshot/protocol"
)

const (
	// pollEvery is how often the listener is asked what it plays: five times a
	// second, so that each second's cell has its own bytes.
	pollEvery = 200 * time.Millisecond
	// pollWait is how long an answer may take before the demo goes on without.
	pollWait = time.Second
	// maxNotes bounds the warnings of the listener that wait to be shown.
	maxNotes = 16
)

// listen starts the listener, shows where each second comes from, and tells at
// the end how it went. An interruption and the end of the time end it early, with
// what is known by then.
func (d *demo) listen(ctx context.Context, tracks []protocol.Track) error {
	args := []string{"play", "--data", d.data(demoListener), "--json", "--output", d.output}
	var length time.Duration
	for _, t := range tracks {
		args = append(args, t.ID.String())
		length += t.Duration
	}
	notes := make(chan string, maxNotes)
	var printed strings.Builder // of the listener's goroutine until it is done
	c, err := d.family.start(demoListener, func(line string) {
		if printed.Len() < 1<<20 {
			printed.WriteString(line + "\n")
		}
	}, func(line string) {
		select {
		case notes <- line:
		default:
		}
	}, args...)
	if err != nil {
		return err
	}
	d.screen.say("%s", demoLegend(d.screen))

	v := newDemoView(d.screen, tracks)
	defer v.close()
	cutShort := d.watch(ctx, c, v, notes, length > d.limit)
	v.end()
	var results []demoResult
	if c.wait(0) { // else not even a kill ended it, and it may still print
		results = readResults(strings.NewReader(printed.String()))
	}
	results = withUnfinished(results, v.strips)
	d.screen.say("")
	demoTable(d.screen.out, d.screen.width(), results, tracks)
	if cutShort {
		return ctx.Err()
	}
	return c.failure()
}

// watch shows what the listener plays until it ends or is stopped: by ctx, or
// by the time being up where it is limited. It returns with the process gone.
func (d *demo) watch(ctx context.Context, c *demoChild, v *demoView, notes <-chan string, limited bool) (cutShort bool) {
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	var up <-chan time.Time
	if limited {
		timer := time.NewTimer(d.limit)
		defer timer.Stop()
		up = timer.C
	}
	note := ""
	for {
		select {
		case <-poll.C:
			// A warning is shown a poll later: the last words of a listener
			// that fails are its failure, which is told once, at the end.
			if note != "" {
				d.screen.tell(demoListener, "%s", strings.TrimPrefix(note, "earshot: "))
			}
			note = ""
			v.poll(ctx, d.data(demoListener))
			continue
		case line := <-notes:
			if note != "" {
				d.screen.tell(demoListener, "%s", strings.TrimPrefix(note, "earshot: "))
			}
			note = line
			continue
		case <-c.done:
			return false
		case <-ctx.Done():
		case <-up:
		}
		c.stop(syscall.SIGINT)
		return true
	}
}

// demoView shows the tracks of the listener's queue, one after another.
type demoView struct {
	screen *demoScreen
	strips []*demoStrip
	now    int // the strip being drawn
	client *control.Client
}

func newDemoView(screen *demoScreen, tracks []protocol.Track) *demoView {
	v := &demoView{screen: screen}
	for _, t := range tracks {
		v.strips = append(v.strips, newDemoStrip(t))
	}
	return v
}

// poll asks the listener what it plays, and draws what is new. A listener that
// does not answer yet, or no more, changes nothing.
func (v *demoView) poll(ctx context.Context, data string) {
	ctx, cancel := context.WithTimeout(ctx, pollWait)
	defer cancel()
	if v.client == nil {
		client, err := control.Dial(ctx, data)
		if err != nil {
			return
		}
		v.client = client
	}
	if status, err := v.client.Status(ctx); err == nil {
		v.show(status.Playing)
	}
}

// show takes what the listener plays now. A track has ended when it is no more
// among it and the next one has begun.
func (v *demoView) show(playing []control.Playing) {
	reading := map[protocol.ID]bool{}
	for _, p := range playing {
		reading[p.ID] = true
		for _, s := range v.strips {
			if s.track.ID == p.ID {
				s.heard(p.Shares)
			}
		}
	}
	for v.now < len(v.strips) {
		s := v.strips[v.now]
		next := v.now+1 < len(v.strips) && v.strips[v.now+1].seen.Total() > 0
		ended := next && !reading[s.track.ID]
		if s.seen.Total() > 0 {
			s.draw(v.screen, ended)
		}
		if !ended {
			return
		}
		v.now++
	}
}

// end draws what is left.
func (v *demoView) end() {
	for ; v.now < len(v.strips); v.now++ {
		if s := v.strips[v.now]; s.seen.Total() > 0 {
			s.draw(v.screen, true)
		}
	}
	v.screen.end()
}

func (v *demoView) close() {
	if v.client != nil {
		v.client.Close()
	}
}
