//go:build figures

package main

import (
	"context"
	"slices"
	"testing"
	"time"

	"earshot/node/bench"
	"earshot/node/control"
)

// rigAlbum is how many tracks follow one another, so that the next one is another one.
const rigAlbum = 4

// keys measures how long a key takes to be heard: from the call of a command on
// the player's socket, as another program or a media key makes it, to the first
// sample of the new place at the output. The track is cached, and a node of
// another process holds it; the player says when the sample left, and that too
// comes by the socket and counts.
func (r *rig) keys(t *testing.T) {
	r.join(t, "keys", false)
	album := r.tracks[rigTracks-rigAlbum:]
	r.start(t, "seed", "--data", r.data("keys"))
	r.awaitOwner(t, "keys")
	r.run(t, append([]string{"play", "--data", r.data("keys"), "--output", "wav:" + r.data("keys.wav")}, album...)...) // cached from now on
	r.start(t, append([]string{"play", "--data", r.data("keys"), "--output", "null"}, slices.Repeat(album, (rigStarts+2)/rigAlbum+1)...)...)
	ctx, cancel := context.WithTimeout(t.Context(), scriptWait)
	defer cancel()
	var c *control.PlayerClient
	for c == nil {
		var err error
		if c, err = control.DialPlayer(ctx, r.data("keys")); ctx.Err() != nil {
			t.Fatal(err)
		}
	}
	defer c.Close()
	states := make(chan control.PlayerState, 64)
	go c.Follow(ctx, func(s control.PlayerState) { states <- s }) // ends with ctx
	await := func(is func(control.PlayerState) bool) (s control.PlayerState) {
		for !is(s) {
			select {
			case s = <-states:
			case <-ctx.Done():
				t.Fatalf("the last state is %+v", s)
			}
		}
		return s
	}
	press := func(cmd control.Command, is func(control.PlayerState) bool) (time.Duration, control.PlayerState) {
		time.Sleep(100 * time.Millisecond) // nobody is faster
		began := time.Now()
		if err := c.Command(ctx, cmd); err != nil {
			t.Fatal(err)
		}
		s := await(is)
		return time.Since(began), s
	}
	sounds := func(s control.PlayerState) bool { return s.Playback == control.PlaybackPlaying && s.Latency > 0 }
	await(sounds)
	var skips, seeks, inside []time.Duration
	for i := range rigStarts {
		took, s := press(control.Command{Do: control.DoNext}, func(s control.PlayerState) bool { return sounds(s) && s.Index == i+1 })
		skips, inside = append(skips, took), append(inside, s.Latency)
		to := time.Duration(20+3*i) * time.Second
		took, _ = press(control.Command{Do: control.DoSeek, To: to}, func(s control.PlayerState) bool {
			return sounds(s) && s.Position >= to && s.Position < to+time.Second
		})
		seeks = append(seeks, took)
	}
	for _, d := range [][]time.Duration{skips, seeks, inside} {
		slices.Sort(d)
	}
	bench.Report(t, "process, keys",
		bench.AtMost("cached, node running: key pressed to its first sample at the output, p50", millis(skips, 50), 15, "ms"),
		bench.AtMost("the same, p90", millis(skips, 90), 15, "ms"),
		bench.AtMost("a seek within the track, p90", millis(seeks, 90), 15, "ms"),
		bench.Told("of the first, what the player needs, p90", millis(inside, 90), "ms"),
	)
}
