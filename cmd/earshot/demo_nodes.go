package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/sync/errgroup"

	"earshot/audio/music"
	"earshot/node/control"
	"earshot/protocol"
)

const (
	// nodeWait is how long a node may take until it answers and is connected:
	// on one machine it is a fraction of a second.
	nodeWait = 15 * time.Second
	// lookEvery is how often the demo looks whether something has come to be.
	lookEvery = 50 * time.Millisecond
	// settled is how long the catalogue must be the same to be taken for whole.
	settled = 500 * time.Millisecond
)

// writeDemoMusic writes the music that ships, where it is not there already: a
// file left alone need not be read again.
func writeDemoMusic(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("making the demo's music folder: %w", err)
	}
	return fs.WalkDir(music.Files(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(music.Files(), name)
		if err != nil {
			return err
		}
		file := filepath.Join(folder, name)
		if there, err := os.ReadFile(file); err == nil && bytes.Equal(there, data) {
			return nil
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			return fmt.Errorf("writing the demo's music: %w", err)
		}
		return nil
	})
}

// readyAddress reads the line by which `serve --json` says that it accepts
// connections.
func readyAddress(line string) (address string, ok bool) {
	var event struct{ Event, Address string }
	if json.Unmarshal([]byte(line), &event) != nil || event.Event != "ready" || event.Address == "" {
		return "", false
	}
	return event.Address, true
}

// invite has the server make a join link.
func (d *demo) invite(ctx context.Context, uses int) (string, error) {
	server, err := dial(ctx, d.data(demoServer), nil)
	if err != nil {
		return "", err
	}
	defer server.Close()
	return server.Invite(ctx, control.Invitation{Uses: uses, Expires: time.Hour})
}

// dial connects to the node of a data folder, waiting for it to answer; c is
// its process where that may end.
func dial(ctx context.Context, data string, c *demoChild) (*control.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, nodeWait)
	defer cancel()
	var ended <-chan struct{}
	if c != nil {
		ended = c.done
	}
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		client, err := control.Dial(ctx, data)
		if err == nil {
			return client, nil
		}
		select {
		case <-look.C:
		case <-ended:
			return nil, c.gone()
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for the node in %s: %w", data, err)
		}
	}
}

// choose asks the server for its tracks and takes from the front what the
// demo is to play: whole tracks as long as they fit, but one at the least.
func (d *demo) choose(ctx context.Context) ([]protocol.Track, error) {
	server, err := dial(ctx, d.data(demoServer), nil)
	if err != nil {
		return nil, err
	}
	defer server.Close()
	all, err := d.catalogue(ctx, server)
	if err != nil {
		return nil, err
	}
	d.screen.tell("server", "shares %s of %s", count(all.Total, "track"), d.music)
	return chooseTracks(all.Tracks, d.limit), nil
}

// catalogue waits until the server knows tracks and learns no more for a while.
func (d *demo) catalogue(ctx context.Context, server *control.Client) (protocol.Results, error) {
	ctx, cancel := context.WithTimeout(ctx, nodeWait)
	defer cancel()
	var all protocol.Results
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for same := time.Now(); ; {
		now, err := server.Search(ctx, protocol.Query{Kind: protocol.QueryTracks})
		if err != nil {
			return all, fmt.Errorf("asking the server for its tracks: %w", err)
		}
		if now.Total != all.Total {
			same = time.Now()
		}
		all = now
		if all.Total > 0 && time.Since(same) >= settled {
			return all, nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			if all.Total > 0 {
				return all, nil
			}
			return all, errNoMusic
		}
	}
}

// chooseTracks takes tracks from the front as long as they fit the time, and
// one at the least.
func chooseTracks(all []protocol.Track, limit time.Duration) []protocol.Track {
	var sum time.Duration
	for i, t := range all {
		if sum += t.Duration; sum > limit && i > 0 {
			return all[:i]
		}
	}
	return all
}

// startSeeds starts the two seeding nodes and has them fetch what will be
// played: from the server and from each other.
func (d *demo) startSeeds(ctx context.Context, tracks []protocol.Track) error {
	a, err := d.family.start(demoSeedA, nil, nil, "seed", "--data", d.data(demoSeedA))
	if err != nil {
		return err
	}
	b, err := d.family.start(demoSeedB, nil, nil, "seed", "--data", d.data(demoSeedB))
	if err != nil {
		return err
	}
	seeds, filling := errgroup.WithContext(ctx)
	seeds.Go(func() error { return d.fill(filling, a, tracks) })
	seeds.Go(func() error { return d.fill(filling, b, tracks) })
	if err := seeds.Wait(); err != nil {
		return err
	}
	var bytes int64
	for _, t := range tracks {
		bytes += needed(t, d.limit)
	}
	d.screen.tell("seeds", "hold %s each, %s", count(len(tracks), "track"), humanize.Bytes(uint64(bytes)))
	return nil
}

// fill has a seeding node read the tracks, so that its cache holds them.
func (d *demo) fill(ctx context.Context, c *demoChild, tracks []protocol.Track) error {
	node, err := dial(ctx, d.data(c.name), c)
	if err != nil {
		return err
	}
	defer node.Close()
	if err := connected(ctx, node); err != nil {
		return fmt.Errorf("the %s: %w", c.name, err)
	}
	for _, t := range tracks {
		if err := read(ctx, node, t, needed(t, d.limit)); err != nil {
			return fmt.Errorf("the %s fetching %s: %w", c.name, demoTitle(t), err)
		}
	}
	return nil
}

// connected waits until a node is connected to the server.
func connected(ctx context.Context, node *control.Client) error {
	ctx, cancel := context.WithTimeout(ctx, nodeWait)
	defer cancel()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		status, err := node.Status(ctx)
		if err != nil {
			return err
		}
		if status.Connected {
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return control.ErrServerAway
		}
	}
}

// read reads the first bytes of a track from a node, as fast as it gives them.
func read(ctx context.Context, node *control.Client, t protocol.Track, bytes int64) error {
	track, err := node.Open(ctx, t.ID, 0)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { track.Close() })
	_, err = io.CopyN(io.Discard, track, bytes)
	if stop() {
		track.Close()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// needed is how much of a track the demo will play, in bytes, with a tenth to
// spare.
func needed(t protocol.Track, limit time.Duration) int64 {
	if t.Duration <= limit {
		return t.Size
	}
	return min(t.Size, int64(1.1*float64(t.Size)*limit.Seconds()/t.Duration.Seconds()))
}

// tellCache says what the listener has from last time.
func (d *demo) tellCache(ctx context.Context) error {
	text, err := d.family.run(ctx, demoListener, "cache", "stats", "--data", d.data(demoListener), "--json")
	if err != nil {
		return err
	}
	var stats control.CacheStats
	if err := json.Unmarshal([]byte(text), &stats); err != nil {
		return fmt.Errorf("reading what the listener's cache holds: %w", err)
	}
	if stats.Tracks+stats.TracksPartial == 0 {
		d.screen.tell("listener", "begins with an empty cache")
		return nil
	}
	d.screen.tell("listener", "has a cache of %s from last time", humanize.Bytes(uint64(stats.Bytes)))
	return nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
