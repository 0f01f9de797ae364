package tui

import (
	"context"
	"errors"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"earshot/node/control"
)

// noteTime is how long a line of news stays: long enough to be read twice.
const noteTime = 6 * time.Second

// note is the news on the last line.
type note struct {
	text   string
	style  style
	number int
}

// expiredMsg says that a note has been shown long enough.
type expiredMsg int

func (n *note) expire(number int) {
	if n.number == number {
		n.text = ""
	}
}

// say shows a line for a while.
func (m *model) say(s style, text string) {
	m.note = note{text, s, m.note.number + 1}
	m.after(noteTime, expiredMsg(m.note.number))
}

// complain shows an error.
func (m *model) complain(err error) {
	switch {
	case errors.Is(err, context.Canceled):
		return
	case errors.Is(err, context.DeadlineExceeded):
		m.say(trouble, "no answer in time")
		return
	case errors.Is(err, control.ErrServerAway):
		m.say(trouble, "the server cannot be reached: what is cached, and what peers hold, plays")
		return
	}
	m.say(trouble, strings.Join(strings.Fields(err.Error()), " "))
}

// after sends a message later.
func (m *model) after(d time.Duration, msg tea.Msg) {
	m.do(func(ctx context.Context) tea.Msg {
		select {
		case <-time.After(d):
			return msg
		case <-ctx.Done():
			return nil
		}
	})
}
