package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"earshot/node/control"
	"earshot/protocol"
)

// syncNode is a fake whose tracks can be fetched.
type syncNode struct {
	*fakeNode
	limit int64

	mu      sync.Mutex
	fetched []string
	fails   map[string]error // by title
}

func newSyncNode(titles ...string) *syncNode {
	return &syncNode{fakeNode: newFakeNode(titles...), limit: 1 << 30, fails: map[string]error{}}
}

func (n *syncNode) CacheStats(context.Context) (control.CacheStats, error) {
	s := control.CacheStats{LimitBytes: n.limit, Bytes: 4096}
	for _, t := range n.tracks {
		s.Bytes += t.Bytes
	}
	return s, nil
}

func (n *syncNode) Fetch(_ context.Context, id protocol.ID, progress func(have, size int64)) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, t := range n.tracks {
		if t.ID == id {
			n.fetched = append(n.fetched, t.Title)
			progress(t.Size/2, t.Size)
			if err := n.fails[t.Title]; err != nil {
				return err
			}
			progress(t.Size, t.Size)
			return nil
		}
	}
	return control.ErrUnknownTrack
}

// runSync runs `earshot sync` on it.
func (n *syncNode) runSync(args ...string) (code int, stdout, stderr string) {
	out, printed := page(0)
	errs, complained := page(0)
	p := &program{out: out, err: errs, nodes: nodes{attach: func(context.Context, nodeConfig) (*session, error) {
		return &session{node: n, release: func() error { return nil }}, nil
	}}}
	code = p.run(context.Background(), append([]string{"earshot", "sync"}, args...))
	return code, printed.String(), complained.String()
}

func TestSyncFetchesWhatIsNotCompleteAndPinned(t *testing.T) {
	n := newSyncNode("Air", "Badinerie", "Courante", "Double")
	n.tracks[0].Complete, n.tracks[0].Pinned, n.tracks[0].Bytes = true, true, 8192 // nothing to do
	n.tracks[1].Complete, n.tracks[1].Bytes = true, 8192                           // to be pinned
	n.tracks[2].Bytes = 500
	code, out, errs := n.runSync("suites")
	if code != 0 || !strings.Contains(out, "4 tracks of 4, 4.0 kB: kept for when there is no network") {
		t.Errorf("code %d: %s%s", code, out, errs)
	}
	if got := len(n.fetched); got != 3 {
		t.Errorf("fetched %v", n.fetched)
	}
}

func TestTheWholeNameOfAnArtistOrAnAlbumMeansThatAlone(t *testing.T) {
	all := newFakeNode("Bach", "Air", "Fugue", "Prelude")
	all.tracks[0].Artist = "Someone Else" // a title that is called like the artist
	all.tracks[1].Album = "Prelude"
	for what, want := range map[string]string{
		"bach":    "Air Fugue Prelude",
		"BACH.":   "Air Fugue Prelude",
		"prelude": "Air",
		"fug":     "Fugue",
		"suites":  "Bach Fugue Prelude",
	} {
		tracks, _, err := findNamed(t.Context(), all.Search, []string{what})
		var titles []string
		for _, track := range tracks {
			titles = append(titles, track.Title)
		}
		if got := strings.Join(titles, " "); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", what, got, err, want)
		}
	}
}

func TestSyncSaysBeforeItStartsWhatCannotFit(t *testing.T) {
	n := newSyncNode("Air", "Badinerie")
	n.limit = 50e6
	n.tracks[0].Size = 30e6
	n.tracks[1].Pinned, n.tracks[1].Complete, n.tracks[1].Bytes = true, true, 25e6
	code, _, errs := n.runSync("air")
	if code != 1 || !strings.Contains(errs, "needs 30 MB beside 25 MB that is pinned already, and the cache's limit is 50 MB: raise it with `earshot cache limit`") {
		t.Errorf("code %d: %s", code, errs)
	}
	if len(n.fetched) > 0 {
		t.Errorf("fetched %v", n.fetched)
	}
	n.limit = 100e6
	if code, _, errs := n.runSync("air"); code != 0 {
		t.Errorf("with room: code %d: %s", code, errs)
	}
}

func TestSyncTellsInJSONLines(t *testing.T) {
	n := newSyncNode("Air", "Badinerie")
	n.fails["Air"] = errors.New("out of order")
	code, out, errs := n.runSync("suites", "--json")
	if code != 1 || !strings.Contains(errs, "1 track could not be fetched") {
		t.Errorf("code %d: %s", code, errs)
	}
	events := map[string]int{}
	for line := range strings.Lines(out) {
		var e struct {
			Event, Title, Error string
			Complete            bool
			Tracks              int
			TracksDone          int `json:"tracks_done"`
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		events[e.Event]++
		switch {
		case e.Event == "track" && e.Complete != (e.Error == ""), e.Event == "track" && e.Complete == (e.Title == "Air"):
			t.Errorf("%s", line)
		case e.Event == "done" && (e.Tracks != 2 || e.TracksDone != 1):
			t.Errorf("%s", line)
		}
	}
	if events["plan"] != 1 || events["track"] != 2 || events["done"] != 1 {
		t.Errorf("events %v", events)
	}
}

func TestSyncGivesUpWhereNothingIsThere(t *testing.T) {
	n := newSyncNode("A", "B", "C", "D", "E", "F", "G", "H")
	for _, track := range n.tracks {
		n.fails[track.Title] = control.ErrUnavailable
	}
	code, _, errs := n.runSync("suites")
	if code != 1 || !strings.Contains(errs, "8 tracks could not be fetched: nothing that can be reached holds this track: the next `earshot sync` goes on here") {
		t.Errorf("code %d: %s", code, errs)
	}
	if got := len(n.fetched); got < syncGiveUp || got > syncGiveUp+syncAtOnce {
		t.Errorf("%d tracks were tried", got)
	}
}

func TestRemovingASyncUnpins(t *testing.T) {
	n := newSyncNode("Air", "Badinerie")
	if code, out, errs := n.runSync("--remove", "badinerie"); code != 0 || n.pinned != n.tracks[1].ID || !strings.HasPrefix(out, "1 track: kept no longer") {
		t.Errorf("code %d, unpinned %v: %s%s", code, n.pinned, out, errs)
	}
	n.err = errors.New("out of order")
	if code, _, _ := n.runSync("--remove", "air"); code != 1 {
		t.Errorf("a node that fails: code %d", code)
	}
}
