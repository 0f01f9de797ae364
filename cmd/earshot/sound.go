package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/urfave/cli/v2"

	"earshot/audio"
	"earshot/audio/device"
	"earshot/node/player"
	"earshot/protocol"
)

// soundFlags are those that say how and on what music sounds.
func soundFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "output", Usage: "sound on `OUT`: device, stdout (raw s16le, stereo, 44.1 kHz), null, pipe:COMMAND or wav:FILE", Value: "device"},
		&cli.StringFlag{Name: "device", Usage: "sound on the card `NAME` (ALSA; aplay -L lists them)"},
		&cli.DurationFlag{Name: "crossfade", Usage: "fade each track into the next one for `SPAN` (4s), but within an album", DefaultText: "off"},
		&cli.StringFlag{Name: "loudness", Usage: "play all equally loud, by track or album, or as recorded: `HOW` is track, album or off", Value: string(byTrack)},
	}
}

// sounding is how and on what music sounds.
type sounding struct {
	output    string
	card      string // empty: the system's default
	loudness  loudness
	crossfade time.Duration
}

// soundFrom reads the flags.
func soundFrom(c *cli.Context) (sounding, error) {
	s := sounding{
		output: c.String("output"), card: c.String("device"),
		loudness: loudness(c.String("loudness")), crossfade: c.Duration("crossfade"),
	}
	if err := checkOutput(s.output); err != nil {
		return s, err
	}
	if s.card != "" && s.output != "device" {
		return s, usagef("--device %s: the output is %s", s.card, s.output)
	}
	if s.crossfade < 0 || s.crossfade > maxCrossfade {
		return s, usagef("--crossfade %v: 0s to %v", s.crossfade, maxCrossfade)
	}
	switch s.loudness {
	case byTrack, byAlbum, loudnessOff:
		return s, nil
	}
	return s, usagef("--loudness %s: use track, album or off", s.loudness)
}

// maxCrossfade bounds crossfades: of a longer one both tracks would be half unheard.
const maxCrossfade = 30 * time.Second

// loudness is what music is made equally loud by.
type loudness string

// Albums keep what their tracks differ by from one another where whole albums are made
// equally loud; single tracks are where each track is.
const (
	byTrack     loudness = "track"
	byAlbum     loudness = "album"
	loudnessOff loudness = "off"
)

// level returns how loud a track is to be.
func (l loudness) level(h protocol.Header) audio.Level {
	gain, peak := 0, float64(h.Loudness.TrackPeak)/protocol.FullScale
	switch l {
	case byTrack:
		gain = h.Loudness.TrackGain
	case byAlbum:
		gain = h.Loudness.AlbumGain
	}
	return audio.Level{Gain: float64(gain) / 1000, Peak: peak}
}

// decode makes a decoder of a track.
func decode(src io.ReadSeeker, h protocol.Header) (player.Decoder, error) {
	d, err := audio.NewDecoder(src, h)
	if err != nil {
		return nil, err // not d: a nil *audio.Decoder is no nil interface
	}
	return d, nil
}

// soundCardCommand is what a process that has lost its sound card starts of itself.
func (p *program) soundCardCommand() *cli.Command {
	return &cli.Command{
		Name: "sound-card", Usage: "sound what comes on stdin, for a process that has lost its sound card", Hidden: true,
		Flags: []cli.Flag{&cli.StringFlag{Name: "device"}},
		Action: func(c *cli.Context) error {
			calmRuntime()
			return device.Serve(c.Context, c.String("device"), os.Stdin, p.stdout)
		},
	}
}

// soundCard starts it.
func soundCard(name string) func(ctx context.Context) *exec.Cmd {
	return func(ctx context.Context) *exec.Cmd {
		program, err := os.Executable()
		if err != nil {
			program = os.Args[0]
		}
		cmd := exec.CommandContext(ctx, program, "sound-card", "--device", name)
		cmd.WaitDelay = time.Second
		return cmd
	}
}
