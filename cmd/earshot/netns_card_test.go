//go:build figures && linux

package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"earshot/node/bench"
)

// listened is what sound cards would tell of a play.
type listened struct {
	wait  time.Duration // from the start of the process to the first sample
	sound time.Duration // that was played
	bare  card          // that holds nothing
	usual card          // that begins with cardHolds
	err   error
}

// cardHolds is what sound cards hold as a rule, and the one by which what listeners would
// use instead was measured.
const cardHolds = 200 * time.Millisecond

// card is a sound card that begins, and goes on after it ran dry, with so much in hand.
type card struct {
	holds    time.Duration
	from     time.Duration // the sound it began or went on with
	began    time.Time     // when the track's first sample would have been heard; zero while it is still
	dry      time.Time     // since when it is, where it has run dry
	stutters int
	silence  time.Duration
}

// late is by how much more than the moment sound may come late.
const late = 20 * time.Millisecond

// takes has the card take the grain of sound that ends at a time.
func (c *card) takes(now time.Time, sound time.Duration) {
	if needed := c.began.Add(sound); !c.began.IsZero() && now.After(needed.Add(late)) {
		c.stutters++
		c.dry, c.from, c.began = needed, sound, time.Time{}
	}
	if !c.began.IsZero() || sound-c.from < c.holds {
		return
	}
	c.began = now.Add(-c.from)
	if !c.dry.IsZero() {
		c.silence += now.Sub(c.dry)
		c.dry = time.Time{}
	}
}

func (c *card) add(o *card) {
	c.stutters += o.stutters
	c.silence += o.silence
}

func (c *card) figure(what string) bench.Figure {
	return bench.AtMost(fmt.Sprintf("%s (%v of silence)", what, c.silence.Round(time.Millisecond)), float64(c.stutters), 0, "")
}

// hear reads PCM at its pace, so that what it takes is no more than the bare card does.
func (l *listened) hear(pcm io.Reader, asked time.Time, long time.Duration) {
	const grain = pcmRate / 50 // 20 ms
	buffer := make([]byte, grain)
	if _, l.err = io.ReadFull(pcm, buffer[:4]); l.err != nil {
		return
	}
	l.wait = time.Since(asked)
	l.usual.holds = cardHolds
	l.bare.takes(time.Now(), 0)
	for l.sound < long {
		n, err := io.ReadFull(pcm, buffer)
		if err == nil {
			l.bare.takes(time.Now(), l.sound)
			l.usual.takes(time.Now(), l.sound)
		}
		l.sound += time.Duration(n) * time.Second / pcmRate
		if err != nil {
			if err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
				l.err = err
			}
			return
		}
		time.Sleep(time.Until(l.bare.began.Add(l.sound)))
	}
}
