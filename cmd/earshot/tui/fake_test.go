package tui

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"slices"
	"strings"
	"sync"
	"time"

	"earshot/node/control"
	"earshot/protocol"
)

// track makes a track of the fake catalogue.
func track(n int, title, artist, album string, seconds int) protocol.Track {
	return protocol.Track{
		ID: protocol.ID{byte(n), 0xab}, Title: title, Artist: artist, Album: album, Number: n, Year: 2020 + n%5,
		Duration: time.Duration(seconds) * time.Second, Bitrate: 192_000,
	}
}

// catalogue has what breaks screens: wide characters, text from the right, marks,
// pictures, sequences, and long and missing titles.
func catalogue() []protocol.Track {
	return []protocol.Track{
		track(1, "Prelude in C", "Earshot Ensemble", "First Pieces", 115),
		track(2, "Minuet", "Earshot Ensemble", "First Pieces", 48),
		track(3, "Gigue, which has a title that is a good deal longer than any column of any terminal would like it to be, and then some", "Earshot Ensemble", "Second Pieces", 3725),
		track(4, "音楽の捧げもの 第一番", "東京カルテット", "夜の音楽", 301),
		track(5, "שיר השירים", "תזמורת הלילה", "אלבום", 233),
		track(6, "أغنية الليل", "فرقة البحر", "ليل", 187),
		track(7, "red\x1b[31m alert\x07\x1b]0;owned\x07", "esc\x1b[2Jape", "\u202eevil\u202c", 61),
		track(8, "Cafe\u0301 \U0001f3b5 \U0001f468\u200d\U0001f469\u200d\U0001f466 \u2764\ufe0f", "Flags \U0001f1e9\U0001f1ea", "Pictures", 90),
		track(9, "", "", "", 0),
	}
}

// fakeNode is a node of the catalogue whose network never changes.
type fakeNode struct {
	mu       sync.Mutex
	tracks   []protocol.Track
	searches []string
	hold     chan struct{} // a search for "slow" waits for it
	warmed   []protocol.ID
	parts    string
	plain    bool // without covers
	err      error
}

func (n *fakeNode) Search(ctx context.Context, q protocol.Query) (r protocol.Results, err error) {
	n.mu.Lock()
	n.searches = append(n.searches, q.Text)
	err = n.err
	n.mu.Unlock()
	if q.Text == "slow" {
		select {
		case <-n.hold:
		case <-ctx.Done():
			return r, ctx.Err()
		}
	}
	if q.Kind == protocol.QueryArtists {
		at := map[string]int{}
		for _, t := range n.tracks {
			if _, ok := at[t.Artist]; !ok {
				at[t.Artist] = len(r.Groups)
				r.Groups = append(r.Groups, protocol.Group{Artist: t.Artist})
			}
			r.Groups[at[t.Artist]].Tracks++
		}
		r.Total = len(r.Groups)
		return r, err
	}
	for _, t := range n.tracks {
		if q.Kind == protocol.QueryTracks || strings.Contains(strings.ToLower(t.Title+" "+t.Artist+" "+t.Album), strings.ToLower(q.Text)) {
			r.Tracks = append(r.Tracks, t)
		}
	}
	r.Total = len(r.Tracks)
	r.Tracks = r.Tracks[min(q.Offset, r.Total):min(q.Offset+protocol.MaxResults, r.Total)]
	return r, err
}

func (n *fakeNode) Status(context.Context) (control.Status, error) {
	s := control.Status{
		Role: control.RoleListener, Connected: true, Sharing: true, UploadRate: 12_000, DownloadRate: 48_000,
		Neighbours: []control.Neighbour{
			{Node: protocol.NodeID{2}, Address: "203.0.113.9:7777", RTT: 48 * time.Millisecond, Uploaded: 2_000_000, Downloaded: 9_000_000},
			{Node: protocol.NodeID{1}, Address: "[2001:db8::1234:5678]:61000", RTT: 4200 * time.Microsecond, Uploaded: 1_500, Downloaded: 3_400_000},
			{Node: protocol.NodeID{3}, Address: "music.example.org:4433", RTT: 21 * time.Millisecond, Server: true, Downloaded: 700_000},
		},
	}
	t := n.tracks[0]
	s.Playing = []control.Playing{{Track: t, State: control.StatePlaying, Position: 48 * time.Second, Length: t.Duration, Buffered: 30 * time.Second, Parts: n.parts}}
	return s, nil
}

// Cover gives the first track a picture: red above, blue below.
func (n *fakeNode) Cover(_ context.Context, id protocol.ID) ([]byte, error) {
	if id != n.tracks[0].ID || n.plain {
		return nil, nil
	}
	picture := image.NewRGBA(image.Rect(0, 0, 64, 64))
	for i := range 64 * 64 {
		c := color.RGBA{200, 0, 0, 255}
		if i >= 32*64 {
			c = color.RGBA{0, 0, 200, 255}
		}
		picture.SetRGBA(i%64, i/64, c)
	}
	var b bytes.Buffer
	err := png.Encode(&b, picture)
	return b.Bytes(), err
}

func (n *fakeNode) Prefetch(_ context.Context, id protocol.ID, _ control.Depth) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.warmed = append(n.warmed, id)
	return nil
}

// fakePlayer is a player whose time stands still.
type fakePlayer struct {
	mu       sync.Mutex
	known    []protocol.Track
	state    control.PlayerState
	tracks   []protocol.Track
	changed  chan struct{}
	commands []string
	ended    chan struct{} // closed when the player ends
}

// newFakePlayer plays the first of some tracks.
func newFakePlayer(known []protocol.Track, queued int) *fakePlayer {
	p := &fakePlayer{known: known, changed: make(chan struct{}), ended: make(chan struct{})}
	p.state = control.PlayerState{Playback: control.PlaybackStopped, Index: -1, Volume: 80, Repeat: control.RepeatOff, Edit: 1}
	if queued > 0 {
		p.tracks = slices.Clone(known[:queued])
		p.jump(0)
		p.state.Position = 48 * time.Second
		p.state.Latency = 12 * time.Millisecond
		p.state.Shares = control.Shares{Server: 20, Peers: 70, Cache: 10}
	}
	return p
}

// jump plays a track of the queue. Hold mu, or be alone.
func (p *fakePlayer) jump(i int) {
	s := &p.state
	if i < 0 || i >= len(p.tracks) {
		s.Track, s.Next, s.Index, s.Playback = nil, nil, -1, control.PlaybackStopped
		return
	}
	t := p.tracks[i]
	s.Track, s.Index, s.Playback, s.Position, s.Length, s.Next = &t, i, control.PlaybackPlaying, 0, t.Duration, nil
	if i+1 < len(p.tracks) {
		next := p.tracks[i+1]
		s.Next = &next
	}
}

func (p *fakePlayer) PlayerState(context.Context) (control.PlayerState, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state, nil
}

func (p *fakePlayer) Queue(context.Context) (control.Queue, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return control.Queue{Edit: p.state.Edit, Index: p.state.Index, Tracks: slices.Clone(p.tracks)}, nil
}

var errFakeCommand = errors.New("no such place in the queue")

func (p *fakePlayer) Command(_ context.Context, c control.Command) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.commands = append(p.commands, told(c))
	defer func() {
		close(p.changed)
		p.changed = make(chan struct{})
	}()
	s := &p.state
	s.Edit++
	var added []protocol.Track
	for _, id := range c.Tracks {
		i := slices.IndexFunc(p.known, func(t protocol.Track) bool { return t.ID == id })
		added = append(added, p.known[i])
	}
	switch c.Do {
	case control.DoToggle:
		if s.Playback == control.PlaybackPlaying {
			s.Playback = control.PlaybackPaused
		} else {
			s.Playback = control.PlaybackPlaying
		}
	case control.DoNext:
		p.jump(s.Index + 1)
	case control.DoPrev:
		p.jump(max(0, s.Index-1))
	case control.DoJump:
		p.jump(c.Index)
	case control.DoSeek:
		if c.By {
			c.To += s.Position
		}
		s.Position = max(0, min(s.Length, c.To))
	case control.DoVolume:
		if c.By {
			c.Volume += s.Volume
		}
		s.Volume = max(0, min(100, c.Volume))
	case control.DoShuffle:
		s.Shuffle = !s.Shuffle
		if c.On != nil {
			s.Shuffle = *c.On
		}
	case control.DoRepeat:
		s.Repeat = c.Repeat
	case control.DoAdd:
		p.tracks = append(p.tracks, added...)
	case control.DoInsert:
		p.tracks = slices.Insert(p.tracks, s.Index+1, added...)
	case control.DoRemove:
		if c.Index >= len(p.tracks) {
			return errFakeCommand
		}
		p.tracks = slices.Delete(p.tracks, c.Index, c.Index+1)
		if c.Index < s.Index {
			s.Index--
		}
	case control.DoMove:
		t := p.tracks[c.Index]
		p.tracks = slices.Insert(slices.Delete(p.tracks, c.Index, c.Index+1), c.Dest, t)
	case control.DoClear:
		p.tracks = p.tracks[s.Index : s.Index+1]
		s.Index = 0
	}
	s.Queue = len(p.tracks)
	return nil
}

// told writes a command as tests compare it.
func told(c control.Command) string {
	parts := []string{string(c.Do)}
	add := func(is bool, format string, args ...any) {
		if is {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(c.To != 0, "%v", c.To)
	add(c.Volume != 0, "%d", c.Volume)
	add(c.By, "by")
	for _, id := range c.Tracks {
		add(true, "#%d", id[0])
	}
	add(c.Do == control.DoJump || c.Do == control.DoRemove || c.Do == control.DoMove, "at %d", c.Index)
	add(c.Do == control.DoMove, "to %d", c.Dest)
	add(c.On != nil && *c.On, "on")
	add(c.On != nil && !*c.On, "off")
	add(c.Repeat != "", "%s", c.Repeat)
	return strings.Join(parts, " ")
}

func (p *fakePlayer) Follow(ctx context.Context, f func(control.PlayerState)) error {
	for {
		p.mu.Lock()
		s, changed := p.state, p.changed
		p.mu.Unlock()
		f(s)
		select {
		case <-changed:
		case <-p.ended:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// done returns the commands so far.
func (p *fakePlayer) done() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.commands)
}
