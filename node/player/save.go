package player

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"encoding/json"

	"github.com/google/renameio/v2"

	"earshot/node/control"
	"earshot/protocol"
)

// Saved is what a player goes on with after a restart or a crash. The JSON
// names are a contract.
type Saved struct {
	Tracks   []protocol.ID  `json:"tracks"`
	Order    []int          `json:"order,omitempty"` // places in Tracks as they play, where shuffled
	At       int            `json:"at"`              // in that order; len(Tracks) at the end
	Position time.Duration  `json:"position_ns"`
	Volume   int            `json:"volume"`
	Shuffle  bool           `json:"shuffle"`
	Repeat   control.Repeat `json:"repeat"`
}

// maxSaved bounds the file: control.MaxQueued IDs of 67 bytes and places of 6.
const maxSaved = 1 << 20

// LoadSaved reads what StoreSaved wrote: nil where there is none.
func LoadSaved(file string) (*Saved, error) {
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading what played last: %w", err)
	}
	defer f.Close()
	s, err := readSaved(f)
	if err != nil {
		return nil, fmt.Errorf("reading what played last: %s: %w", file, err)
	}
	return s, nil
}

func readSaved(r io.Reader) (*Saved, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxSaved+1))
	if err != nil {
		return nil, err
	}
	s := &Saved{Volume: maxVolume, Repeat: control.RepeatOff}
	if len(b) > maxSaved {
		return nil, errors.New("it is too long")
	}
	if err := json.Unmarshal(b, s); err != nil {
		return nil, err
	}
	return s, s.check()
}

// check refuses what no player saved.
func (s *Saved) check() error {
	n := len(s.Tracks)
	ok := n <= control.MaxQueued && s.At >= 0 && s.At <= n && s.Position >= 0 && s.Volume >= 0 && s.Volume <= maxVolume
	ok = ok && slices.Contains([]control.Repeat{control.RepeatOff, control.RepeatAll, control.RepeatOne}, s.Repeat)
	if s.Shuffle {
		places := slices.Sorted(slices.Values(s.Order))
		ok = ok && len(places) == n
		for i := range places {
			ok = ok && places[i] == i
		}
	}
	if !ok {
		return errors.New("it makes no sense")
	}
	return nil
}

// Store writes it to a file, whole or not at all.
func (s Saved) Store(file string) error {
	b, err := json.Marshal(s)
	if err == nil {
		err = renameio.WriteFile(file, append(b, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("keeping what plays: %w", err)
	}
	return nil
}

// restore goes on with what was saved. Where there is something else to play,
// the volume alone is.
func (p *Player) restore() {
	s := p.cfg.Saved
	if s == nil {
		return
	}
	p.volume = s.Volume
	if len(p.cfg.Queue) > 0 || s.check() != nil {
		return
	}
	q := p.queue
	for _, id := range s.Tracks {
		q.list = append(q.list, &entry{protocol.Track{ID: id}})
	}
	q.order, q.pos, q.shuffle, q.repeat = slices.Clone(q.list), s.At, s.Shuffle, s.Repeat
	if s.Shuffle {
		for i, k := range s.Order {
			q.order[i] = q.list[k]
		}
	}
	if q.current() == nil {
		q.rewind()
	} else if p.cfg.From == 0 {
		p.cfg.From = s.Position
	}
}

// save has the state of now kept.
func (p *Player) save() {
	if p.cfg.Save == nil {
		return
	}
	p.saved = time.Now()
	q := p.queue
	s := Saved{Tracks: make([]protocol.ID, len(q.list)), At: q.pos, Position: p.heard(), Volume: p.volume, Shuffle: q.shuffle, Repeat: q.repeat}
	place := make(map[*entry]int, len(q.list))
	for i, e := range q.list {
		s.Tracks[i], place[e] = e.track.ID, i
	}
	if q.shuffle {
		for _, e := range q.order {
			s.Order = append(s.Order, place[e])
		}
	}
	p.news.saves.put(s)
}

func (p *Player) saveSometimes(now time.Time) {
	if now.Sub(p.saved) >= saveEvery {
		p.save()
	}
}
