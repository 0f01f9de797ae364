package tui

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"earshot/protocol"
)

// pager is an answer of the catalogue, a page at a time: the next one is asked
// for when the cursor comes near the end of what is there.
type pager struct {
	query  protocol.Query
	number int // of the question: answers to an earlier one are dropped
	asking bool
	asked  bool
	err    error
	protocol.Results
	cancel context.CancelFunc
}

// lookahead is how many rows before the end the next page is asked for.
const lookahead = 40

// begin asks something else; what there is stays until the answer comes.
func (p *pager) begin(q protocol.Query) {
	if p.cancel != nil {
		p.cancel()
	}
	*p = pager{query: q, number: p.number + 1, Results: p.Results}
}

// page is an answer to a pager's question.
type page struct {
	number  int
	first   bool
	results protocol.Results
	err     error
}

// fetch asks for the first page, or the next one where the cursor is near the
// end; wrap makes a message of the answer.
func (p *pager) fetch(m *model, cursor int, wrap func(page) tea.Msg) {
	have := len(p.Tracks) + len(p.Groups)
	if p.asking || p.err != nil || p.asked && (have >= p.Total || cursor < have-lookahead) {
		return
	}
	q, number, first := p.query, p.number, !p.asked
	if !first {
		q.Offset = have
	}
	p.asking = true
	ctx, cancel := context.WithCancel(context.Background()) // begin cancels it, or the end of all work
	p.cancel = cancel
	node := m.config.Node
	m.do(func(all context.Context) tea.Msg {
		stop := context.AfterFunc(all, cancel)
		defer stop()
		defer cancel()
		r, err := node.Search(ctx, q)
		return wrap(page{number, first, r, err})
	})
}

// take takes a page; false if it answers an earlier question.
func (p *pager) take(a page) bool {
	if a.number != p.number {
		return false
	}
	p.asking, p.asked, p.err = false, true, a.err
	switch {
	case a.err != nil:
		if a.first {
			p.Results = protocol.Results{}
		}
	case a.first:
		p.Results = a.results
	default:
		p.Tracks, p.Groups = append(p.Tracks, a.results.Tracks...), append(p.Groups, a.results.Groups...)
		if len(a.results.Tracks)+len(a.results.Groups) == 0 {
			p.Total = len(p.Tracks) + len(p.Groups) // it became shorter
		}
	}
	return true
}
