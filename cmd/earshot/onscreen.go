package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"earshot/cmd/earshot/tui"
	"earshot/node/control"
	"earshot/protocol"
)

// screenFlag plays without the screen.
func screenFlag() cli.Flag {
	return &cli.BoolFlag{Name: "no-screen", Usage: "show one line, not the whole terminal", EnvVars: []string{"EARSHOT_NO_SCREEN"}}
}

// hasScreen reports whether there is a terminal to show the screen on: one that
// keys come from and that can be written all over.
func (p *program) hasScreen() bool {
	_, keys := terminalWidth(os.Stdin)
	return keys && p.out.tty
}

// maxNews bounds the lines that wait for the screen to show them; each takes the
// place of the one before anyway.
const maxNews = 16

// onScreen shows the screen for a player until the user quits or the player
// ends. What would be written to the terminal meanwhile is shown on its last
// line.
func (p *program) onScreen(ctx context.Context, node control.Node, player control.Player) error {
	news := make(chan string, maxNews)
	divert := func(line string) {
		select {
		case news <- line:
		default:
		}
	}
	for _, s := range []*screen{p.out, p.err} {
		s.divert(divert)
		defer s.divert(nil)
	}
	if p.err.tty {
		release, err := captureStderr(divert)
		if err != nil {
			return err
		}
		defer release()
	}
	return tui.Run(ctx, tui.Config{
		Node: node, Player: player, News: news, In: os.Stdin, Out: os.Stdout,
		Find: func(ctx context.Context, args []string) (ids []protocol.ID, err error) {
			tracks, _, err := findQueue(ctx, node.Search, args)
			for _, t := range tracks {
				ids = append(ids, t.ID)
			}
			return ids, err
		},
		Save: func(_ context.Context, name string, tracks []protocol.Track) error {
			return savePlaylist(name, tracks)
		},
	})
}

// bare is `earshot` alone: on a terminal the screen, of what plays already or of
// what was played last; help elsewhere. Someone who has no music yet is told how to
// get at some.
func (p *program) bare(c *cli.Context) error {
	if !p.hasScreen() {
		return cli.ShowAppHelp(c)
	}
	err := c.App.RunContext(c.Context, []string{c.App.Name, "play", "--attach", "--data", c.Path("data")})
	if errors.Is(err, control.ErrNotMember) {
		fmt.Fprint(p.out, firstSteps)
		return nil
	}
	return err
}

// firstSteps is what there is to do before there is any music.
const firstSteps = "" +
	"earshot plays music from a swarm, and shares it. There is none here yet:\n\n" +
	"  earshot demo            to hear a small swarm on this machine\n" +
	"  earshot join LINK       with a link from someone who serves music\n" +
	"  earshot serve --help    to share your own\n\n" +
	"earshot --help lists all commands.\n"

// showOther shows the screen of a player in another process.
func (p *program) showOther(ctx context.Context, a playing, player control.Player) error {
	return p.attached(ctx, a.config, func(n control.Node) error { return p.onScreen(ctx, n, player) })
}

// lines splits what is written into lines, of a bounded length each.
type lines struct {
	part strings.Builder
	take func(string)
}

// maxNewsLine is how much of a line is kept, in bytes: more than a terminal is wide.
const maxNewsLine = 1 << 10

func (l *lines) Write(b []byte) (int, error) {
	for _, c := range b {
		switch {
		case c == '\n':
			if text := strings.TrimSpace(l.part.String()); text != "" {
				l.take(text)
			}
			l.part.Reset()
		case l.part.Len() < maxNewsLine:
			l.part.WriteByte(c)
		}
	}
	return len(b), nil
}
