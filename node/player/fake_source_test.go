package player

import (
	"context"
	"sync"
	"time"

	"earshot/node/control"
	"earshot/protocol"
)

// prefetched is one call of Prefetch.
type prefetched struct {
	id    protocol.ID
	depth control.Depth
	at    time.Duration
}

// fakeSource holds tracks, k of them under id(k), in virtual time.
type fakeSource struct {
	tracks     []*fakeTrack
	begin      time.Time
	reportTime time.Duration // what each report takes
	block      bool          // Prefetch and Report wait for the end of their context

	mu         sync.Mutex
	prefetches []prefetched
	reports    []control.Report
	open       int
	opened     []time.Duration
	peeked     int
}

func newSource(tracks ...*fakeTrack) *fakeSource {
	return &fakeSource{tracks: tracks, begin: time.Now()}
}

func (s *fakeSource) Open(ctx context.Context, want protocol.ID, _ time.Duration) (control.Track, error) {
	k := int(want[0])
	if want != id(k) || k >= len(s.tracks) {
		return nil, control.ErrUnknownTrack
	}
	t := s.tracks[k]
	s.mu.Lock()
	s.opened = append(s.opened, time.Since(s.begin))
	s.mu.Unlock()
	if err := pause(ctx, t.opens); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.openErr != nil {
		return nil, t.openErr
	}
	s.open++
	return &openTrack{fakeTrack: t, source: s, k: k, since: time.Now(), closed: make(chan struct{})}, nil
}

// refuse has opening the track k fail, or with nil no more.
func (s *fakeSource) refuse(k int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tracks[k].openErr = err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// OpenCached opens what is cached in no time.
func (s *fakeSource) OpenCached(_ context.Context, want protocol.ID) (control.Track, error) {
	k := int(want[0])
	if k >= len(s.tracks) || !s.tracks[k].cached {
		return nil, control.ErrUnavailable
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open++
	s.peeked++
	return &openTrack{fakeTrack: s.tracks[k], source: s, k: k, since: time.Now(), closed: make(chan struct{})}, nil
}

func (s *fakeSource) Prefetch(ctx context.Context, id protocol.ID, depth control.Depth) error {
	s.mu.Lock()
	s.prefetches = append(s.prefetches, prefetched{id, depth, time.Since(s.begin)})
	s.mu.Unlock()
	if s.block {
		<-ctx.Done()
	}
	return ctx.Err()
}

func (s *fakeSource) Report(ctx context.Context, r control.Report) error {
	if s.block {
		<-ctx.Done()
		return ctx.Err()
	}
	if err := pause(ctx, s.reportTime); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reports = append(s.reports, r)
	return nil
}
