package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"earshot/node/control"
)

// The commands in this file control what plays in another process.

func (p *program) pauseCommand() *cli.Command {
	return p.remote("pause", "pause what plays", control.DoPause)
}

func (p *program) resumeCommand() *cli.Command {
	return p.remote("resume", "go on after a pause, or begin again at the end of the queue", control.DoPlay)
}

func (p *program) toggleCommand() *cli.Command {
	return p.remote("toggle", "pause what plays, or go on", control.DoToggle)
}

func (p *program) nextCommand() *cli.Command {
	return p.remote("next", "play the next track of the queue", control.DoNext)
}

func (p *program) prevCommand() *cli.Command {
	return p.remote("prev", "play this track again, or within its first seconds the one before", control.DoPrev)
}

// remote is a command without arguments.
func (p *program) remote(name, usage string, do control.Do) *cli.Command {
	return &cli.Command{
		Name: name, Usage: usage, Category: "Playing", Flags: flags(),
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			return p.command(c, control.Command{Do: do})
		},
	}
}

func (p *program) seekCommand() *cli.Command {
	return &cli.Command{
		Name: "seek", Usage: "go to a place in the track, or as many seconds on (+10) or back (-10)", ArgsUsage: "M:SS|+S|-S", Category: "Playing",
		Flags: flags(),
		Action: func(c *cli.Context) error {
			text := c.Args().First()
			if c.NArg() != 1 {
				return usagef("seek: where to? M:SS, +S or -S, as 1:30, +10 or -10")
			}
			sign, rest := signOf(text)
			to, err := parseMoment(rest)
			if err != nil {
				return usagef("seek %s: %v", text, err)
			}
			if sign < 0 {
				to = -to
			}
			return p.command(c, control.Command{Do: control.DoSeek, To: to, By: sign != 0})
		},
	}
}

// signOf tells the sign that is written before a number, 0 for none.
func signOf(text string) (sign int, rest string) {
	switch {
	case strings.HasPrefix(text, "+"):
		return 1, text[1:]
	case strings.HasPrefix(text, "-"):
		return -1, text[1:]
	}
	return 0, text
}

func (p *program) volumeCommand() *cli.Command {
	return &cli.Command{
		Name: "volume", Usage: "set the volume to N percent, or change it by +N or -N", ArgsUsage: "[N|+N|-N]", Category: "Playing",
		Flags: flags(),
		Action: func(c *cli.Context) error {
			text := strings.TrimSuffix(c.Args().First(), "%")
			if c.NArg() > 1 {
				return usagef("volume: one number, but got %q", c.Args().Get(1))
			}
			if c.NArg() == 0 {
				return p.withPlayer(c, func(ctx context.Context, pl control.Player) error {
					s, err := pl.PlayerState(ctx)
					if err != nil || c.Bool("json") {
						return p.showState(c, s, err)
					}
					p.out.say("%d%%", s.Volume)
					return nil
				})
			}
			sign, rest := signOf(text)
			n, err := strconv.Atoi(rest)
			if err != nil || n < 0 || n > 100 {
				return usagef("volume %s: want 0 to 100, or +N or -N", c.Args().First())
			}
			if sign < 0 {
				n = -n
			}
			return p.command(c, control.Command{Do: control.DoVolume, Volume: n, By: sign != 0})
		},
	}
}

func (p *program) shuffleCommand() *cli.Command {
	return &cli.Command{
		Name: "shuffle", Usage: "play the queue in any order, or no more; without an argument, the other of the two", ArgsUsage: "[on|off]", Category: "Playing",
		Flags: flags(),
		Action: func(c *cli.Context) error {
			cmd := control.Command{Do: control.DoShuffle}
			if c.NArg() > 0 {
				on := c.Args().First() == "on"
				if c.NArg() > 1 || !on && c.Args().First() != "off" {
					return usagef("shuffle: on or off, but got %q", strings.Join(c.Args().Slice(), " "))
				}
				cmd.On = &on
			}
			return p.command(c, cmd)
		},
	}
}

func (p *program) repeatCommand() *cli.Command {
	return &cli.Command{
		Name: "repeat", Usage: "repeat the queue (all), the track (one) or nothing (off); without an argument, the next of them", ArgsUsage: "[off|all|one]", Category: "Playing",
		Flags: flags(),
		Action: func(c *cli.Context) error {
			r := control.Repeat(c.Args().First())
			switch r {
			case "", control.RepeatOff, control.RepeatAll, control.RepeatOne:
			default:
				return usagef("repeat: off, all or one, but got %q", string(r))
			}
			if c.NArg() > 1 {
				return usagef("repeat: one of off, all and one, but got %q", strings.Join(c.Args().Slice(), " "))
			}
			return p.command(c, control.Command{Do: control.DoRepeat, Repeat: r})
		},
	}
}

// withPlayer runs f with what plays on the data folder.
func (p *program) withPlayer(c *cli.Context, f func(context.Context, control.Player) error) error {
	pl, closing, err := p.nodes.player(c.Context, c.Path("data"))
	if err != nil {
		return err
	}
	defer closing()
	return f(c.Context, pl)
}

// command gives a command to what plays, and tells what plays then.
func (p *program) command(c *cli.Context, cmd control.Command) error {
	return p.withPlayer(c, func(ctx context.Context, pl control.Player) error {
		if err := pl.Command(ctx, cmd); err != nil {
			return err
		}
		s, err := pl.PlayerState(ctx)
		if errors.Is(err, control.ErrNoPlayer) {
			return nil // that was the end of its queue
		}
		return p.showState(c, s, err)
	})
}

// showState tells what plays.
func (p *program) showState(c *cli.Context, s control.PlayerState, err error) error {
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return p.out.json(stateJSON(s))
	}
	p.out.say("%s", stateLine(s))
	return nil
}

// stateOut is a player's state as commands print it: the socket's JSON, but for
// the tracks' durations.
type stateOut struct {
	control.PlayerState
	Track *trackJSON `json:"track"`
	Next  *trackJSON `json:"next"`
}

func stateJSON(s control.PlayerState) stateOut {
	out := stateOut{PlayerState: s}
	if s.Track != nil {
		out.Track = &trackJSON{*s.Track, s.Track.Duration}
	}
	if s.Next != nil {
		out.Next = &trackJSON{*s.Next, s.Next.Duration}
	}
	return out
}

// stateLine is a player's state in a line.
func stateLine(s control.PlayerState) string {
	parts := []string{string(s.Playback)}
	if s.Track != nil {
		parts[0] += " " + titleOf(*s.Track)
		parts = append(parts, fmt.Sprintf("%s/%s", clockOf(s.Position), clockOf(s.Length)), fmt.Sprintf("%d of %d", s.Index+1, s.Queue))
	}
	parts = append(parts, fmt.Sprintf("volume %d%%", s.Volume))
	if s.Shuffle {
		parts = append(parts, "shuffled")
	}
	if s.Repeat != control.RepeatOff && s.Repeat != "" {
		parts = append(parts, "repeats "+string(s.Repeat))
	}
	if s.Problem != "" {
		parts = append(parts, oneLine(s.Problem))
	}
	return strings.Join(parts, ", ")
}

// followEvery is how long `status --follow` waits before it looks again for
// something that plays: a status bar shows it as soon as one looks there, and a look,
// of 0.3 ms, costs a tenth of a percent of a core.
const followEvery = 250 * time.Millisecond

// follow tells of what plays, a line for each change and second of sound, until
// ctx ends; also across its end and the next play.
func (p *program) follow(c *cli.Context) error {
	ctx, cancel := context.WithCancel(c.Context)
	defer cancel()
	var failed error
	show := func(s control.PlayerState) {
		if err := p.followed(c.Bool("json"), s); err != nil {
			failed = err // nobody reads any more
			cancel()
		}
	}
	for told := false; ; {
		pl, closing, err := p.nodes.player(ctx, c.Path("data"))
		if err == nil {
			err = pl.Follow(ctx, show)
			closing()
			told = false
		}
		switch {
		case failed != nil:
			return failed
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !errors.Is(err, control.ErrNoPlayer):
			return err
		}
		if !told {
			show(control.PlayerState{Playback: control.PlaybackStopped, Index: -1, Repeat: control.RepeatOff})
			told = true
		}
		select {
		case <-time.After(followEvery):
		case <-ctx.Done():
		}
	}
}

// followed writes one state of those that follow each other.
func (p *program) followed(asJSON bool, s control.PlayerState) error {
	if asJSON {
		return p.out.json(stateJSON(s))
	}
	_, err := fmt.Fprintln(p.out, plain(stateLine(s)))
	return err
}
