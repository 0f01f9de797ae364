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
		&cli.StringFlag{Name: "loudness", Usage: "play all equally loud, by `track` or album, or as recorded: off", Value: string(byTrack)},
	}
}

// sounding is how and on what music sounds.
type sounding struct {
	output   string
	card     string // empty: the system's default
	loudness loudness
}

// soundFrom reads the flags.
func soundFrom(c *cli.Context) (sounding, error) {
	s := sounding{output: c.String("output"), card: c.String("device"), loudness: loudness(c.String("loudness"))}
	if err := checkOutput(s.output); err != nil {
		return s, err
	}
	if s.card != "" && s.output != "device" {
		return s, usagef("--device %s: the output is %s", s.card, s.output)
	}
	switch s.loudness {
	case byTrack, byAlbum, loudnessOff:
		return s, nil
	}
	return s, usagef("--loudness %s: use track, album or off", s.loudness)
}

// loudness is what music is made equally loud by.
type loudness string

// Albums keep what their tracks differ by from one another where whole albums are made
// equally loud; single tracks are where each track is.
const (
	byTrack     loudness = "track"
	byAlbum     loudness = "album"
	loudnessOff loudness = "off"
)

// gain returns the gain for a track, in dB, and the peak that it is known to have, 1
// being full scale.
func (l loudness) gain(of protocol.Loudness) (gain, peak float64) {
	switch l {
	case byTrack:
		return float64(of.TrackGain) / 1000, float64(of.TrackPeak) / protocol.FullScale
	case byAlbum:
		return float64(of.AlbumGain) / 1000, float64(of.TrackPeak) / protocol.FullScale
	}
	return 0, 0
}

// decode makes a decoder of a track, as loud as it is to be.
func (l loudness) decode(src io.ReadSeeker, h protocol.Header) (player.Decoder, error) {
	d, err := audio.NewDecoder(src, h)
	if err != nil {
		return nil, err // not d: a nil *audio.Decoder is no nil interface
	}
	gain, peak := l.gain(h.Loudness)
	return audio.Level(d, gain, peak), nil
}

// soundCardCommand is what a process that has lost its sound card starts of itself.
func (p *program) soundCardCommand() *cli.Command {
	return &cli.Command{
		Name: "sound-card", Usage: "sound what comes on stdin, for a process that has lost its sound card", Hidden: true,
		Flags: []cli.Flag{&cli.StringFlag{Name: "device"}},
		Action: func(c *cli.Context) error {
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
