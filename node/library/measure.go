package library

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"earshot/audio"
	"earshot/protocol"
)

const (
	// restAfter is how long measuring works before it rests for as long again, so that it
	// takes half a core at the most, and never keeps what listeners wait for
	// waiting for longer than the scheduler's own turn.
	restAfter = 10 * time.Millisecond

	// measureStep is how much is decoded between looks at the clock, in bytes: 93 ms of
	// sound, a millisecond of work.
	measureStep = 16 << 10
)

// measured is what was measured of a track and its album; zero where nothing was.
type measured struct{ protocol.Loudness }

// fill adds to what a file's tags tell what was measured. Tags go before, as the one who
// wrote them wanted. A track without an album is one.
func (m measured) fill(l protocol.Loudness) protocol.Loudness {
	fillOne(&l.TrackGain, &l.TrackPeak, m.TrackGain, m.TrackPeak)
	fillOne(&l.AlbumGain, &l.AlbumPeak, m.AlbumGain, m.AlbumPeak)
	fillOne(&l.AlbumGain, &l.AlbumPeak, l.TrackGain, l.TrackPeak)
	return l
}

// fillOne fills in a gain and its peak. Some tags have the gain alone.
func fillOne(gain, peak *int, measuredGain, measuredPeak int) {
	if *gain == 0 && *peak == 0 {
		*gain = measuredGain
	}
	if *peak == 0 {
		*peak = measuredPeak
	}
}

// Measure measures the loudness of each track that is not measured yet, and of its album,
// and goes on with those that scans find, until ctx ends. It decodes one track at
// a time, and rests half of the time.
func (l *Library) Measure(ctx context.Context) {
	for {
		if err := l.measureNew(ctx); err != nil && ctx.Err() == nil {
			l.log.Warn("measuring loudness", "err", err)
		}
		select {
		case <-l.fresh:
		case <-ctx.Done():
			return
		}
	}
}

// album is the tracks of one album in one folder, so that a compilation is one, and
// albums of one name are not.
type album struct {
	name string // empty: the tracks have none in common
	ids  []protocol.ID
	todo []protocol.ID // of them, the ones not measured
}

func (l *Library) measureNew(ctx context.Context) error {
	albums, err := l.unmeasured(ctx)
	if err != nil {
		return l.failed("reading what is to be measured", err)
	}
	p := &pace{since: time.Now()}
	for _, a := range albums {
		missed := false
		for _, id := range a.todo {
			err := l.measure(ctx, id, p)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil { // it may have changed; then a scan comes
				missed = true
				l.log.Debug("measuring a track", "track", id.Short(), "err", err)
			}
		}
		if missed || a.name == "" {
			continue
		}
		if err := l.measureAlbum(ctx, a); err != nil {
			return l.failed("writing an album's loudness", err)
		}
	}
	return nil
}

// unmeasured lists the albums that have tracks which are not measured.
func (l *Library) unmeasured(ctx context.Context) ([]*album, error) {
	var any bool
	err := l.db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM tracks WHERE id NOT IN (SELECT id FROM loudness))").Scan(&any)
	if err != nil || !any {
		return nil, err
	}
	rows, err := l.db.QueryContext(ctx, `SELECT t.id, t.album_key, min(f.path), m.id IS NOT NULL
		FROM tracks t JOIN files f ON f.id = t.id LEFT JOIN loudness m ON m.id = t.id GROUP BY t.id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	albums := map[string]*album{}
	for rows.Next() {
		var id, path []byte
		var name string
		var done bool
		if err := rows.Scan(&id, &name, &path, &done); err != nil {
			return nil, err
		}
		key := filepath.Dir(string(path)) + "\x00" + name
		a := albums[key]
		if a == nil {
			a = &album{name: name}
			albums[key] = a
		}
		a.ids = append(a.ids, protocol.ID(id))
		if !done {
			a.todo = append(a.todo, protocol.ID(id))
		}
	}
	return byKey(albums), rows.Err()
}

// byKey returns the albums with something to do, by their keys: the same each time.
func byKey(albums map[string]*album) (todo []*album) {
	var keys []string
	for key, a := range albums {
		if len(a.todo) > 0 {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, strings.Compare)
	for _, key := range keys {
		todo = append(todo, albums[key])
	}
	return todo
}

// measure measures a track and writes it down. What cannot be decoded, and what its tags
// tell all of, is noted as such and not tried again.
func (l *Library) measure(ctx context.Context, id protocol.ID, p *pace) error {
	h, _, err := l.header(ctx, id)
	if err != nil {
		return err
	}
	var meter *audio.Meter
	if tags := h.Loudness; tags.TrackPeak == 0 || tags.AlbumPeak == 0 {
		if meter, err = l.listen(ctx, h, p); err != nil {
			return err
		}
	}
	blocks := []byte{} // not NULL
	var gain, peak int
	if meter != nil {
		blocks, _ = meter.Blocks().AppendBinary(blocks)
		gain, peak = gainOf(meter.Loudness()), peakOf(meter.Peak())
	}
	_, err = l.db.ExecContext(ctx, "INSERT OR REPLACE INTO loudness (id, blocks, gain, peak) VALUES (?, ?, ?, ?)", id[:], blocks, gain, peak)
	return l.failed("writing a track's loudness", err)
}

// listen decodes a track into a meter; none where it cannot be decoded.
func (l *Library) listen(ctx context.Context, h protocol.Header, p *pace) (*audio.Meter, error) {
	f, err := l.Content(ctx, h.ID)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	dec, err := audio.NewDecoder(f, h)
	if err != nil {
		return nil, nil
	}
	meter := audio.NewMeter(audio.SampleRate)
	buf := make([]byte, measureStep)
	for {
		n, err := dec.Read(buf)
		if n > 0 {
			meter.Write(buf[:n])
		}
		if err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return meter, nil
			}
			return nil, fmt.Errorf("decoding: %w", err)
		}
		if err := p.rest(ctx); err != nil {
			return nil, err
		}
	}
}

// pace spaces out work.
type pace struct{ since time.Time }

// rest waits for as long as was worked, where that is long enough.
func (p *pace) rest(ctx context.Context) error {
	worked := time.Since(p.since)
	if worked < restAfter {
		return ctx.Err()
	}
	t := time.NewTimer(worked)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	p.since = time.Now()
	return nil
}

// measureAlbum sums up an album whose tracks are all measured.
func (l *Library) measureAlbum(ctx context.Context, a *album) error {
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var all audio.Blocks
	most := 0
	for _, id := range a.ids {
		var blob []byte
		var peak int
		err := tx.QueryRowContext(ctx, "SELECT blocks, peak FROM loudness WHERE id = ?", id[:]).Scan(&blob, &peak)
		if errors.Is(err, sql.ErrNoRows) {
			continue // it was taken out
		} else if err != nil {
			return err
		}
		var blocks audio.Blocks
		if err := blocks.UnmarshalBinary(blob); err != nil {
			return fmt.Errorf("%w: %w", errUnsound, err)
		}
		all.Add(&blocks)
		most = max(most, peak)
	}
	if most == 0 {
		return nil
	}
	for _, id := range a.ids {
		if _, err := tx.ExecContext(ctx, "UPDATE loudness SET album_gain = ?, album_peak = ? WHERE id = ?", gainOf(all.Loudness()), most, id[:]); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// gainOf is the gain that brings music of so many LUFS to the reference, in thousandths
// of a dB; 0 for silence.
func gainOf(loudness float64) int {
	if math.IsInf(loudness, 0) {
		return 0
	}
	return int(math.Round(1000 * (audio.Reference - loudness)))
}

// peakOf is a peak as headers have it; never 0, which would mean that it is unknown.
func peakOf(peak float64) int { return max(1, int(math.Ceil(peak*protocol.FullScale))) }
