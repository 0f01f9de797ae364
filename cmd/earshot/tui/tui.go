package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"earshot/node/control"
	"earshot/protocol"
)

// Node is what the screen wants of a node; any control.Node has it.
type Node interface {
	Search(ctx context.Context, q protocol.Query) (protocol.Results, error)
	Status(ctx context.Context) (control.Status, error)
	Prefetch(ctx context.Context, id protocol.ID, depth control.Depth) error
	Cover(ctx context.Context, id protocol.ID) ([]byte, error)
}

// Config is what a screen is made of.
type Config struct {
	Node   Node
	Player control.Player
	// Remote says that the player plays on when the screen ends.
	Remote bool

	// Find finds what words, an ID, a prefix or a playlist file name: `:add` and
	// `:play`.
	Find func(ctx context.Context, args []string) ([]protocol.ID, error)
	// Save writes the queue to a playlist file: `:save`. Nil: there is none.
	Save func(ctx context.Context, name string, tracks []protocol.Track) error
	// News are lines to show, such as warnings that would go to stderr. May be nil.
	News <-chan string

	In  io.Reader // the terminal's keys
	Out io.Writer // the terminal
	Env []string  // as os.Environ gives it
}

// framesPerSecond bounds how often the terminal is written to, and how long a
// key takes to show: 1/20 s is not felt, with half of it on the average. The
// renderer looks so often whether anything changed, which is most of what the
// screen costs while nothing does.
const framesPerSecond = 20

// maxJobs bounds the commands that wait for the player: more keys than anyone
// hits while one is carried out.
const maxJobs = 64

// Run shows the screen until the user quits, the player ends or ctx does; the
// error is why it could not be shown, or the player's.
func Run(ctx context.Context, c Config) error {
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer func() {
		cancel()
		work.Wait()
	}()
	if c.Env == nil {
		c.Env = os.Environ()
	}
	m := newModel(c)
	p := tea.NewProgram(m, tea.WithInput(c.In), tea.WithOutput(c.Out), tea.WithEnvironment(c.Env),
		tea.WithoutSignalHandler(), tea.WithFPS(framesPerSecond))
	m.do = func(f func(ctx context.Context) tea.Msg) {
		work.Go(func() {
			if msg := f(ctx); msg != nil {
				p.Send(msg)
			}
		})
	}
	jobs := make(chan job, maxJobs)
	m.jobs = jobs
	work.Go(func() { labour(ctx, jobs, p.Send) })
	work.Go(func() {
		err := c.Player.Follow(ctx, func(s control.PlayerState) { p.Send(stateMsg(s)) })
		if ctx.Err() == nil {
			p.Send(goneMsg{err})
		}
	})
	work.Go(func() { readOut(ctx, c.News, p.Send) })
	work.Go(func() { // not by tea.WithContext: a program that is killed leaves its reader behind
		<-ctx.Done()
		p.Quit()
	})
	_, err := p.Run()
	m.forgetCover(c.Out)
	switch {
	case errors.Is(err, tea.ErrProgramPanic):
		return errors.New("the screen failed: see above; --no-screen plays without")
	case err != nil:
		return fmt.Errorf("showing the screen: %w", err)
	}
	return m.gone
}

// job is what one wish costs: commands to the player, in order.
type job func(ctx context.Context) error

// jobPatience is how long a command may take: a player answers in milliseconds,
// and one that hangs must not hold the keys.
const jobPatience = 5 * time.Second

// labour carries out jobs.
func labour(ctx context.Context, jobs <-chan job, send func(tea.Msg)) {
	for {
		select {
		case j := <-jobs:
			send(doneMsg{j(ctx)})
		case <-ctx.Done():
			return
		}
	}
}

// readOut brings the news.
func readOut(ctx context.Context, news <-chan string, send func(tea.Msg)) {
	for {
		select {
		case line, ok := <-news:
			if !ok {
				return
			}
			send(newsMsg(line))
		case <-ctx.Done():
			return
		}
	}
}

// getenv looks a variable up as os.Getenv does.
func getenv(env []string) func(string) string {
	return func(name string) string {
		for i := len(env) - 1; i >= 0; i-- {
			if value, ok := strings.CutPrefix(env[i], name+"="); ok {
				return value
			}
		}
		return ""
	}
}
