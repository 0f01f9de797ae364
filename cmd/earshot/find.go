package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"earshot/node/control"
	"earshot/protocol"
)

// search asks a catalogue one question.
type search func(ctx context.Context, q protocol.Query) (protocol.Results, error)

// ambiguousError says that one track is wanted, and several were named.
type ambiguousError struct {
	what    string // as it was named
	matches protocol.Results
}

func (e *ambiguousError) Error() string {
	return fmt.Sprintf("%q names %d tracks: give more words, or more digits of an ID", e.what, e.matches.Total)
}

// unknownError says that nothing was found.
type unknownError struct{ what string }

func (e *unknownError) Error() string {
	return fmt.Sprintf("nothing matches %q: `earshot search` and `earshot ls` list what there is", e.what)
}

// readWishes reads arguments: IDs, their prefixes, playlists and words. Arguments
// that are all words are one question; so are words that look like prefixes, if
// no ID begins so.
func readWishes(ctx context.Context, find search, args []string) ([]wish, error) {
	var wishes []wish
	words := true
	for _, arg := range args {
		if isPlaylist(arg) {
			entries, err := openPlaylist(arg)
			if err != nil {
				return nil, err
			}
			wishes, words = append(wishes, entries...), false
			continue
		}
		w := asWish(arg)
		if w.prefix != "" && len(args) > 1 {
			r, err := find(ctx, protocol.Query{Kind: protocol.QueryPrefix, Text: w.prefix, Limit: 1})
			if err != nil && !errors.Is(err, control.ErrServerAway) {
				return nil, err
			}
			if r.Total == 0 { // none that is known here, while the server is away
				w.prefix = ""
			}
		}
		words = words && !w.whole && w.prefix == ""
		wishes = append(wishes, w)
	}
	if words && len(wishes) > 1 {
		return []wish{{words: strings.Join(args, " ")}}, nil
	}
	return wishes, nil
}

// grant finds the tracks of a wish. A whole ID is not looked up: it plays also
// where no catalogue is at hand.
func grant(ctx context.Context, find search, w wish) ([]protocol.Track, error) {
	if w.whole {
		return []protocol.Track{{ID: w.id}}, nil
	}
	if w.prefix != "" {
		r, err := find(ctx, protocol.Query{Kind: protocol.QueryPrefix, Text: w.prefix})
		if err != nil && !errors.Is(err, control.ErrServerAway) {
			return nil, err
		}
		if r.Total > 1 {
			return nil, &ambiguousError{w.prefix, r}
		}
		if r.Total == 1 {
			return r.Tracks, nil
		}
	}
	if len(w.words) > protocol.MaxQueryText {
		return nil, fmt.Errorf("the search is too long: %d bytes at the most", protocol.MaxQueryText)
	}
	if strings.TrimSpace(w.words) == "" {
		return nil, &unknownError{w.words}
	}
	q := protocol.Query{Kind: protocol.QueryWords, Text: w.words}
	if w.first {
		q.Limit = 1
	}
	r, err := all(ctx, find, q)
	if err == nil && len(r.Tracks) == 0 {
		err = &unknownError{w.words}
	}
	return r.Tracks, err
}

// all asks for the whole answer, a part at a time, of maxQueue entries at the
// most; a query with a limit for that much.
func all(ctx context.Context, find search, q protocol.Query) (protocol.Results, error) {
	r, err := find(ctx, q)
	for part := r; err == nil && q.Limit == 0; {
		q.Offset += len(part.Tracks) + len(part.Groups)
		if q.Offset >= r.Total || q.Offset >= maxQueue || len(part.Tracks)+len(part.Groups) == 0 {
			break
		}
		if part, err = find(ctx, q); err == nil {
			r.Tracks, r.Groups = append(r.Tracks, part.Tracks...), append(r.Groups, part.Groups...)
		}
	}
	return r, err
}

// findQueue finds what to play. Of a playlist, what is unknown is passed over,
// and returned.
func findQueue(ctx context.Context, find search, args []string) (queue []protocol.Track, passed []error, err error) {
	return findAll(ctx, find, args, grant)
}

// findAll finds what grant gives for each wish, in order.
func findAll(ctx context.Context, find search, args []string, grant func(context.Context, search, wish) ([]protocol.Track, error)) (all []protocol.Track, passed []error, err error) {
	wishes, err := readWishes(ctx, find, args)
	if err != nil {
		return nil, nil, err
	}
	for _, w := range wishes {
		tracks, err := grant(ctx, find, w)
		var unknown *unknownError
		if w.first && errors.As(err, &unknown) {
			passed = append(passed, err)
			continue
		}
		if err != nil {
			return nil, passed, err
		}
		all = append(all, tracks...)
		if len(all) > maxQueue {
			return nil, passed, fmt.Errorf("that is more than %d tracks: ask for less", maxQueue)
		}
	}
	if len(all) == 0 {
		return nil, passed, &unknownError{strings.Join(args, " ")}
	}
	return all, passed, nil
}

// findOne finds the one cached track that is named.
func findOne(ctx context.Context, c control.Cache, args []string) (protocol.Track, error) {
	var none protocol.Track
	tracks, err := c.CacheTracks(ctx)
	if err != nil {
		return none, err
	}
	find := amongCached(tracks)
	wishes, err := readWishes(ctx, find, args)
	if err != nil {
		return none, err
	}
	if len(wishes) != 1 {
		return none, usagef("one track at a time, but got %q", args)
	}
	found, err := grant(ctx, find, wishes[0])
	switch {
	case err != nil:
		return none, err
	case len(found) > 1:
		return none, &ambiguousError{strings.Join(args, " "), protocol.Results{Total: len(found), Tracks: found}}
	}
	for _, t := range tracks {
		if t.ID == found[0].ID {
			return t.Track, nil
		}
	}
	return found[0], nil
}

// amongCached searches the cached tracks.
func amongCached(tracks []control.CachedTrack) search {
	return func(_ context.Context, q protocol.Query) (r protocol.Results, err error) {
		words := strings.Fields(strings.ToLower(searchWords(q.Text)))
		for _, t := range tracks {
			if q.Kind == protocol.QueryPrefix && strings.HasPrefix(t.ID.String(), q.Text) ||
				q.Kind == protocol.QueryWords && holdsAll(t.Track, words) {
				r.Tracks = append(r.Tracks, t.Track)
			}
		}
		r.Total = len(r.Tracks)
		return r, nil
	}
}

// holdsAll reports whether each of some words begins a word of a track's tags.
func holdsAll(t protocol.Track, words []string) bool {
	text := " " + strings.ToLower(searchWords(t.Title+" "+t.Artist+" "+t.Album))
	for _, w := range words {
		if !strings.Contains(text, " "+w) {
			return false
		}
	}
	return len(words) > 0
}

// showMatches prints the tracks that an ambiguous name may mean.
func (p *program) showMatches(out *screen, asJSON bool, err error) {
	var ambiguous *ambiguousError
	if !errors.As(err, &ambiguous) {
		return
	}
	if asJSON {
		out.json(tracksJSON(ambiguous.matches))
		return
	}
	out.table(trackColumns[:], trackRows(ambiguous.matches.Tracks))
	if more := ambiguous.matches.Total - len(ambiguous.matches.Tracks); more > 0 {
		out.say("... and %s more", count(more, "track"))
	}
}
